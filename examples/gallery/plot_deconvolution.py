"""
Sparse-spike deconvolution
==========================

Thin layers hide in the wavelet. FISTA recovers sparse reflectivity; LISTA, which is FISTA with
trained filters, gets as close in a tenth of the iterations.
"""

# %%
# Sections of known reflectivity: one sample in twenty reflects, a 25 Hz Ricker wavelet, noise at
# 20 dB.
# sphinx_gallery_thumbnail_number = 2
import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_seismic as ks

keras.utils.set_random_seed(0)
dt, samples = 0.004, 128
wavelet = np.trim_zeros(ks.simulation.ricker(25.0, dt, samples))
operator = ks.sparse.WaveletConvolution(wavelet, samples)
sections, reflectivity = ks.sparse.ReflectivityPairs(operator, count=32, seed=1)[:]

# %%
# The weight of the l1 norm is the best of a grid, which no real section allows: FISTA is as good
# a rival as it can be. LISTA starts as ten FISTA iterations with that weight and learns filters,
# thresholds and momenta from simulated traces.
weight = ks.sparse.best_weight(operator, sections, reflectivity)
lista = ks.models.LISTA(wavelet, num_layers=10, weight=weight)
training = ks.sparse.ReflectivityPairs(operator, count=640, traces=4, seed=2)[:]
optimizer = ks.training.adamw(1e-2, steps=10 * 40)
optimizer.clipnorm = 0.1  # one long gradient can make the iterations diverge
lista.compile(optimizer, "mean_squared_error", jit_compile=False)
lista.fit(*training, batch_size=16, epochs=10, verbose=0)

# %%
# The error on sections that LISTA has never seen, against the number of iterations.
counts = (5, 10, 20, 30, 50, 100)
errors: dict[str, list[float]] = {}
for count in counts:
    rows = ks.sparse.compare_methods(operator, sections, reflectivity, weight, count, lista)
    for row in rows:
        errors.setdefault(str(row["method"]), []).append(row["relative_error"])

figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
for method in ("ISTA", "FISTA"):
    axis.plot(counts, errors[method], marker="o", label=method)
axis.plot(10, errors["LISTA"][0], "*", markersize=14, label="LISTA, 10 layers")
axis.set(xlabel="iterations", ylabel="relative error", ylim=(0, None))
axis.grid(alpha=0.3)
axis.legend()
plt.show()

# %%
# One trace. Both find the strong reflectors and make them a little too weak.
fista = ks.sparse.fista(operator, sections[0, ..., 0].T, iterations=100, weight=weight)
learned = lista.predict(sections[:1], verbose=0)[0, ..., 0].T
time = np.arange(samples) * dt
figure, axes = plt.subplots(4, 1, figsize=(9, 7.5), layout="constrained", sharex=True)
axes[0].plot(time, sections[0, :, 0, 0], linewidth=0.9)
axes[0].set_title("recorded trace")
estimates = {"true reflectivity": reflectivity[0, :, 0, 0], "FISTA": fista[0], "LISTA": learned[0]}
for panel, (name, values) in zip(axes[1:], estimates.items(), strict=True):
    panel.vlines(time, 0, values, linewidth=1.2)
    panel.axhline(0, color="black", linewidth=0.5)
    panel.set(title=name, ylim=(-0.4, 0.4))
axes[-1].set_xlabel("time (s)")
plt.show()

# %%
# On a whole section, whose wavelet is estimated and whose weight is chosen by the discrepancy
# principle:
(section,) = ks.simulation.sample_sections(1, seed=3, family="curvefault_b")
noisy = ks.noise.add_white_noise(section, snr_db=20.0)
found = ks.sparse.WaveletConvolution(ks.sparse.estimate_wavelet(noisy), len(noisy))
figure = ks.sparse.plot_deconvolution(ks.sparse.deconvolve(noisy, found), dt=dt)
