"""How an inversion network's error grows as gathers depart from those it was trained on."""

import csv
import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from keras_seismic.evaluation.disturbances import (
    Case,
    at_receivers_apart,
    delayed,
    scaled_velocity,
    with_missing_traces,
    with_noise_of,
    with_rotated_wavelet,
    with_scaled_amplitude,
    with_stretched_wavelet,
)
from keras_seismic.evaluation.scores import score_velocity
from keras_seismic.inference import Predictor, predict
from keras_seismic.progress import progress_bar
from keras_seismic.simulation import Acquisition
from keras_seismic.visualization import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Disturbance(NamedTuple):
    """One way in which gathers depart from those of the training.

    Attributes:
        title: What it is, for the figure.
        unit: Of the levels.
        levels: Those that are tried by default.
        none: The level that changes nothing.
        apply: ``(case, level, seed)`` to gathers and the velocity they are to be inverted to.
        needs_acquisition: Whether the experiment behind the gathers must be known.
    """

    title: str
    unit: str
    levels: tuple[float, ...]
    none: float
    apply: Callable[[Case, float, int], tuple[np.ndarray, np.ndarray]]
    needs_acquisition: bool = True


#: Every kind of disturbance by its name.
DISTURBANCES: Mapping[str, Disturbance] = MappingProxyType(
    {
        "noise": Disturbance(
            "white noise", "dB", (30, 20, 10, 5, 0, -5), np.inf, with_noise_of, False
        ),
        "missing_traces": Disturbance(
            "missing traces", "fraction", (0.05, 0.1, 0.2, 0.4, 0.6), 0, with_missing_traces, False
        ),
        "time_shift": Disturbance(
            "time shift", "s", (-0.02, -0.01, -0.005, 0.005, 0.01, 0.02), 0, delayed
        ),
        "amplitude": Disturbance(
            "amplitude", "factor", (0.1, 0.3, 0.5, 2, 3, 10), 1, with_scaled_amplitude, False
        ),
        "wavelet_frequency": Disturbance(
            "wavelet's frequency", "factor", (0.7, 0.8, 0.9, 1.1, 1.2, 1.3), 1,
            with_stretched_wavelet,
        ),
        "wavelet_phase": Disturbance(
            "wavelet's phase", "degrees", (-90, -45, -20, 20, 45, 90), 0, with_rotated_wavelet
        ),
        "receiver_spacing": Disturbance(
            "receiver spacing", "factor", (2, 3, 4, 5, 7), 1, at_receivers_apart
        ),
        "velocity": Disturbance(
            "velocity out of range", "factor", (0.8, 0.9, 1.1, 1.2, 1.3), 1, scaled_velocity
        ),
    }
)  # fmt: skip

_COLUMNS = ("kind", "level", "unit", "velocity_mae_m_s", "velocity_rmse_m_s", "velocity_ssim")


@dataclasses.dataclass(frozen=True)
class Robustness:
    """Result of ``evaluate_robustness``.

    Attributes:
        rows: One for each kind and level: ``kind``, ``level``, ``unit`` and the scores of
            ``score_velocity``. The first of a kind is its undisturbed one.
        left_out: Why a kind, or a level of it, is not there.
        count: Gathers that every row is the mean of.
    """

    rows: tuple[Mapping[str, Any], ...]
    left_out: Mapping[str, str]
    count: int

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON, with ``None`` for the level of gathers without noise."""
        rows = [
            {name: None if value == np.inf else value for name, value in row.items()}
            for row in self.rows
        ]
        return {"count": self.count, "rows": rows, "left_out": dict(self.left_out)}

    def csv(self) -> str:
        """The rows as comma-separated values under a heading."""
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def table(self) -> str:
        """A Markdown table, one row for each kind: mean absolute error by level."""
        lines = ["| disturbance | undisturbed | level: mean absolute error, m/s |", "|---|---|---|"]
        for kind, (none, *others) in self._by_kind().items():
            disturbance = DISTURBANCES[kind]
            cells = ", ".join(
                f"{row['level']:g}: **{row['velocity_mae_m_s']:.0f}**" for row in others
            )
            title = f"{disturbance.title} ({disturbance.unit})"
            lines.append(f"| {title} | {none['velocity_mae_m_s']:.0f} | {cells} |")
        return "\n".join(lines)

    def figure(self, title: str = "") -> "Figure":
        """The mean absolute error by level, a panel for each kind.

        Args:
            title: Heading of the figure.
        """
        kinds = self._by_kind()
        columns = min(len(kinds), 4)
        rows = -(-len(kinds) // columns)
        figure = new_figure(3.1 * columns, 2.7 * rows + 0.3)
        panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for unused in panels.ravel()[len(kinds) :]:
            unused.remove()
        for panel, (kind, found) in zip(panels.ravel(), kinds.items(), strict=False):
            disturbance = DISTURBANCES[kind]
            none = found[0]["velocity_mae_m_s"]
            panel.axhline(none, color="gray", linestyle="--", linewidth=1, label="undisturbed")
            points = sorted((r["level"], r["velocity_mae_m_s"]) for r in found if r["level"] < 1e9)
            panel.plot(*zip(*points, strict=True), marker="o", markersize=4)
            if kind == "noise":
                panel.invert_xaxis()
            if kind == "amplitude":
                panel.set_xscale("log")
                panel.xaxis.set_major_formatter("{x:g}")
            panel.set(title=disturbance.title, xlabel=disturbance.unit)
            panel.grid(alpha=0.3)
        for panel in panels[:, 0]:
            panel.set_ylabel("mean absolute error (m/s)", fontsize=9)
            panel.set_ylim(bottom=0)
        panels[0, 0].legend(fontsize=8, loc="upper left")
        figure.suptitle(title)
        return figure

    def _by_kind(self) -> dict[str, list[Mapping[str, Any]]]:
        kinds: dict[str, list[Mapping[str, Any]]] = {}
        for row in self.rows:
            kinds.setdefault(row["kind"], []).append(row)
        return kinds


def evaluate_robustness(
    model: keras.Model | Predictor,
    gathers: np.ndarray,
    velocity: np.ndarray,
    acquisition: Acquisition | None = None,
    *,
    levels: Mapping[str, Sequence[float]] | None = None,
    seed: int = 0,
    batch_size: int = 8,
    progress: bool = True,
) -> Robustness:
    """Error of an inversion network against what disturbs the gathers and how much.

    - ``noise``: white noise, signal-to-noise ratio in dB over each example;
    - ``missing_traces``: fraction of each shot's traces that are zero;
    - ``time_shift``: delay of the record in s, as of a wrong trigger;
    - ``amplitude``: factor on the raw amplitudes;
    - ``wavelet_frequency``: factor on all of the wavelet's frequencies, its peak where it was;
    - ``wavelet_phase``: rotation of the wavelet, degrees;
    - ``receiver_spacing``: only every n-th receiver is there, and the others are interpolated as
      ``ks.invert`` does with a line;
    - ``velocity``: factor on the true velocity, which takes it out of the range of the training.

    Where wavelet or velocity change, gathers are simulated anew for the acquisition. Those of the
    undisturbed row are as well, so that the comparison holds even if the given gathers were made
    by another scheme. A level that cannot be simulated is left out, and so is what needs the
    acquisition if it is not known: ``left_out`` says why. The same seed gives the same result.

    Args:
        model: Raw gathers to m/s, in memory or as ``load_predictor`` returns it.
        gathers: ``(n, time, receivers, shots)``, raw amplitudes, best of pairs that the model has
            never seen.
        velocity: ``(n, depth, width)``, with or without a last axis of 1; m/s.
        acquisition: The experiment behind the gathers; by default the model's.
        levels: The levels of each kind to try; by default all kinds in ``DISTURBANCES``.
        seed: Seed of noise and missing traces. They are nested: a higher level adds to a lower.
        batch_size: Gathers passed through the network together.
        progress: Show a progress bar.

    Raises:
        ValueError: If the shapes do not belong together, or a kind is unknown.

    Example:
        >>> from keras_seismic.simulation import simulate
        >>> acquisition = Acquisition.surface(
        ...     width=20, dx=10.0, dt=0.001, nt=100, peak_frequency=15.0, boundary="cpml"
        ... )
        >>> velocity = np.full((2, 20, 20), 2000.0)
        >>> gathers = simulate(velocity, acquisition)
        >>> model = lambda gathers: np.full((len(gathers), 20, 20, 1), 2100.0)
        >>> result = evaluate_robustness(
        ...     model, gathers, velocity, acquisition, levels={"velocity": [1.05, 1.1]}
        ... )
        >>> print(result.table())
        | disturbance | undisturbed | level: mean absolute error, m/s |
        |---|---|---|
        | velocity out of range (factor) | 100 | 1.05: **0**, 1.1: **100** |
    """
    acquisition = getattr(model, "acquisition", None) if acquisition is None else acquisition
    case = _checked(gathers, velocity, acquisition)
    wanted = levels or {kind: found.levels for kind, found in DISTURBANCES.items()}
    if unknown := sorted(set(wanted) - set(DISTURBANCES)):
        raise ValueError(
            f"evaluate_robustness: expected kinds among {', '.join(DISTURBANCES)}, received "
            f"{', '.join(unknown)}"
        )
    rows: list[Mapping[str, Any]] = []
    left_out = {}
    with progress_bar(
        sum(len(v) + 1 for v in wanted.values()), "disturbing", "level", progress
    ) as bar:
        for kind, values in wanted.items():
            disturbance = DISTURBANCES[kind]
            if disturbance.needs_acquisition and acquisition is None:
                left_out[kind] = "the acquisition is not known"
                continue
            for level in (disturbance.none, *values):
                try:
                    disturbed, true = disturbance.apply(case, level, seed)
                except ValueError as error:  # what the simulation or the interpolation refuses
                    left_out[f"{kind} {level:g}"] = str(error)
                else:
                    scores = score_velocity(true, predict(model, disturbed, batch_size))
                    name = {"kind": kind, "level": float(level), "unit": disturbance.unit}
                    rows.append(name | scores)
                bar.update()
    return Robustness(tuple(rows), left_out, len(case.gathers))


def _checked(gathers: np.ndarray, velocity: np.ndarray, acquisition: Acquisition | None) -> Case:
    gathers, velocity = np.asarray(gathers, np.float32), np.asarray(velocity, np.float32)
    if velocity.ndim == 3:
        velocity = velocity[..., None]
    if gathers.ndim != 4 or velocity.ndim != 4 or len(gathers) != len(velocity) or not len(gathers):
        raise ValueError(
            "evaluate_robustness: expected gathers (n, time, receivers, shots) and as many "
            f"velocity models (n, depth, width), received {gathers.shape} and {velocity.shape}"
        )
    if acquisition is not None and acquisition.gather_shape != gathers.shape[1:]:
        raise ValueError(
            f"evaluate_robustness: the acquisition records {acquisition.gather_shape}, received "
            f"gathers of {gathers.shape[1:]}"
        )
    return Case(gathers, velocity, acquisition)
