"""
Read and write SEG-Y
====================

Process a section window by window and write it back into its own file: every header stays as it
was.
"""

# %%
# No file at hand? Make one: a simulated section as IBM floats, with CDP numbers in the headers.
import tempfile
from pathlib import Path

import numpy as np
import segyio

import keras_seismic as ks

folder = Path(tempfile.mkdtemp())
velocity = ks.simulation.sample_velocity("curvefault_a", 1, seed=5, shape=(70, 150))
clean = ks.datasets.normalize_section(ks.simulation.simulate_section(velocity)[0])
noisy = ks.noise.add_noise(clean, [("white", 0), ("missing", 0.03)], dt=0.004)
segyio.tools.from_array2D(str(folder / "line.segy"), noisy.T, dt=4000)

# %%
# ``inspect`` says what an unknown file holds, and what is odd about it.
print(ks.inspect(folder / "line.segy"))

# %%
# ``read_section`` returns amplitudes and sample interval. ``apply_in_windows`` cuts the section
# into overlapping windows, applies any function or model, and blends the results.
section = ks.io.read_section(folder / "line.segy")


def smooth(windows):
    """Average of three neighboring traces."""
    return (windows + np.roll(windows, 1, axis=2) + np.roll(windows, -1, axis=2)) / 3


smoothed = ks.inference.apply_in_windows(smooth, section.amplitude, window=128)

# %%
# Written back, headers and sample format are the original's, byte for byte.
ks.io.write_section(folder / "smoothed.segy", smoothed, like=section)
before, after = ((folder / name).read_bytes() for name in ("line.segy", "smoothed.segy"))
print("same size:", len(before) == len(after), "- same file header:", before[:3600] == after[:3600])

# %%
# Three-trace smoothing removes noise, and smears the steep parts of horizons: the difference
# shows layers. A trained network does better, see :doc:`plot_denoiser`.
figure = ks.visualization.plot_quality(section.amplitude, smoothed, dt=section.dt)
