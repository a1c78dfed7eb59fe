"""Warnings for one release before something is removed."""

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def warn_deprecated(name: str, removed_in: str, instead: str, stacklevel: int = 2) -> None:
    """Warn that something will be removed, at the line that used it.

    A ``FutureWarning``, which Python shows to everyone; ``DeprecationWarning`` is hidden from
    users. Python prints it once for each line that causes it.

    Args:
        name: What is deprecated, as a user writes it.
        removed_in: The first version without it.
        instead: What to use, as a user writes it.
        stacklevel: 2 for the caller of the function that warns, 3 for its caller.

    Example:
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warn_deprecated("ks.old", removed_in="0.3", instead="ks.new")
        >>> print(caught[0].message)
        ks.old is deprecated and goes in 0.3; use ks.new
    """
    message = f"{name} is deprecated and goes in {removed_in}; use {instead}"
    warnings.warn(message, FutureWarning, stacklevel=stacklevel + 1)


def deprecated(
    removed_in: str, instead: str
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Mark a function for removal: each call warns, and the docstring says so.

    For a class, mark ``__init__``; for an argument, call ``warn_deprecated`` where it is read.

    Args:
        removed_in: The first version without it.
        instead: What to use, as a user writes it.

    Example:
        >>> @deprecated(removed_in="0.3", instead="ks.new")
        ... def old(x):
        ...     return x + 1
    """

    def mark(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        name = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def marked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            warn_deprecated(name, removed_in, instead)
            return function(*args, **kwargs)

        text = inspect.cleandoc(function.__doc__ or "")
        marked.__doc__ = f"{text}\n\nDeprecated: goes in {removed_in}; use {instead}.".strip()
        return marked

    return mark
