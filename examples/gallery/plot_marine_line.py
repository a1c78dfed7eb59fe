"""
Simulate a marine line
======================

A vessel tows its receivers behind the source. Above the water is air: whatever reaches the surface
comes back with its sign changed.
"""

# %%
# A velocity model: 200 m of water, sediments, and an arch of hard rock.
# sphinx_gallery_thumbnail_number = 1
import numpy as np

import keras_seismic as ks

row, column = np.mgrid[:80, :160]
velocity = np.where(row < 20, 1500.0, 1900.0)
velocity[row > 52 - 8 * np.cos((column - 80) / 25)] = 3000.0

# %%
# Twelve shots, 40 receivers 100 to 880 m behind each, and a wavelet whose spectrum is flat from 6
# to 18 Hz.
acquisition = ks.simulation.Acquisition.streamer(
    width=160, dx=10.0, dt=0.001, nt=1200, peak_frequency=0, offsets=range(100, 900, 20),
    shots=12, free_surface=True, boundary="cpml",
    source_wavelet=ks.simulation.ormsby((2, 6, 18, 30), dt=0.001, delay=0.1),
)  # fmt: skip

# %%
# The seventh shot on its way. In the first picture the wave has left the source together with its
# ghost, the reflection at the surface.
fields = ks.simulation.wave_field(velocity, acquisition, shot=6, every=50)
chosen = np.array([4, 8, 14])
times = (chosen + 1) * 50 * acquisition.dt
figure = ks.visualization.plot_wave_field(fields[chosen], velocity, times, acquisition.dx)

# %%
# ``ks.visualization.animate_wave_field("waves.gif", …)`` makes an animation of more of them.
#
# What the streamer records, with the free surface and without. The direct wave's ghost all but
# cancels it; the reflections of sea floor and deep layers have their ghosts, and 0.27 s after the
# deep one comes its multiple, which crossed the water once more.
import dataclasses

without = dataclasses.replace(acquisition, free_surface=False)
gathers = np.stack([ks.simulation.simulate(velocity[None], a)[0] for a in (acquisition, without)])
figure = ks.visualization.plot_gathers(
    np.stack([gathers[0, ..., 6], gathers[1, ..., 6]], axis=-1), dt=acquisition.dt
)
for panel, title in zip(figure.axes, ("free surface", "without"), strict=False):
    panel.set_title(title)

# %%
# The whole line as SEG-Y, with positions, offsets and depths in its headers; what reads one of
# yours reads it, too.
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    path = ks.gathers.simulate_to_file(velocity[None], acquisition, Path(folder) / "line.segy")
    line = ks.gathers.read_shot_gathers(path)
print(line.grid)
