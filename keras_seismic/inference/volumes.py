"""Denoising files of any size, line by line, in memory that does not depend on the size."""

import collections
import dataclasses
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.checks import check_finite, checked_choice
from keras_seismic.files import check_free
from keras_seismic.inference.denoising import loaded_denoiser
from keras_seismic.inference.model_digest import model_digest
from keras_seismic.inference.pieces import Piece, denoised_pieces, groups_of_pieces
from keras_seismic.inference.predictors import Predictor
from keras_seismic.inference.unfinished import UnfinishedWork
from keras_seismic.io.sections import Section
from keras_seismic.io.volumes import ALONG, Lines, Volume, fingerprint, open_volume
from keras_seismic.progress import progress_bar
from keras_seismic.version import __version__


@dataclasses.dataclass(frozen=True, eq=False)
class VolumeResult:
    """What denoising a file returns; it unpacks into ``section`` and ``denoised``.

    Attributes:
        section: The line in the middle of those that are not dead, before; of a line too long
            for memory, a part of it.
        denoised: The same after, float32 ``(time, traces)``.
        along: What was denoised line by line in the end: ``"inline"``, ``"crossline"``,
            ``"gather"`` or ``"line"``.
        lines: What the headers call each line, ``(lines,)``.
        rms: RMS amplitude of each line before, after, and of what was removed, ``(lines, 3)``;
            zero for dead lines.
        slice_before: The samples halfway down the traces, ``(inlines, crosslines)`` of a volume,
            ``(1, traces)`` of a line; NaN where there is no trace.
        slice_after: The same after.
        slice_time: Of these samples, s, or their index where the sample interval is not known.
        seconds: Spent on each stage: ``"check"``, ``"read"``, ``"network"``, ``"write"``; reading
            and writing go on while the network works.
    """

    section: Section
    denoised: np.ndarray
    along: str
    lines: np.ndarray
    rms: np.ndarray
    slice_before: np.ndarray
    slice_after: np.ndarray
    slice_time: float
    seconds: dict[str, float]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.section, self.denoised))

    @property
    def removed(self) -> np.ndarray:
        """RMS of what was removed over that of the line before, ``(lines,)``; NaN for dead lines."""
        before, _, removed = self.rms.T
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio: np.ndarray = removed / before
        return ratio

    @property
    def gain(self) -> np.ndarray:
        """Signal-to-noise ratio of the line before, as the denoiser sees it, dB ``(lines,)``.

        What came out over what was removed: an estimate of what was gained by removing it.
        """
        _, after, removed = self.rms.T
        with np.errstate(invalid="ignore", divide="ignore"):
            decibels: np.ndarray = 20 * np.log10(after / removed)
        return decibels
