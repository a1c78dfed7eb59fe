"""Two absorbing boundaries for the acoustic scheme, each with its time step.

Each scheme offers ``coefficients`` (once per model), ``initial_state``, ``step`` and its
transpose ``adjoint_step`` (``keras.ops``, inside the compiled loop). Wave fields have the shape
``(models, shots, depth, width)``, boundary cells included.

A free surface takes the place of the upper boundary: the first row of the wave field is grid
row 0 and zero, and the rows above it are those below with their sign changed. That keeps the
first row at zero without being told.
"""

from collections.abc import Callable
from types import ModuleType

import numpy as np
from keras import backend, ops

from keras_seismic.simulation.acquisition import Acquisition
from keras_seismic.types import Tensor

DEPTH, WIDTH = 2, 3  # axes of a wave field

#: Weights of order 4: of the neighbors at 1 and 2 cells (first, odd), of 0, 1 and 2 cells (second).
FIRST_DIFFERENCE = (8 / 12, -1 / 12)
SECOND_DIFFERENCE = (-5 / 2, 4 / 3, -1 / 12)

#: The wave fields that a time step changes: pressure now, one step ago, and what else it needs.
State = tuple[Tensor, ...]

#: Fraction of a wave's amplitude that the damping layer is designed to leave after two crossings.
_DAMPING_REFLECTION = 1e-7

# Chosen by measuring the reflection of a 20-cell layer (benchmarks/boundaries.py): with
# these it is a few times smaller than with the textbook choice of a quadratic profile,
# a reflection of 1e-4 and alpha = pi f.
_CPML_REFLECTION = 1e-6
_CPML_POWER = 3
_CPML_ALPHA = 0.5  # in units of pi times the peak frequency


def boundary_cells(acquisition: Acquisition) -> tuple[tuple[int, int], tuple[int, int]]:
    """Cells of the boundary above and below, and left and right, of a velocity model."""
    width = acquisition.boundary_width
    return (0 if acquisition.free_surface else width, width), (width, width)


def _images(field: Tensor) -> Tensor:
    """The two rows above a free surface."""
    return -ops.flip(field[:, :, 1:3], DEPTH)


def _shifted(field: Tensor, axis: int, mirrored: bool = False) -> Callable[[int], Tensor]:
    """A function of ``k`` that returns the field's neighbors ``k`` cells on along ``axis``.

    Beyond the edge they are zero, or images where that edge is a free surface.
    """
    size = field.shape[axis]
    padding = [(0, 0)] * 4
    padding[axis] = (0 if mirrored else 2, 2)
    padded = ops.pad(field, padding)
    if mirrored:
        padded = ops.concatenate([_images(field), padded], axis=DEPTH)

    def neighbor(k: int) -> Tensor:
        index = [slice(None)] * 4
        index[axis] = slice(2 + k, 2 + k + size)
        return padded[tuple(index)]

    return neighbor


def _first_difference(field: Tensor, axis: int) -> Tensor:
    """First derivative times dx, central, order 4."""
    at = _shifted(field, axis)
    near, far = FIRST_DIFFERENCE
    return near * (at(1) - at(-1)) + far * (at(2) - at(-2))


def _second_difference(field: Tensor, axis: int, mirrored: bool) -> Tensor:
    """Second derivative times dx squared, central, order 4."""
    at = _shifted(field, axis, mirrored)
    center, near, far = SECOND_DIFFERENCE
    return center * field + near * (at(1) + at(-1)) + far * (at(2) + at(-2))


def _periodic_laplacian(field: Tensor, free_surface: bool) -> Tensor:
    """Sum of the second differences along depth and width, with opposite edges joined.

    Under a free surface top and bottom are not: beyond the bottom the field is zero.
    """
    depth, width = field.shape[DEPTH], field.shape[WIDTH]
    above, below = field[:, :, -2:], field[:, :, :2]
    if free_surface:
        above, below = _images(field), ops.zeros_like(below)
    padded = ops.concatenate([above, field, below], axis=DEPTH)
    padded = ops.concatenate([padded[..., -2:], padded, padded[..., :2]], axis=WIDTH)

    def at(row: int, column: int) -> Tensor:
        return padded[:, :, 2 + row : 2 + row + depth, 2 + column : 2 + column + width]

    near = at(1, 0) + at(-1, 0) + at(0, 1) + at(0, -1)
    far = at(2, 0) + at(-2, 0) + at(0, 2) + at(0, -2)
    center, one, two = SECOND_DIFFERENCE
    return 2 * center * field + one * near + two * far


def _like(velocity: Tensor, values: np.ndarray) -> np.ndarray:
    """Values in the velocity's floating-point type."""
    return values.astype(backend.standardize_dtype(velocity.dtype))


class DampingLayer:
    """The damping layer of the OpenFWI data sets.

    ``p+ = (2 - 5 a - k) p - (1 - k) p- + a (4/3 near - 1/12 far)`` with
    ``a = (v dt / dx)^2`` and ``k = damp dt``; ``damp`` grows with the square of the
    distance from the model and is set by the model's slowest velocity.

    Two peculiarities of the data are kept. In the corners the damping is that of the side
    strips, so a wave running along the side of the model is hardly damped there; and
    opposite edges of the grid are neighbors (the original shifts its arrays circularly), so
    the rest of such a wave comes back from the opposite side.
    """

    @staticmethod
    def strongest(acquisition: Acquisition) -> float:
        """``k`` at the outer edge, per m/s of a model's slowest velocity."""
        thickness = (acquisition.boundary_width - 1) * acquisition.dx
        return 3 * float(np.log(1 / _DAMPING_REFLECTION)) / (2 * thickness) * acquisition.dt

    @staticmethod
    def coefficients(
        padded_velocity: Tensor, acquisition: Acquisition, xp: ModuleType = np
    ) -> list[Tensor]:
        """``a`` and ``k`` as a list of (models, 1, depth, width) arrays, of the velocity's type.

        Args:
            padded_velocity: ``(models, depth, width)``, m/s, boundary cells included.
            acquisition: The experiment.
            xp: ``numpy`` for an array, ``keras.ops`` for a tensor.
        """
        cells, dx, dt = acquisition.boundary_width, acquisition.dx, acquisition.dt
        courant = (padded_velocity * (dt / dx)) ** 2
        slowest = xp.min(padded_velocity, axis=(1, 2))
        outward = DampingLayer.strongest(acquisition) * (np.arange(cells) / (cells - 1)) ** 2
        damping = np.zeros(padded_velocity.shape[1:])
        if not acquisition.free_surface:
            damping[:cells] = outward[::-1, None]
        damping[-cells:] = outward[:, None]
        # The side strips are written last and so determine the corners.
        damping[:, :cells] = outward[::-1]
        damping[:, -cells:] = outward
        damping = _like(padded_velocity, damping)
        return [courant[:, None], slowest[:, None, None, None] * damping]

    @staticmethod
    def initial_state(zeros: Tensor) -> State:
        """Pressure now and one step ago."""
        return zeros, zeros

    @staticmethod
    def step(
        state: State, coefficients: list[Tensor], free_surface: bool = False
    ) -> tuple[State, Tensor]:
        """The state one time step on, and the Laplacian that ``a`` multiplied in it."""
        now, before = state
        courant, damping = coefficients
        laplacian = _periodic_laplacian(now, free_surface)
        after = 2 * now - before + damping * (before - now) + courant * laplacian
        return (after, now), laplacian

    @staticmethod
    def adjoint_step(
        adjoint: State, coefficients: list[Tensor], free_surface: bool = False
    ) -> State:
        """The transpose of ``step``, from the gradient for its result to that for its state."""
        after, now = adjoint
        courant, damping = coefficients
        return (
            (2 - damping) * after + _periodic_laplacian(courant * after, free_surface) + now,
            (damping - 1) * after,
        )


class PerfectlyMatchedLayer:
    """Convolutional perfectly matched layer for the second-order wave equation.

    Every derivative in the layer is stretched, ``d/dx -> d/dx + psi``, with a
    memory variable ``psi+ = b psi + a d/dx``, applied twice for the second derivative.

    Reference:
        Pasalic, D. and McGarry, R. (2010), Convolutional perfectly matched layer for
        isotropic and anisotropic acoustic wave equations, SEG Technical Program
        Expanded Abstracts, 2925-2929.
    """

    @staticmethod
    def coefficients(
        padded_velocity: Tensor, acquisition: Acquisition, xp: ModuleType = np
    ) -> list[Tensor]:
        """``(v dt / dx)^2``, then ``a``, ``b`` along depth and ``a``, ``b`` along width.

        Args:
            padded_velocity: ``(models, depth, width)``, m/s, boundary cells included.
            acquisition: The experiment.
            xp: ``numpy`` for an array, ``keras.ops`` for a tensor.
        """
        dx, dt = acquisition.dx, acquisition.dt
        cells = acquisition.boundary_width
        coefficients = [((padded_velocity * (dt / dx)) ** 2)[:, None]]
        # From each model's own fastest velocity, so that a result does not depend on
        # the models that happen to be in the same batch.
        fastest = xp.max(padded_velocity, axis=(1, 2))[:, None, None, None]
        largest = -(_CPML_POWER + 1) * np.log(_CPML_REFLECTION) / (2 * cells * dx) * fastest
        for axis in (1, 2):
            size = padded_velocity.shape[axis]
            index = np.arange(size)
            before = np.zeros(1) if axis == 1 and acquisition.free_surface else cells - index
            outward = np.maximum(before, index - (size - 1 - cells)).clip(0) / cells
            outward = outward[:, None] if axis == 1 else outward
            alpha = _CPML_ALPHA * np.pi * acquisition.peak_frequency * (1 - outward)
            inside, alpha, profile = (
                _like(padded_velocity, x) for x in (outward > 0, alpha, outward**_CPML_POWER)
            )
            sigma = largest * profile
            total = (sigma + alpha) * inside
            a = sigma / (total + (1 - inside)) * xp.expm1(-total * dt)
            coefficients += [a, inside * xp.exp(-total * dt)]
        return coefficients

    @staticmethod
    def initial_state(zeros: Tensor) -> State:
        """Pressure now and one step ago, then two memory variables per axis."""
        return (zeros,) * 6

    @staticmethod
    def step(
        state: State, coefficients: list[Tensor], free_surface: bool = False
    ) -> tuple[State, Tensor]:
        """The state one time step on, and what ``(v dt / dx)^2`` multiplied in it."""
        now, before, *memory = state
        courant, *stretching = coefficients
        memory_after = []
        stretched = 0.0
        for axis in (DEPTH, WIDTH):
            k = 2 * (axis - DEPTH)
            (psi, zeta), (a, b) = memory[k : k + 2], stretching[k : k + 2]
            psi = b * psi + a * _first_difference(now, axis)
            mirrored = free_surface and axis == DEPTH
            second = _second_difference(now, axis, mirrored) + _first_difference(psi, axis)
            zeta = b * zeta + a * second
            stretched = stretched + second + zeta
            memory_after += [psi, zeta]
        return (2 * now - before + courant * stretched, now, *memory_after), stretched

    @staticmethod
    def adjoint_step(
        adjoint: State, coefficients: list[Tensor], free_surface: bool = False
    ) -> State:
        """The transpose of ``step``, from the gradient for its result to that for its state."""
        after, now, *memory = adjoint
        courant, *stretching = coefficients
        weighted = courant * after
        now = now + 2 * after
        memory_before = []
        for axis in (DEPTH, WIDTH):
            k = 2 * (axis - DEPTH)
            (psi, zeta), (a, b) = memory[k : k + 2], stretching[k : k + 2]
            zeta = zeta + weighted
            second = weighted + a * zeta
            # The first difference is minus its own transpose, the second difference is its own
            # (with images too: nothing is ever injected into the surface's row).
            psi = psi - _first_difference(second, axis)
            mirrored = free_surface and axis == DEPTH
            now = now + _second_difference(second, axis, mirrored)
            now = now - _first_difference(a * psi, axis)
            memory_before += [b * psi, b * zeta]
        return (now, -after, *memory_before)


BOUNDARIES: dict[str, type[DampingLayer] | type[PerfectlyMatchedLayer]] = {
    "openfwi": DampingLayer,
    "cpml": PerfectlyMatchedLayer,
}
