"""Checks of arguments and numbers, with errors that name what is wrong."""

import operator
from collections.abc import Sequence

import numpy as np


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
            or looks like km/s.
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
    if highest < 20:
        raise ValueError(
            f"{caller}: velocity must be in m/s, received {lowest:g} to {highest:g}, which looks "
            "like km/s; multiply by 1000"
        )
    return velocity
