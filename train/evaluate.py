"""Score a trained model on a file: velocity for an inversion network, a section for a denoiser.

    python -m train.evaluate runs/demo/model.keras marmousi.npy --out runs/marmousi
    python -m train.evaluate runs/denoiser/model.keras line.segy --out runs/line

A velocity model (.npy, m/s, on the grid of the model's acquisition) is cut into windows, the
gathers over each are simulated, inverted and compared. A section (.segy, .sgy, .npy) is taken
as clean, buried in noise (--noise, by default white) and denoised. Writes config.json,
metrics.json and a figure.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras_seismic as ks
from keras_seismic.cli import command_line


def parser() -> argparse.ArgumentParser:
    """The program's arguments."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("model", type=Path, help="model.keras of a run")
    p.add_argument("data", type=Path, help="velocity model or section")
    p.add_argument("--out", type=Path, required=True, help="folder to write")
    p.add_argument("--overwrite", action="store_true", help="replace an earlier run in it")
    p.add_argument("--snr", type=float, default=0.0, metavar="DB", help="denoiser: noise to add")
    p.add_argument("--noise", type=command_line.noise, action="append", metavar="KIND[=LEVEL]",
                   help=f"denoiser: may be repeated, {', '.join(ks.noise.NOISES)}")  # fmt: skip
    p.add_argument("--dt", type=float, help="sample interval in s where the file does not tell")
    p.add_argument("--line", type=int, help="denoiser: line of a cube (time, inline, crossline)")
    p.add_argument("--stride", type=command_line.positive, help="inversion: cells between windows")
    p.add_argument("--seed", type=int, default=0, help="seed of the noise, default %(default)s")
    return p


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Score; returns what metrics.json holds."""
    arguments = parser().parse_args(argv)
    run = command_line.open_run(arguments)
    model = ks.inference.load_model(arguments.model)
    if getattr(model, "predicts_velocity", False):
        velocity = ks.io.read_velocity(arguments.data)
        scores = ks.evaluation.evaluate_on_windows(model, velocity, arguments.stride)
        metrics = scores.metrics
        shown = slice(None, None, max(len(scores.true) // 4, 1))
        figure = ks.visualization.plot_velocity(
            scores.true[shown][:4], scores.predicted[shown][:4], dx=model.acquisition.dx
        )
    else:
        section = ks.io.read_section(arguments.data, arguments.line)
        dt = section.dt or arguments.dt
        noise = arguments.noise or "white"
        result = ks.evaluation.denoising_experiment(
            model, section.amplitude, arguments.snr, arguments.seed, noise, dt
        )
        metrics = ks.evaluation.score_denoising(*result)
        figure = ks.visualization.plot_denoising(*result, dt=dt)
    run.create(command_line.configuration(arguments))
    run.save_figure(figure, arguments.data.stem)
    run.write("metrics.json", metrics)
    command_line.print_table(metrics)
    print(f"figure: {run.path / 'figures' / arguments.data.stem}.png")
    return metrics


if __name__ == "__main__":
    command_line.run_program(main)
