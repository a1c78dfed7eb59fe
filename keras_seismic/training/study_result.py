"""What a study of denoisers found: table, curves, and a verdict on each claim."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from keras_seismic.training.denoiser_recipe import DenoiserRecipe
from keras_seismic.visualization import plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Recipes by factor and name; the first of all is the base.
Factors: TypeAlias = Mapping[str, Mapping[str, DenoiserRecipe]]

#: Differences below this are of no use to anyone, dB.
_SMALL = 0.2
#: What separating signal and noise means: three quarters of the noise's energy removed, dB.
_SEPARATED = 6.0


class Claim(NamedTuple):
    """A statement, whether the study bears it out, and the numbers."""

    claim: str
    verdict: str
    evidence: str


@dataclass(frozen=True)
class DenoiserStudy:
    """What the variants reached.

    Attributes:
        factors: Recipes by factor and name; the first of a factor is the base.
        curves: Signal-to-noise ratio on the held-out sections (the mean of their dB) after each
            epoch, for every repetition, ``(repetitions, epochs)``, by recipe.
        snr_in: The same before denoising, dB.
    """

    factors: Factors
    curves: Mapping[DenoiserRecipe, np.ndarray]
    snr_in: float

    @property
    def base(self) -> DenoiserRecipe:
        return next(iter(next(iter(self.factors.values())).values()))

    def scores(self, recipe: DenoiserRecipe) -> np.ndarray:
        """After the last epoch of each repetition, dB; -99 where the training diverged."""
        return np.nan_to_num(np.asarray(self.curves[recipe])[:, -1], nan=-99.0)

    def table(self) -> str:
        """Markdown: mean and spread (standard deviation over the repetitions) in dB."""
        lines = ["| | output (dB) | against the base (dB) |", "|---|---|---|"]
        for factor, variants in self.factors.items():
            lines.append(f"| **{factor}** | | |")
            for name, recipe in variants.items():
                scores, is_base = self.scores(recipe), recipe == self.base
                change = "" if is_base else _with_spread(scores - self.scores(self.base), "+")
                name += " (base)" if is_base else ""
                lines.append(f"| {name} | {_with_spread(scores)} | {change} |")
        return "\n".join(lines)

    def figure(self) -> "Figure":
        """Output by epoch, a panel for each factor."""
        groups = {
            factor: {
                f"{name}: {self.scores(recipe).mean():.1f} dB": np.asarray(self.curves[recipe])
                for name, recipe in variants.items()
            }
            for factor, variants in self.factors.items()
        }
        return plot_curves(groups, "output on held-out sections (dB)", lowest=self.snr_in - 1)

    def claims(self) -> list[Claim]:
        """What the study says about the choices, for those of them that were tried.

        A difference counts if it is 0.2 dB and twice its standard error over the repetitions;
        a variant fails if it gains less than half of what the base gains, in dB.
        """
        base, epochs = self.base, self.base.epochs
        normed, resize = {"batch_norm": True}, {"decoder": "resize"}
        central = {"normalization": "percentile", "percentile": 90.0}
        unit, sigmoid = {"normalization": "range"}, {"loss": "sigmoid_crossentropy"}
        statements: list[tuple[str, Callable[..., tuple[str, str]], list[dict[str, Any]]]] = [
            (f"The network separates signal and noise within {epochs} epochs", self._separates,
             [{}]),
            (f"It has converged after {epochs} epochs", self._converged,
             [{"epochs": 2 * epochs}, {}]),
            ("The transposed decoder does better than the resizing one", self._better,
             [{}, resize]),
            ("So it does with batch normalization", self._better, [normed, resize | normed]),
            ("Batch normalization helps", self._better, [normed, {}]),
            ("Normalization to [0, 1] makes the training fail", self._fails, [unit]),
            ("Clipping to the central 90 % is better than dividing by the maximum", self._better,
             [central, {}]),
            ("Softmax cross-entropy fails", self._fails, [{"loss": "softmax_crossentropy"}]),
            ("Sigmoid cross-entropy fails on [-1, 1]", self._fails, [sigmoid]),
            ("It fails on [0, 1] as well", self._fails, [sigmoid | unit]),
            ("Smooth L1 does better than the squared error", self._better,
             [{"loss": "smooth_l1"}, {}]),
            *((f"Adam does better than {name} at this learning rate", self._better,
               [{}, {"optimizer": name}]) for name in ("sgd", "momentum", "adagrad", "adadelta")),
            ("A lower learning rate is better", self._better, [{"learning_rate": 5e-4}, {}]),
            ("Patches of 128 x 128 are better than 28 x 28", self._better,
             [{"patch_size": 128}, {}]),
        ]  # fmt: skip
        found = []
        for claim, judge, changes in statements:
            recipes = [replace(base, **change) for change in changes]
            if all(recipe in self.curves for recipe in recipes):
                found.append(Claim(claim, *judge(*map(self.scores, recipes))))
        return found

    def report(self) -> str:
        """Markdown: the table, and a line for each claim."""
        lines = ["| claim | holds | numbers |", "|---|---|---|"]
        lines += [f"| {c.claim} | {c.verdict} | {c.evidence} |" for c in self.claims()]
        return f"{self.table()}\n\n" + "\n".join(lines)

    def _separates(self, scores: np.ndarray) -> tuple[str, str]:
        gain = scores.mean() - self.snr_in
        evidence = f"{self.snr_in + 0.0:.1f} dB in, {_with_spread(scores)} dB out"
        return _yes(gain >= _SEPARATED), evidence

    def _converged(self, longer: np.ndarray, scores: np.ndarray) -> tuple[str, str]:
        verdict, evidence = self._better(longer, scores)
        return _yes(verdict != "yes"), f"twice as many: {evidence}"

    def _better(self, one: np.ndarray, other: np.ndarray) -> tuple[str, str]:
        change = one - other
        verdict = _yes(change.mean() > 0) if _is_clear(change) else "no clear difference"
        return verdict, f"{_with_spread(one)} against {_with_spread(other)} dB"

    def _fails(self, scores: np.ndarray) -> tuple[str, str]:
        full = self.scores(self.base).mean() - self.snr_in
        gain = scores.mean() - self.snr_in
        return _yes(not gain >= full / 2), f"gains {gain:.1f} dB, the base {full:.1f} dB"


def _yes(holds: Any) -> str:
    return "yes" if holds else "no"


def _is_clear(change: np.ndarray) -> bool:
    error = np.std(change, ddof=1) / np.sqrt(len(change)) if len(change) > 1 else 0.0
    return not abs(change.mean()) < max(_SMALL, 2 * error)


def _with_spread(values: np.ndarray, sign: str = "") -> str:
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{values.mean():{sign}.2f}{spread}"
