"""``keras-seismic train blind-denoiser``: the network behind ``ks.denoise``."""

from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import train
from keras_seismic.cli.program import configuration, finish, program

SMOKE = {
    "simulated": 4, "patches": 8, "patch_size": 32, "batch_size": 4, "epochs": 1, "filters": 4,
    "precision": "float32",
}  # fmt: skip
#: Channels at full size and at each halving, in units of ``--filters``.
_WIDTHS = (1, 2, 4, 6)
_LEVELS = (0.0, 6.0)


@program(train, "blind-denoiser", smoke=SMOKE)
def blind_denoiser(
    out: options.Out,
    section: options.Sections = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Go on from this preset or model.keras of a run."),
    ] = None,
    simulated: Annotated[
        int, typer.Option(min=1, help="Sections to simulate, if none are given.")
    ] = 1500,
    patches: Annotated[int, typer.Option(min=1, help="Patches in an epoch.")] = 4000,
    patch_size: Annotated[int, typer.Option(min=8, help="Samples and traces of a patch.")] = 128,
    epochs: options.Epochs = 30,
    batch_size: options.BatchSize = 16,
    learning_rate: options.LearningRate = 1e-3,
    filters: options.Filters = 24,
    precision: options.Precision = "auto",
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, float]:
    """Train the blind denoiser: noise of every kind and level, which it is not told.

        keras-seismic train blind-denoiser --out runs/blind
        keras-seismic train blind-denoiser --start blind_denoiser --section line.segy --out runs/own

    learns from sections of random structure, or from clean sections of your own (.segy, .sgy,
    .npy), with new noise in every epoch, and is scored on simulated sections that it has never
    seen, with white noise of 0 and 6 dB. --start goes on from a trained network, such as the
    preset behind ks.denoise, which then becomes better on sections like yours.
    """
    precision = ks.training.dtype_policy(precision)
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    keras.utils.set_random_seed(seed)
    widths = tuple(filters * width for width in _WIDTHS)
    network = ks.models.BlindDenoiser(widths) if start is None else _trained(start)
    learner = ks.models.BlindDenoiser(network.filters, odd=False, dtype=precision)
    learner.set_weights(network.get_weights())

    # Sections and patches
    shape = (max(256, patch_size),) * 2
    sections = [ks.io.read_section(path).amplitude for path in section or ()]
    sections = sections or ks.simulation.sample_sections(simulated, (seed, 0), shape=shape)
    held_out = ks.simulation.sample_sections(16, (seed, 1), shape=shape)
    training = ks.datasets.VariedNoisePatches(sections, patch_size, patches, seed)
    validation = ks.datasets.VariedNoisePatches(
        held_out, patch_size, max(patches // 20, batch_size), seed
    )
    run.create(configuration("train blind-denoiser", arguments))

    # Training
    batches = training.dataset(batch_size, start=(run.epochs_done, 0))
    learner.compile(
        ks.training.adamw(learning_rate, epochs * len(batches), global_clipnorm=1.0),
        ks.losses.LogSquaredError(),
        metrics=[ks.metrics.SignalToNoiseRatio()],
        jit_compile=ks.training.jit_compile(),
    )
    learner = ks.training.fit(
        learner, batches, validation.dataset(batch_size, shuffle=False), run, epochs
    )

    # The network to use is an odd function, in float32
    network.set_weights(learner.get_weights())
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization("rms"))
    run.save_model(model)
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")
    metrics = {}
    for level in _LEVELS:
        results = [
            ks.evaluation.denoising_experiment(model, clean, level, (seed, i))
            for i, clean in enumerate(held_out)
        ]
        scores = [ks.evaluation.score_denoising(*result) for result in results]
        after = [score["denoiser_snr_out_db"] for score in scores]
        metrics[f"snr_out_db_at_{level:g}_db"] = float(np.mean(after))
    run.save_figure(ks.visualization.plot_denoising(*results[0]), "denoising")
    finish(run, metrics)
    return metrics


def _trained(start: str) -> ks.models.BlindDenoiser:
    """The network of a preset or a file."""
    in_file = Path(start).suffix == ".keras"
    model = ks.inference.load_model(Path(start)) if in_file else ks.load_preset(start)
    network = getattr(model, "network", model)
    if not isinstance(network, ks.models.BlindDenoiser):
        raise ValueError(
            f"{start}: expected a BlindDenoiser to go on from, received a {type(network).__name__}"
        )
    return network
