"""``keras-seismic train fcnvmb``: the U-Net of Yang and Ma (2019)."""

from pathlib import Path
from typing import Annotated, Any, Literal

import keras
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import train
from keras_seismic.cli.program import configuration, finish, program
from keras_seismic.cli.train.velocity import (
    CELLS,
    check_fit,
    find_pairs,
    load_pretrained,
    score,
    surface,
    thinning,
)
from keras_seismic.layers import GatherPreparation

SMOKE = {
    "samples": 10,
    "held_out": 2,
    "epochs": 1,
    "filters": 2,
    "shape": (40, 40),
    "shots": 2,
    "samples_in_time": 200,
    "precision": "float32",
}


@program(train, smoke=SMOKE, devices=True)
def fcnvmb(
    out: options.Out,
    data: options.Data = None,
    family: options.Family = None,
    samples: options.Samples = None,
    held_out: options.HeldOut = 100,
    shape: options.Shape = None,
    shots: options.Shots = None,
    samples_in_time: options.SamplesInTime = None,
    keep_every: options.KeepEvery = None,
    low_cut: Annotated[
        float | None,
        typer.Option(metavar="HZ", help="Remove lower frequencies, which field records lack."),
    ] = None,
    targets: Annotated[
        Literal["m_s", "unit"],
        typer.Option(help="Learn m/s as published, or 1500-4500 m/s scaled to [-1, 1]."),
    ] = "m_s",
    epochs: options.Epochs = 100,
    batch_size: options.BatchSize = 10,
    learning_rate: options.LearningRate = 1e-3,
    schedule: options.Schedule = "constant",
    average: options.Average = None,
    clip_norm: options.ClipNorm = None,
    accumulate: options.Accumulate = 1,
    patience: options.Patience = None,
    tensorboard: options.TensorBoard = False,
    filters: options.Filters = 64,
    upsampling: Annotated[
        Literal["deconv", "bilinear"], typer.Option(help="How the decoder enlarges maps.")
    ] = "deconv",
    skip: Annotated[
        Literal["after_pooling", "before_pooling"],
        typer.Option(help="Maps passed to the decoder: as published, or as in textbooks."),
    ] = "after_pooling",
    pretrained: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="model.keras of an earlier run, to start from."),
    ] = None,
    boundary: options.Boundary = "cpml",
    cache_dir: options.CacheDir = Path("cache"),
    precision: options.Precision = "auto",
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, float]:
    """Train FCNVMB on shot gathers.

        keras-seismic train fcnvmb --targets unit --filters 8 --samples 500 --epochs 12 --out runs/x

    simulates 500 pairs of CurveVel-A, or another --family, and trains for two minutes to an error
    of about 290 m/s, where predicting the mean gives 577. With --data it learns from files
    instead: OpenFWI's, or the published .mat files (georec1.mat, vmodel1.mat and so on).

    Training follows the paper: Adam at 1e-3, batches of 10, squared error on m/s, 100 epochs,
    every fifth sample of the record. With targets in m/s, the output takes thousands of updates
    to reach its scale (the paper has 16,000): --targets unit suits shorter training. The published
    skip shows in pictures as a rectangle where its frame of zeros ends; --skip before_pooling
    has none. The paper's experiment, for an accelerator and 130 GB of disk:

        --shape 201 301 --shots 29 --samples-in-time 2000 --samples 1600

    and then on its salt bodies, starting from the result:

        --pretrained runs/simulated/model.keras --data SEGSaltData --epochs 50

    With --pretrained, the network, its acquisition, what happens to gathers before it and the
    targets are the earlier run's, whatever --shape, --shots, --samples-in-time, --keep-every,
    --low-cut, --targets, --filters, --upsampling and --skip say.
    """
    precision = ks.training.dtype_policy(precision)
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    keras.utils.set_random_seed(seed)

    # Pairs and network: what does not fit is refused here, before anything is simulated or lost
    start = None if pretrained is None else load_pretrained(pretrained, simulating=data is None)
    if start is not None and not isinstance(start.network, ks.models.FCNVMB):
        kind = type(start.network).__name__
        raise ValueError(f"{pretrained}: expected FCNVMB, received {kind}; see train transfer")
    acquisition = start.acquisition if start else None
    if acquisition is None:
        acquisition = surface(shape, shots, samples_in_time, boundary)
    found = find_pairs(
        data,
        family,
        samples,
        held_out,
        seed,
        acquisition,
        cache_dir,
        start.output_shape[1:3] if start else shape or CELLS,
        defaults=("curvevel_a", 1600),
    )
    pairs = found.pairs
    resolved = dict(found.arguments)
    if start:
        check_fit(pretrained, start, pairs.gather_shape, found.velocity_shape)
        network = ks.models.in_precision(start, precision).network
        acquisition = start.acquisition
    else:
        keep_every = thinning(keep_every, pairs, data, 5)
        steps = _preparing(pairs, data, keep_every, low_cut)
        prepared = (None, *pairs.gather_shape)
        for step in steps:
            step.build(prepared)
            prepared = step.compute_output_shape(prepared)
        network = ks.models.FCNVMB(
            prepared[1:],
            found.velocity_shape,
            filters=filters,
            use_deconv=upsampling == "deconv",
            skip=skip,
            dtype=precision,
        )
        acquisition, resolved["keep_every"] = pairs.acquisition, keep_every
    updates = ks.training.update_options(average, clip_norm, accumulate)
    run.create(configuration("train fcnvmb", arguments | resolved, acquisition=found.acquisition))
    pairs.prepare()

    # Training
    if start:
        preparation, scaling = start.input_normalization, start.output_scaling
        before = ks.evaluation.score_pairs(start, pairs, found.held_out, found.learning)
    else:
        gathers, _ = pairs[found.learning[:10]]
        preparation = GatherPreparation.fitted(steps, gathers)
        scaling = ks.layers.VelocityScaling(*((1500.0, 4500.0) if targets == "unit" else ()))
    part = ks.training.size_of_parts(batch_size, accumulate)
    training, validation = ks.training.training_batches(
        pairs, found.learning, preparation, scaling, part, seed=seed, epoch=run.epochs_done
    )
    steps_in_all = epochs * len(training)
    rate = ks.training.scheduled(learning_rate, steps_in_all, schedule, accumulate=accumulate)
    network.compile(
        optimizer=ks.optimizers.Adam(rate, **updates),
        loss="mean_squared_error",
        metrics=[ks.metrics.MeanAbsoluteVelocityError(scaling.scale)],
        jit_compile=ks.training.jit_compile(),
    )
    network = ks.training.fit(
        network, training, validation, run, epochs, patience=patience, tensorboard=tensorboard
    )

    # Scores and figures in m/s
    model = ks.models.with_physical_units(network, preparation, scaling, acquisition)
    model = ks.models.in_float32(model)
    run.save_model(model)
    metrics: dict[str, Any] = score(run, model, found)
    if start:
        metrics["pretrained_mae_m_s"] = before.metrics["velocity_mae_m_s"]
    finish(run, metrics)
    return metrics


def _preparing(
    pairs: ks.datasets.Pairs, data: str | None, keep_every: int, low_cut: float | None
) -> list[keras.layers.Layer]:
    """The layers before the network."""
    steps: list[keras.layers.Layer] = []
    if low_cut is not None:
        if pairs.acquisition is None and not isinstance(pairs, ks.datasets.FCNVMBPairs):
            raise ValueError(f"{data}: a low cut needs the sample interval, which is not noted")
        dt = pairs.acquisition.dt if pairs.acquisition else 0.005
        steps.append(ks.layers.LowCut(low_cut, dt))
    if keep_every > 1:
        steps.append(ks.layers.TimeDecimation(keep_every))
    return steps
