"""
Denoise a section
=================

Train a small convolutional network on simulated sections and clean one it has never seen.
"""

# %%
# Clean sections of random faulted geology, and patches of them buried in white noise as strong as
# the signal (0 dB). Noise is drawn anew in every epoch.
import keras

import keras_seismic as ks

keras.utils.set_random_seed(0)
sections = ks.simulation.sample_sections(16, seed=0)
patches = ks.datasets.NoisyPatches(sections, patch_size=28, count=4000, snr_db=0.0)

# %%
# A network of 9 x 9 samples of context, without pooling: 7,297 parameters.
network = ks.models.ConvDenoiser(num_filters=16)
network.compile(keras.optimizers.Adam(2e-3), "mean_squared_error", jit_compile=False)
network.fit(patches.dataset(batch_size=64), epochs=3, shuffle=False, verbose=2)
model = ks.models.with_physical_units(network, patches.normalization)

# %%
# ``denoising_experiment`` buries a new section in noise and lets the model find it again.
section = ks.simulation.sample_sections(1, seed=99)[0]
clean, noisy, denoised = ks.evaluation.denoising_experiment(model, section, snr_db=0.0)
print(ks.evaluation.score_denoising(clean, noisy, denoised))

# %%
# What is left out, on the right, holds little of the layers. For a SEG-Y file of your own:
# ``ks.denoise_file("noisy.segy", "clean.segy", "model.keras")``.
figure = ks.visualization.plot_denoising(clean, noisy, denoised, dt=0.004)
