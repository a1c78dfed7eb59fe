"""``keras-seismic train denoiser``: patches of sections with added noise, or noisy ones alone."""

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import keras
import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import train
from keras_seismic.cli.program import configuration, finish, program
from keras_seismic.noise import Noise, add_noise, check_noise

SMOKE = {"epochs": 1, "patches": 640}


@program(train, smoke=SMOKE)
def denoiser(
    out: options.Out,
    section: options.Sections = None,
    test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Clean section to score on.")
    ] = None,
    self_supervised: Annotated[
        bool, typer.Option("--self-supervised", help="Learn from noisy sections, see above.")
    ] = False,
    noise: options.NoiseKinds = None,
    snr: options.SNR = 0.0,
    dt: options.SampleInterval = None,
    mask_traces: Annotated[
        float,
        typer.Option(
            metavar="FRACTION", help="Self-supervised: mask whole traces instead of samples."
        ),
    ] = 0.0,
    patches: Annotated[int, typer.Option(min=1, help="Patches in an epoch.")] = 10_000,
    patch_size: Annotated[int, typer.Option(min=1, help="Samples and traces of a patch.")] = 28,
    epochs: options.Epochs = 5,
    batch_size: options.BatchSize = 64,
    learning_rate: options.LearningRate = 1e-3,
    filters: options.Filters = 32,
    blocks: Annotated[int, typer.Option(min=1, help="Blocks of the encoder.")] = 2,
    decoder: Annotated[
        Literal["transpose", "resize"], typer.Option(help="How the decoder enlarges maps.")
    ] = "transpose",
    batch_norm: Annotated[
        bool, typer.Option("--batch-norm", help="Batch normalization after each ReLU.")
    ] = False,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, float]:
    """Train the convolutional denoiser on patches of seismic sections with noise added.

        keras-seismic train denoiser --section line.segy --test stack.npy --out runs/denoiser
        keras-seismic train denoiser --section line.segy --noise swell --noise hum=6 --out runs/hum
        keras-seismic train denoiser --section noisy.segy --self-supervised --out runs/blind

    learns from clean sections (.segy, .sgy, .npy), or simulated ones without --section, and
    is scored on --test, or on simulated sections that it has never seen.

    With --self-supervised it learns from sections as they are, noise and all, by guessing masked
    samples. That removes noise that is independent from sample to sample (white, spikes), and
    little of hum or swell; --mask-traces removes somewhat more. There is no truth to score
    against, so it reports what was removed. With --noise as well, the sections are assumed clean
    and that noise is added once: the network sees only the noisy ones and is scored on the clean.
    """
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    if mask_traces and not self_supervised:
        raise ValueError("masking traces is for self-supervised learning only")
    keras.utils.set_random_seed(seed)
    noises = [Noise.parse(kind) for kind in noise or ["white"]]

    # Sections to learn from, and one to score on
    learned = [_Section.read(path, dt) for path in section or ()] or [
        _Section(simulated, 0.004) for simulated in ks.simulation.sample_sections(40, seed)
    ]
    noise_seed: tuple[int, ...] = (seed,)
    if test is not None:
        scored = _Section.read(test, dt)
    elif self_supervised and section:
        scored, noise_seed = learned[0], (seed, 0)  # with the same noise as in training
    else:
        scored = _Section(ks.simulation.sample_sections(4, (seed, 1))[0], 0.004)
    truth_known = not self_supervised or bool(noise) or not section
    if truth_known:
        check_noise(noises, scored.dt)
    sections = [one.amplitude for one in learned]
    if self_supervised and truth_known:
        sections = [
            add_noise(ks.datasets.normalize_section(clean), noises, snr, interval, (seed, i))
            for i, (clean, interval) in enumerate(learned)
        ]

    # Patches
    normalization = ks.layers.SectionNormalization("percentile", percentile=99.5)

    def patches_of(count: int, seed: int) -> Any:
        if self_supervised:
            pixels = 0.0 if mask_traces else 0.05
            return ks.datasets.BlindSpotPatches(
                sections, patch_size, count, normalization, seed, pixels, mask_traces
            )
        intervals = [one.dt for one in learned]
        return ks.datasets.NoisyPatches(
            sections, patch_size, count, snr, normalization, seed, noises, intervals
        )

    training = patches_of(patches, seed)
    validation = patches_of(max(patches // 10, len(sections)), seed + 10_000)
    run.create(configuration("train denoiser", arguments))

    # Training
    network = ks.models.ConvDenoiser(filters, blocks, decoder, batch_norm)
    network.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="mean_squared_error",
        metrics=[] if self_supervised else [ks.metrics.SignalToNoiseRatio()],
        jit_compile=ks.training.jit_compile(),
    )
    network = ks.training.fit(
        network,
        training.dataset(batch_size, start=(run.epochs_done, 0)),
        validation.dataset(batch_size, shuffle=False),
        run,
        epochs,
    )

    # Scores and figures
    model = ks.models.with_physical_units(network, normalization)
    run.save_model(model)
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")
    if truth_known:
        result = ks.evaluation.denoising_experiment(
            model, scored.amplitude, snr, noise_seed, noises, scored.dt
        )
        metrics = ks.evaluation.score_denoising(*result)
        figure = ks.visualization.plot_denoising(*result, dt=scored.dt)
    else:
        denoised = ks.inference.predict(model, scored.amplitude[None, ..., None])[0, ..., 0]
        metrics = ks.evaluation.score_without_truth(scored.amplitude, denoised)
        figure = ks.visualization.plot_before_after(scored.amplitude, denoised, dt=scored.dt)
    run.save_figure(figure, "denoising")
    finish(run, metrics)
    return metrics


class _Section(NamedTuple):
    amplitude: np.ndarray
    dt: float | None

    @classmethod
    def read(cls, path: Path, dt: float | None) -> "_Section":
        section = ks.io.read_section(path)
        return cls(section.amplitude, section.dt or dt)
