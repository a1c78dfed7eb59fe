"""Shared by the programs that learn velocity: sources of pairs, and scoring of models."""

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

import keras_seismic as ks
from keras_seismic.layers import GatherNormalization, GatherPreparation
from keras_seismic.simulation.geology import family_name

#: ``(depth, width)`` of simulated velocity models by default.
CELLS = (70, 70)


class FoundPairs(NamedTuple):
    """Pairs, and which to use for what.

    Attributes:
        pairs: Of any kind; simulated ones may not be on disk yet.
        learning: Numbers of the pairs to learn from, in random order.
        held_out: Numbers of the pairs to score on.
    """

    pairs: ks.datasets.Pairs
    learning: np.ndarray
    held_out: np.ndarray

    @property
    def velocity_shape(self) -> tuple[int, int]:
        """``(depth, width)`` of a velocity model.

        Raises:
            ValueError: If there are gathers alone.
        """
        if self.pairs.velocity_shape is None:
            raise ValueError(f"{self.pairs}: gathers without velocity; there is nothing to learn")
        return self.pairs.velocity_shape

    @property
    def arguments(self) -> dict[str, Any]:
        """The final arguments, for ``config.json``."""
        return {"family": self.pairs.family, "samples": len(self.learning)}

    @property
    def acquisition(self) -> dict[str, Any] | None:
        """The experiment, for ``config.json``, if it is known."""
        acquisition = self.pairs.acquisition
        return None if acquisition is None else acquisition.get_config()


def find_pairs(
    data: str | os.PathLike[str] | None,
    family: str | Sequence[str] | None,
    samples: int | None,
    held_out: int,
    seed: int,
    acquisition: ks.simulation.Acquisition,
    cache_dir: Path,
    shape: tuple[int, int] = CELLS,
    *,
    defaults: tuple[str, int],
    keep_every: int = 1,
) -> FoundPairs:
    """Open the pairs of ``data`` or, without it, choose which to simulate.

    Args:
        data: A source for ``ks.datasets.open_pairs``. A tenth of its pairs, or what was published
            for testing, is held out.
        family: Family of the velocity models, or several, ``"openfwi"`` for all of OpenFWI's.
        samples: Pairs to learn from.
        held_out: Pairs to score on, at most.
        seed: Seed of what is simulated and what is held out.
        acquisition: Acquisition of simulated pairs.
        cache_dir: Where simulated pairs are kept.
        shape: ``(depth, width)`` of simulated velocity models, cells.
        defaults: Family and number of samples to simulate by default.
        keep_every: Of simulated pairs, see ``ks.datasets.SimulatedPairs``.

    Raises:
        ValueError: If several families are given with ``data``, or more than there are pairs.
    """
    families = families_of(family or defaults[0])
    if data is not None:
        if len(families) > 1:
            raise ValueError(f"{data}: expected one family, received {', '.join(families)}")
        pairs = ks.datasets.open_pairs(data, families[0] if family else None)
        learning, scoring = pairs.held_out(seed=seed)
        return FoundPairs(pairs, learning[:samples], scoring[:held_out])
    count = (samples or defaults[1]) + held_out
    if count < len(families):
        raise ValueError(f"samples: expected at least one of each family, {len(families)} in all")
    parts = [
        ks.datasets.SimulatedPairs(
            name, len(range(first, count, len(families))), acquisition, seed, cache_dir, shape,
            keep_every,
        )
        for first, name in enumerate(families)
    ]  # fmt: skip
    simulated = ks.datasets.MixedPairs(parts) if len(parts) > 1 else parts[0]
    return FoundPairs(simulated, *simulated.held_out(held_out / count, seed))


def families_of(names: str | Sequence[str]) -> list[str]:
    """Families by the names given to ``--family``."""
    found: dict[str, None] = {}
    for name in [names] if isinstance(names, str) else names:
        several = ks.simulation.OPENFWI_FAMILIES if name.lower() == "openfwi" else [name]
        found |= dict.fromkeys(map(family_name, several))
    return list(found)


def surface(
    shape: tuple[int, int] | None, shots: int | None, samples_in_time: int | None, boundary: str
) -> ks.simulation.Acquisition:
    """The experiment to simulate: OpenFWI's but for what is given."""
    return ks.simulation.Acquisition.surface(
        width=(shape or CELLS)[1],
        dx=10.0,
        dt=0.001,
        nt=samples_in_time or 1000,
        peak_frequency=15.0,
        shots=shots or 5,
        boundary=boundary,
    )


def thinning(
    keep_every: int | None, pairs: ks.datasets.Pairs, data: str | None, default: int
) -> int:
    """Every how many samples to keep one: the published files are thinned already.

    Raises:
        ValueError: If that needs the acquisition, which is not known.
    """
    keep_every = keep_every or (1 if isinstance(pairs, ks.datasets.FCNVMBPairs) else default)
    if keep_every > 1 and pairs.acquisition is None:
        raise ValueError(
            f"{data}: thinning needs the acquisition, which is not noted; pass --keep-every 1 to "
            "learn from every sample"
        )
    return keep_every


def load_pretrained(path: Path, simulating: bool = True) -> keras.Model:
    """The inversion network of a run, to continue with.

    Args:
        path: Its model.keras.
        simulating: Whether pairs are to be simulated as it takes them.

    Raises:
        ValueError: If it is another kind of model, or its acquisition is needed and not known.
    """
    model = ks.models.without_spread(ks.inference.load_model(path))
    if not getattr(model, "predicts_velocity", False):
        raise ValueError(
            f"{path}: expected model.keras of an inversion network, which knows its units"
        )
    if simulating and model.acquisition is None:
        raise ValueError(
            f"{path}: does not know its acquisition, so that pairs for it cannot be simulated; "
            "pass pairs with --data"
        )
    return model


def with_its_critic(path: Path, model: keras.Model) -> ks.models.VelocityGAN | None:
    """The VelocityGAN that a run left beside its model, if it was trained against a critic.

    Args:
        path: The run's model.keras.
        model: Loaded from there.

    Raises:
        ValueError: If the one beside it has another generator.
    """
    best = path.parent / "best.keras"
    if not best.is_file() or not _is_gan(best):
        return None
    gan: ks.models.VelocityGAN = keras.models.load_model(best)
    ours, theirs = (network.get_weights() for network in (model.network, gan.generator))
    if [w.shape for w in ours] != [w.shape for w in theirs] or not all(
        map(np.array_equal, ours, theirs)
    ):
        raise ValueError(
            f"{best}: expected the generator of {path.name} and its critic, received another "
            f"generator; move {path.name} to another folder to continue without the critic"
        )
    return gan


def _is_gan(path: Path) -> bool:
    """Whether a file holds a VelocityGAN, without loading its weights."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    return bool(config["class_name"] == ks.models.VelocityGAN.__name__)


def check_fit(
    path: Path | None,
    model: keras.Model,
    gather_shape: tuple[int, int, int],
    velocity_shape: tuple[int, int],
) -> None:
    """Refuse pairs that a trained model cannot continue with.

    Args:
        path: Of the model, for the message.
        model: From gathers to velocity.
        gather_shape: ``(time, receivers, shots)`` of the pairs.
        velocity_shape: ``(depth, width)`` of the pairs.

    Raises:
        ValueError: If gathers or velocity models have another shape.
    """
    for kind, expected, received in (
        ("gathers", model.input_shape[1:], gather_shape),
        ("velocity models", model.outputs[0].shape[1:3], velocity_shape),
    ):
        if tuple(expected) != tuple(received):
            raise ValueError(f"{path}: expects {kind} {expected}, received {received}")


def normalization(
    found: FoundPairs, steps: Sequence[keras.layers.Layer] = ()
) -> GatherNormalization | GatherPreparation:
    """Steps, then the published range of the family or, without one, that of some gathers."""
    try:
        published = found.pairs.input_normalization
    except ValueError:  # the family is not known
        gathers, _ = found.pairs[found.learning[:10]]
        return GatherPreparation.fitted(steps, gathers)
    return GatherPreparation([*steps, published]) if steps else published


def score(run: ks.training.RunFolder, model: keras.Model, found: FoundPairs) -> dict[str, float]:
    """Score a model on the held-out pairs and draw what the run needs."""
    scores = ks.evaluation.score_pairs(model, found.pairs, found.held_out, found.learning)
    figures, spacing = ks.visualization, found.pairs.acquisition
    dx = spacing.dx if spacing else 10.0
    cases = figures.plot_cases(scores.true, scores.predicted, dx, spread=scores.spread)
    run.save_figure(cases, "cases")
    run.save_figure(figures.plot_errors(scores.true, scores.predicted), "errors")
    run.save_figure(figures.plot_history(run.read_history()), "loss")
    run.save_figure(figures.plot_velocity(scores.true[:3], scores.predicted[:3], dx), "velocity")
    run.save_figure(figures.plot_gathers(found.pairs[found.held_out[:1]][0][0]), "gathers")
    return scores.metrics | by_family(scores, found)


def by_family(scores: ks.evaluation.PairScores, found: FoundPairs) -> dict[str, float]:
    """The mean absolute error of each family of mixed pairs, m/s."""
    if not isinstance(found.pairs, ks.datasets.MixedPairs):
        return {}
    errors = np.abs(scores.true - scores.predicted).mean(axis=(1, 2, 3))
    families = np.array([found.pairs.family_of(number) for number in found.held_out])
    return {
        f"{name}_mae_m_s": float(errors[families == name].mean()) for name in sorted(set(families))
    }
