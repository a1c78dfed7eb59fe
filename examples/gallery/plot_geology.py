"""
Ten families of geology
=======================

Networks are only as good as the velocity models they were trained on.
"""

# %%
# Flat and curved layers, each with and without faults, and smooth or rough textures. Families
# whose name ends in ``b`` are harder than their ``a`` counterparts. The same seed draws the same
# models on every machine.
import keras_seismic as ks

print(*ks.simulation.FAMILIES)
figure = ks.visualization.plot_families(seed=0, count=3)

# %%
# Any grid works. This is one larger model of the hardest family.
velocity = ks.simulation.sample_velocity("curvefault_b", 1, seed=5, shape=(120, 300))
figure = ks.visualization.plot_predicted_velocity(velocity, dx=10.0)
