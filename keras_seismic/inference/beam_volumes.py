"""Denoising a Zarr volume on many machines, as an Apache Beam pipeline over its chunks."""

import functools
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.checks import check_finite, checked_choice
from keras_seismic.inference.denoising import load_denoiser
from keras_seismic.inference.pieces import denoised_traces, pieces_of
from keras_seismic.inference.predictors import Predictor
from keras_seismic.io.volumes import (
    ALONG,
    PASSES,
    ZarrVolume,
    check_free_store,
    is_url,
    remove_store,
    store_exists,
)


def denoise_with_beam(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    model: keras.Model | Predictor | str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    *,
    along: str = "inline",
    pipeline_options: Sequence[str] = (),
    **options: Any,
) -> None:
    """Denoise a Zarr or MDIO volume as ``denoise_file`` does, on any runner of Apache Beam.

    Each worker takes a row of chunks at a time, all lines in it: no two write the same chunk, and
    a row that a runner repeats is written again as it was. A worker holds a row in memory: its
    lines times the bytes of a line, twice.

    Args:
        source: ``.zarr`` or ``.mdio`` store: a folder that all workers see, or a URL that fsspec
            knows (``gs://``, ``s3://``).
        target: The store to write. A folder appears when it is complete; a URL must be free, and
            is written in place.
        model: The path of a model that all workers see, by default the preset; or a function
            that can be pickled.
        overwrite: Replace a store that is a folder.
        along: ``"inline"``, ``"crossline"``, or ``"both"``, which runs two pipelines.
        pipeline_options: Of Beam, as on its command line: ``["--runner=FlinkRunner", ...]``.
        **options: Passed to ``denoise``.

    Raises:
        FileExistsError: If there is a target that must not be replaced.
        ValueError: If the source is no volume. What workers find, Beam reports.
        ImportError: If Apache Beam, xarray or zarr is not installed.

    Example:
        >>> denoise_with_beam(
        ...     "volume.zarr", "clean.zarr", pipeline_options=["--direct_num_workers=2",
        ...     "--direct_running_mode=multi_processing"]
        ... )  # doctest: +SKIP
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ImportError(
            "denoise_with_beam needs Apache Beam: pip install 'keras_seismic[beam,volumes]'"
        ) from error
    source, target = os.fspath(source), os.fspath(target)
    checked_choice(along, ALONG, f"{source}: along")
    volume = ZarrVolume(source)
    volume.check_target(Path(target), "clip")
    partial = target
    if not is_url(target):
        check_free_store(Path(source), Path(target), overwrite)
        partial = str(Path(target).with_name(f".{Path(target).name}.unfinished"))
        for left in (partial, f"{partial}.pass"):
            shutil.rmtree(left, ignore_errors=True)
    elif store_exists(target):
        raise FileExistsError(f"{target}: exists already; choose another output")
    if not isinstance(model, keras.Model):
        load_denoiser(model)  # what is wrong with it is found here
    stores = [partial] if along != "both" else [f"{partial}.pass", partial]
    earlier = None
    for name, store in zip(PASSES[along], stores, strict=True):
        volume.copy_all_but_samples(store)
        lines = volume.lines(name)
        work = functools.partial(
            _denoise_row, source=source, target=store, earlier=earlier, model=model, along=name,
            options=options,
        )  # fmt: skip
        with beam.Pipeline(options=PipelineOptions(list(pipeline_options))) as pipeline:
            _ = (
                pipeline
                | "Rows" >> beam.Create(range(-(-len(lines) // lines.block)))
                | "Spread" >> beam.Reshuffle()
                | "Denoise" >> beam.Map(work)
            )
        earlier = store
    if along == "both":
        remove_store(stores[0])
    if not is_url(target):
        if Path(target).exists():
            shutil.rmtree(target)
        os.replace(partial, target)


def _denoise_row(
    row: int,
    source: str,
    target: str,
    earlier: str | None,
    model: Any,
    along: str,
    options: dict[str, Any],
) -> int:
    """Denoise all lines in a row of chunks; returns the number of traces."""
    volume, denoiser = _opened(source), _loaded(model)
    lines = volume.lines(along)
    pieces = [
        piece
        for line in range(row * lines.block, min((row + 1) * lines.block, len(lines)))
        for piece in pieces_of(lines, line, volume.samples, options)
    ]
    written = []
    for piece in pieces:
        numbers = lines.traces(piece.line, piece.begin, piece.end)
        traces = volume.read(numbers)
        check_finite(traces.T, f"{source}{lines.label(piece.line)}")
        after = denoised_traces(traces, lines.columns(numbers), denoiser, options)
        if earlier is not None:
            after = (after + _opened(earlier).read(numbers)) / 2
        kept = slice(piece.first - piece.begin, piece.stop - piece.begin)
        written.append((numbers[kept], after[kept]))
    numbers, traces = (np.concatenate(arrays) for arrays in zip(*written, strict=True))
    volume.open_writer(target).write(numbers, traces)
    return len(numbers)


@functools.cache
def _opened(url: str) -> ZarrVolume:
    """A store, opened once in each worker."""
    return ZarrVolume(url)


@functools.cache
def _loaded(model: Any) -> Any:
    """A model, loaded once in each worker."""
    return load_denoiser(model)
