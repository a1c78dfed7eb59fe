"""``keras-seismic train denoiser``: patches of sections with added noise, or noisy ones alone."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import keras
import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import train
from keras_seismic.cli.program import configuration, finish, print_table, program
from keras_seismic.noise import Noise, add_noise, check_noise
from keras_seismic.training import DenoiserRecipe, RunFolder

SMOKE = {"epochs": 1, "patches": 640, "repetitions": 1, "filters": 8}
#: Options that the study varies or cannot use.
_FIXED_BY_STUDY = (
    *("self_supervised", "mask_traces", "patch_size", "learning_rate", "decoder", "batch_norm"),
    *("normalization", "percentile", "loss", "optimizer"),
)


@program(train, smoke=SMOKE)
def denoiser(
    out: options.Out,
    section: options.Sections = None,
    test: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Clean section to score on; repeatable."),
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
    patches: Annotated[
        int | None,
        typer.Option(min=1, help="Patches in an epoch; 10,000, or 5,000 in a study."),
    ] = None,
    patch_size: Annotated[int, typer.Option(min=1, help="Samples and traces of a patch.")] = 28,
    epochs: options.Epochs = 5,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Examples in a batch; 64, or 32 in a study.")
    ] = None,
    learning_rate: options.LearningRate = 1e-3,
    filters: options.Filters = 32,
    blocks: Annotated[int, typer.Option(min=1, help="Blocks of the encoder.")] = 2,
    decoder: Annotated[
        Literal["transpose", "resize"], typer.Option(help="How the decoder enlarges maps.")
    ] = "transpose",
    batch_norm: Annotated[
        bool, typer.Option("--batch-norm", help="Batch normalization after each ReLU.")
    ] = False,
    normalization: Annotated[
        Literal["maximum", "percentile", "range"],
        typer.Option(
            help="What the amplitudes are divided by: the largest, or a percentile, with clipping; "
            "range: to [0, 1]."
        ),
    ] = "percentile",
    percentile: Annotated[
        float | None, typer.Option(help="For --normalization percentile, 99.5 by default.")
    ] = None,
    loss: Annotated[
        Literal["mse", "smooth_l1", "sigmoid_crossentropy", "softmax_crossentropy"],
        typer.Option(help="Sigmoid cross-entropy needs amplitudes in [0, 1], softmax cannot work."),
    ] = "mse",
    optimizer: Annotated[
        Literal["sgd", "momentum", "adagrad", "adadelta", "adam"],
        typer.Option(help="What turns gradients into updates."),
    ] = "adam",
    study: Annotated[
        bool, typer.Option("--study", help="Compare all of these choices, see above.")
    ] = False,
    repetitions: Annotated[int, typer.Option(min=1, help="Study: trainings of each variant.")] = 3,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, Any]:
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

        keras-seismic train denoiser --study --out runs/study

    trains 24 variants with three seeds each: decoder and batch normalization, normalization, loss,
    optimizer, learning rate, patch size and epochs, one of them at a time changed from the
    published recipe (maximum, mean squared error, Adam, 1e-3, 28 x 28). Half as many patches in
    batches half as large make as many updates as that recipe. It writes report.md, with a line
    for each claim, and a figure, in about 35 minutes on two cores. Every finished training is
    kept: after an interruption, the same command goes on.
    """
    arguments = dict(locals())
    run = RunFolder(out, overwrite, resume or (study and not overwrite))
    if mask_traces and not self_supervised:
        raise ValueError("masking traces is for self-supervised learning only")
    if percentile is not None and normalization != "percentile":
        raise ValueError(f"a percentile does nothing with the normalization {normalization!r}")
    percentile = 99.5 if percentile is None else percentile
    recipe = DenoiserRecipe(
        decoder, batch_norm, normalization, percentile, loss, optimizer, learning_rate
    )
    recipe.check()
    keras.utils.set_random_seed(seed)
    noises = [Noise.parse(kind) for kind in noise or ["white"]]

    # Sections to learn from, and one to score on
    learned = [_Section.read(path, dt) for path in section or ()] or [
        _Section(simulated, 0.004) for simulated in ks.simulation.sample_sections(40, seed)
    ]
    noise_seed: tuple[int, ...] = (seed,)
    if test:
        scored = [_Section.read(path, dt) for path in test]
    elif self_supervised and section:
        scored, noise_seed = learned[:1], (seed, 0)  # with the same noise as in training
    else:
        scored = [_Section(s, 0.004) for s in ks.simulation.sample_sections(4, (seed, 1))]
        scored = scored if study else scored[:1]
    truth_known = not self_supervised or bool(noise) or not section
    if truth_known:
        for one in scored:
            check_noise(noises, one.dt)
    if study:
        return _study(run, arguments, learned, scored, noises)
    sections = [one.amplitude for one in learned]
    if self_supervised and truth_known:
        sections = [
            add_noise(ks.datasets.normalize_section(clean), noises, snr, interval, (seed, i))
            for i, (clean, interval) in enumerate(learned)
        ]

    # Patches
    patches, batch_size = patches or 10_000, batch_size or 64
    layer = recipe.input_normalization

    def patches_of(count: int, seed: int) -> Any:
        if self_supervised:
            pixels = 0.0 if mask_traces else 0.05
            return ks.datasets.BlindSpotPatches(
                sections, patch_size, count, layer, seed, pixels, mask_traces
            )
        intervals = [one.dt for one in learned]
        return ks.datasets.NoisyPatches(
            sections, patch_size, count, snr, layer, seed, noises, intervals
        )

    training = patches_of(patches, seed)
    validation = patches_of(max(patches // 10, len(sections)), seed + 10_000)
    run.create(configuration("train denoiser", arguments))

    # Training
    metrics = [] if self_supervised else recipe.metrics
    network = ks.training.fit(
        recipe.network(filters, blocks, metrics=metrics),
        training.dataset(batch_size, start=(run.epochs_done, 0)),
        validation.dataset(batch_size, shuffle=False),
        run,
        epochs,
    )

    # Scores and figures
    model = ks.models.with_physical_units(recipe.estimator(network), layer)
    run.save_model(model)
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")
    if truth_known:
        results = [
            ks.evaluation.denoising_experiment(
                model, one.amplitude, snr, noise_seed, noises, one.dt
            )
            for one in scored
        ]
        scores = _mean([ks.evaluation.score_denoising(*result) for result in results])
        figure = ks.visualization.plot_denoising(*results[0], dt=scored[0].dt)
    else:
        sections = [one.amplitude for one in scored]
        cleaned = [ks.inference.predict(model, x[None, ..., None])[0, ..., 0] for x in sections]
        scores = _mean(list(map(ks.evaluation.score_without_truth, sections, cleaned)))
        figure = ks.visualization.plot_quality(sections[0], cleaned[0], scored[0].dt)
    run.save_figure(figure, "denoising")
    finish(run, scores)
    return scores


def _mean(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in scores])) for name in scores[0]}


def _study(
    run: RunFolder,
    arguments: dict[str, Any],
    learned: Sequence["_Section"],
    scored: Sequence["_Section"],
    noises: Sequence[Noise],
) -> dict[str, Any]:
    """Compare all variants; returns the claims and their verdicts."""
    defaults = inspect.signature(denoiser).parameters
    given = [name for name in _FIXED_BY_STUDY if arguments[name] != defaults[name].default]
    if given:
        raise ValueError(f"--study: chooses these by itself, received {', '.join(given)}")
    typer.echo("after an interruption, the same command goes on")
    result = ks.training.study_denoiser(
        run,
        [one.amplitude for one in learned],
        [one.amplitude for one in scored],
        dt=[one.dt for one in learned],
        held_out_dt=[one.dt for one in scored],
        noise=noises,
        snr_db=arguments["snr"],
        patches=arguments["patches"] or 5000,
        batch_size=arguments["batch_size"] or 32,
        num_filters=arguments["filters"],
        num_blocks=arguments["blocks"],
        repetitions=arguments["repetitions"],
        seed=arguments["seed"],
        factors=ks.training.study_factors(arguments["epochs"]),
        config=configuration("train denoiser", arguments),
    )
    run.save_figure(result.figure(), "study")
    path = run.write_text("report.md", result.report())
    verdicts = {claim.claim: f"{claim.verdict}: {claim.evidence}" for claim in result.claims()}
    run.finish(verdicts)
    print_table(verdicts)
    typer.echo(f"report: {path}")
    return verdicts


class _Section(NamedTuple):
    amplitude: np.ndarray
    dt: float | None

    @classmethod
    def read(cls, path: Path, dt: float | None) -> "_Section":
        section = ks.io.read_section(path)
        return cls(section.amplitude, section.dt or dt)
