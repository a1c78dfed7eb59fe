"""
How sure is the network?
========================

Dropout left active at prediction time turns one network into many. Where they disagree, do not
trust the answer; where they agree, it may still be wrong.
"""

# %%
# A small InversionNet with dropout, trained as in :doc:`plot_inversion_net` but on faulted
# models.
import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_seismic as ks

keras.utils.set_random_seed(0)
acquisition = ks.simulation.Acquisition.surface(
    width=32, dx=15.0, dt=0.002, nt=400, peak_frequency=10.0, shots=3, boundary="cpml"
)
pairs = ks.datasets.SimulatedPairs("flatfault_a", 300, acquisition, shape=(32, 32)).prepare(
    progress=False
)
normalization = ks.layers.GatherPreparation(
    [ks.layers.TimeDecimation(4), ks.layers.GatherNormalization.openfwi("flatfault_a")]
)
scaling = ks.layers.VelocityScaling(1500, 4500)
batches = pairs.dataset(normalization, scaling, batch_size=16, part=slice(0, 284))
network = ks.models.InversionNet((100, 32, 3), (32, 32), filters=8, dropout=0.1)
optimizer = ks.training.adamw(2e-3, steps=12 * len(batches))
network.compile(optimizer, "mean_absolute_error", jit_compile=False)
network.fit(batches, epochs=12, shuffle=False, verbose=0)
model = ks.models.with_physical_units(network, normalization, scaling, acquisition)

# %%
# ``monte_carlo_predict`` asks 16 times, with other channels dropped each time, and returns mean
# and standard deviation.
gathers, velocity = pairs[284:300]
mean, deviation = ks.evaluation.monte_carlo_predict(model, gathers, samples=16)
error = np.abs(mean - velocity)
print(f"mean error {error.mean():.0f} m/s, mean deviation {deviation.mean():.0f} m/s")

# %%
# The deviation is largest deep down, where few reflections return, and the errors are large there,
# too. But the network misses a fault without a doubt, and its deviation is far below its error: do
# not read it as an error bar.
figure, axes = plt.subplots(2, 4, figsize=(11, 5.4), layout="constrained", sharex=True, sharey=True)
for row, example in zip(axes, (0, 1), strict=True):
    panels = {
        "true": (velocity, "viridis", (1500, 4500)),
        "mean prediction": (mean, "viridis", (1500, 4500)),
        "error": (error, "magma", (0, 1000)),
        "deviation": (deviation, "magma", (0, 300)),
    }
    for panel, (name, (values, color_map, limits)) in zip(row, panels.items(), strict=True):
        image = panel.imshow(
            values[example, ..., 0],
            cmap=color_map,
            vmin=limits[0],
            vmax=limits[1],
            extent=(0, 480, 480, 0),
        )
        panel.set_title(name)
        figure.colorbar(image, ax=panel, label="m/s", shrink=0.8)
plt.show()

# %%
# Cells sorted by deviation, in twenty groups: the least certain ones have larger errors, and
# among the others the deviation says little.
order = np.argsort(deviation.ravel())
binned = [
    (deviation.ravel()[part].mean(), error.ravel()[part].mean())
    for part in np.array_split(order, 20)
]
figure, axis = plt.subplots(figsize=(5.5, 4), layout="constrained")
axis.plot(*zip(*binned, strict=True), marker="o")
axis.set(xlabel="deviation (m/s)", ylabel="mean absolute error (m/s)")
axis.grid(alpha=0.3)
plt.show()
