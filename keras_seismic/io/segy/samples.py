"""Samples of trace files, in each of the formats that SEG-Y knows, as float32 and back."""

from typing import Any

import numpy as np

#: NumPy type of a sample for each format code that segyio reads; IBM floats (1) as words.
SAMPLE_TYPES = {
    1: "u4", 2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1", 10: "u4", 11: "u2", 16: "u1",
}  # fmt: skip

IBM_FLOAT = 1

#: Formats that hold whole numbers.
INTEGER_FORMATS = (2, 3, 8, 10, 11, 16)

#: ``(-1)^sign 16^(exponent - 64) / 2^24`` for each first byte of an IBM float; all are exact.
_IBM_UNITS = np.ldexp(
    np.where(np.arange(256) < 128, 1.0, -1.0), 4 * (np.arange(256) % 128) - 280
)  # fmt: skip


def ibm_to_float(words: np.ndarray) -> np.ndarray:
    """IBM floats, given as four-byte unsigned integers, as float32.

    ``(-1)^sign fraction 16^(exponent - 64)``, also where the fraction begins with a zero digit.

    Example:
        >>> ibm_to_float(np.array([0x42640000, 0xC1100000, 0x42010000], ">u4")).tolist()
        [100.0, -1.0, 1.0]
    """
    words = words.astype(np.uint32)
    with np.errstate(over="ignore"):
        values: np.ndarray = ((words & 0xFFFFFF) * _IBM_UNITS[words >> 24]).astype(np.float32)
    return values


def float_to_ibm(values: np.ndarray) -> np.ndarray:
    """float32 as IBM floats, four-byte unsigned integers, cut to 21 to 24 bits like segyio's.

    Example:
        >>> [hex(word) for word in float_to_ibm(np.float32([100, -1, 0]))]
        ['0x42640000', '0xc1100000', '0x0']
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    exponent = (bits >> 23 & 0xFF).astype(np.int32) - 126
    digits = (exponent + 3) >> 2  # of 16, rounded up
    fraction = (bits & 0x7FFFFF | 0x800000) >> (4 * digits - exponent).astype(np.uint32)
    words = (bits & 0x80000000) | ((digits + 64).astype(np.uint32) << 24) | fraction
    return np.where(exponent == -126, np.uint32(0), words)  # zero, and what is below 1.2e-38


def decoded(samples: np.ndarray, code: int) -> np.ndarray:
    """Samples as they stand in a file, as float32.

    Args:
        samples: Of the file's type.
        code: The sample format.
    """
    with np.errstate(over="ignore"):  # a float64 that does not fit becomes infinite
        return ibm_to_float(samples) if code == IBM_FLOAT else samples.astype(np.float32)


def encoded(
    values: np.ndarray, original: np.ndarray, code: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Values in a file's format; a sample whose value did not change keeps its bytes.

    A number can have several forms as an IBM float, and a float64 has more digits.

    Args:
        values: float32 ``(traces, time)``, finite.
        original: The samples that they replace, of the file's type.
        code: The sample format.

    Returns:
        Samples of the file's type, and for each trace, how many integers had to be clipped
        (``None`` for floats).
    """
    outside, new = None, values
    if code == IBM_FLOAT:
        new = float_to_ibm(values)
    elif code in INTEGER_FORMATS:
        limits = np.iinfo(original.dtype)
        whole = np.rint(values.astype(np.float64))
        outside = np.sum((whole < limits.min) | (whole > limits.max), axis=1)
        new = np.clip(whole, limits.min, limits.max)
    same: Any = decoded(original, code) == values
    return np.where(same, original, new.astype(original.dtype)), outside
