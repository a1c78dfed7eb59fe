"""Train InversionNet on simulated shot gathers of one velocity family.

    python -m train.inversionnet --family flatvel_a --samples 900 --epochs 12 --out runs/x

simulates the pairs (once; they are kept in --cache-dir), trains, scores on held-out pairs
and writes a run folder: config.json, history.csv, metrics.json, best.keras, model.keras
(raw gathers in, m/s out) and figures/.

The defaults suit a small computer. The published recipe, for an accelerator:

    --filters 32 --samples 24000 --epochs 120 --batch-size 256 --learning-rate 1e-4
"""

from collections.abc import Sequence
from pathlib import Path

import keras

import keras_seismic as ks
from keras_seismic.training import command_line


def parser():
    """The program's arguments."""
    p = command_line.training_parser(
        __doc__,
        epochs=16,
        batch_size=8,
        learning_rate=1e-3,
        smoke={"samples": 8, "held_out": 2, "filters": 1, "boundary": "cpml"},
    )
    families = ", ".join(ks.simulation.FAMILIES)
    p.add_argument("--family", default="flatvel_a", help=f"one of {families}; default %(default)s")
    p.add_argument("--samples", type=command_line.positive, default=900, help="pairs to learn from")
    p.add_argument("--held-out", type=command_line.positive, default=100, help="pairs to score on")
    p.add_argument(
        "--filters",
        type=command_line.positive,
        default=8,
        help="width of the network, default %(default)s; the published one has 32",
    )
    p.add_argument(
        "--decoder",
        choices=("transposed", "resize"),
        default="transposed",
        help="how maps grow, default %(default)s",
    )
    p.add_argument(
        "--dropout",
        type=float,
        default=0.0,
        help="share of the channels to drop, for ks.evaluation.monte_carlo_predict; default 0",
    )
    p.add_argument(
        "--boundary",
        choices=("openfwi", "cpml"),
        default="openfwi",
        help="openfwi: OpenFWI's exact scheme; cpml: three times quicker",
    )
    p.add_argument("--cache-dir", type=Path, default=Path("cache"), help="default %(default)s")
    p.add_argument(
        "--test-velocity",
        type=Path,
        metavar="FILE.npy",
        help="also score on windows of this velocity model (m/s, 10 m cells)",
    )
    return p


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train and score; returns what metrics.json holds."""
    arguments = parser().parse_args(argv)
    run = command_line.open_run(arguments)
    test_velocity = arguments.test_velocity and ks.data.read_velocity(arguments.test_velocity)
    keras.utils.set_random_seed(arguments.seed)

    # Data: one twentieth of the samples chooses the best epoch, the held-out pairs only score.
    acquisition = ks.simulation.Acquisition.openfwi(boundary=arguments.boundary)
    pairs, held_out = (
        ks.data.SimulatedPairs(arguments.family, count, acquisition, seed, arguments.cache_dir)
        for count, seed in (
            (arguments.samples, arguments.seed),
            (arguments.held_out, (arguments.seed, 1)),
        )
    )
    if test_velocity is not None:  # too small a model is refused now, not after the training
        ks.data.velocity_windows(test_velocity[0], pairs.shape)
    network = ks.models.InversionNet(
        acquisition.gather_shape,
        pairs.shape,
        arguments.filters,
        decoder=arguments.decoder,
        dropout=arguments.dropout,
    )
    run.create(command_line.configuration(arguments, acquisition=acquisition.get_config()))
    pairs.generate()
    held_out.generate()
    normalization = ks.layers.GatherNormalization.openfwi(arguments.family)
    scaling = ks.layers.VelocityScaling(1500.0, 4500.0)
    validating = max(arguments.samples // 20, 1)
    parts = slice(validating, None) if arguments.samples > 1 else slice(None), slice(validating)
    settings = (normalization, scaling, arguments.batch_size)
    training = pairs.dataset(*settings, True, arguments.seed, parts[0], first_epoch=run.epochs_done)
    validation = pairs.dataset(*settings, False, part=parts[1])

    # Training
    steps = arguments.epochs * len(training)
    network.compile(
        optimizer=ks.training.adamw(arguments.learning_rate, steps),
        loss="mean_absolute_error",
        metrics=[ks.metrics.MeanAbsoluteVelocityError(scaling.scale)],
        jit_compile=ks.training.jit_compile(),
    )
    network = ks.training.fit(network, training, validation, run, arguments.epochs)

    # Scores and figures in m/s
    model = ks.exporting.with_physical_units(network, normalization, scaling, acquisition)
    run.save_model(model)
    gathers, velocity = held_out[:]
    predicted = ks.evaluation.predict(model, gathers)
    metrics = ks.evaluation.score_velocity(velocity, predicted)
    baseline = abs(velocity - pairs.mean_velocity()).mean()
    metrics |= {"baseline_mae_m_s": float(baseline), "prediction_std_m_s": float(predicted.std())}
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")
    run.save_figure(ks.visualization.plot_velocity(velocity[:3], predicted[:3]), "velocity")
    run.save_figure(ks.visualization.plot_gathers(gathers[0]), "gathers")
    if test_velocity is not None:
        real = ks.evaluation.evaluate_on_windows(model, test_velocity)
        metrics |= {f"test_{name}": value for name, value in real.metrics.items()}
        figure = ks.visualization.plot_velocity(real.true[:4], real.predicted[:4])
        run.save_figure(figure, "test_velocity")
    command_line.finish(run, metrics)
    return metrics


if __name__ == "__main__":
    command_line.run_program(main)
