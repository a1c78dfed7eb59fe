"""Transfer learning: train on one velocity family, go on with few samples of another.

    python -m train.transfer --from-family flatvel_a --to-family curvevel_a --samples 100 --out x

trains InversionNet on simulated pairs of the first family (or takes --pretrained, the network of
an earlier run), then goes on with --samples pairs of the second: with all weights, and with the
encoder frozen; and trains from scratch, with as many updates. Each is repeated with other
samples, orders and initial weights (--seeds). Writes config.json, metrics.json, table.md,
model.keras (the best by validation, in physical units), figures/, and a run folder for each
training.

A tenth of the samples chooses the best epoch of each training; the held-out pairs only score.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

import keras_seismic as ks
from keras_seismic.cli import command_line

HEADINGS = {
    "velocity_mae_m_s": "MAE (m/s)",
    "velocity_rmse_m_s": "RMSE (m/s)",
    "velocity_ssim": "SSIM",
}
SMOKE = {"samples": 4, "pretrain_samples": 4, "held_out": 2, "epochs": 1, "pretrain_epochs": 1,
         "seeds": 1, "filters": 1, "batch_size": 2, "boundary": "cpml"}  # fmt: skip


def stages(text: str) -> int | None:
    """Encoder stages to freeze: none, encoder (all of them) or a number, for argparse."""
    if text in ("none", "encoder"):
        return 0 if text == "none" else None
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected none, encoder or a number, received {text!r}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The program's arguments."""
    p = command_line.training_parser(
        __doc__, epochs=30, batch_size=8, learning_rate=1e-3, smoke=SMOKE, resumable=False
    )
    families, positive = ", ".join(ks.simulation.FAMILIES), command_line.positive
    p.add_argument("--from-family", default="flatvel_a", help=f"to train on first: {families}")
    p.add_argument("--to-family", default="curvevel_a", help="default %(default)s")
    p.add_argument("--pretrained", type=Path, help="best.keras or model.keras of an earlier run")
    p.add_argument("--samples", type=positive, default=100, help="pairs of the second family")
    p.add_argument("--pretrain-samples", type=positive, default=900, help="pairs of the first")
    p.add_argument("--pretrain-epochs", type=positive, default=16, help="default %(default)s")
    p.add_argument("--held-out", type=positive, default=100, help="pairs to score on")
    p.add_argument("--seeds", type=positive, default=3, help="repetitions, default %(default)s")
    p.add_argument(
        "--freeze", type=stages, default="encoder", help="none, encoder, or its first N stages"
    )
    p.add_argument("--encoder-rate", type=float, default=1.0, help="multiplier of its rate")
    p.add_argument("--reset-head", action="store_true", help="new weights for the last layer")
    p.add_argument(
        "--unlabeled",
        type=int,
        default=0,
        metavar="N",
        help="also go on with N gathers without velocity, by way of a critic; default none",
    )
    p.add_argument("--filters", type=positive, default=8, help="width of the network to pre-train")
    p.add_argument("--boundary", choices=("openfwi", "cpml"), default="openfwi")
    p.add_argument("--cache-dir", type=Path, default=Path("cache"), help="default %(default)s")
    return p


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Train, go on and compare; returns what metrics.json holds."""
    arguments = parser().parse_args(argv)
    run = command_line.open_run(arguments)
    keras.utils.set_random_seed(arguments.seed)
    recipe = {"batch_size": arguments.batch_size, "learning_rate": arguments.learning_rate}

    # The network to start from, in the units of the first family.
    acquisition = ks.simulation.Acquisition.openfwi(boundary=arguments.boundary)
    normalization = ks.layers.GatherNormalization.openfwi(arguments.from_family)
    units = normalization, ks.layers.VelocityScaling(1500.0, 4500.0), acquisition
    if arguments.pretrained:
        source = ks.training.load_pretrained(arguments.pretrained, *units)
    else:
        network = ks.models.InversionNet(acquisition.gather_shape, filters=arguments.filters)
        source = ks.models.with_physical_units(network, *units)
    starts = ks.training.transfer_starts(
        arguments.freeze, arguments.reset_head, arguments.encoder_rate
    )
    for start in starts:  # what the network cannot do is refused now, not after the training
        start.multipliers(start.network(source.network))

    def pairs(family, count, seed):
        shape = source.output_shape[1:3]
        return ks.datasets.SimulatedPairs(
            family, count, source.acquisition, seed, arguments.cache_dir, shape
        )

    first = pairs(arguments.from_family, arguments.pretrain_samples, arguments.seed)
    held_out = pairs(arguments.to_family, arguments.held_out, (arguments.seed, 1))
    few = [
        pairs(arguments.to_family, arguments.samples, (arguments.seed, 2, repetition))
        for repetition in range(arguments.seeds)
    ]
    more = arguments.unlabeled and pairs(
        arguments.to_family, arguments.unlabeled, (arguments.seed, 3)
    )
    run.create(command_line.configuration(arguments, acquisition=source.acquisition.get_config()))
    if not arguments.pretrained:
        folder = ks.training.RunFolder(run.path / "pretraining").create({})
        source = ks.training.fit_pairs(
            source, first, folder, epochs=arguments.pretrain_epochs, seed=arguments.seed, **recipe
        )
        folder.save_model(source)

    # Every start with the same samples, in the same order, for as many updates.
    study = ks.training.compare_starts(
        starts,
        source,
        few,
        held_out,
        run,
        epochs=arguments.epochs,
        seed=arguments.seed,
        unlabeled=more or None,
        **recipe,
    )

    # Scores and figures in m/s
    run.save_model(study.best)
    run.save_figure(study.comparison.figure(HEADINGS), "comparison")
    _, velocity = held_out[:3]
    predicted = {name: v[:3] for name, v in study.predicted.items()}
    dx = source.acquisition.dx
    run.save_figure(ks.evaluation.plot_predictions(velocity, predicted, dx), "velocity")
    metrics = {"samples": arguments.samples, "methods": study.comparison.summary()}
    run.write("metrics.json", metrics)
    table = study.comparison.table(HEADINGS)
    run.write_text("table.md", table)
    print(f"{table}\nmodel: {run.path / 'model.keras'}\nfigures: {run.path / 'figures'}")
    return metrics


if __name__ == "__main__":
    command_line.run_program(main)
