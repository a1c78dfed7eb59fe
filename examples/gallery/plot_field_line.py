"""
Bring a field line to a network
===============================

A network expects the shots, receivers, samples and amplitudes it was trained on. Field lines have
others. Two steps close the gap.
"""

# %%
# A "field" line, simulated so that the truth is known: 20 m between receivers and 2 ms samples
# where the network wants 10 m and 1 ms, amplitudes in counts, polarity reversed.
import matplotlib.pyplot as plt
import numpy as np

import keras_seismic as ks

trained_for = ks.simulation.Acquisition.surface(
    width=64, dx=10.0, dt=0.001, nt=600, peak_frequency=15.0, shots=3, boundary="cpml"
)
velocity = ks.simulation.sample_velocity("flatvel_a", 1, seed=2, shape=(64, 64))
velocity[:, :12] = 1800.0  # an even near surface
reference = ks.simulation.simulate(velocity, trained_for)[0]

source_x, receiver_x = (
    np.array(p)[:, 0] for p in (trained_for.sources, trained_for.receivers[::2])
)
field = ks.gathers.ShotGathers(
    amplitude=(-2500 * reference[::2, ::2]).astype("float32"),
    dt=0.002,
    source_x=1000 + source_x,
    receiver_x=np.repeat(1000 + receiver_x[:, None], 3, axis=1),
)

# %%
# First step: find the experiment on the line, interpolate receivers, resample in time.
matched = ks.gathers.match_acquisition(field, trained_for)
print("\n".join(matched.changes))

# %%
# Second step: the direct wave of near receivers tells scale, polarity and time zero.
calibration = ks.gathers.measure_direct_wave(matched, trained_for)
print(calibration)
calibrated = matched.amplitude * calibration.scale

# %%
# What remains is within 50 m of the source, where the wavefield varies faster than receivers 20 m
# apart can show. The rest is what the network was trained on, and ready for ``model``. All of it in
# one call, for every position along a line: ``ks.invert(line, "model.keras", calibrate=True)``.
figure, axes = plt.subplots(1, 3, figsize=(11, 4.6), layout="constrained")
largest = np.percentile(np.abs(reference), 97)
panels = {
    "the line, in counts": (field.amplitude, 2500 * largest),
    "matched and calibrated": (calibrated, largest),
    "difference from the truth": (calibrated - reference, largest),
}
for panel, (name, (gathers, limit)) in zip(axes, panels.items(), strict=True):
    panel.imshow(
        gathers[..., 1],
        cmap="gray",
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        extent=(0, 640, 0.6, 0),
    )
    panel.set(title=name, xlabel="x (m)")
axes[0].set_ylabel("time (s)")
plt.show()
