"""Train VelocityGAN: InversionNet, or FCNVMB, against a critic of velocity models.

    python -m train.velocitygan --family curvefault_a --out runs/gan

The defaults are OpenFWI's: full width, batches of 64, 500 epochs, AdamW with a constant rate,
critic every batch, generator every fifth; that is work for an accelerator. On two cores,

    python -m train.velocitygan --family curvefault_a --samples 600 --epochs 26 --batch-size 16
        --filters 8 --learning-rate 1e-3 --generator-every 2 --boundary cpml --out runs/gan

is a training of minutes, and --smoke tries the program in about one. On so few pairs a critic
gained nothing (`python -m benchmarks.adversarial`, docs/velocity_gan.md): it needs far more.

The critic is layer normalized with a linear score; OpenFWI's is batch normalized, and cannot
tell real models from generated ones. The run folder holds best.keras (generator, critic and
both optimizers), model.keras (the generator alone: raw gathers in, m/s out), config.json,
history.csv, metrics.json and figures/.
"""

from collections.abc import Sequence
from pathlib import Path

import keras

import keras_seismic as ks
from keras_seismic.cli import command_line

SMOKE = {
    "samples": 6,
    "held_out": 2,
    "filters": 2,
    "batch_size": 2,
    "generator_every": 2,
    "boundary": "cpml",
}


def parser():
    """The program's arguments."""
    positive = command_line.positive
    p = command_line.training_parser(
        __doc__, epochs=500, batch_size=64, learning_rate=1e-4, smoke=SMOKE
    )
    families = ", ".join(ks.simulation.FAMILIES)
    p.add_argument("--family", default="flatvel_a", help=f"one of {families}; default %(default)s")
    p.add_argument("--samples", type=positive, default=24_000, help="pairs, default %(default)s")
    p.add_argument("--held-out", type=positive, default=100, help="pairs to score on")
    p.add_argument("--filters", type=positive, default=32, help="width, default %(default)s")
    p.add_argument(
        "--generator", choices=("inversionnet", "fcnvmb"), default="inversionnet", help="network"
    )
    p.add_argument(
        "--normalization",
        choices=("layer", "batch", "none"),
        default="layer",
        help="of the critic, default %(default)s; OpenFWI's code has batch",
    )
    p.add_argument(
        "--patch-size", type=positive, help="PatchGAN: patches along each axis; the paper has 4"
    )
    p.add_argument(
        "--generator-every",
        type=positive,
        default=5,
        metavar="N",
        help="generator learns from every N-th batch, default %(default)s",
    )
    for name, default in (("l1", 100.0), ("l2", 0.0), ("adversarial", 1.0), ("penalty", 10.0)):
        p.add_argument(f"--{name}", type=float, default=default, help="weight, default %(default)s")
    p.add_argument(
        "--boundary",
        choices=("openfwi", "cpml"),
        default="openfwi",
        help="openfwi: OpenFWI's exact scheme; cpml: three times quicker",
    )
    p.add_argument("--cache-dir", type=Path, default=Path("cache"), help="default %(default)s")
    return p


def preparation(arguments):
    """What is done to raw gathers; FCNVMB, which reads time as depth, takes every fifth sample."""
    normalization = ks.layers.GatherNormalization.openfwi(arguments.family)
    if arguments.generator == "inversionnet":
        return normalization
    return ks.layers.GatherPreparation([ks.layers.TimeDecimation(5), normalization])


def build(arguments, gather_shape, shape):
    """The generator with its critic, compiled."""
    names = {"inversionnet": ks.models.InversionNet, "fcnvmb": ks.models.FCNVMB}
    generator = names[arguments.generator](gather_shape, shape, arguments.filters)
    critic = ks.models.VelocityCritic(
        shape,
        arguments.filters,
        variant="code" if arguments.patch_size is None else "paper",
        patch_size=arguments.patch_size,
        normalization=None if arguments.normalization == "none" else arguments.normalization,
    )
    gan = ks.models.VelocityGAN(generator, critic, arguments.seed)
    gan.compile(
        ks.models.wgan_adamw(arguments.learning_rate),
        ks.models.wgan_adamw(arguments.learning_rate),
        l1=arguments.l1,
        l2=arguments.l2,
        adversarial=arguments.adversarial,
        gradient_penalty=arguments.penalty,
        generator_every=arguments.generator_every,
        metrics=[ks.metrics.MeanAbsoluteVelocityError(scale=1500.0)],
        jit_compile=ks.training.jit_compile(),
    )
    return gan


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train and score; returns what metrics.json holds."""
    arguments = parser().parse_args(argv)
    run = command_line.open_run(arguments)
    keras.utils.set_random_seed(arguments.seed)

    # Data: one twentieth of the samples chooses the best epoch, the held-out pairs only score.
    acquisition = ks.simulation.Acquisition.openfwi(boundary=arguments.boundary)
    pairs, held_out = (
        ks.datasets.SimulatedPairs(arguments.family, count, acquisition, seed, arguments.cache_dir)
        for count, seed in (
            (arguments.samples, arguments.seed),
            (arguments.held_out, (arguments.seed, 1)),
        )
    )
    prepared = preparation(arguments)
    scaling = ks.layers.VelocityScaling(1500.0, 4500.0)
    validating = max(arguments.samples // 20, 1)
    if arguments.samples - validating < arguments.batch_size:
        raise ValueError(
            f"--samples {arguments.samples}: {arguments.samples - validating} of them are trained "
            f"on, which make no whole batch of {arguments.batch_size}"
        )
    gather_shape = prepared.compute_output_shape((None, *acquisition.gather_shape))[1:]
    gan = build(arguments, gather_shape, pairs.shape)
    run.create(command_line.configuration(arguments, acquisition=acquisition.get_config()))
    pairs.prepare()
    held_out.prepare()

    # Training
    settings = (prepared, scaling, arguments.batch_size)
    training = pairs.dataset(
        *settings,
        seed=arguments.seed,
        part=slice(validating, None),
        drop_remainder=True,
        start=(run.epochs_done, 0),
    )
    validation = pairs.dataset(*settings, shuffle=False, part=slice(validating))
    gan = ks.training.fit(gan, training, validation, run, arguments.epochs)

    # Scores and figures in m/s, of the generator alone
    model = ks.models.with_physical_units(gan, prepared, scaling, acquisition)
    run.save_model(model)
    gathers, velocity = held_out[:]
    predicted = ks.inference.predict(model, gathers)
    metrics = ks.evaluation.score_velocity(velocity, predicted)
    baseline = abs(velocity - pairs.mean_velocity()).mean()
    metrics |= {"baseline_mae_m_s": float(baseline), "prediction_std_m_s": float(predicted.std())}
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")
    run.save_figure(ks.visualization.plot_velocity(velocity[:3], predicted[:3]), "velocity")
    command_line.finish(run, metrics)
    return metrics


if __name__ == "__main__":
    command_line.run_program(main)
