"""
Classical denoising
===================

What people did before networks, and still do: f-x deconvolution, Cadzow filtering, the median
along the structure. And how to see whether a filter took signal away with the noise.
"""

# %%
# A section of faulted layers with Gaussian noise in the signal's own band, as strong as the
# signal, and a few spikes.
# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt
import numpy as np

import keras_seismic as ks

dt = 0.004
clean = ks.simulation.sample_sections(21, seed=6)[20]
noisy = ks.noise.add_noise(clean, [("band_limited", 0.0), ("erratic", 6.0)], dt=dt, seed=1)


def decibels(estimate):
    return 10 * np.log10(np.sum(clean**2) / np.sum((clean - estimate) ** 2))


# %%
# Every filter knows something about the signal. A band pass knows its frequencies, a dip filter
# its slopes. f-x deconvolution and Cadzow filtering know that straight events are predictable from
# trace to trace, and the median that an event goes on along its slope: spikes do not.
# Band and slopes depend on the data, the other settings are the defaults.
band, slope = (2, 60), 1.5
despiked = ks.denoising.structural_median(noisy, traces=5)
estimates = {
    "noisy": noisy,
    "band pass": ks.denoising.band_pass(noisy, band, dt),
    "f-k dip filter": ks.denoising.dip_filter(noisy, (-slope, slope)),
    "structural median": ks.denoising.structural_median(noisy),
    "f-x deconvolution": ks.denoising.fx_deconvolution(noisy, band=band, dt=dt),
    "Cadzow": ks.denoising.cadzow(noisy, band=band, dt=dt),
    "median, then Cadzow": ks.denoising.cadzow(despiked, band=band, dt=dt),
}
figure, axes = plt.subplots(2, 4, figsize=(12, 7), layout="constrained", sharex=True, sharey=True)
largest = np.percentile(np.abs(clean), 99)
samples, traces = clean.shape
style = {"cmap": "gray", "vmin": -largest, "vmax": largest, "aspect": "auto"}
style["extent"] = (0, traces, samples * dt, 0)
axes[0, 0].imshow(clean, **style)
axes[0, 0].set_title("clean")
for panel, (name, estimate) in zip(axes.ravel()[1:], estimates.items(), strict=True):
    panel.imshow(estimate, **style)
    panel.set_title(f"{name}\n{decibels(estimate):.1f} dB", fontsize=10)
for panel in axes[:, 0]:
    panel.set_ylabel("time (s)")
plt.show()

# %%
# On field data there is no clean section to compare with. What was removed is all there is to
# look at: where it locally resembles what was kept, signal is missing. Rank 1 has room for one
# dip in a window: the fault's own reflection, which crosses the layers, is lost, and the
# similarity shows where.
figure, axes = plt.subplots(2, 3, figsize=(11, 7), layout="constrained", sharex=True, sharey=True)
for row, rank in zip(axes, (1, 4), strict=True):
    kept = ks.denoising.cadzow(despiked, rank=rank, band=band, dt=dt)
    removed = noisy - kept
    similarity = ks.denoising.local_similarity(removed, kept)
    row[0].imshow(kept, **style)
    row[1].imshow(removed, **style)
    image = row[2].imshow(similarity, **(style | {"cmap": "viridis", "vmin": 0, "vmax": 0.5}))
    titles = f"kept, rank {rank}", "removed", f"local similarity, mean {similarity.mean():.2f}"
    for panel, title in zip(row, titles, strict=True):
        panel.set_title(title)
    row[0].set_ylabel("time (s)")
figure.colorbar(image, ax=axes)
plt.show()
