"""``keras-seismic evaluate``: how well a trained model does on a file."""

from pathlib import Path
from typing import Annotated

import typer

import keras_seismic as ks
from keras_seismic.cli.app import app
from keras_seismic.training.run_folder import RunFolder


@app.command()
def evaluate(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="model.keras of a run.")],
    input: Annotated[Path, typer.Argument(help="Velocity model, or section.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in it.")] = False,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Velocity: cells from window to window.")
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[=LEVEL]",
            help="Section: noise to add, by default white; repeatable. One of "
            + ", ".join(ks.noise.NOISES),
        ),
    ] = None,
    snr: Annotated[float, typer.Option(metavar="DB", help="Section: of the noisy one.")] = 0.0,
    dt: Annotated[
        float | None, typer.Option(help="Section: sample interval, s, if the file has none.")
    ] = None,
    line: Annotated[
        int | None, typer.Option(help="Section: line of a cube (time, inline, crossline).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Section: seed of the noise.")] = 0,
) -> None:
    """Score a trained model on velocity models or on a section.

    An inversion network takes velocity models (.npy, m/s, on the grid of its acquisition): they
    are cut into windows, and the gathers over each window are simulated, inverted and compared. A
    denoiser takes a section (.segy, .sgy, .su, .npy), which is assumed clean, buried in noise and
    denoised. Writes config.json, metrics.json and a figure.
    """
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
        added = [ks.noise.Noise.parse(text) for text in noise or ["white"]]
        result = ks.evaluation.denoising_experiment(
            network, section.amplitude, snr, seed, added, dt
        )
        metrics = ks.evaluation.score_denoising(*result)
        figure = ks.visualization.plot_denoising(*result, dt=dt)
    run.create(configuration(context.params))
    run.save_figure(figure, input.stem)
    run.write("metrics.json", metrics)
    print_table(metrics)
    typer.echo(f"figure: {run.path / 'figures' / input.stem}.png")
