"""Acquisition: the geometry and timing of a seismic experiment."""

import dataclasses
import math
import numbers
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from keras_seismic.checks import checked_interval
from keras_seismic.simulation.positions import (
    Position,
    Receivers,
    checked_positions,
    checked_receivers,
)
from keras_seismic.simulation.wavelets import highest_frequency, mean_frequency, ricker

#: Boundary kinds and the width, in cells, that each is made for.
BOUNDARY_WIDTHS = {"openfwi": 120, "cpml": 20}

#: Largest v * dt / dx at which the update (order 2 in time, 4 in space) is stable.
STABILITY_LIMIT = 0.612

#: The highest frequency that matters in a Ricker wavelet, in peak frequencies.
HIGHEST_FREQUENCY = 2.5

#: Most samples of a record.
_LONGEST = 1_000_000

#: Most cells of an absorbing layer.
_WIDEST = 10_000

_OPENFWI_SOURCE_COLUMNS = (0, 17, 34, 52, 69)


@dataclasses.dataclass(frozen=True)
class Acquisition:
    """Grid, timing, wavelet and positions of sources and receivers.

    Everything is in SI units, so that it is readable and carries over from one grid to
    another.

    Args:
        dx: Grid spacing in both directions, m.
        dt: Time step of simulation and recording, s.
        nt: Number of recorded samples.
        peak_frequency: Peak frequency of the Ricker source, Hz. With a ``source_wavelet`` it
            tunes the absorbing layer, and 0 takes that wavelet's mean frequency.
        sources: ``(x, depth)`` of each shot, m; on grid points.
        receivers: ``(x, depth)`` of each receiver, m; on grid points. Either one tuple of them
            for all shots, or as many tuples as shots, all of the same length: a streamer.
        boundary: ``"openfwi"``, the exact damping layer of the OpenFWI data sets,
            or ``"cpml"``, a convolutional perfectly matched layer: closer to an open
            medium, but not what OpenFWI used.
        boundary_width: Cells of the layer on every side; 0 means 120 for ``"openfwi"`` and 20
            for ``"cpml"``. A narrower ``"openfwi"`` layer is another experiment: with 40 cells
            the gathers change by 4 %.
        free_surface: The pressure is zero at depth 0, grid row 0, as at the sea surface: waves
            come back from there with their sign changed (ghosts, multiples). Otherwise the
            ground goes on above, and absorbs.
        source_wavelet: Samples of another wavelet, ``dt`` apart and the first at time zero;
            empty for the Ricker wavelet. Zeros follow it, up to ``nt``.

    Raises:
        ValueError: If a value is out of range, a position is not on the grid, or a source or
            receiver is at depth 0 under a free surface.

    Example:
        >>> acquisition = Acquisition.openfwi()
        >>> acquisition.gather_shape
        (1000, 70, 5)
        >>> acquisition.sources[1]
        (170.0, 10.0)
    """

    dx: float
    dt: float
    nt: int
    peak_frequency: float
    sources: tuple[Position, ...]
    receivers: Receivers
    boundary: str = "openfwi"
    boundary_width: int = 0
    free_surface: bool = False
    source_wavelet: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "source_wavelet", _checked_wavelet(self.source_wavelet))
        if self.source_wavelet and self.peak_frequency == 0:
            mean = mean_frequency(np.array(self.source_wavelet), self.dt)
            object.__setattr__(self, "peak_frequency", mean)
        checked_interval(self.dt, "Acquisition")
        for name in ("dx", "dt", "peak_frequency"):
            value = getattr(self, name)
            if not (_is_finite(value) and value > 0):
                raise ValueError(f"Acquisition: {name} must be positive, received {value}")
            object.__setattr__(self, name, float(value))  # JSON takes no NumPy scalars
        if not is_whole_number(self.nt, minimum=1):
            raise ValueError(f"Acquisition: nt must be a positive integer, received {self.nt}")
        if self.boundary not in BOUNDARY_WIDTHS:
            raise ValueError(
                f"Acquisition: boundary must be one of {sorted(BOUNDARY_WIDTHS)}, "
                f"received {self.boundary!r}"
            )
        width = self.boundary_width or BOUNDARY_WIDTHS[self.boundary]
        if not is_whole_number(width, minimum=3):
            raise ValueError(
                "Acquisition: boundary_width must be a whole number of at least 3 cells, "
                f"received {width}"
            )
        for name, size, largest in (("nt", self.nt, _LONGEST), ("boundary_width", width, _WIDEST)):
            if size > largest:
                raise ValueError(f"Acquisition: {name} must be {largest} at most, received {size}")
        # Lists (from JSON) become tuples, so that equal experiments are equal and hash alike.
        object.__setattr__(self, "nt", int(self.nt))
        object.__setattr__(self, "boundary_width", int(width))
        object.__setattr__(self, "free_surface", bool(self.free_surface))
        object.__setattr__(self, "sources", checked_positions(self.sources, "sources", self.dx))
        receivers = checked_receivers(self.receivers, len(self.sources), self.dx)
        object.__setattr__(self, "receivers", receivers)
        if self.free_surface:
            self._check_below_surface()
        if not self.source_wavelet:
            ricker(self.peak_frequency, self.dt, self.nt)  # raises if dt is too coarse for it

    def _check_below_surface(self) -> None:
        for kind in ("sources", "receivers"):
            if not np.array(getattr(self, kind))[..., 1].all():
                raise ValueError(
                    f"Acquisition: {kind} at depth 0, where a free surface holds the pressure at "
                    f"zero; place them at {self.dx:g} m or deeper, or pass free_surface=False"
                )

    @classmethod
    def openfwi(cls, boundary: str = "openfwi") -> "Acquisition":
        """The experiment of the OpenFWI Vel, Fault and Style families.

        A 70 x 70 grid at 10 m, 1 s at 1 ms, a 15 Hz Ricker wavelet, 5 sources and
        70 receivers at 10 m depth, no free surface.

        Args:
            boundary: ``"openfwi"`` for the exact scheme, ``"cpml"`` for the matched layer.
        """
        return cls.surface(
            width=70,
            dx=10.0,
            dt=0.001,
            nt=1000,
            peak_frequency=15.0,
            source_columns=_OPENFWI_SOURCE_COLUMNS,
            boundary=boundary,
        )

    @classmethod
    def surface(
        cls,
        width: int,
        dx: float,
        dt: float,
        nt: int,
        peak_frequency: float,
        shots: int = 5,
        source_columns: tuple[int, ...] | None = None,
        receiver_step: int = 1,
        row: int = 1,
        boundary: str = "openfwi",
        boundary_width: int = 0,
        free_surface: bool = False,
        source_wavelet: Sequence[float] | np.ndarray = (),
    ) -> "Acquisition":
        """Sources and receivers along one row near the top of a grid.

        Args:
            width: Columns of the velocity model.
            dx: Grid spacing, m.
            dt: Time step, s.
            nt: Number of samples.
            peak_frequency: Peak frequency of the Ricker source, Hz.
            shots: Number of sources, spread evenly from edge to edge (a single
                one is in the middle); not used with ``source_columns``.
            source_columns: Grid columns of the sources.
            receiver_step: Columns from one receiver to the next.
            row: Grid row of sources and receivers.
            boundary: See the class.
            boundary_width: See the class.
            free_surface: See the class.
            source_wavelet: See the class.
        """
        if source_columns is None:
            columns = np.linspace(0, width - 1, shots) if shots > 1 else [(width - 1) // 2]
            source_columns = tuple(int(c) for c in np.rint(columns))
        return cls(
            dx=dx,
            dt=dt,
            nt=nt,
            peak_frequency=peak_frequency,
            sources=tuple((c * dx, row * dx) for c in source_columns),
            receivers=tuple((c * dx, row * dx) for c in range(0, width, receiver_step)),
            boundary=boundary,
            boundary_width=boundary_width,
            free_surface=free_surface,
            source_wavelet=tuple(source_wavelet),
        )

    @classmethod
    def streamer(
        cls,
        width: int,
        dx: float,
        dt: float,
        nt: int,
        peak_frequency: float,
        offsets: Sequence[float] | np.ndarray,
        shots: int = 5,
        row: int = 1,
        boundary: str = "openfwi",
        boundary_width: int = 0,
        free_surface: bool = False,
        source_wavelet: Sequence[float] | np.ndarray = (),
    ) -> "Acquisition":
        """A vessel sailing toward larger x, which tows its receivers behind the source.

        The shots are spread evenly over the places where the whole streamer is within the model.

        Args:
            width: Columns of the velocity model.
            dx: Grid spacing, m.
            dt: Time step, s.
            nt: Number of samples.
            peak_frequency: See the class.
            offsets: Distance of each receiver behind the source, m; multiples of ``dx``.
            shots: Number of shots.
            row: Grid row of sources and receivers.
            boundary: See the class.
            boundary_width: See the class.
            free_surface: See the class.
            source_wavelet: See the class.

        Raises:
            ValueError: If the streamer is longer than the model, or as the class says.

        Example:
            >>> acquisition = Acquisition.streamer(
            ...     width=301, dx=10.0, dt=0.001, nt=2000, peak_frequency=15.0,
            ...     offsets=range(100, 1300, 20), shots=40, free_surface=True,
            ... )
            >>> acquisition.gather_shape
            (2000, 60, 40)
            >>> acquisition.sources[0], acquisition.receivers[0][-1]
            ((1280.0, 10.0), (0.0, 10.0))
        """
        behind = np.asarray(offsets, np.float64)
        if behind.ndim != 1 or not behind.size:
            raise ValueError(
                "Acquisition.streamer: offsets must be a list of distances in m, received "
                f"{offsets!r}"
            )
        # In front of the source, where offsets are negative.
        first, last = (
            math.ceil(max(side, 0) / dx - 1e-3) for side in (behind.max(), -behind.min())
        )
        if first + last > width - 1:
            raise ValueError(
                f"Acquisition.streamer: the streamer reaches {first * dx:g} m behind the source, "
                f"but the model is {(width - 1) * dx:g} m wide"
            )
        columns = np.rint(np.linspace(first, width - 1 - last, shots))
        return cls(
            dx=dx,
            dt=dt,
            nt=nt,
            peak_frequency=peak_frequency,
            sources=tuple((c * dx, row * dx) for c in columns),
            receivers=tuple(tuple((c * dx - o, row * dx) for o in behind) for c in columns),
            boundary=boundary,
            boundary_width=boundary_width,
            free_surface=free_surface,
            source_wavelet=tuple(source_wavelet),
        )

    @property
    def receivers_move(self) -> bool:
        """Whether each shot has receivers of its own."""
        return not isinstance(self.receivers[0][0], float)

    @property
    def source_positions(self) -> np.ndarray:
        """``(x, depth)`` of each shot in m, an array of shape ``(shots, 2)``."""
        return np.array(self.sources)

    @property
    def receiver_positions(self) -> np.ndarray:
        """``(x, depth)`` of each shot's receivers in m, of shape ``(shots, receivers, 2)``."""
        shape = (len(self.sources), self.gather_shape[1], 2)
        return np.array(np.broadcast_to(np.array(self.receivers), shape))

    @property
    def gather_shape(self) -> tuple[int, int, int]:
        """``(time, receivers, shots)`` of one simulated example."""
        receivers = self.receivers[0] if self.receivers_move else self.receivers
        return self.nt, len(receivers), len(self.sources)

    @property
    def wavelet(self) -> np.ndarray:
        """The source wavelet, float64 of shape ``(nt,)``."""
        if not self.source_wavelet:
            return ricker(self.peak_frequency, self.dt, self.nt)
        wavelet = np.zeros(self.nt)
        samples = self.source_wavelet[: self.nt]
        wavelet[: len(samples)] = samples
        return wavelet

    @property
    def highest_frequency(self) -> float:
        """The highest frequency that matters in the source wavelet, Hz."""
        if not self.source_wavelet:
            return HIGHEST_FREQUENCY * self.peak_frequency
        return highest_frequency(np.array(self.source_wavelet), self.dt)

    def select_shots(self, shots: slice | Sequence[int]) -> "Acquisition":
        """The same experiment with some of its shots.

        Args:
            shots: Their numbers, from 0, or a slice of them.

        Example:
            >>> Acquisition.openfwi().select_shots([0, 4]).gather_shape
            (1000, 70, 2)
        """
        numbers = range(len(self.sources))[shots] if isinstance(shots, slice) else shots
        receivers = self.receivers
        if self.receivers_move:
            receivers = cast(Receivers, tuple(receivers[i] for i in numbers))
        sources = tuple(self.sources[i] for i in numbers)
        return dataclasses.replace(self, sources=sources, receivers=receivers)

    def fixed_receivers(self, purpose: str) -> tuple[Position, ...]:
        """The receivers that all shots share.

        Args:
            purpose: What needs them to be the same, for the message.

        Raises:
            ValueError: If each shot has receivers of its own.
        """
        if self.receivers_move:
            first = self.receiver_positions[:, 0, 0]
            raise ValueError(
                f"{purpose}: expected receivers that stand still, but each shot of this "
                f"acquisition has its own (the first one is at x={first.min():g} to "
                f"{first.max():g} m)"
            )
        return cast(tuple[Position, ...], self.receivers)

    def grid_indices(self, kind: str, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the sources or receivers in a velocity model.

        Args:
            kind: ``"sources"`` or ``"receivers"``.
            shape: ``(depth, width)`` of the model in cells.

        Returns:
            Two integer arrays, rows and columns; ``(shots, receivers)`` for the receivers if each
            shot has its own.

        Raises:
            ValueError: If a position lies outside the model.
        """
        cells = np.rint(np.array(getattr(self, kind)) / self.dx).astype(int)
        columns, rows = cells[..., 0], cells[..., 1]
        outside = (rows < 0) | (rows >= shape[0]) | (columns < 0) | (columns >= shape[1])
        if outside.any():
            first = np.argwhere(outside)[0]
            x, depth = np.array(getattr(self, kind))[tuple(first)]
            raise ValueError(
                f"Acquisition: {kind}{''.join(f'[{i}]' for i in first)} at x={x:g} m, "
                f"depth={depth:g} m is outside the velocity model, which spans x "
                f"0-{(shape[1] - 1) * self.dx:g} m and depth 0-{(shape[0] - 1) * self.dx:g} m "
                f"({shape[0]} x {shape[1]} cells of {self.dx:g} m)"
            )
        return rows, columns

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain, JSON-compatible values.

        Those of a free surface and of a wavelet are left out where there is none, so that the
        experiments of earlier versions keep the configuration they were saved with.
        """
        config = dataclasses.asdict(self)
        for name in ("free_surface", "source_wavelet"):
            if not config[name]:
                del config[name]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Acquisition":
        """The acquisition that ``get_config`` described."""
        names = {field.name for field in dataclasses.fields(cls)}
        others = set(config) - names if isinstance(config, dict) else [str(config)[:80]]
        if others:
            raise ValueError(
                f"Acquisition: expected values for {', '.join(sorted(names))}, received "
                f"{', '.join(map(repr, others))}"
            )
        try:
            return cls(**config)
        except TypeError as error:  # without a value that has no default
            raise ValueError(f"{error}") from error


def is_whole_number(value: Any, minimum: int) -> bool:
    """Whether the value is a whole number not below the minimum; never an error."""
    return _is_finite(value) and value == int(value) and value >= minimum


def _is_finite(value: Any) -> bool:
    try:
        return isinstance(value, numbers.Real) and math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def _checked_wavelet(samples: Any) -> tuple[float, ...]:
    """The samples without the zeros that follow them."""
    try:
        wavelet = np.array(samples, np.float64)
    except (TypeError, ValueError):
        wavelet = np.full((1, 1), np.nan)
    if wavelet.ndim != 1 or not np.isfinite(wavelet).all() or (wavelet.size and not wavelet.any()):
        raise ValueError(
            "Acquisition: source_wavelet must be finite samples in one dimension, not all zero, "
            f"received {str(samples)[:80]}"
        )
    return tuple(np.trim_zeros(wavelet, "b").tolist())
