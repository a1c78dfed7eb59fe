"""Train the convolutional denoiser on patches of seismic sections with white noise added.

    python -m train.denoiser --section line.segy --test stack.npy --out runs/denoiser

learns from the sections given (.segy, .sgy, .npy; several with repeated --section), or from
simulated ones without --section, and scores on --test, or on simulated sections that it
never saw. The run folder holds config.json, history.csv, metrics.json, best.keras,
model.keras (raw amplitudes in and out) and figures/.
"""

from collections.abc import Sequence
from pathlib import Path

import keras

import keras_seismic as ks
from keras_seismic.training import command_line


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
    p.add_argument("--decoder", choices=("transpose", "resize"), default="transpose")
    p.add_argument(
        "--num-filters", type=command_line.positive, default=32, help="default %(default)s"
    )
    p.add_argument(
        "--num-blocks", type=command_line.positive, default=2, help="default %(default)s"
    )
    p.add_argument("--batch-norm", action="store_true", help="batch normalisation after each ReLU")
    return p


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train and score; returns what metrics.json holds."""
    arguments = parser().parse_args(argv)
    run = command_line.open_run(arguments)
    sections = [ks.data.read_section(path).amplitude for path in arguments.section]
    test = arguments.test and ks.data.read_section(arguments.test)
    keras.utils.set_random_seed(arguments.seed)

    # Data
    sections = sections or ks.simulation.sample_sections(40, arguments.seed)
    test_section = (
        test.amplitude if test else ks.simulation.sample_sections(4, (arguments.seed, 1))[0]
    )
    normalization = ks.layers.SectionNormalization("percentile", percentile=99.5)
    training, validation = (
        ks.data.NoisyPatches(
            sections, arguments.patch_size, count, arguments.snr, normalization, seed
        )
        for count, seed in (
            (arguments.patches, arguments.seed),
            (max(arguments.patches // 10, len(sections)), arguments.seed + 10_000),
        )
    )
    run.create(command_line.configuration(arguments))

    # Network and training
    network = ks.models.ConvDenoiser(
        arguments.num_filters, arguments.num_blocks, arguments.decoder, arguments.batch_norm
    )
    network.compile(
        optimizer=keras.optimizers.Adam(arguments.learning_rate),
        loss="mean_squared_error",
        metrics=[ks.metrics.SignalToNoiseRatio()],
        jit_compile=ks.training.jit_compile(),
    )
    network = ks.training.fit(
        network,
        training.dataset(arguments.batch_size),
        validation.dataset(arguments.batch_size, shuffle=False),
        run,
        arguments.epochs,
    )

    # Scores and figures
    model = ks.exporting.with_physical_units(network, normalization)
    run.save_model(model)
    result = ks.evaluation.denoising_experiment(model, test_section, arguments.snr, arguments.seed)
    metrics = ks.evaluation.score_denoising(*result)
    dt = test.dt if test else 0.004
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")
    run.save_figure(ks.visualization.plot_denoising(*result, dt=dt), "denoising")
    command_line.finish(run, metrics)
    return metrics


if __name__ == "__main__":
    command_line.run_program(main)
