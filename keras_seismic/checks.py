"""Checks of arguments and numbers, with errors that name what is wrong."""

import numbers
import operator
from collections.abc import Sequence

import numpy as np

#: m/s; the lower mantle reaches 13,700.
FASTEST = 20_000.0


def checked_size(
    size: Sequence[int | None], length: int, name: str, minimum: int = 1
) -> tuple[int, ...]:
    """A tuple of ``length`` integers of at least ``minimum``.

    Raises:
        ValueError: Naming the argument, what was expected and what was received.
    """
    try:
        numbers = tuple(operator.index(n) for n in size)  # type: ignore[arg-type]
    except TypeError:
        numbers = ()
    if len(numbers) != length or min(numbers) < minimum:
        raise ValueError(
            f"{name} must be {length} integer{'s' * (length > 1)} of at least {minimum}, "
            f"received {size}"
        )
    return numbers


def checked_choice(value: str | None, choices: Sequence[str | None], name: str) -> str | None:
    """The value, if it is one of the choices.

    Raises:
        ValueError: Naming the argument, the choices and what was received.
    """
    if value not in choices:
        *others, last = map(repr, choices)
        raise ValueError(f"{name} must be {', '.join(others)} or {last}, received {value!r}")
    return value


def checked_interval(dt: float | None, caller: str, name: str = "band") -> float:
    """A sample interval in s, which whatever is given in Hz needs.

    Args:
        dt: From a microsecond, SEG-Y's unit, to a second.
        caller: Name of the function that was called, for the messages.
        name: What is given in Hz.

    Raises:
        ValueError: If it is missing, or shorter or longer.
    """
    if dt is None:
        raise ValueError(
            f"{caller}: {name} is in Hz and needs the sample interval; pass dt in s (such as 0.004)"
        )
    if not (isinstance(dt, numbers.Real) and 1e-6 <= dt <= 1):
        raise ValueError(f"{caller}: dt must be a sample interval of 1e-06 to 1 s, received {dt}")
    return float(dt)


def check_finite(array: np.ndarray, source: str) -> None:
    """Refuse NaN and infinity.

    Raises:
        ValueError: With the number of such values and the index of the first.
    """
    bad = ~np.isfinite(array)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{source}: {int(bad.sum())} of {array.size} values are not finite (NaN or infinity), "
            f"the first at index {place}"
        )


def checked_velocity(velocity: np.ndarray, caller: str) -> np.ndarray:
    """Velocity models as float64, or an error that says what is wrong with them.

    Args:
        velocity: ``(models, depth, width)``, m/s. No models are fine.
        caller: Name of the function that was called, for the messages.

    Raises:
        ValueError: If the velocity is not an array of finite, positive numbers of that shape,
            looks like km/s, or is faster than any rock.
    """
    velocity = np.asarray(velocity)
    if velocity.ndim != 3 or 0 in velocity.shape[1:]:
        hint = "; add an axis with velocity[None]" if velocity.ndim == 2 else ""
        hint = "; drop the last axis with velocity[..., 0]" if velocity.ndim == 4 else hint
        raise ValueError(
            f"{caller}: velocity must have the shape (models, depth, width), received "
            f"{velocity.shape}{hint}"
        )
    if velocity.dtype.kind not in "fiu":
        raise ValueError(f"{caller}: velocity must hold numbers, received dtype {velocity.dtype}")
    velocity = velocity.astype(np.float64)
    if not velocity.size:
        return velocity
    bad = ~np.isfinite(velocity)
    if bad.any():
        model, row, column = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{caller}: velocity holds {int(bad.sum())} values that are not finite, the first "
            f"at model {model}, row {row}, column {column}"
        )
    lowest, highest = velocity.min(), velocity.max()
    if lowest <= 0:
        raise ValueError(f"{caller}: velocity must be positive, received a minimum of {lowest:g}")
    if highest > FASTEST:
        raise ValueError(
            f"{caller}: velocity must be in m/s, {FASTEST:g} at most, received {lowest:g} to "
            f"{highest:g}; no rock is that fast"
        )
    if highest < 20:
        raise ValueError(
            f"{caller}: velocity must be in m/s, received {lowest:g} to {highest:g}, which looks "
            "like km/s; multiply by 1000"
        )
    return velocity
