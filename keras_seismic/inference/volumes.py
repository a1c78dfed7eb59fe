"""Denoising files of any size, line by line, in memory that does not depend on the size."""

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.checks import checked_choice
from keras_seismic.deprecation import warn_deprecated
from keras_seismic.files import check_free
from keras_seismic.inference import pieces
from keras_seismic.inference.denoising import load_denoiser
from keras_seismic.inference.predictors import Predictor
from keras_seismic.inference.unfinished import UnfinishedWork
from keras_seismic.inference.volume_run import VolumeRun
from keras_seismic.io.sections import Section
from keras_seismic.io.segy import Word
from keras_seismic.io.volumes import (
    ALONG,
    PASSES,
    STORE_SUFFIXES,
    check_free_store,
    fingerprint,
    open_volume,
)
from keras_seismic.version import __version__

#: Of models, which stood in the first place once.
_MODEL_SUFFIXES = (".keras", ".onnx", ".tflite")


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
        """RMS of what was removed over that of the line before ``(lines,)``, NaN for dead lines."""
        before, _, removed = self.rms.T
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio: np.ndarray = removed / before
        return ratio

    @property
    def signal_to_noise(self) -> np.ndarray:
        """Estimated ratio of signal to noise of each line before, dB ``(lines,)``.

        What came out over what was removed; NaN for dead lines.
        """
        _, after, removed = self.rms.T
        with np.errstate(invalid="ignore", divide="ignore"):
            decibels: np.ndarray = 20 * np.log10(after / removed)
        return decibels


def denoise_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    model: keras.Model | Predictor | str | os.PathLike[str] | None = None,
    line: int | None = None,
    integers: str = "clip",
    overwrite: bool = False,
    *,
    along: str = "inline",
    geometry: str = "auto",
    inline_word: Word = "INLINE_3D",
    crossline_word: Word = "CROSSLINE_3D",
    gather_word: Word = "FieldRecord",
    progress: bool = True,
    **options: Any,
) -> VolumeResult:
    """Denoise a file of any size and write the result in its format, with all of its headers.

    A volume is denoised line by line, a pre-stack line gather by gather, anything else as one
    section; each as ``denoise`` would. Trace headers say which (``geometry``), also where traces
    are missing or in another order. Reading and writing are piecewise, so that memory does not
    grow with the file, apart from a few bytes a trace; a line of more than four million samples
    is denoised in parts that overlap. The result is made in a hidden folder beside the target
    (``.<target>.unfinished``) and put in place when it is complete. The same call after an
    interruption goes on from there, to the same bytes; another source, model or option starts
    anew.

    Args:
        source: ``.segy``, ``.sgy`` or ``.su`` file; ``.npy`` of ``(time, traces)`` or of a cube
            ``(time, inline, crossline)``, whose second axis runs along the inlines; ``.zarr`` or
            ``.mdio`` store.
        target: The file to write, of the same format; a section also as ``.npy``.
        model: As for ``denoise``.
        line: Denoise and write only this line of a ``.npy`` cube.
        integers: If the file holds integers, ``"clip"`` clips results that do not fit, with a
            warning; ``"round"`` raises then; ``"refuse"`` refuses such files.
        overwrite: Replace what is at the target.
        along: Lines of a volume to denoise: ``"inline"``, ``"crossline"``, or ``"both"``, one
            after the other, and the average. ``"both"`` needs the volume's room on disk twice.
        geometry: Of a trace file: ``"auto"``, or what it must be: ``"line"`` (all traces as one
            section, in the file's order), ``"volume"`` or ``"gathers"``.
        inline_word: Trace header word with the inline number: a name of SEG-Y or Seismic Unix,
            or its first byte (189).
        crossline_word: The same for the crossline number (193).
        gather_word: The same for what numbers the gathers of a pre-stack line (9).
        progress: Show a progress bar when the work takes longer than a second.
        **options: Passed to ``denoise``.

    Returns:
        Amplitudes of the middle line before and after, and figures of all lines. Unpacks into
        what was read and the denoised amplitudes.

    Raises:
        FileExistsError: If the target exists and ``overwrite`` is false, or is the source, or
            another process is writing it.
        FileNotFoundError: If there is no source, or no folder for the target.
        OSError: If there is no room on the disk, before or in the middle.
        PermissionError: If that folder cannot be written to.
        ValueError: If the source cannot be read, its headers contradict each other, its samples
            are not finite or all zero, or the target cannot be written: before any work is done,
            except for ``integers="round"``.

    Example:
        >>> denoise_file("volume.segy", "clean.segy", along="both")  # doctest: +SKIP
    """
    if callable(source) or str(source).endswith(_MODEL_SUFFIXES):
        instead = "denoise_file(source, target, model)"
        warn_deprecated("denoise_file(model, source, target)", removed_in="0.2", instead=instead)
        source, target, model = target, model, source  # type: ignore[assignment]
    source, target = Path(source), Path(target)
    if options.get("return_noise"):
        raise ValueError(f"{source}: return_noise is for sections; of a file, see the result's rms")
    checked_choice(along, ALONG, f"{source}: along")
    if target.suffix.lower() in STORE_SUFFIXES:
        check_free_store(source, target, overwrite)
    else:
        check_free(source, target, overwrite)
    words = {
        "inline_word": inline_word,
        "crossline_word": crossline_word,
        "gather_word": gather_word,
    }
    volume = open_volume(source, line, geometry, **words)
    volume.check_target(target, integers)
    passes = [volume.lines(name) for name in PASSES[along]]
    identity = {
        "source": fingerprint(source),
        "model": model_digest(load_denoiser() if model is None else model),
        "options": [along, line, integers, geometry, *words.values()],
        "denoise": {name: repr(value) for name, value in sorted(options.items())},
        "version": [__version__, pieces.GROUP, pieces.WHOLE],
    }
    with UnfinishedWork(target, identity, overwrite) as work:
        run = VolumeRun(volume, passes, load_denoiser(model), options, work, integers, progress)
        run.finish()
        if fingerprint(source) != identity["source"]:
            raise ValueError(f"{source}: was changed while it was being denoised; run it again")
        work.finish()
    return _result(run, PASSES[along][-1])


def _result(run: VolumeRun, along: str) -> VolumeResult:
    volume, lines = run.volume, run.passes[-1]
    *energies, samples = run.energies.T
    before, after = run.middle
    half = volume.samples // 2
    return VolumeResult(
        section=Section(np.ascontiguousarray(before.T), volume.dt, volume.path),
        denoised=np.ascontiguousarray(after.T),
        along=along if volume.is_volume else lines.kind,
        lines=lines.numbers,
        rms=np.sqrt(np.stack(energies, axis=1) / samples[:, None]),
        slice_before=volume.slice_of(run.slices[0]),
        slice_after=volume.slice_of(run.slices[1]),
        slice_time=half * (volume.dt or 1),
        seconds=dict(run.seconds),
    )


def model_digest(model: Any) -> str:
    """What tells a model from another: by its file's bytes, its weights, or a function's code."""
    digest = hashlib.sha256()
    if isinstance(model, str | os.PathLike):
        path = Path(model)
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(str(file.relative_to(path)).encode())
                with file.open("rb") as content:
                    digest.update(hashlib.file_digest(content, "sha256").digest())
        return digest.hexdigest()
    if isinstance(model, keras.Model):
        digest.update(str(model.count_params()).encode())
        for weight in model.weights:
            digest.update(keras.ops.convert_to_numpy(weight.value).tobytes())
    function = getattr(model, "__code__", None)
    digest.update(f"{type(model).__name__} {getattr(model, '__qualname__', '')}".encode())
    if function is not None:
        digest.update(function.co_code + repr(function.co_consts).encode())
    return digest.hexdigest()
