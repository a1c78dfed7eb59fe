"""``keras-seismic evaluate``: how well a trained model does on a file."""

from pathlib import Path
from typing import Annotated, Any

import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import app
from keras_seismic.cli.program import configuration, print_table, program
from keras_seismic.training.run_folder import RunFolder


@program(app)
def evaluate(
    model: options.ModelFile,
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="Velocity models, or a section.")],
    out: options.Out,
    overwrite: options.Overwrite = False,
    stride: Annotated[
        int | None,
        typer.Option(min=1, help="Velocity: cells between windows, by default a window's width."),
    ] = None,
    noise: options.NoiseKinds = None,
    snr: options.SNR = 0.0,
    dt: options.SampleInterval = None,
    line: Annotated[
        int | None, typer.Option(help="Section: line of a cube (time, inline, crossline).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Section: seed of the noise.")] = 0,
) -> dict[str, Any]:
    """Score a trained model on velocity models or on a section.

    An inversion network takes velocity models (.npy, m/s, on the grid of its acquisition): they
    are cut into windows, and the gathers over each window are simulated, inverted and compared.

    A denoiser takes a section (.segy, .sgy, .su, .npy): it is assumed clean, buried in noise and
    denoised.

    Writes config.json, metrics.json and a figure.
    """
    arguments = dict(locals())
    run = RunFolder(out, overwrite)
    network = ks.inference.load_model(model)
    if getattr(network, "predicts_velocity", False):
        scores = ks.evaluation.evaluate_on_windows(network, ks.io.read_velocity(input), stride)
        metrics = scores.metrics
        shown = slice(None, None, max(len(scores.true) // 4, 1))
        figure = ks.visualization.plot_velocity(
            scores.true[shown][:4], scores.predicted[shown][:4], dx=network.acquisition.dx
        )
    else:
        section = ks.io.read_section(input, line)
        dt = section.dt or dt
        kinds = [ks.noise.Noise.parse(kind) for kind in noise or ["white"]]
        result = ks.evaluation.denoising_experiment(
            network, section.amplitude, snr, seed, kinds, dt
        )
        metrics = ks.evaluation.score_denoising(*result)
        figure = ks.visualization.plot_denoising(*result, dt=dt)
    run.create(configuration("evaluate", arguments))
    run.save_figure(figure, input.stem)
    run.write("metrics.json", metrics)
    print_table(metrics)
    typer.echo(f"figure: {run.path / 'figures' / input.stem}.png")
    return metrics
