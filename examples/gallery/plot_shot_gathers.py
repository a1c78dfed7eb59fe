"""
Simulate shot gathers
=====================

A velocity model, five shots over it, and what 70 receivers record.
"""

# %%
# ``sample_velocity`` draws random geology; here, curved layers cut by a fault.
# sphinx_gallery_thumbnail_number = 2
import keras_seismic as ks

velocity = ks.simulation.sample_velocity("curvefault_a", 1, seed=3)
figure = ks.visualization.plot_predicted_velocity(velocity, dx=10.0)

# %%
# ``Acquisition.openfwi`` is the experiment of the OpenFWI data sets: five sources and 70
# receivers along the surface, a 15 Hz Ricker wavelet and one second of recording.
# ``boundary="cpml"`` absorbs waves at the edges with a perfectly matched layer; the default
# reproduces OpenFWI's own damping.
acquisition = ks.simulation.Acquisition.openfwi(boundary="cpml")
gathers = ks.simulation.simulate(velocity, acquisition)
print(gathers.shape)

# %%
# The direct wave crosses each gather in straight lines, and reflections follow as hyperbolas. The
# fault breaks them: compare the two sides of the middle shot.
figure = ks.visualization.plot_gathers(gathers[0], dt=acquisition.dt)
