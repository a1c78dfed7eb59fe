"""The lines of a volume in pieces and groups of them that fit into memory."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_seismic.inference.denoising import denoise
from keras_seismic.inference.predictors import Predictor
from keras_seismic.io.volumes import Lines

#: Samples that are read, denoised and written together.
GROUP = 2**21

#: Samples of a line that is denoised as a whole. A section passes through several arrays of its
#: size, some of them float64.
WHOLE = 2**22

#: Traces and overlap of ``denoise``'s windows.
_WINDOW, _OVERLAP = 512, 64


@dataclasses.dataclass(frozen=True)
class Piece:
    """A part of a line: the whole of it, unless it is very long.

    Attributes:
        line: Index of the line.
        first: Of the part, counted in traces of the line.
        stop: Behind its last trace.
        begin: Of what is denoised for it, with neighbors at either side.
        end: Of the same.
    """

    line: int
    first: int
    stop: int
    begin: int
    end: int


def pieces_of(lines: Lines, line: int, samples: int, options: dict[str, Any]) -> Iterator[Piece]:
    """A line in pieces.

    Pieces begin where a window of the whole line would, and have a window or more in common, so
    that each sample is denoised in the same windows as in the whole line.
    """
    length = int(lines.starts[line + 1] - lines.starts[line])
    if length * samples <= WHOLE:
        yield Piece(line, 0, length, 0, length)
        return
    asked, overlap = options.get("window"), options.get("overlap")
    window = _WINDOW if asked is None else int(np.ravel(asked)[-1])
    shared = _OVERLAP if asked is None else window // 4
    shared = shared if overlap is None else int(np.ravel(overlap)[-1])
    stride = max(1, window - shared)
    margin = -(-window // stride) * stride
    step = max(WHOLE // samples - 2 * margin, margin) // stride * stride
    for first in range(0, length, step):
        stop = min(first + step, length)
        yield Piece(line, first, stop, max(0, first - margin), min(length, stop + margin))


def groups_of_pieces(lines: Lines, samples: int, options: dict[str, Any]) -> list[list[Piece]]:
    """All pieces of all lines, in groups to read and write together; within a block of lines."""
    groups: list[list[Piece]] = []
    size = 0
    for line in range(len(lines)):
        for piece in pieces_of(lines, line, samples, options):
            traces = piece.end - piece.begin
            begins_block = line % lines.block == 0 and piece.first == 0 and lines.block > 1
            if not groups or begins_block or (size + traces) * samples > GROUP:
                groups.append([])
                size = 0
            groups[-1].append(piece)
            size += traces
    return groups


def denoised_traces(
    traces: np.ndarray, columns: np.ndarray, model: Predictor, options: dict[str, Any]
) -> np.ndarray:
    """Neighboring traces denoised; missing ones between them are dead.

    Args:
        traces: float32 ``(traces, time)``.
        columns: Where they stand in a section, from ``Lines.columns``.
        model: As for ``denoise``.
        options: Of ``denoise``.
    """
    if not traces.any():
        return traces
    section = np.zeros((traces.shape[1], columns[-1] + 1), np.float32)
    section[:, columns] = traces.T
    denoised = denoise(section, model, progress=False, **options)
    return np.ascontiguousarray(denoised[:, columns].T)
