"""Python functions in TensorFlow's threads, and the end of the program."""

import atexit
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

_QUIET = 0.05  # s without a call, after which no pipeline makes one
_LONGEST_WAIT = 10.0  # s


class _Calls:
    """Counts the calls of all guarded functions, and ends them when Python ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begun = self.running = 0
        self.ending = False

    def __enter__(self) -> None:
        with self.lock:
            self.begun += 1
            self.running += 1

    def __exit__(self, *_: Any) -> None:
        with self.lock:
            self.running -= 1

    def end(self) -> None:
        """Let running calls finish and later ones fail at once, until there are no more."""
        self.ending = True
        start = quiet_since = time.monotonic()
        begun = self.begun
        while (now := time.monotonic()) - quiet_since < _QUIET and now - start < _LONGEST_WAIT:
            time.sleep(_QUIET / 10)
            if self.running or self.begun != begun:
                begun, quiet_since = self.begun, time.monotonic()


_calls = _Calls()


@functools.cache
def _register() -> None:
    # Not when this module is imported: what TensorFlow registers must run after it.
    atexit.register(_calls.end)


def guarded(function: Callable) -> Callable:
    """The function, made safe to be called by a pipeline while the program ends.

    A ``tf.data`` pipeline reads ahead. When a program ends in the middle of an epoch (an
    error, Ctrl-C, or just enough batches seen), its threads would wait for an interpreter
    that no longer runs Python, and the interpreter for them: the program would never end.
    So at exit the pipelines are let run dry first, which takes a twentieth of a second.
    """
    _register()

    def call(*arguments: Any) -> Any:
        with _calls:
            if _calls.ending:
                raise RuntimeError("the program is ending")
            return function(*arguments)

    return call
