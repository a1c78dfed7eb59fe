"""Acquisition: the geometry and timing of a seismic experiment."""

import dataclasses
import math
import numbers
from typing import Any

import numpy as np

from keras_seismic.simulation.wavelets import ricker

#: Boundary kinds and the width, in cells, that each is made for.
BOUNDARY_WIDTHS = {"openfwi": 120, "cpml": 20}

#: Largest v * dt / dx at which the update (order 2 in time, 4 in space) is stable.
STABILITY_LIMIT = 0.612

#: The highest frequency that matters in a Ricker wavelet, in peak frequencies.
HIGHEST_FREQUENCY = 2.5

_OPENFWI_SOURCE_COLUMNS = (0, 17, 34, 52, 69)

Position = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Acquisition:
    """Grid, timing, wavelet and positions of sources and receivers.

    Everything is in SI units, so that it is readable and carries over from one grid to
    another. The receivers are the same for every shot.

    Args:
        dx: Grid spacing in both directions, m.
        dt: Time step of simulation and recording, s.
        nt: Number of recorded samples.
        peak_frequency: Peak frequency of the Ricker source, Hz.
        sources: ``(x, depth)`` of each shot, m; on grid points.
        receivers: ``(x, depth)`` of each receiver, m; on grid points.
        boundary: ``"openfwi"``, the exact damping layer of the OpenFWI data sets,
            or ``"cpml"``, a convolutional perfectly matched layer: closer to an open
            medium and about three times faster, but not what OpenFWI used.
        boundary_width: Cells of the layer on every side; 0 means 120 for ``"openfwi"`` and 20
            for ``"cpml"``. A narrower ``"openfwi"`` layer is another experiment: with 40 cells
            the gathers change by 4 %.

    Raises:
        ValueError: If a value is out of range or a position is not on the grid.

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
    receivers: tuple[Position, ...]
    boundary: str = "openfwi"
    boundary_width: int = 0

    def __post_init__(self) -> None:
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
        # Lists (from JSON) become tuples, so that equal experiments are equal and hash alike.
        object.__setattr__(self, "nt", int(self.nt))
        object.__setattr__(self, "boundary_width", int(width))
        for name in ("sources", "receivers"):
            positions = tuple(_checked_position(p, name, self.dx) for p in getattr(self, name))
            if not positions:
                raise ValueError(f"Acquisition: {name} is empty; at least one is needed")
            object.__setattr__(self, name, positions)
        ricker(self.peak_frequency, self.dt, self.nt)  # raises if dt is too coarse for it

    @classmethod
    def openfwi(cls, boundary: str = "openfwi") -> "Acquisition":
        """The experiment of the OpenFWI Vel, Fault and Style families.

        A 70 x 70 grid at 10 m, 1 s at 1 ms, a 15 Hz Ricker wavelet, 5 sources and
        70 receivers at 10 m depth, no free surface.

        Args:
            boundary: ``"openfwi"`` for the exact scheme, ``"cpml"`` for the fast one.
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
        )

    @property
    def gather_shape(self) -> tuple[int, int, int]:
        """``(time, receivers, shots)`` of one simulated example."""
        return self.nt, len(self.receivers), len(self.sources)

    @property
    def wavelet(self) -> np.ndarray:
        """The source wavelet, float64 of shape ``(nt,)``."""
        return ricker(self.peak_frequency, self.dt, self.nt)

    def grid_indices(self, kind: str, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the sources or receivers in a velocity model.

        Args:
            kind: ``"sources"`` or ``"receivers"``.
            shape: ``(depth, width)`` of the model in cells.

        Returns:
            Two integer arrays, rows and columns.

        Raises:
            ValueError: If a position lies outside the model.
        """
        cells = np.rint(np.array(getattr(self, kind)) / self.dx).astype(int)
        columns, rows = cells[:, 0], cells[:, 1]
        outside = (rows < 0) | (rows >= shape[0]) | (columns < 0) | (columns >= shape[1])
        if outside.any():
            first = int(np.argmax(outside))
            x, depth = getattr(self, kind)[first]
            raise ValueError(
                f"Acquisition: {kind}[{first}] at x={x:g} m, depth={depth:g} m is outside the "
                f"velocity model, which spans x 0-{(shape[1] - 1) * self.dx:g} m and depth "
                f"0-{(shape[0] - 1) * self.dx:g} m ({shape[0]} x {shape[1]} cells of {self.dx:g} m)"
            )
        return rows, columns

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain, JSON-compatible values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Acquisition":
        """The acquisition that ``get_config`` described."""
        return cls(**config)


def is_whole_number(value: Any, minimum: int) -> bool:
    """Whether the value is a whole number not below the minimum; never an error."""
    return _is_finite(value) and value == int(value) and value >= minimum


def _is_finite(value: Any) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _checked_position(position: Any, name: str, dx: float) -> Position:
    """One ``(x, depth)`` in m, snapped exactly to its grid point."""
    try:
        x, depth = (float(value) for value in position)
    except (TypeError, ValueError):
        raise ValueError(
            f"Acquisition: {name} must be pairs (x, depth) in m, received {position!r}"
        ) from None
    column, row = np.rint((x / dx, depth / dx))
    if not max(abs(x / dx - column), abs(depth / dx - row)) < 1e-3:  # NaN is refused as well
        raise ValueError(
            f"Acquisition: {name} must stand on grid points, multiples of dx={dx:g} m; "
            f"received x={x:g} m, depth={depth:g} m"
        )
    return float(column * dx), float(row * dx)
