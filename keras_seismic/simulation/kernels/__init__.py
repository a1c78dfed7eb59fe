"""The acoustic scheme of ``boundaries.py`` as compiled loops for processors (Numba).

One shot at a time, in place. What makes it quick, each point measured:

- Fields are flat, and their rows begin and end where a vector of the widest kind does: loops have
  no remainder, and a vector of cells above or below is read at once.
- Rows between which nothing is left out are one loop. So are the strips of the matched layer at
  the right end of a row and at the left end of the next, which are neighbors in memory.
- Only cells that the wave can have reached, and from which it can still return to a
  receiver, are updated (``Window``, from travel times between blocks of cells).
- Numbers too small to matter become zero every few steps: denormal numbers take ten times as
  long as others.

The adjoint of the scheme is the scheme itself, run backward in time with sources at the
receivers, for the field ``w = (v dt / dx)^2 q`` where ``q`` is the derivative of the misfit with
respect to the pressure; only the memory variables of the perfectly matched layer have an
adjoint of their own.
"""

from keras_seismic.simulation.kernels.adjoint import backward
from keras_seismic.simulation.kernels.forward import forward
from keras_seismic.simulation.kernels.grid import HALO, VECTOR, Medium, Memory
from keras_seismic.simulation.kernels.window import BLOCK, WINDOW_STEPS, Window, travel_times

__all__ = [
    "BLOCK",
    "HALO",
    "VECTOR",
    "WINDOW_STEPS",
    "Medium",
    "Memory",
    "Window",
    "backward",
    "forward",
    "travel_times",
]
