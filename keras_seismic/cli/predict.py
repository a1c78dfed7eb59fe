"""``keras-seismic predict``: a trained model on a file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import keras
import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import app
from keras_seismic.files import check_free, written_whole
from keras_seismic.inference import GatherInverter, ModelCard, VelocityLine
from keras_seismic.io.sections import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Size: TypeAlias = tuple[int, int]

_GATHERS_ONLY = ("calibrate", "irregular", "origin", "refine", "spacing")
_SECTIONS_ONLY = ("line", "window", "overlap", "fill_mute", "keep_peaks", "integers")


@app.command()
def predict(
    context: typer.Context,
    input: Annotated[
        Path, typer.Argument(metavar="INPUT", help="Gathers or section: .segy, .sgy, .su or .npy.")
    ],
    output: Annotated[
        Path,
        typer.Argument(metavar="OUTPUT", help=".npy to write; a section also in its own format."),
    ],
    model: Annotated[
        Path, typer.Option(help="model.keras of a run, .onnx, .tflite or a SavedModel's version.")
    ],
    overwrite: options.Overwrite = False,
    figure: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw the velocity, or before and after.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Gathers or windows at once.")] = 4,
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
    line: Annotated[
        int | None, typer.Option(help="Sections: only this line of a .npy cube.")
    ] = None,
    window: Annotated[
        Size, typer.Option(metavar="SAMPLES TRACES", help="Sections: size of a window.")
    ] = (256, 256),
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
) -> None:
    """Turn shot gathers into velocity, or a noisy section into a clean one.

    The model determines which of the two. Gathers are a .npy file in Keras' or OpenFWI's layout,
    one or many, or a pre-stack line in SEG-Y or Seismic Unix of any length, which is resampled to
    the model's acquisition part by part; the velocity is written as .npy, with its grid beside it
    as .json. --refine starts a waveform inversion from each answer. Sections of any size are
    processed in overlapping windows and written back in their own format, with all of their
    headers.

    Loading a model can run code inside it: use only models that you trust.
    """
    if figure:
        _check_figure(figure, input, output, overwrite)
    network = ks.inference.load_model(model) if model.suffix == ".keras" else model
    in_memory = isinstance(network, keras.Model)
    card = ModelCard.of(network) if in_memory else ModelCard.read(model)
    if card is not None and card.predicts_velocity:
        _refuse(context, _SECTIONS_ONLY, "velocity")
        inverter = GatherInverter.of(network, str(model))
        if refine:
            inverter = ks.inversion.refined(inverter)
        matching = {} if origin is None else {"origin": origin}
        reading = {} if irregular == "refuse" else {"irregular": irregular}
        result = ks.inference.invert_file(
            inverter, input, output, overwrite, calibrate, batch_size, reading, spacing, **matching
        )
        drawing = _tell_velocity(result, inverter, output)
    else:
        _refuse(context, _GATHERS_ONLY, "section")
        if card is None:
            typer.echo(f"{model}: has no model card; it is taken for a denoiser")
        section, denoised = ks.inference.denoise_file(
            network,
            input,
            output,
            line,
            integers,
            overwrite,
            window=window,
            overlap=overlap,
            batch_size=batch_size,
            keep_mute=not fill_mute,
            keep_peaks=keep_peaks,
        )
        drawing = _tell_section(section, denoised, output)
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
    for name in others:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option}: does nothing for a model that predicts a {predicted}")


def _tell_velocity(
    result: np.ndarray | VelocityLine, inverter: GatherInverter, output: Path
) -> Callable[[], "Figure"]:
    """Print what was written; return a function that draws it."""
    if isinstance(result, np.ndarray):
        velocity, dx, start = result, inverter.spacing(result.shape[-1]), 0.0
    else:
        velocity, dx, start = result.velocity, result.dx, result.start
        parts, changes = len(result.origins), "; ".join(result.changes)
        typer.echo(f"{parts} parts of the line; to the first: {changes}")
    low, high = np.nanmin(velocity), np.nanmax(velocity)
    typer.echo(f"written: {output}, {velocity.shape}, {low:.0f} to {high:.0f} m/s")
    return lambda: ks.visualization.plot_predicted_velocity(velocity, dx, start)


def _tell_section(section: Section, denoised: np.ndarray, output: Path) -> Callable[[], "Figure"]:
    """Print what was written; return a function that draws it."""
    before = section.amplitude
    removed = np.sqrt(np.mean((before - denoised) ** 2) / np.mean(before**2))
    typer.echo(f"written: {output}; removed {removed:.1%} of the RMS amplitude")
    return lambda: ks.visualization.plot_before_after(before, denoised, section.dt)
