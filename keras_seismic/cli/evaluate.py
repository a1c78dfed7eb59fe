"""``keras-seismic evaluate``: how well a trained model does on a file."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import keras
import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import app
from keras_seismic.cli.program import conclude, configuration, print_table, program
from keras_seismic.cli.train.velocity import check_fit
from keras_seismic.training.run_folder import RunFolder


@program(app)
def evaluate(
    model: options.ModelFile,
    input: Annotated[
        Path, typer.Argument(metavar="INPUT", help="Velocity models, pairs, or a section.")
    ],
    out: options.Out,
    overwrite: options.Overwrite = False,
    robustness: Annotated[
        bool,
        typer.Option("--robustness", help="Velocity: also disturb the gathers in eight ways."),
    ] = False,
    held_out: options.HeldOut = 100,
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
    seed: Annotated[int, typer.Option(help="Seed of noise and of what is held out.")] = 0,
) -> dict[str, Any]:
    """Score a trained model on velocity models, on pairs or on a section.

    An inversion network takes velocity models (.npy, m/s, on the grid of its acquisition): they
    are cut into windows, and the gathers over each window are simulated, inverted and compared.
    Or it takes pairs (a folder, as train inversionnet --data does): --held-out of those that a
    training with the same --seed holds out.

    With --robustness the error is measured against noise, missing traces, time shift, amplitude,
    the wavelet's frequency and phase, receiver spacing and velocity out of range:

        keras-seismic evaluate runs/flat/model.keras FlatVel_A --robustness --out runs/robust

    A denoiser takes a section (.segy, .sgy, .su, .npy): it is assumed clean, buried in noise and
    denoised.

    Writes config.json, metrics.json, figures, report.html and, with --robustness,
    robustness.csv and robustness.json. Levels that cannot be simulated are left out, and named.
    """
    config = configuration("evaluate", dict(locals()))
    run = RunFolder(out, overwrite)
    network = ks.inference.load_model(model)
    result = None
    if getattr(network, "predicts_velocity", False):
        held = _held_out(network, model, input, held_out, seed) if input.is_dir() else None
        scores: ks.evaluation.PairScores | ks.evaluation.WindowScores
        if held:
            scores = ks.evaluation.score_pairs(network, *held)
        else:
            windows = ks.io.read_velocity(input)
            scores = ks.evaluation.evaluate_on_windows(network, windows, stride)
        metrics, figures = scores.metrics, _velocity_figures(network, scores, input.stem)
        if robustness:
            result = _robustness(network, scores.true[:held_out], held, seed)
            figures["robustness"] = result.figure()
    elif getattr(network, "predicts_classes", False):
        raise ValueError(f"{model}: predicts masks; its scores are in its run's metrics.json")
    elif robustness:
        raise ValueError(f"{model}: --robustness is for inversion networks; this is a denoiser")
    else:
        metrics, figures = _denoising(network, input, line, dt, noise, snr, seed)
    run.create(config)
    for name, figure in figures.items():
        run.save_figure(figure, name)
    print_table(metrics)
    if result:
        run.write_text("robustness.csv", result.csv().rstrip())
        run.write("robustness.json", result.to_dict())
        typer.echo(result.table())
        for what, why in result.left_out.items():
            typer.echo(f"left out: {what}: {why}")
    conclude(run, metrics, model.parent)
    return metrics


class _HeldOut(NamedTuple):
    """The arguments of ``score_pairs`` after the model."""

    pairs: ks.datasets.Pairs
    part: np.ndarray
    learned: np.ndarray


def _held_out(network: keras.Model, path: Path, folder: Path, count: int, seed: int) -> _HeldOut:
    pairs = ks.datasets.open_pairs(folder)
    if pairs.velocity_shape is None:
        raise ValueError(f"{folder}: gathers without velocity; there is nothing to compare with")
    taking = ks.models.for_decimated(network, pairs.keep_every)
    check_fit(path, taking, pairs.gather_shape, pairs.velocity_shape)
    learned, part = pairs.held_out(seed=seed)
    return _HeldOut(pairs, part[:count], learned)


def _robustness(
    network: keras.Model, true: np.ndarray, held: _HeldOut | None, seed: int
) -> ks.evaluation.Robustness:
    """Of pairs as they are, of windows with the gathers simulated over them."""
    if held:
        gathers, acquisition = held.pairs[held.part][0], held.pairs.acquisition
    else:
        acquisition = network.acquisition
        gathers = ks.simulation.simulate(true[..., 0], acquisition)
    return ks.evaluation.evaluate_robustness(network, gathers, true, acquisition, seed=seed)


def _velocity_figures(network: keras.Model, scores: Any, name: str) -> dict[str, Any]:
    true, predicted = scores.true, scores.predicted
    spread = scores.spread
    dx = network.acquisition.dx if network.acquisition else 10.0
    shown = slice(None, None, max(len(true) // 4, 1))
    stated = None if spread is None else spread[shown][:4]
    figures = {
        "cases": ks.visualization.plot_cases(true, predicted, dx, spread=spread),
        "errors": ks.visualization.plot_errors(true, predicted),
        name: ks.visualization.plot_velocity(
            true[shown][:4], predicted[shown][:4], dx, spread=stated
        ),
    }
    if spread is not None:
        figures["spread"] = ks.visualization.plot_spread(true, predicted, spread)
    return figures


def _denoising(
    network: keras.Model,
    input: Path,
    line: int | None,
    dt: float | None,
    noise: list[str] | None,
    snr: float,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Scores and a figure of a section, buried in noise and denoised."""
    section = ks.io.read_section(input, line)
    dt = section.dt or dt
    kinds = [ks.noise.Noise.parse(kind) for kind in noise or ["white"]]
    result = ks.evaluation.denoising_experiment(network, section.amplitude, snr, seed, kinds, dt)
    figure = ks.visualization.plot_denoising(*result, dt=dt)
    return ks.evaluation.score_denoising(*result), {input.stem: figure}
