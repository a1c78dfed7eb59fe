"""``keras-seismic train transfer``: continue with a trained network on a few other pairs."""

from pathlib import Path
from typing import Annotated, Any

import keras
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import train
from keras_seismic.cli.program import configuration, finish, program
from keras_seismic.cli.train.velocity import (
    check_fit,
    find_pairs,
    load_pretrained,
    score,
    with_its_critic,
)

SMOKE = {
    "samples": 4, "held_out": 2, "epochs": 1, "batch_size": 2, "precision": "float32",
}  # fmt: skip


@program(train, smoke=SMOKE, devices=True)
def transfer(
    out: options.Out,
    pretrained: Annotated[
        Path, typer.Option(metavar="MODEL", help="model.keras of a run, to continue with.")
    ],
    data: options.Data = None,
    family: options.Family = None,
    samples: options.Samples = None,
    held_out: options.HeldOut = 100,
    freeze: Annotated[
        str, typer.Option(metavar="STAGES", help="Stages to freeze: none, encoder or first N.")
    ] = "none",
    reset_head: Annotated[
        bool, typer.Option("--reset-head", help="Give the last layer new weights.")
    ] = False,
    encoder_rate: Annotated[
        float, typer.Option(help="Multiplier of the learning rate in the encoder.")
    ] = 1.0,
    epochs: options.Epochs = 30,
    batch_size: options.BatchSize = 8,
    learning_rate: options.LearningRate = 1e-3,
    cache_dir: options.CacheDir = Path("cache"),
    precision: options.Precision = "auto",
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, float]:
    """Continue with any trained inversion network on a few pairs of another family, or from files.

        keras-seismic train transfer --pretrained flat.keras --data CurveVel_A --out runs/curved

    The network comes with its units and its acquisition: pairs of the --family are simulated for
    them, and those of --data must have its shapes. Gathers are normalized as in its training. A
    tenth of the pairs chooses the best epoch, the held-out ones are only for scoring; the score
    before training is pretrained_mae_m_s.

    Any inversion network goes on as what it is: InversionNet, FCNVMB or one of your own with the
    absolute error, and one of VelocityGAN against its critic, which is in best.keras beside its
    model.keras, with the weights of its losses, its schedule and its precision.
    """
    precision = ks.training.dtype_policy(precision)
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    keras.utils.set_random_seed(seed)

    # Network and pairs: what does not fit is refused here, before anything is simulated or lost
    model = load_pretrained(pretrained, simulating=data is None)
    if gan := with_its_critic(pretrained, model):
        units = model.input_normalization, model.output_scaling
        model = ks.models.with_physical_units(gan, *units, model.acquisition)
    found = find_pairs(
        data,
        family,
        samples,
        held_out,
        seed,
        model.acquisition,
        cache_dir,
        model.output_shape[1:3],
        defaults=("curvevel_a", 100),
    )
    taking = ks.models.for_decimated(model, found.pairs.keep_every)
    check_fit(pretrained, taking, found.pairs.gather_shape, found.velocity_shape)
    if not gan:
        model = ks.models.in_precision(model, precision)
    if reset_head:
        ks.training.reset_head(model.network)
    if freeze != "none":
        ks.training.freeze_encoder(model.network, _stages(freeze))
    ks.training.encoder_multipliers(model.network, encoder_rate)
    run.create(
        configuration("train transfer", arguments | found.arguments, acquisition=found.acquisition)
    )
    found.pairs.prepare()

    # Training, scores and figures in m/s
    given = ks.models.without_spread(ks.inference.load_model(pretrained))
    before = ks.evaluation.score_pairs(given, found.pairs, found.held_out, found.learning)
    options: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        "validation": 0.1,
        "encoder_rate": encoder_rate,
    }
    pairs, learning = found.pairs, found.learning
    if gan:
        options |= gan.recipe
        model = ks.training.fit_with_critic(model, gan, pairs, learning, run, **options)
    else:
        model = ks.training.fit_pairs(model, pairs, learning, run, **options)
    model = ks.models.in_float32(model)
    run.save_model(model)
    metrics: dict[str, Any] = score(run, model, found)
    metrics["pretrained_mae_m_s"] = before.metrics["velocity_mae_m_s"]
    finish(run, metrics)
    return metrics


def _stages(text: str) -> int | None:
    """Encoder stages to freeze, ``None`` for all of them."""
    if text != "encoder" and not text.isdecimal():
        raise ValueError(f"freeze: expected none, encoder or a number, received {text!r}")
    return None if text == "encoder" else int(text)
