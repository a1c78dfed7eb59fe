"""``keras-seismic train unsupervised``: an inversion network from gathers and physics alone."""

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
    normalization,
    score,
)

SMOKE = {
    "samples": 4, "held_out": 2, "epochs": 1,
    "batch_size": 2, "filters": 1, "precision": "float32",
}  # fmt: skip


@program(train, smoke=SMOKE)
def unsupervised(
    out: options.Out,
    data: options.Data = None,
    family: options.Family = None,
    samples: options.Samples = None,
    held_out: options.HeldOut = 20,
    pretrained: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="model.keras of a run, to continue with.")
    ] = None,
    epochs: options.Epochs = 20,
    batch_size: options.BatchSize = 4,
    learning_rate: options.LearningRate = 1e-3,
    filters: options.Filters = 8,
    boundary: options.Boundary = "cpml",
    cache_dir: options.CacheDir = Path("cache"),
    precision: options.Precision = "auto",
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, float]:
    """Train InversionNet on shot gathers whose velocity is not known.

        keras-seismic train unsupervised --data FlatVel_A --samples 200 --out runs/unlabeled
        keras-seismic train unsupervised --pretrained flat.keras --data CurveVel_A --out runs/tuned

    The predicted velocity is put into the wave equation, and the loss is the misfit between the
    gathers that come out and those that went in. That takes the exact acquisition: without --data
    it is OpenFWI's, of the --family that is simulated. --pretrained continues with a trained
    network, on gathers of another area for instance.

    Velocity that the pairs do have is only used for scores: start_mae_m_s is the network's error
    before training, baseline_mae_m_s that of the mean of the true models, and data_misfit and
    baseline_data_misfit say how far the gathers of both are from those observed.
    """
    precision = ks.training.dtype_policy(precision)
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    keras.utils.set_random_seed(seed)

    # Network and pairs: what does not fit is refused here, before anything is simulated or lost
    model = None if pretrained is None else load_pretrained(pretrained)
    openfwi = ks.simulation.Acquisition.openfwi(boundary=boundary)
    found = find_pairs(
        data,
        family,
        samples,
        held_out,
        seed,
        model.acquisition if model else openfwi,
        cache_dir,
        defaults=("flatvel_a", 200),
    )
    pairs = found.pairs
    acquisition = pairs.acquisition or (model.acquisition if model else None)
    if acquisition is None:
        raise ValueError(
            f"{data}: no acquisition is noted with these pairs, so that gathers like theirs cannot "
            "be simulated; --pretrained takes that of its network"
        )
    if model:
        model = ks.models.in_precision(model, precision)
        shape = model.output_shape[1:3]
        check_fit(pretrained, model, pairs.gather_shape, pairs.velocity_shape or shape)
        network, units = model.network, (model.input_normalization, model.output_scaling)
    else:
        shape = pairs.velocity_shape or (70, 70)
        network = ks.models.InversionNet(pairs.gather_shape, shape, filters, dtype=precision)
        units = normalization(found), ks.layers.VelocityScaling(1500.0, 4500.0)
    model = ks.models.with_physical_units(network, *units, acquisition)
    run.create(
        configuration(
            "train unsupervised",
            arguments | found.arguments,
            acquisition=acquisition.get_config(),
        )
    )
    pairs.prepare()

    # Training, scores and figures
    gathers, velocity = pairs[found.held_out]
    known = pairs.velocity_shape is not None
    before = ks.inference.predict(model, gathers)
    model = ks.training.fit_pairs(
        model,
        pairs,
        found.learning,
        run,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        labels=False,
        physics=1.0,
    )
    model = ks.models.in_float32(model)
    run.save_model(model)
    after = ks.inference.predict(model, gathers)
    estimates = {"start_data_misfit": before, "data_misfit": after}
    metrics: dict[str, Any] = {}
    if known:
        metrics = score(run, model, found)
        metrics["start_mae_m_s"] = ks.evaluation.score_velocity(velocity, before)[
            "velocity_mae_m_s"
        ]
        estimates["baseline_data_misfit"] = pairs.mean_velocity(found.learning)[None] + 0 * after
    else:
        run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")
        run.save_figure(ks.visualization.plot_predicted_velocity(after[..., 0], 10.0), "velocity")
    for name, estimate in estimates.items():
        metrics[name] = ks.evaluation.data_misfit(
            estimate, gathers, acquisition, model.input_normalization
        )
    finish(run, metrics)
    return metrics
