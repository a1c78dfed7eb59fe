"""
Twelve families of geology
==========================

Networks are only as good as the velocity models they were trained on.
"""

# %%
# Flat and curved layers, each with and without faults, and smooth or rough textures follow what is
# known about OpenFWI's families: thickness, folds, throws and velocities were chosen so that their
# statistics, and those of the gathers, agree with estimates of the published ones. Families whose
# name ends in ``b`` are harder than their ``a`` counterparts. ``salt`` hides a body of 4,480 m/s in
# folded sediments, ``textured`` has the fine layering of well logs, with unconformities and faults.
# The same seed draws the same models on every machine.
import keras_seismic as ks

print(*ks.simulation.FAMILIES)
figure = ks.visualization.plot_families(seed=0, count=3)

# %%
# Any grid works. These are one larger model of the hardest layered family, one in the size that
# FCNVMB was trained on, and one with fine layering. No other rock is as fast as salt:
# ``velocity == ks.simulation.SALT_VELOCITY`` is its mask.
for family in ("curvefault_b", "salt", "textured"):
    velocity = ks.simulation.sample_velocity(family, 1, seed=5, shape=(201, 301))
    figure = ks.visualization.plot_predicted_velocity(velocity, dx=10.0, title=family)
