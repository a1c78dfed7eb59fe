"""``keras-seismic train velocitygan``: an inversion network against a critic of its velocity."""

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
    "samples": 6, "held_out": 2, "epochs": 1,
    "batch_size": 2, "filters": 2, "generator_every": 2, "boundary": "cpml",
    "precision": "float32",
}  # fmt: skip

#: Arguments of the critic, and the weight of the squared error beside 100 for the absolute one.
FORMS: dict[str, tuple[dict[str, Any], float]] = {
    "recommended": ({"normalization": "layer"}, 0.0),
    "code": ({}, 100.0),
    "benchmark": ({}, 0.0),
    "paper": ({"variant": "paper"}, 100.0),
    "patchgan": ({"variant": "paper", "patch_size": 4}, 100.0),
}


@program(train, smoke=SMOKE, devices=True)
def velocitygan(
    out: options.Out,
    data: options.Data = None,
    generator: Annotated[
        Literal["inversionnet", "fcnvmb"], typer.Option(help="The inversion network.")
    ] = "inversionnet",
    family: options.Family = None,
    samples: options.Samples = None,
    held_out: options.HeldOut = 100,
    epochs: options.Epochs = 500,
    batch_size: options.BatchSize = 64,
    learning_rate: options.LearningRate = 1e-4,
    patience: options.Patience = None,
    tensorboard: options.TensorBoard = False,
    filters: options.Filters = 32,
    form: Annotated[
        Literal["recommended", "code", "benchmark", "paper", "patchgan"],
        typer.Option(
            help="recommended: OpenFWI's critic, but normalized by layers with a linear score; "
            "code: OpenFWI's code, its critic normalized by batches, L1 and L2; benchmark: the "
            "same without L2; paper: the paper's critic with one score; patchgan: with a score "
            "for each of 4 x 4 patches."
        ),
    ] = "recommended",
    generator_every: Annotated[
        int, typer.Option(min=1, metavar="N", help="The generator learns from every N-th batch.")
    ] = 5,
    l1: Annotated[float, typer.Option("--l1", help="Weight of the absolute error.")] = 100.0,
    l2: Annotated[
        float | None,
        typer.Option(
            "--l2",
            help="Weight of the squared error; by default 100, and 0 in the forms recommended and "
            "benchmark.",
        ),
    ] = None,
    adversarial: Annotated[float, typer.Option(help="Weight of the critic's score.")] = 1.0,
    penalty: Annotated[float, typer.Option(help="Weight of the gradient penalty.")] = 10.0,
    boundary: options.Boundary = "openfwi",
    cache_dir: options.CacheDir = Path("cache"),
    precision: options.Precision = "auto",
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, float]:
    """Train VelocityGAN: InversionNet, or FCNVMB, against a critic of velocity models.

        keras-seismic train velocitygan --family curvefault_a --out runs/gan

    The defaults are OpenFWI's (full width, 24,000 pairs, batches of 64, 500 epochs, AdamW with a
    constant rate, critic every batch, generator every fifth) but for the critic, which is
    normalized by layers: OpenFWI's batch-normalized one cannot tell real models from generated
    ones. --form code is OpenFWI's code as it is, --form benchmark its published benchmark, without
    L2; --form paper and --form patchgan have the critics of the VelocityGAN paper, with the code's
    widths and weights. That is work for an accelerator; on two cores these take minutes:

        --samples 600 --epochs 26 --batch-size 16 --filters 8 --learning-rate 1e-3
        --generator-every 2 --boundary cpml

    On so few pairs, the critic gained nothing: it needs far more. best.keras is the generator with
    its critic and both optimizers, model.keras the generator alone (raw gathers in, m/s out); train
    transfer continues with both.
    """
    precision = ks.training.dtype_policy(precision)
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    keras.utils.set_random_seed(seed)

    # Pairs and networks: what does not fit is refused here, before anything is simulated or lost
    acquisition = ks.simulation.Acquisition.openfwi(boundary=boundary)
    found = find_pairs(
        data,
        family,
        samples,
        held_out,
        seed,
        acquisition,
        cache_dir,
        defaults=("flatvel_a", 24_000),
    )
    pairs = found.pairs
    networks = {"inversionnet": ks.models.InversionNet, "fcnvmb": ks.models.FCNVMB}
    # FCNVMB reads time as depth and cannot take many more samples than cells.
    thinned = isinstance(pairs, ks.datasets.FCNVMBPairs)
    thinning = [ks.layers.TimeDecimation(5)] if generator == "fcnvmb" and not thinned else []
    if thinning and pairs.acquisition is None:
        raise ValueError(
            f"{data}: generator fcnvmb thins the gathers, which needs their acquisition, and none "
            "is noted; choose inversionnet"
        )
    prepared: tuple[int | None, ...] = (None, *pairs.gather_shape)
    for step in thinning:
        prepared = step.compute_output_shape(prepared)
    critic, squared = FORMS[form]
    l2 = squared if l2 is None else l2
    gan = ks.models.VelocityGAN(
        networks[generator](prepared[1:], found.velocity_shape, filters, dtype=precision),
        ks.models.VelocityCritic(found.velocity_shape, filters, **critic, dtype=precision),
        seed,
    )
    gan.compile(
        ks.models.wgan_adamw(learning_rate),
        ks.models.wgan_adamw(learning_rate),
        l1=l1,
        l2=l2,
        adversarial=adversarial,
        gradient_penalty=penalty,
        generator_every=generator_every,
        metrics=[ks.metrics.MeanAbsoluteVelocityError(scale=1500.0)],
        jit_compile=ks.training.jit_compile(),
    )
    scaling = ks.layers.VelocityScaling(1500.0, 4500.0)
    if len(found.learning) - max(len(found.learning) // 20, 1) < batch_size:
        raise ValueError(
            f"{len(found.learning)} samples: without those that are validated on they make no "
            f"whole batch of {batch_size}"
        )
    run.create(
        configuration(
            "train velocitygan",
            arguments | found.arguments | {"l2": l2},
            acquisition=found.acquisition,
        )
    )
    pairs.prepare()

    # Training
    preparation = normalization(found, thinning)
    training, validation = ks.training.training_batches(
        pairs,
        found.learning,
        preparation,
        scaling,
        batch_size,
        seed=seed,
        epoch=run.epochs_done,
        drop_remainder=True,
    )
    gan = ks.training.fit(
        gan, training, validation, run, epochs, patience=patience, tensorboard=tensorboard
    )

    # Scores and figures in m/s, of the generator alone
    model = ks.models.with_physical_units(gan, preparation, scaling, pairs.acquisition)
    model = ks.models.in_float32(model)
    run.save_model(model)
    metrics: dict[str, Any] = score(run, model, found)
    finish(run, metrics)
    return metrics
