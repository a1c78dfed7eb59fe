"""
Sections that say what they show
================================

Simulated sections come with the geology that made them: faults, salt and impedance, to train
networks on.
"""

# %%
# The same seed makes the sections of ``sample_sections``, and their labels with them. Faults are
# marked by the rule that broke the layers, also where nothing shows that they are there.
import matplotlib.pyplot as plt
import numpy as np

import keras_seismic as ks

figure, axes = plt.subplots(2, 4, figsize=(13, 7), layout="constrained", sharex=True, sharey=True)
for column, family in zip(axes.T, (None, "textured", "curvefault_b", "salt"), strict=True):
    (one,) = ks.simulation.sample_labeled_sections(1, seed=9, family=family, shape=(128, 96))
    style = {"aspect": "auto", "extent": (0, 96, 0.512, 0)}
    largest = np.percentile(np.abs(one.amplitude), 99)
    column[0].imshow(one.amplitude, "gray", vmin=-largest, vmax=largest, **style)
    mask = one.fault | one.salt
    column[0].imshow(np.ma.masked_where(~mask, mask), "autumn", alpha=0.6, **style)
    column[0].set_title(family or "every structure")
    if one.impedance is not None:
        column[1].imshow(one.impedance, "viridis", **style)
        column[1].set_title("half the logarithm of impedance")
    else:
        column[1].axis("off")
for panel in axes[:, 0]:
    panel.set_ylabel("time (s)")
plt.show()

# %%
# ``LabeledSections`` makes training pairs of them, with new noise in every epoch, for any network
# from sections to maps. ``keras-seismic train segmentation`` trains one.
pairs = ks.datasets.LabeledSections("salt", ["salt", "curvevel_b"], count=8, shape=(128, 96))
sections, masks = pairs[:2]
print(sections.shape, masks.shape, masks.mean(axis=(1, 2, 3)))
