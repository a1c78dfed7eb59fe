"""A regular receiver grid under the traces of shot gathers, and how well they fit it."""

import dataclasses

import numpy as np

from keras_seismic.checks import checked_choice
from keras_seismic.io.segy import TracePositions

#: Grid nodes per trace above which positions do not count as a grid.
_SPARSEST = 10

#: How far from the usual distance of neighbors to search for the spacing (fraction), and the
#: most positions and spacings to try.
_SEARCHED, _LOOKED_AT = 0.2, 2000


@dataclasses.dataclass(frozen=True)
class ReceiverGrid:
    """The regular grid that the receivers of a line are on, or nearly on.

    Attributes:
        spread: ``"fixed"``: the same receivers for every shot; ``"moving"``: they move with
            the source.
        spacing: Receiver spacing, m.
        first: First receiver in m: x for a fixed spread, x - source x for a moving one.
        shot_numbers: Values of the shot word, ascending, ``(shots,)``.
        source_x: m, ``(shots,)``.
        position: Position of each trace, in receivers from the first, not rounded.
        shot: Index of each trace's shot.
        traces: Number of traces at each receiver of each shot, ``(receivers, shots)``.
        scatter: Largest distance of a position from the line, m.
    """

    spread: str
    spacing: float
    first: float
    shot_numbers: np.ndarray
    source_x: np.ndarray
    position: np.ndarray
    shot: np.ndarray
    traces: np.ndarray
    scatter: float

    @property
    def receiver_x(self) -> np.ndarray:
        """Places of the grid's receivers in m, ``(receivers, shots)``."""
        x = self.first + self.spacing * np.arange(len(self.traces))
        origin = self.source_x if self.spread == "moving" else np.zeros_like(self.source_x)
        return np.asarray(x[:, None] + origin)

    @property
    def missing(self) -> np.ndarray:
        """Receiver index and shot number of each receiver without a trace, ``(missing, 2)``."""
        receivers, shots = np.nonzero(self.traces == 0)
        return np.stack([receivers, self.shot_numbers[shots]], axis=1)

    @property
    def duplicates(self) -> int:
        """Traces that share a receiver with another one."""
        return int(np.maximum(self.traces - 1, 0).sum())

    @property
    def off_grid(self) -> float:
        """Largest distance of a trace from its receiver, m."""
        return float(np.abs(self.position - np.rint(self.position)).max() * self.spacing)

    def irregularities(self, tolerance: float = 0.1) -> list[str]:
        """Why the traces do not form the grid; empty if they do.

        Args:
            tolerance: Distance from the grid that still counts as regular, in receiver spacings.
        """
        found = []
        receivers, shots = self.traces.shape
        per_shot = self.traces.sum(axis=0)
        if per_shot.min() != per_shot.max():
            found.append(f"shots have from {per_shot.min()} to {per_shot.max()} traces")
        missing = self.missing
        if len(missing):
            receiver, shot = missing[0]
            found.append(
                f"{len(missing)} of {receivers * shots} receivers are missing, the first is "
                f"receiver {receiver + 1} of shot {shot}"
            )
        if self.duplicates:
            found.append(f"{self.duplicates} traces share their receiver with another trace")
        if self.off_grid > tolerance * self.spacing:
            found.append(
                f"receivers stand up to {self.off_grid:.3g} m off a grid of {self.spacing:g} m"
            )
        return found

    def __str__(self) -> str:
        receivers, shots = self.traces.shape
        lines = [
            f"{shots} shots, x {self.source_x.min():g} to {self.source_x.max():g} m",
            f"{receivers} receivers {self.spacing:g} m apart, {self.spread} spread",
        ]
        if self.scatter > self.spacing:
            lines.append(f"positions lie up to {self.scatter:.3g} m beside a straight line")
        return "; ".join([*lines, *(self.irregularities() or ["regular"])])


def fit_receiver_grid(
    positions: TracePositions, spread: str = "auto", spacing: float | None = None, source: str = ""
) -> ReceiverGrid:
    """The regular grid that fits the receivers best.

    Args:
        positions: Of every trace.
        spread: ``"fixed"``, ``"moving"``, or ``"auto"`` for the one with fewer receivers.
        spacing: Receiver spacing in m; by default that of most neighbors.
        source: Name of the file, for the messages.

    Raises:
        ValueError: If a shot has several sources, all receivers are in one place, or their
            positions make no grid.
    """
    checked_choice(spread, ("auto", "fixed", "moving"), f"{source}: spread")
    if spacing is not None and not (np.isfinite(spacing) and spacing > 0):
        raise ValueError(f"{source}: receiver_spacing must be positive, received {spacing}")
    numbers, shot = np.unique(positions.shot, return_inverse=True)
    source_x = np.array([np.median(positions.source_x[i]) for i in traces_by_shot(shot)])
    given, spacing = spacing, spacing or _usual_spacing(positions.receiver_x, shot, source)
    extent = np.ptp(positions.receiver_x) / spacing
    if not np.isfinite(extent):
        raise ValueError(
            f"{source}: expected receivers in m, received positions {spacing:g} m apart that make "
            "no grid; name the words for positions, or pass receiver_spacing="
        )
    apart = np.abs(positions.source_x - source_x[shot])
    if apart.max() > spacing:
        worst = shot[int(np.argmax(apart))]
        raise ValueError(
            f"{source}: the traces of shot {numbers[worst]} have sources "
            f"{np.ptp(positions.source_x[shot == worst]):g} m apart; name the word that numbers "
            "the shots by shot_word="
        )
    coordinates = {
        "fixed": positions.receiver_x,
        "moving": positions.receiver_x - source_x[shot],
    }
    fits = {
        name: (*_line_fit(x, spacing, given is None), name)
        for name, x in coordinates.items()
        if spread in ("auto", name)
    }
    step, first, position, spread = min(fits.values(), key=lambda fit: np.rint(fit[2]).max())
    receivers = int(np.rint(position).max()) + 1
    if receivers * len(numbers) > _SPARSEST * len(shot):
        raise ValueError(
            f"{source}: {len(shot)} traces do not make a receiver grid: {receivers} receivers "
            f"{step:g} m apart for {len(numbers)} shots would be mostly empty; name other words "
            "for positions, or pass receiver_spacing="
        )
    traces = np.zeros((receivers, len(numbers)), int)
    np.add.at(traces, (np.rint(position).astype(int), shot), 1)
    return ReceiverGrid(
        spread, step, first, numbers, source_x, position, shot, traces, positions.scatter
    )


def traces_by_shot(shot: np.ndarray) -> list[np.ndarray]:
    """Numbers of the traces of each shot, from the shot index of every trace."""
    order = np.argsort(shot, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(shot[order])) + 1)


def _usual_spacing(x: np.ndarray, shot: np.ndarray, source: str) -> float:
    """The most common distance between neighbors within a shot, m."""
    order = np.lexsort((x, shot))
    distances = np.diff(x[order])[np.diff(shot[order]) == 0]
    span = np.ptp(x)
    distances = distances[distances > 1e-6 * max(span, 1)]
    if not distances.size:
        raise ValueError(
            f"{source}: every shot has all of its receivers at one x, so they have no spacing; "
            "name the words for positions, or pass receiver_spacing="
        )
    middle = np.median(distances)
    # In whole meters 12.5 appears as 12 and 13: take the mean of what is close to the median.
    near = distances[np.abs(distances - middle) < 0.5 * middle]
    return float(near.mean() if near.size else middle)


def _line_fit(x: np.ndarray, spacing: float, fit: bool) -> tuple[float, float, np.ndarray]:
    """Spacing and origin of the grid through positions, and the positions in its steps."""
    if fit:
        spacing = _most_coherent(x, spacing)
    first = x.min() + np.angle(_coherence(x, spacing)) / (2 * np.pi) * spacing
    for _ in range(3 * fit):
        steps = np.rint((x - first) / spacing)
        if np.ptp(steps) == 0:
            break
        spacing, first = np.polyfit(steps, x, 1)
    # Without the fit's rounding errors, so that a grid of 12.5 m has a spacing of 12.5.
    spacing = float(f"{spacing:.6g}")
    first = float(np.round(np.median(x - spacing * np.rint((x - first) / spacing)), 6))
    lowest = np.rint((x - first) / spacing).min()
    first += lowest * spacing
    return spacing, float(first), (x - first) / spacing


def _most_coherent(x: np.ndarray, spacing: float) -> float:
    """The spacing near a first guess at which positions agree best with a grid."""
    x = np.unique(x)
    x = x[:: -(-len(x) // _LOOKED_AT)]
    steps = np.ptp(x) / spacing
    count = min(int(np.ceil(8 * _SEARCHED * steps)) + 1, _LOOKED_AT)
    guesses = spacing * (1 + np.linspace(-_SEARCHED, _SEARCHED, count))
    coherence = [abs(_coherence(x, guess)) for guess in guesses]
    best = int(np.argmax(coherence))
    # For a regular line, the guess is exact.
    better = coherence[best] > abs(_coherence(x, spacing)) + 0.02
    return float(guesses[best]) if better else spacing


def _coherence(x: np.ndarray, spacing: float) -> complex:
    """A number of modulus 1 if all positions are whole numbers of spacings apart."""
    return complex(np.exp(2j * np.pi * (x - x.min()) / spacing).mean())
