"""Train InversionNet on simulated shot gathers of one velocity family.

    python -m train.inversionnet --family flatvel_a --samples 900 --epochs 12 --out runs/x

simulates the pairs (once; they are kept in --cache-dir), trains, scores on held-out pairs
and writes a run folder: config.json, history.csv, metrics.json, best.keras, model.keras
(raw gathers in, m/s out) and figures/.

The defaults suit a small computer. The published recipe, for an accelerator:

    --filters 32 --samples 24000 --epochs 120 --batch-size 256 --learning-rate 1e-4

With --data FOLDER it learns from OpenFWI's files (docs/data_openfwi.md) instead of simulating:
from the published training files, or from nine tenths of the pairs.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

import keras_seismic as ks
from keras_seismic.cli import command_line


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
    p.add_argument(
        "--data", type=Path, metavar="FOLDER", help="a family's folder of OpenFWI's files"
    )
    p.add_argument(
        "--family",
        help=f"one of {families}; default flatvel_a, or what the name of --data says",
    )
    p.add_argument(
        "--samples",
        type=command_line.positive,
        help="pairs to learn from; default 900, or all of --data",
    )
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
        help="fraction of the channels to drop, for ks.evaluation.monte_carlo_predict; default 0",
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


class Data(NamedTuple):
    """Pairs to learn from and pairs to score on, and which of either."""

    pairs: Any
    learning: np.ndarray
    held_out: Any
    scoring: Any
    shape: tuple[int, int]


def simulated(arguments: argparse.Namespace) -> Data:
    """Pairs to be simulated, unless they are in the cache."""
    acquisition = ks.simulation.Acquisition.openfwi(boundary=arguments.boundary)
    pairs, held_out = (
        ks.datasets.SimulatedPairs(
            arguments.family or "flatvel_a", count, acquisition, seed, arguments.cache_dir
        )
        for count, seed in (
            (arguments.samples or 900, arguments.seed),
            (arguments.held_out, (arguments.seed, 1)),
        )
    )
    return Data(pairs, np.arange(len(pairs)), held_out, slice(None), pairs.shape)


def from_files(arguments: argparse.Namespace) -> Data:
    """Pairs of OpenFWI's files."""
    pairs = ks.datasets.OpenFWIPairs(arguments.data, arguments.family)
    learning, scoring = pairs.held_out(seed=arguments.seed)
    pairs.input_normalization  # noqa: B018 - raises if the family is not known
    if pairs.acquisition is None or pairs.velocity_shape is None:
        raise ValueError(
            f"{arguments.data}: gathers {pairs.gather_shape} and models {pairs.velocity_shape} are "
            "not OpenFWI's, and no acquisition is noted; write them with ks.datasets.write_openfwi"
        )
    learning, scoring = learning[: arguments.samples], scoring[: arguments.held_out]
    return Data(pairs, learning, pairs, scoring, pairs.velocity_shape)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train and score; returns what metrics.json holds."""
    arguments = parser().parse_args(argv)
    run = command_line.open_run(arguments)
    test_velocity = arguments.test_velocity and ks.io.read_velocity(arguments.test_velocity)
    keras.utils.set_random_seed(arguments.seed)

    # Data: one twentieth of the samples chooses the best epoch, the held-out pairs only score.
    data = from_files(arguments) if arguments.data else simulated(arguments)
    pairs, learning, acquisition = data.pairs, data.learning, data.pairs.acquisition
    if test_velocity is not None:  # too small a model is refused now, not after the training
        ks.io.velocity_windows(test_velocity[0], data.shape)
    network = ks.models.InversionNet(
        acquisition.gather_shape,
        data.shape,
        arguments.filters,
        decoder=arguments.decoder,
        dropout=arguments.dropout,
    )
    normalization = ks.layers.GatherNormalization.openfwi(pairs.family)
    arguments.family, arguments.samples = pairs.family, len(learning)
    run.create(command_line.configuration(arguments, acquisition=acquisition.get_config()))
    if not arguments.data:
        pairs.prepare()
        data.held_out.prepare()
    scaling = ks.layers.VelocityScaling(1500.0, 4500.0)
    validating = max(len(learning) // 20, 1)
    parts = learning[validating:] if len(learning) > 1 else learning, learning[:validating]
    settings = (normalization, scaling, arguments.batch_size)
    training = pairs.dataset(*settings, True, arguments.seed, parts[0], start=(run.epochs_done, 0))
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
    model = ks.models.with_physical_units(network, normalization, scaling, acquisition)
    run.save_model(model)
    gathers, velocity = data.held_out[data.scoring]
    predicted = ks.inference.predict(model, gathers)
    metrics = ks.evaluation.score_velocity(velocity, predicted)
    mean = pairs.mean_velocity(learning) if arguments.data else pairs.mean_velocity()
    baseline = abs(velocity - mean).mean()
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
