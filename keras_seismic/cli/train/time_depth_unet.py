"""``keras-seismic train time-depth-unet``: the package's own inversion network, and its presets."""

import math
from pathlib import Path
from typing import Annotated, Any

import keras
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import train
from keras_seismic.cli.program import configuration, finish, program
from keras_seismic.cli.train.velocity import (
    CELLS,
    FoundPairs,
    families_of,
    find_pairs,
    normalization,
    score,
    surface,
    thinning,
)
from keras_seismic.layers import GatherPreparation, TimeDecimation

SMOKE = {
    "samples": 8, "held_out": 2, "epochs": 1,
    "batch_size": 4, "filters": 2, "boundary": "cpml", "precision": "float32",
}  # fmt: skip

#: The fraction of the pairs that chooses the best epoch, and then says how large errors are, if
#: there are at least so many.
_VALIDATION, _FEWEST = 0.05, 20
#: Channels at full size and at each halving, by the width.
_WIDTHS = (1, 1.5, 2.5, 4)
#: The family to simulate.
DEFAULT = "flatvel_a"
#: What a short training takes from scratch and from a preset: pairs, how many of them in all
#: epochs together, learning rate.
_SCRATCH, _FINE_TUNING = (900, 27_000, 2e-3), (500, 4_000, 3e-4)


@program(train, smoke=SMOKE, devices=True)
def time_depth_unet(
    out: options.Out,
    from_preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Begin with a trained network: keras-seismic presets."),
    ] = None,
    data: options.Data = None,
    family: options.Families = None,
    samples: options.Samples = None,
    held_out: options.HeldOut = 100,
    shape: options.Shape = None,
    shots: options.Shots = None,
    samples_in_time: options.SamplesInTime = None,
    keep_every: options.KeepEvery = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training data; fewer for many pairs.")
    ] = None,
    batch_size: options.BatchSize = 16,
    learning_rate: Annotated[
        float | None, typer.Option(help="Largest learning rate, by default 0.002 or 0.0003.")
    ] = None,
    schedule: options.Schedule = "cosine",
    average: options.Average = None,
    clip_norm: options.ClipNorm = 1.0,
    accumulate: options.Accumulate = 1,
    patience: options.Patience = None,
    tensorboard: options.TensorBoard = False,
    filters: options.Filters = 32,
    boundary: options.Boundary = "openfwi",
    cache_dir: options.CacheDir = Path("cache"),
    precision: options.Precision = "auto",
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, float]:
    """Train TimeDepthUNet on shot gathers, or fine-tune a preset of it.

        keras-seismic train time-depth-unet --family curvefault_a --out runs/faults

    simulates 900 pairs of a family (once: what the network sees of them is kept in --cache-dir),
    trains on them in 30 epochs and scores on others. --family may be repeated, and openfwi means
    all ten; the scores then also come by family. With --data it learns from files instead.

        keras-seismic train time-depth-unet --from-preset NAME --family salt --out runs/salt

    goes on with a preset for a few minutes: on other geology (--family), on pairs of yours
    (--data), on a few of them (--samples 20), or for another acquisition (that of --data, or
    --shape, --shots and --samples-in-time), where layers begin anew whose weights depend on it.
    By default it has 500 pairs, 8 epochs (more for fewer) and a lower learning rate; the network's
    width and, unless something else is asked for, the acquisition and the samples kept are the
    preset's.

    The model also predicts how far off it may be (its spread), if the twentieth of the pairs that
    it does not learn from are 20 or more. Every fourth sample of a record is kept, unless
    --keep-every says otherwise: enough for waves below 100 Hz at 1 ms. Weights are averaged, by
    default over about the last twentieth of all updates.
    """
    precision = ks.training.dtype_policy(precision)
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    keras.utils.set_random_seed(seed)

    # Pairs and network: what does not fit is refused here, before anything is simulated or lost
    preset = _preset(from_preset)
    usual = _FINE_TUNING if preset else _SCRATCH
    acquisition = preset.acquisition if preset else None
    if acquisition is None or shape or shots or samples_in_time:
        acquisition = surface(shape, shots, samples_in_time, boundary)
    cells = preset.network.output_shape[1:3] if preset else CELLS
    keep_every = keep_every or (_decimation(preset) if preset else None)
    found = find_pairs(
        data,
        family,
        samples,
        held_out,
        seed,
        acquisition,
        cache_dir,
        shape or cells,
        defaults=(DEFAULT, usual[0]),
        keep_every=keep_every or 4,
    )
    pairs = found.pairs
    keep_every = thinning(keep_every, pairs, data, 4) if pairs.keep_every == 1 else pairs.keep_every
    preparation = _preparation(found, keep_every, preset)
    prepared = preparation.compute_output_shape((None, *_recorded(pairs)))[1:]
    network = _network(preset, prepared, found.velocity_shape, filters, precision)
    fitting = ks.training.copy_weights(preset.network, network) if preset else 0.0
    scaling = preset.output_scaling if preset else ks.layers.VelocityScaling(1500.0, 4500.0)
    model = ks.models.with_physical_units(network, preparation, scaling, pairs.acquisition)
    epochs = epochs or max(round(usual[1] / len(found.learning)), 2)
    learning_rate = learning_rate or usual[2]
    average = average or _momentum(epochs * len(found.learning) / batch_size)
    resolved = {
        "family": families_of(family or DEFAULT) if data is None else family,
        "samples": len(found.learning),
        "keep_every": keep_every,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "average": average,
    }
    run.create(
        configuration("train time-depth-unet", arguments | resolved, acquisition=found.acquisition)
    )
    pairs.prepare()

    # Training, scores and figures
    before = None
    if preset:
        typer.echo(f"{from_preset}: {fitting:.0%} of the weights go on, the others begin anew")
    if fitting == 1:
        before = ks.evaluation.score_pairs(model, pairs, found.held_out, found.learning)
    model = ks.training.fit_pairs(
        model,
        pairs,
        found.learning,
        run,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        validation=_VALIDATION,
        schedule=schedule,
        average=average,
        clip_norm=clip_norm,
        accumulate=accumulate,
        patience=patience,
        tensorboard=tensorboard,
    )
    model = ks.models.in_float32(model)
    unseen = found.learning[: int(_VALIDATION * len(found.learning))]
    if len(unseen) >= _FEWEST:
        model = ks.training.fit_spread(model, pairs, unseen, seed=seed)
    run.save_model(model)
    metrics: dict[str, Any] = score(run, model, found)
    if before:
        metrics["pretrained_mae_m_s"] = before.metrics["velocity_mae_m_s"]
    finish(run, metrics)
    return metrics


def _preset(name: str | None) -> ks.models.PhysicalUnitsModel | None:
    """A preset of this network, without what else it predicts."""
    if name is None:
        return None
    ks.models.TimeDepthUNet.from_preset(name)  # refuses presets of others
    return ks.models.without_spread(ks.load_preset(name))


def _decimation(preset: ks.models.PhysicalUnitsModel) -> int:
    """Every how many samples its network takes one."""
    first, *_ = getattr(preset.input_normalization, "steps", [None])
    return first.step if isinstance(first, TimeDecimation) else 1


def _recorded(pairs: ks.datasets.Pairs) -> tuple[int, int, int]:
    """``(time, receivers, shots)`` of gathers before any samples are left out."""
    if pairs.keep_every == 1 or pairs.acquisition is None:
        return pairs.gather_shape
    return pairs.acquisition.gather_shape


def _preparation(
    found: FoundPairs, keep_every: int, preset: ks.models.PhysicalUnitsModel | None
) -> keras.layers.Layer:
    """What is done to gathers before the network: as for the preset, if they are in its units."""
    steps = [TimeDecimation(keep_every)] if keep_every > 1 else []
    if preset is None or found.pairs.acquisition is None:
        found_range = normalization(found, steps)
        last = getattr(found_range, "steps", [found_range])[-1]
        return GatherPreparation([*steps, last.centered()])
    if keep_every == _decimation(preset):
        return preset.input_normalization
    last = getattr(preset.input_normalization, "steps", [preset.input_normalization])[-1]
    return GatherPreparation([*steps, last])


def _network(
    preset: ks.models.PhysicalUnitsModel | None,
    gather_shape: tuple[int, int, int],
    velocity_shape: tuple[int, int],
    filters: int,
    precision: str,
) -> ks.models.TimeDepthUNet:
    """A network for these shapes, as wide as the preset's if there is one."""
    if preset is not None:
        shapes = {"gather_shape": gather_shape, "velocity_shape": velocity_shape}
        config = preset.network.get_config() | shapes | {"dtype": precision}
        return ks.models.TimeDepthUNet.from_config(config)
    widths = tuple(int(filters * factor) for factor in _WIDTHS)
    groups = math.gcd(8, *widths)
    return ks.models.TimeDepthUNet(gather_shape, velocity_shape, widths, groups, precision)


def _momentum(updates: float) -> float:
    """Of averages over about the last twentieth of all updates."""
    return 1 - min(20 / updates, 0.5)
