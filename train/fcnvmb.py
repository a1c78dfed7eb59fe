"""Train FCNVMB on shot gathers, and study what low frequencies are worth to it.

    python -m train.fcnvmb --smoke --low-cut 8 --out runs/try
    python -m train.fcnvmb --targets unit --filters 8 --samples 500 --held-out 50
        --epochs 12 --low-cut 5 --low-cut 10 --out runs/x

simulates the pairs (once; they are kept in --cache-dir), trains, scores on held-out pairs
and writes a run folder: config.json, history.csv, metrics.json, best.keras, model.keras
(raw gathers in, m/s out) and figures/. With --low-cut HZ, which may be repeated, the same
network is trained again on gathers without the frequencies below HZ, each in a folder of its
own, and a table and figures compare them.

Learning is the paper's: Adam at 1e-3, batches of 10, squared error on m/s, 100 epochs, every
fifth sample of the record. With m/s for targets the output grows to its size in thousands of
updates (the paper has 16,000). To scale down, learn --targets unit with fewer --epochs and
--filters: the second line above reaches 291, 279 and 292 m/s mean absolute error (unfiltered,
without 5 and 10 Hz; too close to tell from chance) in two minutes of processor time for each
training, where the mean model gives 577 and --targets m_s 2844. The published skip shows in its
pictures as a rectangle, where the frame of zeros ends; --skip before_pooling has none, and
scores 327 m/s in the same training.

The experiment is small by default. The paper's, for an accelerator and 130 GB of disk:

    --shape 201 301 --shots 29 --samples-in-time 2000

With --data FOLDER it learns from the published .mat files (georec1.mat, vmodel1.mat and so on; see
ks.datasets.FCNVMBPairs) instead of simulating. Those sizes are then the default, and a tenth of the
pairs, at most --held-out, is kept for the scores. Recordings are thinned to every fifth sample as
they are read, and the saved model takes them like that.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

import keras_seismic as ks
from keras_seismic.cli import command_line

SMOKE = {
    "samples": 10,
    "held_out": 2,
    "filters": 2,
    "shape": [40, 40],
    "shots": 2,
    "samples_in_time": 200,
}
#: Velocity model, shots and time samples: of what is simulated, and of the published files.
SIZES = {"shape": [70, 70], "shots": 5, "samples_in_time": 1000}
PUBLISHED_SIZES = {"shape": [201, 301], "shots": 29, "samples_in_time": 2000}

#: Of the published gathers, thinned, s.
THINNED_INTERVAL = 0.005


def parser():
    """The program's arguments."""
    positive = command_line.positive
    p = command_line.training_parser(
        __doc__, epochs=100, batch_size=10, learning_rate=1e-3, smoke=SMOKE
    )
    p.add_argument("--data", type=Path, metavar="FOLDER", help="a folder of FCNVMB's .mat files")
    families = ", ".join(ks.simulation.FAMILIES)
    p.add_argument("--family", default="curvevel_a", help=f"one of {families}; default %(default)s")
    p.add_argument("--samples", type=positive, default=1600, help="pairs to learn from")
    p.add_argument("--held-out", type=positive, default=100, help="pairs to score on")
    p.add_argument(
        "--shape",
        type=positive,
        nargs=2,
        metavar=("DEPTH", "WIDTH"),
        help="velocity model in cells of 10 m, default 70 70; with --data 201 301",
    )
    p.add_argument("--shots", type=positive, help="default 5; with --data 29")
    p.add_argument(
        "--samples-in-time", type=positive, help="of 1 ms, default 1000; with --data 2000"
    )
    p.add_argument(
        "--keep-every",
        type=positive,
        default=5,
        help="sample of simulated gathers, default %(default)s",
    )
    p.add_argument(
        "--filters",
        type=positive,
        default=64,
        help="width of the network, default %(default)s, the published one",
    )
    p.add_argument("--upsampling", choices=("deconv", "bilinear"), default="deconv")
    p.add_argument(
        "--skip",
        choices=("after_pooling", "before_pooling"),
        default="after_pooling",
        help="as published (default), or the textbook's",
    )
    p.add_argument(
        "--targets",
        choices=("m_s", "unit"),
        default="m_s",
        help="learn m/s as published (default), or 1500-4500 m/s scaled to [-1, 1]",
    )
    p.add_argument(
        "--low-cut",
        type=float,
        action="append",
        default=[],
        metavar="HZ",
        help="also train without the frequencies below; may be repeated",
    )
    p.add_argument("--boundary", choices=("openfwi", "cpml"), default="cpml")
    p.add_argument("--cache-dir", type=Path, default=Path("cache"), help="default %(default)s")
    return p


class Data(NamedTuple):
    """Pairs to learn from and pairs to score on, and what is known of them."""

    pairs: Any
    learning: np.ndarray
    held_out: Any
    scoring: slice | np.ndarray
    steps: list[keras.layers.Layer]
    dt: float
    acquisition: ks.simulation.Acquisition | None
    gather_shape: tuple[int, int, int]
    velocity_shape: tuple[int, int]


def simulated(arguments: argparse.Namespace) -> Data:
    """Pairs to be simulated, unless they are in the cache."""
    acquisition = ks.simulation.Acquisition.surface(
        width=arguments.shape[1],
        dx=10.0,
        dt=0.001,
        nt=arguments.samples_in_time,
        peak_frequency=15.0,
        shots=arguments.shots,
        boundary=arguments.boundary,
    )
    shape, cache = tuple(arguments.shape), arguments.cache_dir
    pairs, held_out = (
        ks.datasets.SimulatedPairs(arguments.family, count, acquisition, seed, cache, shape)
        for count, seed in (
            (arguments.samples, arguments.seed),
            (arguments.held_out, (arguments.seed, 1)),
        )
    )
    return Data(
        pairs,
        np.arange(len(pairs)),
        held_out,
        slice(None),
        [ks.layers.TimeDecimation(arguments.keep_every)],
        acquisition.dt,
        acquisition,
        acquisition.gather_shape,
        shape,
    )


def from_files(arguments: argparse.Namespace) -> Data:
    """Pairs of FCNVMB's files, some of them held out."""
    samples = len(range(arguments.samples_in_time)[2::5])  # as FCNVMBPairs thins them
    gather_shape = samples, arguments.shape[1], arguments.shots
    shape = tuple(arguments.shape)
    pairs = ks.datasets.FCNVMBPairs(arguments.data, gather_shape=gather_shape, velocity_shape=shape)
    learning, scoring = pairs.held_out(seed=arguments.seed)
    pairs[:1]  # files of another size are refused here, before the run folder is touched
    learning, scoring = learning[: arguments.samples], scoring[: arguments.held_out]
    return Data(pairs, learning, pairs, scoring, [], THINNED_INTERVAL, None, gather_shape, shape)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train and score; returns what metrics.json holds."""
    arguments = parser().parse_args(argv)
    if arguments.resume and arguments.low_cut:
        raise ValueError("--resume goes on with one training, not with a study (--low-cut)")
    for name, size in (PUBLISHED_SIZES if arguments.data else SIZES).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, size)
    run = command_line.open_run(arguments)
    data = from_files(arguments) if arguments.data else simulated(arguments)
    pairs, learning, acquisition = data.pairs, data.learning, data.acquisition
    arguments.samples = len(learning)

    # Low cuts and sizes that do not fit are refused here, before anything is simulated.
    low_cuts = ks.evaluation.checked_low_cuts(arguments.low_cut)
    filters = {frequency: ks.layers.LowCut(frequency, data.dt) for frequency in low_cuts}
    for low_cut in filters.values():
        low_cut.build((None, *data.gather_shape))
    prepared = (None, *data.gather_shape)
    for step in data.steps:
        prepared = step.compute_output_shape(prepared)
    sizes = {"gather_shape": prepared[1:], "velocity_shape": data.velocity_shape}
    ks.models.FCNVMB(**sizes, filters=1)
    config = command_line.configuration(
        arguments, acquisition=acquisition and acquisition.get_config()
    )
    run.create(config)
    if not arguments.data:
        pairs.prepare()
        data.held_out.prepare()
    scaling = ks.layers.VelocityScaling(*((1500, 4500) if arguments.targets == "unit" else ()))
    validating = max(len(learning) // 20, 1)
    parts = learning[validating:] if len(learning) > 1 else learning, learning[:validating]

    def train(frequency: float) -> keras.Model:
        """The same network from the same start, on gathers without low frequencies."""
        folder, steps = run, data.steps
        if frequency:
            path = run.path / ks.evaluation.low_cut_name(frequency)
            folder = ks.training.RunFolder(path).create(config | {"low_cut_hz": frequency})
            steps = [filters[frequency], *data.steps]
            print(f"without the frequencies below {frequency:g} Hz")
        keras.utils.set_random_seed(arguments.seed)
        preparation = ks.layers.GatherPreparation.fitted(steps, pairs[learning[:10]][0])
        settings = (preparation, scaling, arguments.batch_size)
        training = pairs.dataset(
            *settings, True, arguments.seed, parts[0], start=(folder.epochs_done, 0)
        )
        validation = pairs.dataset(*settings, False, part=parts[1])
        network = ks.models.FCNVMB(
            **sizes,
            filters=arguments.filters,
            use_deconv=arguments.upsampling == "deconv",
            skip=arguments.skip,
        )
        network.compile(
            optimizer=keras.optimizers.Adam(arguments.learning_rate),
            loss="mean_squared_error",
            metrics=[ks.metrics.MeanAbsoluteVelocityError(scaling.scale)],
            jit_compile=ks.training.jit_compile(),
        )
        network = ks.training.fit(network, training, validation, folder, arguments.epochs)
        model = ks.models.with_physical_units(network, preparation, scaling, acquisition)
        folder.save_model(model)
        folder.save_figure(ks.visualization.plot_history(folder.read_history()), "loss")
        return model

    # Training, scores and figures in m/s
    gathers, velocity = data.held_out[data.scoring]
    study = ks.evaluation.low_cut_study(train, low_cuts, gathers, velocity)
    metrics = study.flat_metrics
    mean = pairs.mean_velocity(learning) if arguments.data else pairs.mean_velocity()
    metrics["baseline_mae_m_s"] = float(np.abs(velocity - mean).mean())
    figure = ks.visualization.plot_velocity(velocity[:3], study.predicted[0.0][:3])
    run.save_figure(figure, "velocity")
    run.save_figure(ks.visualization.plot_gathers(gathers[0], data.dt), "gathers")
    if low_cuts:
        run.save_figure(ks.evaluation.plot_low_cut_velocity(study), "low_cut_velocity")
        run.save_figure(ks.evaluation.plot_low_cut_scores(study), "low_cut_scores")
    command_line.finish(run, metrics)
    if low_cuts:
        print(study.table())
    return metrics


if __name__ == "__main__":
    command_line.run_program(main)
