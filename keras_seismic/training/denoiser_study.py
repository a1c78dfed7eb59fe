"""Which of the convolutional denoiser's choices matter, in dB on held-out sections."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_seismic.datasets import NoisyPatches
from keras_seismic.evaluation import denoising_experiment, score_denoising
from keras_seismic.models import with_physical_units
from keras_seismic.noise import NoiseLike
from keras_seismic.progress import progress_bar
from keras_seismic.training.denoiser_recipe import DenoiserRecipe
from keras_seismic.training.run_folder import RunFolder
from keras_seismic.training.study_result import DenoiserStudy, Factors


def study_factors(epochs: int = 5) -> dict[str, dict[str, DenoiserRecipe]]:
    """The variants of the study by factor: one factor at a time around the published recipe.

    All combinations would be tens of thousands; only decoder and batch normalization are
    crossed. Sigmoid cross-entropy is also tried on [0, 1], where it is defined, and the base for
    twice as many epochs.

    Args:
        epochs: Of the base.

    Example:
        >>> [len(variants) for variants in study_factors().values()]
        [4, 6, 5, 5, 3, 5, 2]
    """
    base = DenoiserRecipe(epochs=epochs)

    def vary(**changes: Any) -> DenoiserRecipe:
        return replace(base, **changes)

    percentiles = {
        f"percentile {p:g}": vary(normalization="percentile", percentile=float(p))
        for p in (99.5, 99, 95, 90)
    }
    sigmoid = vary(loss="sigmoid_crossentropy")
    return {
        "decoder": {
            "transpose": base,
            "transpose, batch norm": vary(batch_norm=True),
            "resize": vary(decoder="resize"),
            "resize, batch norm": vary(decoder="resize", batch_norm=True),
        },
        "normalization": {
            "maximum": base,
            **percentiles,
            "range [0, 1]": vary(normalization="range"),
        },
        "loss": {
            "MSE": base,
            "smooth L1": vary(loss="smooth_l1"),
            "sigmoid cross-entropy": sigmoid,
            "the same on [0, 1]": replace(sigmoid, normalization="range"),
            "softmax cross-entropy": vary(loss="softmax_crossentropy"),
        },
        "optimizer": {
            "Adam": base,
            **{
                name: vary(optimizer=name.lower())
                for name in ("SGD", "momentum", "Adagrad", "Adadelta")
            },
        },
        "learning rate": {"1e-3": base}
        | {rate: vary(learning_rate=float(rate)) for rate in ("5e-4", "1e-4")},
        "patch size": {"28": base}
        | {f"{size}": vary(patch_size=size) for size in (32, 40, 64, 128)},
        "epochs": {f"{epochs}": base, f"{2 * epochs}": vary(epochs=2 * epochs)},
    }


def study_denoiser(
    run: RunFolder,
    sections: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    *,
    dt: Sequence[float | None] | None = None,
    held_out_dt: Sequence[float | None] | None = None,
    noise: NoiseLike = "white",
    snr_db: float = 0.0,
    patches: int = 5000,
    batch_size: int = 32,
    num_filters: int = 32,
    num_blocks: int = 2,
    repetitions: int = 3,
    seed: int = 0,
    factors: Factors | None = None,
    config: dict[str, Any] | None = None,
    progress: bool = True,
) -> DenoiserStudy:
    """Train every variant with several seeds and score it on sections that none has seen.

    Larger patches come in smaller batches, so that all make as many updates of about as many
    samples. What is finished is kept in ``variants/`` of the run, a JSON file for each training,
    and not trained again; the order is such that every variant has one result before any has two.

    Args:
        run: Where to keep the results; made with ``resume=True``, and created here.
        sections: Clean sections to learn from, ``(time, traces)``, raw amplitudes.
        held_out: Clean sections to score on.
        dt: Sample interval of each section, s, for noise with frequencies.
        held_out_dt: The same of the held-out ones.
        noise: Noise to add, as for ``add_noise``.
        snr_db: Its signal-to-noise ratio, dB.
        patches: Of 28 x 28 in an epoch. 5,000 in batches of 32 make as many updates as the
            published 10,000 in batches of 64.
        batch_size: Patches of 28 x 28 in a batch.
        num_filters: Width of the networks.
        num_blocks: Their encoder and decoder layers.
        repetitions: Seeds of patches, noise and initial weights.
        seed: The first of them.
        factors: By default ``study_factors()``.
        config: How the study is made, for the run's ``config.json``.
        progress: Show a progress bar with the time left.

    Raises:
        ValueError: If a section is too small for the largest patches, or as ``NoisyPatches``;
            or if the run holds a study made otherwise.
    """
    factors = factors or study_factors()
    recipes = list(dict.fromkeys(r for variants in factors.values() for r in variants.values()))
    base = recipes[0]
    size = (patches, batch_size, base.patch_size)
    data = _Data(sections, held_out, dt, held_out_dt, noise, snr_db, *size)
    for recipe in {recipe.patch_size: recipe for recipe in recipes}.values():
        data.patches(recipe, seed)  # raises before any work is done
    run.create(config or {})
    (run.path / "variants").mkdir(exist_ok=True)
    seeds = range(seed, seed + repetitions)
    files = {
        (recipe, seed): f"variants/{_name(recipe, base)}-{seed}.json"
        for seed in seeds
        for recipe in recipes
    }
    missing = [training for training, file in files.items() if not (run.path / file).is_file()]
    with progress_bar(len(missing), "study", "training", progress) as bar:
        for recipe, seed in missing:
            result = _train(recipe, data, seed, num_filters, num_blocks)
            run.write(files[recipe, seed], result)
            bar.update()
    kept = {training: run.read(file) for training, file in files.items()}
    curves = {r: np.array([kept[r, seed]["snr_out_db"] for seed in seeds]) for r in recipes}
    before = [result["snr_in_db"] for result in kept.values()]
    return DenoiserStudy(factors, curves, float(np.mean(before)))


class _Data(NamedTuple):
    """What every variant learns from and is scored on."""

    sections: Sequence[np.ndarray]
    held_out: Sequence[np.ndarray]
    dt: Sequence[float | None] | None
    held_out_dt: Sequence[float | None] | None
    noise: NoiseLike
    snr_db: float
    per_epoch: int
    batch_size: int
    size: int

    def patches(self, recipe: DenoiserRecipe, seed: int) -> tuple[NoisyPatches, int]:
        """Patches, and their number in a batch."""
        batch = max(round(self.batch_size * (self.size / recipe.patch_size) ** 2), 1)
        count = max(round(self.per_epoch * batch / self.batch_size), len(self.sections))
        scaling = (recipe.input_normalization, seed, self.noise, self.dt)
        return NoisyPatches(self.sections, recipe.patch_size, count, self.snr_db, *scaling), batch

    def score(self, model: keras.Model, seed: int) -> tuple[float, float]:
        """Mean dB of the held-out sections before and after denoising."""
        results = [
            score_denoising(
                *denoising_experiment(
                    model,
                    section,
                    self.snr_db,
                    (seed, number),
                    self.noise,
                    self.held_out_dt[number] if self.held_out_dt else None,
                )
            )
            for number, section in enumerate(self.held_out)
        ]
        before, after = np.mean([list(result.values()) for result in results], axis=0)
        return float(before), float(after)


def _train(
    recipe: DenoiserRecipe, data: _Data, seed: int, num_filters: int, num_blocks: int
) -> dict[str, Any]:
    """Train one variant; returns its scores after each epoch."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    began, scores = time.monotonic(), []
    network = recipe.network(num_filters, num_blocks)

    def score(*_: Any) -> None:
        estimator = recipe.estimator(network)
        scores.append(data.score(with_physical_units(estimator, recipe.input_normalization), seed))

    patches, batch = data.patches(recipe, seed)
    each_epoch = keras.callbacks.LambdaCallback(on_epoch_end=score)
    batches = patches.dataset(batch)
    network.fit(batches, epochs=recipe.epochs, shuffle=False, verbose=0, callbacks=[each_epoch])
    return {
        "recipe": asdict(recipe),
        "seed": seed,
        "snr_in_db": scores[0][0],
        "snr_out_db": [after for _, after in scores],
        "seconds": round(time.monotonic() - began, 1),
    }


def _name(recipe: DenoiserRecipe, base: DenoiserRecipe) -> str:
    """What distinguishes a recipe from the base, as a file name."""
    of_base = asdict(base)
    changed = {key: value for key, value in asdict(recipe).items() if value != of_base[key]}
    return "-".join(f"{key}_{value}" for key, value in changed.items()) or "base"
