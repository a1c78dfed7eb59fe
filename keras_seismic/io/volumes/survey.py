"""Lines of a volume and gathers of a pre-stack line, as the trace headers have them."""

import numpy as np

from keras_seismic.checks import checked_choice
from keras_seismic.io.segy.trace_headers import Word, word_values
from keras_seismic.io.segy.trace_layout import TraceLayout
from keras_seismic.io.volumes.lines import Lines

GEOMETRIES = ("auto", "line", "volume", "gathers")
ALONG = ("inline", "crossline", "both")

#: The lines of each pass; the last ones are reported.
PASSES = {"inline": ("inline",), "crossline": ("crossline",), "both": ("crossline", "inline")}

_LARGEST = 2**24


class Survey:
    """What the trace headers of a file say about its geometry.

    A file is a volume if its inline and crossline numbers place every trace somewhere else, a
    pre-stack line if several traces with different offsets belong to each field record, else one
    line. Numbers may have steps and gaps, lines different lengths, traces any order.

    Args:
        layout: Of the file, from ``read_layout``.
        geometry: ``"auto"``, ``"line"`` (all traces as one section in the file's order),
            ``"volume"`` or ``"gathers"``.
        inline_word: Trace header word with the inline number: a name of SEG-Y or Seismic Unix,
            or its first byte (189).
        crossline_word: The same for the crossline number (193).
        gather_word: The same for what numbers gathers (9).

    Attributes:
        geometry: ``"line"``, ``"volume"`` or ``"gathers"``.

    Raises:
        ValueError: If the headers contradict each other, or are not those of that geometry.
    """

    def __init__(
        self,
        layout: TraceLayout,
        geometry: str = "auto",
        inline_word: Word = "INLINE_3D",
        crossline_word: Word = "CROSSLINE_3D",
        gather_word: Word = "FieldRecord",
    ) -> None:
        checked_choice(geometry, GEOMETRIES, f"{layout.path}: geometry")
        self.layout, self.geometry = layout, geometry
        self._words = (inline_word, crossline_word, gather_word)
        named = self._words[:2] != ("INLINE_3D", "CROSSLINE_3D")
        # Seismic Unix has floats where SEG-Y has the numbers of lines.
        if geometry == "volume" or (geometry == "auto" and (layout.kind == "segy" or named)):
            self.inline, self.crossline = (word_values(layout, w) for w in self._words[:2])
            self._examine()
        elif geometry == "auto":
            self._without_numbers()
        if self.geometry == "gathers":
            self._gather = word_values(layout, gather_word)
            if np.ptp(self._gather) == 0:
                raise ValueError(
                    f"{layout.path}: header word {gather_word!r} is {self._gather[0]} in every "
                    "trace, so that it cannot say which gather a trace belongs to; name another "
                    "one by gather_word="
                )

    def lines(self, along: str) -> Lines:
        """Its inlines or crosslines, its gathers, or its only line.

        Args:
            along: ``"inline"`` or ``"crossline"``; only a volume has both.

        Raises:
            ValueError: If it is no volume and has no crosslines.
        """
        if self.geometry != "volume":
            if along != "inline":
                raise ValueError(
                    f"{self.layout.path}: along={along!r} needs a volume, but this is "
                    f"{'one line' if self.geometry == 'line' else 'a pre-stack line'}; name the "
                    "header words by inline_word= and crossline_word= if it is one"
                )
            if self.geometry == "line":
                return Lines.single(self.layout.traces)
            order = np.argsort(self._gather, kind="stable")
            return Lines.sorted_by("gather", self._gather, None, order)
        line, across = self.inline, self.crossline
        if along == "crossline":
            line, across = across, line
        return Lines.sorted_by(along, line, across, np.lexsort((across, line)))

    def _without_numbers(self) -> None:
        self.geometry = "gathers" if self._is_pre_stack() else "line"

    def _examine(self) -> None:
        """Decide whether the numbers are those of a volume; refuse what they cannot be."""
        wanted, traces = self.geometry == "volume", self.layout.traces
        inlines, crosslines = (len(np.unique(n)) for n in (self.inline, self.crossline))
        if not wanted:
            if inlines == crosslines == 1:
                return self._without_numbers()
            self._check_integers()
            if max(inlines, crosslines) == traces:  # a line through a survey, or a counter
                return self._without_numbers()
        order = np.lexsort((self.crossline, self.inline))
        line, across = self.inline[order], self.crossline[order]
        twice = np.flatnonzero((np.diff(line) == 0) & (np.diff(across) == 0))
        if twice.size:
            if not wanted and self._is_pre_stack():
                return self._without_numbers()
            self._refuse_twice(np.sort(order[twice[0] : twice[0] + 2]), len(twice), inlines)
        if not wanted and traces < 2 * min(inlines, crosslines):
            raise ValueError(
                f"{self._contradiction}: {traces} traces lie on {inlines} inlines and "
                f"{crosslines} crosslines, hardly two on any line; {self._advice}"
            )
        self.geometry = "volume"
        return None

    @property
    def _contradiction(self) -> str:
        words = "{!r} and {!r}".format(*self._words[:2])
        return f"{self.layout.path}: the header words {words} contradict each other"

    _advice = (
        "name the words that hold the numbers (inline_word=, crossline_word=), or pass "
        "geometry='gathers' for gathers by field record, or geometry='line' for all traces as "
        "one section in the file's order"
    )

    def _refuse_twice(self, pair: np.ndarray, count: int, inlines: int) -> None:
        first, second = (int(number) + 1 for number in pair)
        place = f"inline {self.inline[pair[0]]}, crossline {self.crossline[pair[0]]}"
        constant = f" (every trace is at inline {self.inline[0]})" if inlines == 1 else ""
        raise ValueError(
            f"{self._contradiction}: traces {first} and {second} are both at {place}{constant}, "
            f"and {count} traces in all are where another one is; {self._advice}"
        )

    def _check_integers(self) -> None:
        """Refuse floating-point numbers in words that hold integers."""
        for word, values in zip(self._words, (self.inline, self.crossline), strict=False):
            largest = int(np.abs(values.astype(np.int64)).max())
            if largest >= _LARGEST:
                as_float = values.astype(np.int32).view(np.float32)
                hint = ""
                if np.isfinite(as_float).all() and 1e-3 < np.abs(as_float).max() < _LARGEST:
                    hint = f"; as floating-point numbers they begin with {as_float[0]:g}"
                raise ValueError(
                    f"{self.layout.path}: header word {word!r} holds up to {largest}, which is no "
                    f"number of a line{hint}; {self._advice}"
                )

    def _is_pre_stack(self) -> bool:
        """Whether the traces are gathers: several of different offsets to each record."""
        record = word_values(self.layout, self._words[2])
        records = len(np.unique(record))
        if not 1 < records <= self.layout.traces // 2:
            return False
        if np.ptp(word_values(self.layout, "offset")) > 0:
            return True
        source, receiver = (word_values(self.layout, word) for word in ("SourceX", "GroupX"))
        return bool(np.ptp(source) > 0 and np.ptp(receiver - source) > 0)
