"""Memory for raw batches, used again and again."""

import ctypes
import weakref
from collections import deque

import numpy as np

#: TensorFlow takes over an array without copying it if it begins at such a multiple of bytes.
_ALIGNMENT = 64


class BufferPool:
    """Lends arrays whose memory comes back when nothing refers to them any more.

    A batch of raw gathers is tens of megabytes. Fresh memory of that size has to be mapped and
    zeroed by the system, page by page, which takes as long as reading the data.

    Args:
        limit: Unused buffers that are kept.

    Example:
        >>> pool = BufferPool(limit=2)
        >>> address = pool.empty((3, 4)).ctypes.data
        >>> pool.empty((3, 4)).ctypes.data == address, address % 64
        (True, 0)
    """

    def __init__(self, limit: int) -> None:
        self._free: deque[np.ndarray] = deque(maxlen=limit)

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """A float32 array of that shape, with whatever was in its memory."""
        size = 4 * int(np.prod(shape, dtype=np.int64))
        try:
            memory = self._free.pop()
        except IndexError:
            memory = None
        if memory is None or memory.size < size + _ALIGNMENT:
            memory = np.empty(size + _ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % _ALIGNMENT
        # Views of an array refer to the array that owns the memory, not to each other; this
        # holder in between is what the last of them lets go.
        holder = (ctypes.c_char * size).from_buffer(memory.data, start)
        weakref.finalize(holder, self._free.append, memory).atexit = False
        return np.frombuffer(memoryview(holder), np.float32).reshape(shape)
