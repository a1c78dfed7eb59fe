"""Several requests for one result: all answered by the same version of the model."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from keras_seismic.serving.errors import ModelNotFoundError, ServerError

Arrays = Mapping[str, np.ndarray]


def answers(
    parts: Sequence[Arrays],
    ask: Callable[[Arrays, int | None], tuple[int | None, Arrays]],
    current: Callable[[], int | None],
    where: str,
) -> list[Arrays]:
    """The answers to the parts of a request.

    The server may change to another version between two parts. All parts are asked for once
    more then, of the version that answered last.

    Args:
        parts: Inputs by name, in order.
        ask: Sends one, to the given version or to whichever answers; returns the version, if the
            answer tells it, and the outputs.
        current: Asks the server which version answers now; ``None`` where that need not be known
            beforehand, because the answers tell it or the version is fixed.
        where: The beginning of error messages.

    Returns:
        The outputs for each part.

    Raises:
        ServerError: If the version changes again.
        ServingError: What ``ask`` and ``current`` raise.
    """
    if len(parts) == 1:
        return [ask(parts[0], None)[1]]
    pinned = current()
    try:
        return _asked(parts, ask, pinned)
    except _VersionChanged as change:
        later = change.later
    except ModelNotFoundError:
        if pinned is None:
            raise
        later = current()  # the other one was unloaded meanwhile
    try:
        return _asked(parts, ask, later)
    except (_VersionChanged, ModelNotFoundError) as error:
        raise ServerError(
            f"{where}: the server changed the model's version during a call of {len(parts)} "
            f"requests, and again when they were repeated for version {later}; call again, or "
            f"ask for a version or label that stays loaded. Last: {error}"
        ) from error


class _VersionChanged(Exception):
    def __init__(self, before: int | None, later: int | None) -> None:
        super().__init__(f"version {before} answered, then version {later}")
        self.later = later


def _asked(parts, ask, version: int | None) -> list[Arrays]:
    results: list[Arrays] = []
    first = None
    for part in parts:
        answered, outputs = ask(part, version)
        if results and answered != first:
            raise _VersionChanged(first, answered)
        first = answered
        results.append(outputs)
    return results
