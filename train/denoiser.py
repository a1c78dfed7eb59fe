"""Train the convolutional denoiser on patches of seismic sections with noise added.

    python -m train.denoiser --section line.segy --test stack.npy --out runs/denoiser
    python -m train.denoiser --section line.segy --noise swell --noise hum=6 --out runs/swell
    python -m train.denoiser --section noisy.segy --self-supervised --out runs/blind

learns from the sections given (.segy, .sgy, .npy; several with repeated --section), or from
simulated ones without --section, and scores on --test, or on simulated sections that it
never saw.

With --self-supervised it learns from the sections as they are, noise and all, by guessing
masked samples, and reports what it removed: there is no truth to score against. That removes
noise that is independent from sample to sample (white, spikes); of hum or swell it removes
little, with --mask-traces somewhat more. With --noise as well, that noise is added once to
sections taken as clean, the network sees nothing but the noisy ones, and the truth is used for
scoring only, on --test or else on the first section.

The run folder holds config.json, history.csv, metrics.json, best.keras,
model.keras (raw amplitudes in and out) and figures/.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

import keras_seismic as ks
from keras_seismic.cli import command_line


def parser():
    """The program's arguments."""
    p = command_line.training_parser(
        __doc__, epochs=5, batch_size=64, learning_rate=1e-3, smoke={"patches": 640}
    )
    p.add_argument(
        "--section",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="clean section to learn from; may be repeated",
    )
    p.add_argument("--test", type=Path, metavar="FILE", help="section to score on")
    p.add_argument(
        "--patches", type=command_line.positive, default=10_000, help="default %(default)s"
    )
    p.add_argument(
        "--patch-size", type=command_line.positive, default=28, help="default %(default)s"
    )
    p.add_argument(
        "--snr",
        type=float,
        default=0.0,
        metavar="DB",
        help="signal-to-noise ratio to train and score at, default %(default)s dB",
    )
    p.add_argument(
        "--noise",
        type=command_line.noise,
        action="append",
        metavar="KIND[=LEVEL]",
        help="noise to add, with a level of its own in dB, or a fraction of traces for missing and "
        f"weak; may be repeated: {', '.join(ks.noise.NOISES)}; default white",
    )
    p.add_argument("--dt", type=float, help="sample interval in s where the file does not tell")
    p.add_argument("--self-supervised", action="store_true", help="see above")
    p.add_argument(
        "--mask-traces",
        type=float,
        default=0.0,
        metavar="FRACTION",
        help="self-supervised: mask whole traces instead of samples, against noise that fills "
        "single traces",
    )
    p.add_argument("--decoder", choices=("transpose", "resize"), default="transpose")
    p.add_argument(
        "--num-filters", type=command_line.positive, default=32, help="default %(default)s"
    )
    p.add_argument(
        "--num-blocks", type=command_line.positive, default=2, help="default %(default)s"
    )
    p.add_argument("--batch-norm", action="store_true", help="batch normalization after each ReLU")
    return p


@dataclasses.dataclass
class Data:
    """What is learned from and what is scored on.

    Attributes:
        sections: To learn from, ``(time, traces)`` each.
        intervals: Their sample intervals, s.
        scored: The section to score on.
        dt: Its sample interval, s.
        seed: Of its noise.
        truth_known: Whether it is clean, so that noise is added and the result compared.
    """

    sections: list[np.ndarray]
    intervals: list[float | None]
    scored: np.ndarray
    dt: float | None
    seed: tuple[int, ...]
    truth_known: bool


def read_data(arguments) -> Data:
    """Sections from files or simulated; noisy ones for self-supervised learning."""
    files = [ks.io.read_section(path) for path in arguments.section]
    test = arguments.test and ks.io.read_section(arguments.test)
    blind, seed = arguments.self_supervised, arguments.seed
    truth_known = not blind or bool(arguments.noise) or not files
    arguments.noise = arguments.noise or [ks.noise.Noise("white")]
    if files:
        sections = [file.amplitude for file in files]
        intervals = [file.dt or arguments.dt for file in files]
    else:
        sections = ks.simulation.sample_sections(40, seed)
        intervals = [0.004] * len(sections)
    if test:
        data = Data(sections, intervals, test.amplitude, test.dt or arguments.dt, (seed,), True)
    elif blind and files:
        # The very noise that was learned from; only the clean side was never seen.
        data = Data(sections, intervals, sections[0], intervals[0], (seed, 0), True)
    else:
        section = ks.simulation.sample_sections(4, (seed, 1))[0]
        data = Data(sections, intervals, section, 0.004, (seed,), True)
    data.truth_known = truth_known
    if truth_known:
        ks.noise.check_noise(arguments.noise, data.dt)
    if blind and truth_known:
        data.sections = [
            ks.noise.add_noise(
                ks.datasets.normalize_section(section),
                arguments.noise,
                arguments.snr,
                dt,
                (seed, i),
            )
            for i, (section, dt) in enumerate(zip(sections, intervals, strict=True))
        ]
    return data


def patches(arguments, data: Data, normalization):
    """Training and validation patches."""
    if arguments.mask_traces and not arguments.self_supervised:
        raise ValueError("--mask-traces is for --self-supervised learning only")
    for count, seed in (
        (arguments.patches, arguments.seed),
        (max(arguments.patches // 10, len(data.sections)), arguments.seed + 10_000),
    ):
        common = data.sections, arguments.patch_size, count
        if arguments.self_supervised:
            traces = arguments.mask_traces
            pixels = 0.0 if traces else 0.05
            yield ks.datasets.BlindSpotPatches(*common, normalization, seed, pixels, traces)
        else:
            yield ks.datasets.NoisyPatches(
                *common, arguments.snr, normalization, seed, arguments.noise, data.intervals
            )


def score(model, arguments, data: Data):
    """Metrics and a figure."""
    if data.truth_known:
        result = ks.evaluation.denoising_experiment(
            model, data.scored, arguments.snr, data.seed, arguments.noise, data.dt
        )
        metrics = ks.evaluation.score_denoising(*result)
        return metrics, ks.visualization.plot_denoising(*result, dt=data.dt)
    denoised = ks.inference.predict(model, data.scored[None, ..., None])[0, ..., 0]
    metrics = ks.evaluation.score_without_truth(data.scored, denoised)
    return metrics, ks.visualization.plot_before_after(data.scored, denoised, dt=data.dt)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train and score; returns what metrics.json holds."""
    arguments = parser().parse_args(argv)
    run = command_line.open_run(arguments)
    keras.utils.set_random_seed(arguments.seed)
    data = read_data(arguments)
    normalization = ks.layers.SectionNormalization("percentile", percentile=99.5)
    training, validation = patches(arguments, data, normalization)
    run.create(command_line.configuration(arguments))

    # Network and training
    network = ks.models.ConvDenoiser(
        arguments.num_filters, arguments.num_blocks, arguments.decoder, arguments.batch_norm
    )
    network.compile(
        optimizer=keras.optimizers.Adam(arguments.learning_rate),
        loss="mean_squared_error",
        metrics=[] if arguments.self_supervised else [ks.metrics.SignalToNoiseRatio()],
        jit_compile=ks.training.jit_compile(),
    )
    network = ks.training.fit(
        network,
        training.dataset(arguments.batch_size, start=(run.epochs_done, 0)),
        validation.dataset(arguments.batch_size, shuffle=False),
        run,
        arguments.epochs,
    )

    # Scores and figures
    model = ks.models.with_physical_units(network, normalization)
    run.save_model(model)
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")
    metrics, figure = score(model, arguments, data)
    run.save_figure(figure, "denoising")
    command_line.finish(run, metrics)
    return metrics


if __name__ == "__main__":
    command_line.run_program(main)
