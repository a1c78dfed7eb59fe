"""
Train InversionNet
==================

From shot gathers to velocity models in half a minute: simulate pairs, train, look at models the
network has never seen.
"""

# %%
# A small experiment keeps this quick: models of 32 x 32 cells of 15 m, three shots, half a
# second. The pairs are simulated once and kept in ``cache/``; the next run finds them there.
# sphinx_gallery_thumbnail_number = 2
import keras

import keras_seismic as ks

keras.utils.set_random_seed(0)
acquisition = ks.simulation.Acquisition.surface(
    width=32, dx=15.0, dt=0.002, nt=400, peak_frequency=10.0, shots=3, boundary="cpml"
)
pairs = ks.datasets.SimulatedPairs("flatvel_a", 400, acquisition, shape=(32, 32)).prepare(
    progress=False
)
training, held_out = slice(0, 360), slice(360, 400)

# %%
# Networks work in [-1, 1]. ``GatherNormalization`` compresses amplitudes with a logarithm, and
# ``VelocityScaling`` maps 1500-4500 m/s onto the output's range. Every fourth sample is enough for
# 10 Hz, and makes training faster.
normalization = ks.layers.GatherPreparation(
    [ks.layers.TimeDecimation(4), ks.layers.GatherNormalization.openfwi("flatvel_a")]
)
scaling = ks.layers.VelocityScaling(1500, 4500)
batches = pairs.dataset(normalization, scaling, batch_size=16, part=training)
validation = pairs.dataset(normalization, scaling, batch_size=16, part=held_out, shuffle=False)

# %%
# InversionNet at a quarter of its published width, with AdamW and a cosine schedule.
epochs = 12
network = ks.models.InversionNet((100, 32, 3), velocity_shape=(32, 32), filters=8)
optimizer = ks.training.adamw(2e-3, steps=epochs * len(batches))
network.compile(
    optimizer, "mean_absolute_error", metrics=[ks.metrics.SSIM(-1, 1)], jit_compile=False
)
history = network.fit(
    batches, validation_data=validation, epochs=epochs, shuffle=False, verbose=2
).history
figure = ks.visualization.plot_history(history)

# %%
# ``with_physical_units`` puts normalization and scaling into the model: raw gathers in, m/s out.
# This is what gets saved, exported and served.
model = ks.models.with_physical_units(network, normalization, scaling, acquisition)
gathers, velocity = pairs[held_out]
predicted = ks.inference.predict(model, gathers)
for name, guess in (("network", predicted), ("mean model", pairs.mean_velocity(training)[None])):
    print(name, ks.evaluation.score_velocity(velocity, guess + 0 * velocity))

# %%
# After twelve epochs on 360 models the network knows the trend with depth and the strong
# interfaces; thin layers are smeared. More pairs and more epochs help: that is what
# ``keras-seismic train inversionnet`` is for.
figure = ks.visualization.plot_velocity(velocity[:3], predicted[:3], dx=15.0)
