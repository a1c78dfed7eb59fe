"""
Full waveform inversion
=======================

From a smooth model to a sharp one: velocity is changed until the simulated gathers fit the
recorded ones, from low frequencies to high.
"""

# %%
# Layers and a fault under five shots, on a grid of 48 x 48 cells of 10 m. The gathers take
# the place of recorded ones. The start is the truth blurred until no interface is left.
# sphinx_gallery_thumbnail_number = 2
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter

import keras_seismic as ks

acquisition = ks.simulation.Acquisition.surface(
    width=48, dx=10.0, dt=0.001, nt=600, peak_frequency=15.0, boundary="cpml"
)
true = ks.simulation.sample_velocity("flatfault_a", 1, seed=3, shape=(48, 48)).reshape(48, 48)
gathers = ks.simulation.simulate(true[None], acquisition, progress=False)[0]
start = gaussian_filter(true, 6, mode="nearest")

# %%
# Four stages: up to an eighth, a quarter and half of the source's peak frequency, and all
# frequencies. Long waves tolerate a start that is half a cycle off for short ones. Twice as many
# evaluations, the default, give a little more.
stages = ks.inversion.multiscale(acquisition, evaluations=100)
result = ks.inversion.full_waveform(gathers, acquisition, start, stages=stages, progress=False)
print(result)
figure = result.figure(true)

# %%
# Where waves hardly go, in the lower corners, the data say little, and the answer stays near the
# start or drifts. A column through the middle:
depth = np.arange(48) * acquisition.dx
figure, axis = plt.subplots(figsize=(4, 5), layout="constrained")
for name, model in (("true", true), ("start", start), ("inverted", result.velocity)):
    axis.plot(model[:, 24], depth, label=name)
axis.set(xlabel="velocity (m/s)", ylabel="depth (m)", ylim=(depth[-1], 0))
axis.grid(alpha=0.3)
axis.legend()
plt.show()

# %%
# A network's answer is a start as well: ``full_waveform(gathers, acquisition, "model.keras")``, and
# ``ks.inversion.refined("model.keras")`` is a model that refines each of its answers.
#
# What real data need: a wavelet that is not known (``wavelet="estimate"``), traces that do not
# count (``weight=``), amplitudes that are not to be trusted (``misfit="correlation"``), cells that
# are known (``frozen=``), and a file from which a killed run goes on (``state=``). Here the wavelet
# was assumed 2 Hz too high, and is found on the way.
wrong = ks.simulation.ricker(17.0, acquisition.dt, acquisition.nt)
estimated = ks.inversion.full_waveform(
    gathers,
    acquisition,
    start,
    wavelet="estimate",
    stages=[ks.inversion.Stage(5.0, 10)],
    progress=False,
)
print(estimated)
