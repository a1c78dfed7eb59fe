"""Run a trained model on a file: shot gathers to velocity, or a noisy section to a clean one.

    python -m export.predict runs/x/model.keras gathers.npy velocity.npy --figure velocity.png
    python -m export.predict runs/x/model.onnx line.segy velocity.npy
    python -m export.predict runs/denoiser/model.keras stack.segy clean.segy --figure clean.png

MODEL is model.keras of a run, an .onnx or .tflite file or a SavedModel's version folder; what it
does is read from it. Gathers are .npy in Keras' or OpenFWI's layout, one or many, or a pre-stack
line in SEG-Y or Seismic Unix of any length, which is resampled to the model's acquisition part by
part; the velocity is written as .npy, with its grid beside it as .json. Sections (.segy, .su,
.npy) of any size go through in overlapping windows and are written back in their own format with
every header they came with. Only use models that you trust: loading one can run code in it.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_seismic as ks
from keras_seismic.cli import command_line
from keras_seismic.files import check_free, written_whole
from keras_seismic.gathers.shot_gathers import IRREGULAR

_GATHER_OPTIONS = ("calibrate", "irregular", "origin", "spacing")
_SECTION_OPTIONS = ("line", "window", "overlap", "fill_mute", "keep_peaks", "integers")


def parser() -> argparse.ArgumentParser:
    """The program's arguments."""
    positive = command_line.positive
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("model", type=Path, help=".keras, .onnx or .tflite file or SavedModel folder")
    p.add_argument("input", type=Path, help="gathers or section, .segy, .sgy, .su or .npy")
    p.add_argument("output", type=Path, help=".npy to write; a section also in its own format")
    p.add_argument("--overwrite", action="store_true", help="replace what is there")
    p.add_argument("--figure", type=Path, metavar="PNG", help="velocity, or before and after")
    p.add_argument("--task", choices=("velocity", "section"),
                   help="what the model predicts, where it has no card (denoisers)")  # fmt: skip
    p.add_argument("--batch-size", type=positive, default=4,
                   help="gathers or windows at once, default %(default)s")  # fmt: skip
    gathers = p.add_argument_group("shot gathers to velocity")
    gathers.add_argument("--calibrate", action="store_true",
                         help="scale amplitudes by the direct wave (field data)")  # fmt: skip
    gathers.add_argument("--irregular", choices=IRREGULAR, default="refuse",
                         help="receivers off a line's grid, default %(default)s")  # fmt: skip
    gathers.add_argument("--origin", type=float, metavar="X",
                         help="only the part of a line that begins there, m")  # fmt: skip
    gathers.add_argument("--spacing", type=float, metavar="DX", help="of a line's velocity grid, "
                         "m; default the acquisition's")  # fmt: skip
    sections = p.add_argument_group("sections")
    sections.add_argument("--line", type=int, help="only this line of a .npy cube")
    sizes: dict[str, Any] = {"type": int, "nargs": 2, "metavar": ("SAMPLES", "TRACES")}
    sections.add_argument("--window", default=(256, 256), help="default 256 256", **sizes)
    sections.add_argument("--overlap", help="of windows, default a quarter", **sizes)
    sections.add_argument("--fill-mute", action="store_true", help="also change zero samples")
    sections.add_argument("--keep-peaks", action="store_true", help="also those the model clips")
    sections.add_argument("--integers", choices=("clip", "round", "refuse"), default="clip",
                          help="if the file holds integers: clip with a warning what does not fit "
                          "(the default), stop then, or refuse such files")  # fmt: skip
    return p


def main(argv: Sequence[str] | None = None) -> np.ndarray:
    """Predict and write; returns the velocity or the clean section."""
    arguments = parser().parse_args(argv)
    if arguments.figure:
        check_figure(arguments)
    model = arguments.model
    model = ks.inference.load_model(model) if model.suffix == ".keras" else model
    task = task_of(model, arguments.task)
    refuse_others_options(arguments, task)
    result, figure = (invert if task == "velocity" else denoise)(model, arguments)
    if figure is not None:
        with written_whole(arguments.figure) as temporary:
            figure.savefig(temporary, dpi=120)
        print(f"figure: {arguments.figure}")
    return result


def check_figure(arguments: argparse.Namespace) -> None:
    """Refuse a figure that cannot be drawn or would replace something, before the work."""
    ks.visualization.new_figure(1, 1)  # a missing matplotlib is reported now
    figure = arguments.figure
    if figure.suffix.lower() != ".png":
        raise ValueError(f"{figure}: figures are written as .png")
    check_free(arguments.input, figure, arguments.overwrite)
    if figure.absolute() == arguments.output.absolute():
        raise ValueError(f"{figure}: is the output; choose another name for the figure")


def task_of(model: keras.Model | Path, said: str | None) -> str:
    """What the model predicts: by its card or, without one, by what the user says."""
    in_memory = isinstance(model, keras.Model)
    card = (ks.inference.ModelCard.of if in_memory else ks.inference.ModelCard.read)(model)
    if card is None:
        ks.inference.load_predictor(model)  # says what is wrong if it is no model at all
        if said is None:
            raise ValueError(f"{model}: has no model card; say that it denoises: --task section")
        return said
    task = "velocity" if card.predicts_velocity else "section"
    if said not in (None, task):
        raise ValueError(f"{model}: --task {said}, but by its card it is {card.task}")
    return task


def refuse_others_options(arguments: argparse.Namespace, task: str) -> None:
    """Refuse options that the task does not know, which would do nothing."""
    defaults = vars(parser().parse_args(["model", "input", "output"]))
    for name in _SECTION_OPTIONS if task == "velocity" else _GATHER_OPTIONS:
        if getattr(arguments, name) != defaults[name]:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option}: does nothing for a model that predicts a {task}")


def invert(model: keras.Model | Path, arguments: argparse.Namespace):
    """Gathers to velocity."""
    inverter = ks.inference.GatherInverter.of(model)
    inverter = dataclasses.replace(inverter, name=str(arguments.model))
    line = arguments.input.suffix.lower() in (".segy", ".sgy", ".su")
    result = ks.inference.invert_file(
        inverter,
        arguments.input,
        arguments.output,
        arguments.overwrite,
        arguments.calibrate,
        arguments.batch_size,
        {"irregular": arguments.irregular} if line else None,
        arguments.spacing,
        **({} if arguments.origin is None else {"origin": arguments.origin}),
    )
    if isinstance(result, np.ndarray):
        velocity, dx, start = result, inverter.spacing(result.shape[-1]), 0.0
    else:
        velocity, dx, start = result.velocity, result.dx, result.start
        print(
            f"{len(result.origins)} parts of the line; of the first: " + "; ".join(result.changes)
        )
    low, high = np.nanmin(velocity), np.nanmax(velocity)
    print(f"written: {arguments.output}, {velocity.shape}, {low:.0f} to {high:.0f} m/s")
    if not arguments.figure:
        return velocity, None
    return velocity, ks.visualization.plot_predicted_velocity(velocity, dx, start)


def denoise(_, arguments: argparse.Namespace):
    """A section to a clean one."""
    section, denoised = ks.inference.denoise_file(
        arguments.model,
        arguments.input,
        arguments.output,
        arguments.line,
        arguments.integers,
        arguments.overwrite,
        window=arguments.window,
        overlap=arguments.overlap,
        batch_size=arguments.batch_size,
        keep_mute=not arguments.fill_mute,
        keep_peaks=arguments.keep_peaks,
    )
    before = section.amplitude
    removed = np.sqrt(np.mean((before - denoised) ** 2) / np.mean(before**2))
    print(f"written: {arguments.output}; removed {removed:.1%} of the RMS amplitude")
    if not arguments.figure:
        return denoised, None
    return denoised, ks.visualization.plot_before_after(before, denoised, section.dt)


if __name__ == "__main__":
    command_line.run_program(main)
