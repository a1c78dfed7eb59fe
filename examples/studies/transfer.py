"""Transfer learning against training from scratch, on the same few samples.

    python -m examples.studies.transfer --out runs/transfer

trains InversionNet on simulated pairs of one family (or takes --pretrained, model.keras of a run),
then goes on with --samples pairs of another: with all weights, and with the encoder frozen; and
trains from scratch, with as many updates. Each is repeated with other samples, orders and initial
weights (--repetitions). With --unlabeled N it also goes on against a critic, with N more gathers
whose velocity is not looked at. Writes table.md, metrics.json, figures and a run folder for each
training.

A tenth of the samples chooses the best epoch of each training; the held-out pairs only score.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import keras
import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli.program import configuration
from keras_seismic.datasets import SimulatedPairs
from keras_seismic.models import PhysicalUnitsModel, with_physical_units
from keras_seismic.training import RunFolder, fit_pairs, fit_with_unlabeled

HEADINGS = {
    "velocity_mae_m_s": "MAE (m/s)",
    "velocity_rmse_m_s": "RMSE (m/s)",
    "velocity_ssim": "SSIM",
}
STARTS = ("scratch", "all weights", "frozen encoder")


def main(
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    pretrained: Annotated[Path | None, typer.Option(help="model.keras of a run.")] = None,
    from_family: Annotated[str, typer.Option(help="To train on first.")] = "flatvel_a",
    to_family: Annotated[str, typer.Option(help="To go on with.")] = "curvevel_a",
    pretrain_samples: Annotated[int, typer.Option(min=1)] = 600,
    pretrain_epochs: Annotated[int, typer.Option(min=1)] = 12,
    samples: Annotated[int, typer.Option(min=1, help="Pairs to go on with.")] = 100,
    held_out: Annotated[int, typer.Option(min=1, help="Pairs to score on.")] = 100,
    unlabeled: Annotated[int, typer.Option(help="Gathers without velocity.")] = 0,
    repetitions: Annotated[int, typer.Option(min=1)] = 3,
    epochs: Annotated[int, typer.Option(min=1)] = 24,
    batch_size: Annotated[int, typer.Option(min=1)] = 8,
    learning_rate: float = 1e-3,
    filters: Annotated[int, typer.Option(min=1)] = 8,
    boundary: Literal["openfwi", "cpml"] = "cpml",
    cache_dir: Annotated[Path, typer.Option(help="For simulated pairs.")] = Path("cache"),
    seed: int = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite")] = False,
) -> dict[str, Any]:
    """Train, continue and compare; returns the scores by start."""
    arguments = dict(locals())
    run = RunFolder(out, overwrite)
    keras.utils.set_random_seed(seed)
    acquisition = ks.simulation.Acquisition.openfwi(boundary=boundary)
    source = (
        ks.inference.load_model(pretrained)
        if pretrained
        else with_physical_units(
            ks.models.InversionNet(acquisition.gather_shape, filters=filters),
            ks.layers.GatherNormalization.openfwi(from_family),
            ks.layers.VelocityScaling(1500.0, 4500.0),
            acquisition,
        )
    )

    if source.acquisition is not None:
        acquisition = source.acquisition

    def simulated(family: str, count: int, *seeds: int) -> SimulatedPairs:
        shape = source.output_shape[1:3]
        pairs = SimulatedPairs(family, count, acquisition, (seed, *seeds), cache_dir, shape)
        return pairs.prepare()

    run.create(configuration("examples.studies.transfer", arguments))
    recipe: dict[str, Any] = {
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "validation": 0.1,
    }
    if not pretrained:
        folder = RunFolder(run.path / "pretraining").create({})
        first = simulated(from_family, pretrain_samples, 0)
        source = fit_pairs(
            source, first, range(len(first)), folder, epochs=pretrain_epochs, seed=seed, **recipe
        )
        folder.save_model(source)

    # Every start with the same samples, in the same order, for as many updates.
    scoring = simulated(to_family, held_out, 1)
    gathers, velocity = scoring[:]
    more = simulated(to_family, unlabeled, 3) if unlabeled else None
    names = (*STARTS, "unlabeled too") if more else STARTS
    comparison = ks.evaluation.Comparison()
    predicted = {"as pre-trained": ks.inference.predict(source, gathers)}
    comparison.add(
        "as pre-trained", ks.evaluation.score_velocity(velocity, predicted["as pre-trained"])
    )
    for repetition in range(repetitions):
        few = simulated(to_family, samples, 2, repetition)
        mean = np.broadcast_to(few.mean_velocity(), velocity.shape)
        comparison.add("mean of the samples", ks.evaluation.score_velocity(velocity, mean))
        for name in names:
            print(f"{name}, repetition {repetition + 1}", flush=True)
            keras.utils.set_random_seed(seed + repetition)
            folder = RunFolder(run.path / f"{name.replace(' ', '_')}_{repetition + 1}").create({})
            shared = {"epochs": epochs, "seed": seed + repetition, **recipe}
            model, numbers = start(source, name), range(len(few))
            if more and name == "unlabeled too":
                model = fit_with_unlabeled(model, few, numbers, more, folder, **shared)
            else:
                model = fit_pairs(model, few, numbers, folder, **shared)
            folder.save_model(model)
            velocities = ks.inference.predict(model, gathers)
            scores = ks.evaluation.score_velocity(velocity, velocities)
            comparison.add(name, scores, folder.read_history())
            predicted.setdefault(name, velocities)
    return report(run, comparison, velocity, predicted, acquisition.dx)


def start(source: PhysicalUnitsModel, name: str) -> PhysicalUnitsModel:
    """A copy of the model as a training begins; the source is left alone."""
    network = type(source.network).from_config(source.network.get_config())
    if name != "scratch":
        network.set_weights(source.network.get_weights())
    if name == "frozen encoder":
        ks.training.freeze_encoder(network)
    return with_physical_units(
        network, source.input_normalization, source.output_scaling, source.acquisition
    )


def report(
    run: RunFolder,
    comparison: ks.evaluation.Comparison,
    velocity: np.ndarray,
    predicted: dict[str, np.ndarray],
    dx: float,
) -> dict[str, Any]:
    """Table and figures of the study."""
    run.save_figure(comparison.figure(HEADINGS), "comparison")
    some = {name: values[:3] for name, values in predicted.items()}
    run.save_figure(ks.evaluation.plot_predictions(velocity[:3], some, dx), "velocity")
    summary = comparison.summary()
    run.write("metrics.json", summary)
    table = comparison.table(HEADINGS)
    run.write_text("table.md", table)
    print(table)
    return summary


if __name__ == "__main__":
    typer.run(main)
