"""Progress of long work: a bar on a terminal, a line now and then in a log."""

import sys
import time
from types import TracebackType
from typing import TextIO


class Progress:
    """Counts finished items on standard error.

    On a terminal one line is redrawn; elsewhere (a log file, CI) a line is
    written every 30 seconds, so that logs stay readable. Nothing appears for work
    that takes less than a second.

    Args:
        total: Number of items to come.
        description: What is being done.
        unit: What an item is called.
        enabled: ``False`` to stay silent.

    Example:
        >>> with Progress(3, "adding", unit="number", enabled=False) as progress:
        ...     for number in range(3):
        ...         progress.advance()
    """

    def __init__(
        self,
        total: int,
        description: str,
        unit: str = "item",
        enabled: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        self.total, self.description, self.unit = total, description, unit
        self.enabled = enabled
        self._stream = stream if stream is not None else sys.stderr
        self._interactive = self._stream.isatty()
        self._interval = 0.2 if self._interactive else 30.0
        self.done = 0

    def __enter__(self) -> "Progress":
        self._start = self._last = time.monotonic()
        self._shown = False
        return self

    def advance(self, count: int = 1) -> None:
        """Note that ``count`` further items are finished."""
        self.done += count
        now = time.monotonic()
        if self.enabled and now - self._start > 1 and now - self._last >= self._interval:
            self._last = now
            self._show(now - self._start)

    def _show(self, elapsed: float) -> None:
        remaining = elapsed / max(self.done, 1) * (self.total - self.done)
        start, end = ("\r", "\033[K") if self._interactive else ("", "\n")
        self._stream.write(
            f"{start}{self.description}: {self.done}/{self.total} {self.unit}s, "
            f"{elapsed:.0f} s, about {remaining:.0f} s to go{end}"
        )
        self._stream.flush()
        self._shown = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        elapsed = time.monotonic() - self._start
        if self.enabled and kind is None and (self._shown or elapsed > 1):
            start, end = ("\r", "\033[K\n") if self._interactive else ("", "\n")
            self._stream.write(
                f"{start}{self.description}: {self.done} {self.unit}s in {elapsed:.1f} s{end}"
            )
            self._stream.flush()
        elif self._shown and self._interactive:
            self._stream.write("\n")
