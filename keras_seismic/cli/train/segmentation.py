"""``keras-seismic train segmentation``: where faults run, or salt is, in a section."""

from typing import Annotated, Literal

import keras
import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import train
from keras_seismic.cli.program import configuration, finish, program

SMOKE = {"sections": 8, "samples": 48, "traces": 32, "epochs": 1, "filters": 2, "batch_size": 4}
#: What is learned from unless families are named: some with it, some without.
_FAMILIES = {
    "fault": ("curvefault_a", "curvefault_b", "flatfault_b", "curvevel_b", "textured"),
    "salt": ("salt", "salt", "curvevel_b"),
}


@program(train, smoke=SMOKE)
def segmentation(
    out: options.Out,
    label: Annotated[Literal["fault", "salt"], typer.Option(help="What to find.")] = "fault",
    network: Annotated[
        Literal["unet", "fcn", "pspnet"], typer.Option(help="The network that finds it.")
    ] = "unet",
    family: Annotated[
        list[str] | None,
        typer.Option(
            help="Family of the models under the sections, or 'any' for sections of every "
            "structure, which have faults but no salt; repeatable."
        ),
    ] = None,
    sections: Annotated[int, typer.Option(min=2, help="Sections to learn from.")] = 1000,
    samples: Annotated[int, typer.Option(min=32, help="Samples of a section.")] = 128,
    traces: Annotated[int, typer.Option(min=32, help="Traces of a section.")] = 64,
    snr: options.SNR = 10.0,
    epochs: options.Epochs = 16,
    batch_size: options.BatchSize = 8,
    learning_rate: options.LearningRate = 3e-3,
    filters: options.Filters = 8,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, float]:
    """Train a network that marks faults or salt in seismic sections.

        keras-seismic train segmentation --label salt --out runs/salt
        keras-seismic predict line.segy probability.segy --model runs/salt/model.keras

    learns from simulated sections with white noise, new in every epoch, and from the geology that
    made them, and is scored on sections that it has never seen: mean intersection over union
    and Dice, beside those of the mask that is most likely without looking at the section. The
    network takes raw amplitudes and returns the probability at each sample.
    """
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    keras.utils.set_random_seed(seed)
    families = [None if one == "any" else one for one in family or _FAMILIES[label]]
    normalization = ks.layers.SectionNormalization("rms")
    training, validation, test = (
        ks.datasets.LabeledSections(
            label, families, count, (samples, traces), snr, normalization, seed + offset
        )
        for count, offset in ((sections, 0), (max(sections // 8, 1), 10_000), (60, 20_000))
    )
    run.create(configuration("train segmentation", arguments))

    # Training
    batches = training.dataset(batch_size, start=(run.epochs_done, 0))
    model = _network(network, filters)
    model.compile(
        ks.training.adamw(learning_rate, epochs * len(batches), global_clipnorm=1.0),
        "binary_crossentropy",
        jit_compile=ks.training.jit_compile(),
    )
    model = ks.training.fit(
        model, batches, validation.dataset(batch_size, shuffle=False), run, epochs
    )
    model = ks.models.with_physical_units(
        model, normalization, ks.layers.ClassProbabilities([label])
    )
    run.save_model(model)
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")

    # Scores: on normalized sections, which the normalization leaves as they are
    noisy, true = test[:]
    probability = ks.inference.predict(model, noisy)
    usual = np.broadcast_to(training[:][1].mean(axis=0), true.shape)
    metrics = ks.evaluation.score_masks(true, probability)
    without = ks.evaluation.score_masks(true, usual)
    metrics |= {f"{name}_without_looking": score for name, score in without.items()}
    figure = ks.visualization.plot_probability(
        noisy[0, ..., 0], probability[0, ..., 0], label, 0.004, true[0, ..., 0]
    )
    run.save_figure(figure, label)
    finish(run, metrics)
    return metrics


def _network(name: str, filters: int) -> keras.Model:
    if name == "unet":
        return ks.models.UNet(
            1, filters=filters, depth=3, padding="same", batch_norm=True, activation="sigmoid"
        )
    if name == "fcn":
        units = 16 * filters
        return ks.models.FCN(
            1, filters=filters, units=units, normalization="convolution", activation="sigmoid"
        )
    return ks.models.PSPNet(1, filters=filters, activation="sigmoid")
