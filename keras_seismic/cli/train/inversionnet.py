"""``keras-seismic train inversionnet``: shot gathers to velocity, OpenFWI's recipe."""

from pathlib import Path
from typing import Annotated, Any, Literal

import keras
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import train
from keras_seismic.cli.program import configuration, finish, program
from keras_seismic.cli.train.velocity import find_pairs, normalization, score

SMOKE = {
    "samples": 8, "held_out": 2, "epochs": 1,
    "batch_size": 4, "filters": 1, "boundary": "cpml", "precision": "float32",
}  # fmt: skip


@program(train, smoke=SMOKE, devices=True)
def inversionnet(
    out: options.Out,
    data: options.Data = None,
    family: options.Family = None,
    samples: options.Samples = None,
    held_out: options.HeldOut = 100,
    epochs: options.Epochs = 16,
    batch_size: options.BatchSize = 8,
    learning_rate: options.LearningRate = 1e-3,
    schedule: options.Schedule = "cosine",
    average: options.Average = None,
    clip_norm: options.ClipNorm = None,
    accumulate: options.Accumulate = 1,
    patience: options.Patience = None,
    tensorboard: options.TensorBoard = False,
    filters: options.Filters = 8,
    decoder: Annotated[
        Literal["transposed", "resize"], typer.Option(help="How the decoder enlarges maps.")
    ] = "transposed",
    dropout: Annotated[
        float, typer.Option(help="Fraction of channels to drop, for Monte Carlo uncertainty.")
    ] = 0.0,
    physics: Annotated[
        float, typer.Option(help="Weight of the misfit of gathers simulated for the predictions.")
    ] = 0.0,
    test_velocity: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npy", help="Also score on windows of this model (m/s)."),
    ] = None,
    boundary: options.Boundary = "openfwi",
    cache_dir: options.CacheDir = Path("cache"),
    precision: options.Precision = "auto",
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, float]:
    """Train InversionNet on shot gathers.

        keras-seismic train inversionnet --family flatvel_a --samples 900 --out runs/flat

    simulates FlatVel-A, or another --family (once: pairs are kept in --cache-dir), trains on 900
    pairs and scores on held-out ones. With --data it learns from files instead. The run folder
    holds config.json, history.csv, metrics.json, best.keras, model.keras (raw gathers in, m/s
    out), figures and report.html.

    With --physics the loss also asks that the predicted velocity explains the gathers: those that
    the wave equation gives for it are compared with the input (see train unsupervised).

    The defaults suit a small computer. The published recipe, for an accelerator:

        --filters 32 --samples 24000 --epochs 120 --batch-size 256 --learning-rate 1e-4
        --schedule constant
    """
    precision = ks.training.dtype_policy(precision)
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    window = None if test_velocity is None else ks.io.read_velocity(test_velocity)
    keras.utils.set_random_seed(seed)

    # Pairs and network: what does not fit is refused here, before anything is simulated or lost
    acquisition = ks.simulation.Acquisition.openfwi(boundary=boundary)
    found = find_pairs(
        data, family, samples, held_out, seed, acquisition, cache_dir, defaults=("flatvel_a", 900)
    )
    pairs = found.pairs
    if window is not None:
        ks.io.velocity_windows(window[0], found.velocity_shape)
    network = ks.models.InversionNet(
        pairs.gather_shape,
        found.velocity_shape,
        filters,
        decoder=decoder,
        dropout=dropout,
        dtype=precision,
    )
    scaling = ks.layers.VelocityScaling(1500.0, 4500.0)
    model = ks.models.with_physical_units(network, normalization(found), scaling, pairs.acquisition)
    run.create(
        configuration(
            "train inversionnet", arguments | found.arguments, acquisition=found.acquisition
        )
    )
    pairs.prepare()

    # Training, scores and figures
    model = ks.training.fit_pairs(
        model,
        pairs,
        found.learning,
        run,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        physics=physics,
        schedule=schedule,
        average=average,
        clip_norm=clip_norm,
        accumulate=accumulate,
        patience=patience,
        tensorboard=tensorboard,
    )
    model = ks.models.in_float32(model)
    run.save_model(model)
    metrics: dict[str, Any] = score(run, model, found)
    if window is not None:
        windows = ks.evaluation.evaluate_on_windows(model, window)
        metrics |= {f"test_{name}": value for name, value in windows.metrics.items()}
        figure = ks.visualization.plot_velocity(windows.true[:4], windows.predicted[:4])
        run.save_figure(figure, "test_velocity")
    finish(run, metrics)
    return metrics
