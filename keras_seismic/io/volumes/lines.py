"""Which traces of a volume make a line, and where along it they stand."""

import dataclasses

import numpy as np

#: Widest section that missing traces may make of a line, in traces of it.
_WIDEST = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Lines:
    """The traces of a volume, line by line.

    Attributes:
        kind: What a line is: ``"inline"``, ``"crossline"``, ``"gather"`` or ``"line"``.
        numbers: What the headers call each line, ``(lines,)``.
        starts: Where each line's traces begin in ``order``, ``(lines + 1,)``.
        order: Numbers of all traces, one line after the other; ``None`` if that is how they stand.
        position: For each trace, its number across the lines, ``(traces,)``; ``None`` if a line's
            traces are simply neighbors.
        block: Lines that are best read together.
    """

    kind: str
    numbers: np.ndarray
    starts: np.ndarray
    order: np.ndarray | None = None
    position: np.ndarray | None = None
    block: int = 1

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def sorted_by(
        cls, kind: str, line: np.ndarray, position: np.ndarray | None, order: np.ndarray
    ) -> "Lines":
        """From the numbers of each trace, in an order by line and then by position."""
        ordered = line[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1, append=ordered[-1] + 1))
        numbers = ordered[starts[:-1]]
        as_it_stands = np.array_equal(order, np.arange(len(order)))
        small = order.astype(np.uint32 if len(order) < 2**32 else np.int64)
        return cls(kind, numbers, starts, None if as_it_stands else small, position)

    @classmethod
    def single(cls, traces: int) -> "Lines":
        """All traces as one line."""
        return cls("line", np.zeros(1, int), np.array([0, traces]))

    def label(self, line: int) -> str:
        """What to add to the file's name in a message."""
        return "" if len(self) == 1 else f": {self.kind} {self.numbers[line]}"

    def traces(self, line: int, first: int = 0, stop: int | None = None) -> np.ndarray:
        """Numbers of a line's traces, or of a part of them."""
        begin, end = int(self.starts[line]), int(self.starts[line + 1])
        stop = end if stop is None else min(begin + stop, end)
        if self.order is None:
            return np.arange(begin + first, stop)
        return self.order[begin + first : stop].astype(np.int64)

    def columns(self, traces: np.ndarray) -> np.ndarray:
        """Where these traces of a line stand in a section, ``(traces,)`` from 0 on.

        A line whose numbers have a regular step gets a column for each place, so that missing
        traces are gaps and what dips keeps its dip. Otherwise they are neighbors.
        """
        neighbors = np.arange(len(traces))
        if self.position is None or len(traces) < 2:
            return neighbors
        position = self.position[traces].astype(np.int64)
        steps = np.diff(position)
        values, counts = np.unique(steps, return_counts=True)
        step = values[counts.argmax()]
        columns = (position - position[0]) // step
        regular = not (steps % step).any() and columns[-1] < _WIDEST * len(traces)
        return columns if regular else neighbors
