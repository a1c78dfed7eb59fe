"""Checks of the arguments that networks share."""

import operator
from collections.abc import Sequence

import keras


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


def policy_name(dtype) -> str:
    """Name of a dtype policy, the global one for ``None``.

    Models keep the name and not ``None``: a model made under mixed precision is that
    model wherever it is loaded.
    """
    policy = dtype if dtype is not None else keras.config.dtype_policy()
    return keras.dtype_policies.get(policy).name


def checked_choice(value: str | None, choices: Sequence[str | None], name: str) -> str | None:
    """The value, if it is one of the choices.

    Raises:
        ValueError: Naming the argument, the choices and what was received.
    """
    if value not in choices:
        *others, last = map(repr, choices)
        raise ValueError(f"{name} must be {', '.join(others)} or {last}, received {value!r}")
    return value


def output_dtype(policy: str) -> str:
    """What a network's last layer computes in: float32, in a float64 network float64.

    Half precision is too coarse for what a user gets: in m/s, bfloat16 counts by sixteens.
    """
    return "float64" if policy == "float64" else "float32"
