"""``keras-seismic predict``: a trained model on a file."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import app
from keras_seismic.files import check_free, written_whole
from keras_seismic.inference import GatherInverter, ModelCard, VelocityLine, VolumeResult
from keras_seismic.inference.gather_inverter import PRESET
from keras_seismic.inference.velocity import TRACE_FILES
from keras_seismic.io.arrays import read_header
from keras_seismic.io.volumes import open_volume

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Size: TypeAlias = tuple[int, int]

_GATHERS_ONLY = ("calibrate", "irregular", "origin", "refine", "spacing", "spread")
_SECTIONS_ONLY = (
    "along", "beam", "crossline_word", "fill_mute", "gather_word", "geometry", "inline_word",
    "integers", "keep_peaks", "line", "overlap", "strength", "window",
)  # fmt: skip


@app.command()
def predict(
    context: typer.Context,
    input: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Gathers, section or volume: .segy, .sgy, .su, .npy; a volume also .zarr, .mdio.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT", help=".npy to write; a section or volume in its own format."
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="model.keras of a run, .onnx, .tflite or a SavedModel's version. Without one, the "
            "package's own networks denoise sections, and invert gathers of OpenFWI's acquisition."
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    figure: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw the velocity, or before and after.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Gathers or windows at once; by default 4 gathers, 1 window."),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Gathers: scale amplitudes by the direct wave.")
    ] = False,
    irregular: Annotated[
        Literal["refuse", "zero", "nearest", "interpolate"],
        typer.Option(help="Gathers: what to do with receivers off the line's grid."),
    ] = "refuse",
    origin: Annotated[
        float | None,
        typer.Option(metavar="X", help="Gathers: only the part of a line that begins at X, m."),
    ] = None,
    spacing: Annotated[
        float | None,
        typer.Option(
            metavar="DX", help="Gathers: spacing of a line's velocity, m; by default the model's."
        ),
    ] = None,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine",
            help="Gathers: refine each answer by waveform inversion, about a minute each.",
        ),
    ] = False,
    spread: Annotated[
        Path | None,
        typer.Option(metavar="NPY", help="Gathers: also write how far off the velocity may be."),
    ] = None,
    along: Annotated[
        Literal["inline", "crossline", "both"],
        typer.Option(help="Volumes: lines to denoise; both: one after the other, averaged."),
    ] = "inline",
    geometry: Annotated[
        Literal["auto", "line", "volume", "gathers"],
        typer.Option(
            help="Sections: what a SEG-Y or SU file is. auto: as its headers say; line: all traces "
            "as one section."
        ),
    ] = "auto",
    inline_word: Annotated[
        str, typer.Option(metavar="WORD", help="Volumes: header word of the inline, name or byte.")
    ] = "INLINE_3D",
    crossline_word: Annotated[
        str, typer.Option(metavar="WORD", help="Volumes: header word of the crossline.")
    ] = "CROSSLINE_3D",
    gather_word: Annotated[
        str, typer.Option(metavar="WORD", help="Sections: header word of pre-stack gathers.")
    ] = "FieldRecord",
    line: Annotated[
        int | None, typer.Option(help="Sections: only this line of a .npy cube.")
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(metavar="0-1", help="Sections: how much of the noise to remove; default 1."),
    ] = None,
    window: Annotated[
        Size | None, typer.Option(metavar="SAMPLES TRACES", help="Sections: size of a window.")
    ] = None,
    overlap: Annotated[
        Size | None,
        typer.Option(metavar="SAMPLES TRACES", help="Sections: overlap, default a quarter."),
    ] = None,
    fill_mute: Annotated[
        bool, typer.Option("--fill-mute", help="Sections: also change muted samples.")
    ] = False,
    keep_peaks: Annotated[
        bool, typer.Option("--keep-peaks", help="Sections: keep peaks that the model clips.")
    ] = False,
    integers: Annotated[
        Literal["clip", "round", "refuse"],
        typer.Option(
            help="Sections: in a file of integers, clip what does not fit, with a warning (clip), "
            "stop instead (round), or refuse such files."
        ),
    ] = "clip",
    beam: Annotated[
        str | None,
        typer.Option(
            metavar="OPTIONS",
            help="Volumes in .zarr or .mdio: run on Apache Beam with its options, such as "
            "'--runner=FlinkRunner --flink_master=host:8081'.",
        ),
    ] = None,
) -> None:
    """Turn shot gathers into velocity, or a noisy section or volume into a clean one.

    The model determines which of the two. Without one, the input does: gathers are inverted (of a
    pre-stack line, if OUTPUT is .npy) and everything else is denoised, by the package's own
    networks. Gathers are a .npy file in Keras' or OpenFWI's layout, one or many, or a pre-stack
    line in SEG-Y or Seismic Unix of any length, which is resampled to the model's acquisition part
    by part; the velocity is written as .npy, with its grid beside it as .json. --refine starts a
    waveform inversion from each answer. Sections and volumes of any size are denoised in
    overlapping windows, a volume line by line and a pre-stack line gather by gather, and written
    in their own format, with all of their headers. After an interruption, the same command goes on.

    Loading a model can run code inside it: use only models that you trust.
    """
    if figure:
        _check_figure(figure, input, output, overwrite)
    network, card = _opened(model)
    if card.predicts_velocity if card else model is None and _gathers(context, input, output):
        _refuse(context, _SECTIONS_ONLY, "velocity")
        inverter = GatherInverter.of(network, str(model) if model else None)
        if refine:
            inverter = ks.inversion.refined(inverter)
        matching: dict[str, Any] = {} if origin is None else {"origin": origin}
        reading = {} if irregular == "refuse" else {"irregular": irregular}
        settings = (overwrite, calibrate, batch_size or 4, reading, spacing, spread)
        result = ks.inference.invert_file(inverter, input, output, *settings, **matching)
        drawing = _tell_velocity(result, inverter, output, spread)
    else:
        _refuse(context, _GATHERS_ONLY, "section")
        if model is not None and card is None:
            typer.echo(f"{model}: has no model card; it is taken for a denoiser")
        chosen: dict[str, Any] = {"window": window, "overlap": overlap, "batch_size": batch_size}
        chosen |= {"strength": strength}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        chosen |= {"along": along, "keep_mute": not fill_mute, "keep_peaks": keep_peaks}
        if beam is not None:
            if figure:
                raise ValueError("--figure: does nothing with --beam")
            source, target = _url(input), _url(output)
            pipeline = shlex.split(beam)
            ks.inference.denoise_with_beam(
                source, target, model, overwrite, pipeline_options=pipeline, **chosen
            )
            typer.echo(f"written: {output}")
            return
        words = {"inline": inline_word, "crossline": crossline_word, "gather": gather_word}
        chosen |= {f"{name}_word": int(w) if w.isdecimal() else w for name, w in words.items()}
        denoised = ks.denoise_file(
            input, output, network, line, integers, overwrite, geometry=geometry, **chosen
        )
        drawing = _tell_section(denoised, output, card)
    if figure:
        with written_whole(figure) as temporary:
            drawing().savefig(temporary, dpi=120)
        typer.echo(f"figure: {figure}")


def _check_figure(figure: Path, input: Path, output: Path, overwrite: bool) -> None:
    """Refuse a figure that cannot be drawn or would replace something, before the work."""
    ks.visualization.new_figure(1, 1)  # a missing matplotlib is reported now
    if figure.suffix.lower() != ".png":
        raise ValueError(f"{figure}: figures are written as .png")
    check_free(input, figure, overwrite)
    if figure.absolute() == output.absolute():
        raise ValueError(f"{figure}: is the output; choose another name for the figure")


def _refuse(context: typer.Context, others: tuple[str, ...], predicted: str) -> None:
    """Refuse options that would do nothing."""
    for name in _given(context, others):
        option = f"--{name.replace('_', '-')}"
        raise ValueError(f"{option}: does nothing for a model that predicts a {predicted}")


def _given(context: typer.Context, names: tuple[str, ...]) -> list[str]:
    """Those of the options that are on the command line."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return [name for name, at in sources.items() if at is not None and at.name == "COMMANDLINE"]


def _url(path: Path) -> str:
    """A path as it was typed; of a URL, Python's paths drop a slash."""
    return re.sub(r"^([a-z][a-z0-9+]+):/(?!/)", r"\1://", str(path))


def _opened(model: Path | None) -> tuple[Any, ModelCard | None]:
    """A model, in memory or by its path, and its card."""
    if model is None:
        return None, None
    if model.suffix != ".keras":
        return model, ModelCard.read(model)
    network = ks.inference.load_model(model)
    return network, ModelCard.of(network)


def _gathers(context: typer.Context, input: Path, output: Path) -> bool:
    """Whether a file for which no model is named holds gathers to invert."""
    if _given(context, _GATHERS_ONLY):
        return True
    if _given(context, _SECTIONS_ONLY) or not input.is_file():
        return False
    if input.suffix.lower() == ".npy":
        shape = read_header(input).shape
        if len(shape) == 3 and PRESET in ks.presets():  # or a cube
            nt, receivers, shots = GatherInverter.of().gather_shape
            return shape in ((nt, receivers, shots), (shots, nt, receivers))
        return len(shape) > 3
    if input.suffix.lower() in TRACE_FILES and output.suffix.lower() == ".npy":
        return open_volume(input).lines("inline").kind == "gather"
    return False


def _tell_velocity(
    result: Any, inverter: GatherInverter, output: Path, spread: Path | None
) -> Callable[[], "Figure"]:
    """Print what was written; return a function that draws it."""
    if not isinstance(result, VelocityLine):
        velocity, stated = result if isinstance(result, tuple) else (result, None)
        dx, start = inverter.spacing(velocity.shape[-1]), 0.0
    else:
        velocity, stated, dx, start = result.velocity, result.spread, result.dx, result.start
        parts, changes = len(result.origins), "; ".join(result.changes)
        typer.echo(f"{parts} parts of the line; to the first: {changes}")
    low, high = np.nanmin(velocity), np.nanmax(velocity)
    typer.echo(f"written: {output}, {velocity.shape}, {low:.0f} to {high:.0f} m/s")
    if stated is not None:
        typer.echo(f"spread: {spread}, {np.nanmean(stated):.0f} m/s on average")
    return lambda: ks.visualization.plot_predicted_velocity(velocity, dx, start, spread=stated)


def _tell_section(
    result: VolumeResult, output: Path, card: ModelCard | None
) -> Callable[[], "Figure"]:
    """Print what was written; return a function that draws it."""
    if card is not None and card.classes:
        typer.echo(f"written: {output}, {card.output['units']}")
        return lambda: ks.visualization.plot_probability(
            result.section.amplitude, result.denoised, card.classes[0], result.section.dt
        )
    removed = result.removed
    live = removed[np.isfinite(removed)]
    several = f", {live.min():.1%} to {live.max():.1%} by {result.along}" if live.size > 1 else ""
    typer.echo(f"written: {output}; removed {np.median(live):.1%} of the RMS amplitude{several}")
    return lambda: _quality(result)


def _quality(result: VolumeResult) -> "Figure":
    """A time slice and all lines of a volume, or a section with what was removed from it."""
    if len(result.lines) > 1 and result.along in ("inline", "crossline"):
        seconds = result.slice_time if result.section.dt else None
        return ks.visualization.plot_volume_quality(
            result.slice_before,
            result.slice_after,
            result.removed,
            result.lines,
            seconds,
            result.along,
        )
    section, denoised = result
    similarity = ks.denoising.local_similarity(section.amplitude - denoised, denoised)
    return ks.visualization.plot_quality(section.amplitude, denoised, section.dt, similarity)
