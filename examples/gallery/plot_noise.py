"""
Kinds of noise
==============

What field recordings suffer from, added to a clean section at a known strength, to train and test
denoisers on.
"""

# %%
import matplotlib.pyplot as plt

import keras_seismic as ks

print(*ks.noise.NOISES)

# %%
# Every kind is as strong as its level says: here 0 dB, and a tenth of the traces for the last
# two. ``dt`` gives frequencies their meaning in Hz.
section = ks.datasets.normalize_section(ks.simulation.sample_sections(1, seed=4)[0])
figure, axes = plt.subplots(2, 5, figsize=(13, 6.5), layout="constrained", sharex=True, sharey=True)
style = {"cmap": "gray", "vmin": -1, "vmax": 1, "aspect": "auto", "extent": (0, 140, 1.024, 0)}
axes[0, 0].imshow(section, **style)
axes[0, 0].set_title("clean")
for panel, name in zip(axes.ravel()[1:], ks.noise.NOISES, strict=True):
    panel.imshow(ks.noise.add_noise(section, name, snr_db=0.0, dt=0.004), **style)
    panel.set_title(name)
for panel in axes[:, 0]:
    panel.set_ylabel("time (s)")
plt.show()

# %%
# Kinds add up, each at its own level. ``NoisyPatches(..., noise=...)`` trains on such a mixture.
mixture = ["white", ("swell", 0), ("linear", 3), ("missing", 0.05)]
noisy = ks.noise.add_noise(section, mixture, snr_db=6.0, dt=0.004)
figure = ks.visualization.plot_quality(noisy, section, dt=0.004, title="with noise, and without")
