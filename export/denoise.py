"""Denoise a section and write it in its own format, with every header it came with.

    python -m export.denoise runs/denoiser/model.keras line.segy clean.segy --figure clean.png

SEG-Y, Seismic Unix (.su) and NumPy (.npy) sections of any size go through the model in
overlapping windows that blend into each other. Sample format, byte order and all headers stay
the input's; muted samples stay zero. MODEL is model.keras of a run, an .onnx file or a
SavedModel folder. Only use models that you trust: loading a model can run code that is in it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import keras_seismic as ks
from keras_seismic.training import command_line


def parser() -> argparse.ArgumentParser:
    """The program's arguments."""
    positive = command_line.positive
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("model", type=Path, help="model.keras, .onnx file or SavedModel folder")
    p.add_argument("input", type=Path, help="section, .segy, .sgy, .su or .npy")
    p.add_argument("output", type=Path, help="file to write, of the same format, or .npy")
    p.add_argument("--overwrite", action="store_true", help="replace what is there")
    p.add_argument("--figure", type=Path, metavar="PNG", help="before, after and difference")
    p.add_argument("--line", type=int, help="only this line of a cube (time, inline, crossline)")
    sizes: dict[str, Any] = {"type": int, "nargs": 2, "metavar": ("SAMPLES", "TRACES")}
    p.add_argument("--window", default=(256, 256), help="default 256 256", **sizes)
    p.add_argument("--overlap", help="of neighbouring windows, default a quarter", **sizes)
    p.add_argument("--batch-size", type=positive, default=4, help="windows, default %(default)s")
    p.add_argument("--fill-mute", action="store_true", help="also change muted (zero) samples")
    p.add_argument("--keep-peaks", action="store_true", help="also those that the model clips")
    p.add_argument("--integers", choices=("clip", "round", "refuse"), default="clip",
                   help="if the file holds integers: clip with a warning what does not fit "
                   "(the default), stop then, or refuse such files")  # fmt: skip
    return p


def main(argv: Sequence[str] | None = None) -> np.ndarray:
    """Denoise and write; returns the denoised section."""
    arguments = parser().parse_args(argv)
    if arguments.figure:
        ks.visualization.new_figure(1, 1)  # a missing matplotlib is reported before the work
        if arguments.figure.exists() and not arguments.overwrite:
            raise FileExistsError(f"{arguments.figure}: exists already; pass --overwrite")
    section, denoised = ks.exporting.denoise_file(
        ks.exporting.load_denoiser(arguments.model),
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
    if arguments.figure:
        ks.visualization.plot_before_after(before, denoised, section.dt).savefig(
            arguments.figure, format="png", dpi=120
        )
        print(f"figure: {arguments.figure}")
    return denoised


if __name__ == "__main__":
    command_line.run_program(main)
