"""Random changes to shot gathers that leave the velocity model valid."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from keras_seismic.simulation import Acquisition


@dataclasses.dataclass(frozen=True)
class GatherAugmentation:
    """Random changes to shot gathers in training.

    Applied to raw amplitudes before normalization, in the order of the arguments. The changes
    to a pair depend only on the seed, the epoch and the pair's number, not on the batch size,
    the number of workers or the backend. By default, nothing is changed.

    Args:
        flip: Mirror every other pair, gathers and velocity, from left to right. Only for
            sources and receivers that lie symmetrically; OpenFWI's do not (see
            ``mirrored_order``).
        time_shift: Largest delay or advance of a shot, s; samples shifted in are zero.
        amplitude: ``(low, high)``: factor of a pair, uniform on the logarithmic scale.
        noise_db: ``(low, high)``: signal-to-noise ratio of a pair with white noise, dB, as in
            ``add_white_noise``, uniform.
        missing_traces: Largest fraction of traces that are zero, uniform from 0.
        low_cut: A Keras layer on ``(batch, time, receivers, shots)`` that filters along time,
            at the files' sample interval.
        low_cut_fraction: Fraction of pairs that are filtered.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> augmentation = GatherAugmentation(amplitude=(0.5, 2.0), missing_traces=0.1)
        >>> gathers = np.ones((2, 5, 100, 70), "float32")
        >>> augmentation.apply(gathers, None, [7, 8], seed=[0], epoch=0)
        >>> bool((gathers == 0).all(axis=2).any()), bool(0.5 <= gathers.max() <= 2)
        (True, True)
    """

    flip: bool = False
    time_shift: float = 0.0
    amplitude: tuple[float, float] = (1.0, 1.0)
    noise_db: tuple[float, float] | None = None
    missing_traces: float = 0.0
    low_cut: keras.layers.Layer | None = None
    low_cut_fraction: float = 0.5

    def __post_init__(self) -> None:
        low, high = self.amplitude
        if not 0 < low <= high < np.inf:
            raise ValueError(
                "GatherAugmentation: amplitude must be (low, high) with 0 < low <= high, received "
                f"{self.amplitude}"
            )
        if self.noise_db is not None and not -np.inf < self.noise_db[0] <= self.noise_db[1]:
            raise ValueError(
                "GatherAugmentation: noise_db must be (low, high) in dB with low <= high, received "
                f"{self.noise_db}"
            )
        for name in ("missing_traces", "low_cut_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"GatherAugmentation: {name} must be between 0 and 1, received "
                    f"{getattr(self, name)}"
                )
        if not 0 <= self.time_shift < np.inf:
            raise ValueError(
                f"GatherAugmentation: time_shift must not be negative, received {self.time_shift}"
            )

    def check(
        self, acquisition: Acquisition | None, shots: Sequence[int], width: int | None
    ) -> None:
        """Reject changes that the acquisition does not allow, before any data is read.

        Args:
            acquisition: The experiment; ``None`` if it is not known.
            shots: Numbers of the shots in use.
            width: Columns of the velocity model; ``None`` if there is none.

        Raises:
            ValueError: If the geometry is needed but not known, or not symmetric.
        """
        if (self.flip or self.time_shift) and acquisition is None:
            raise ValueError(
                "GatherAugmentation: flip needs the positions and time_shift the sample interval; "
                "pass the files' acquisition to OpenFWIPairs"
            )
        if self.flip and acquisition is not None:
            if width is None:
                raise ValueError(
                    "GatherAugmentation: flip mirrors gathers with their velocity, which is "
                    "missing here"
                )
            mirrored_order(acquisition, shots, width)

    def apply(
        self,
        gathers: np.ndarray,
        velocity: np.ndarray | None,
        numbers: Sequence[int] | np.ndarray,
        seed: Sequence[int],
        epoch: int,
        acquisition: Acquisition | None = None,
        shots: Sequence[int] = (),
    ) -> None:
        """Apply everything but the filter to a batch, in place.

        Args:
            gathers: ``(batch, shots, time, receivers)``, raw amplitudes.
            velocity: ``(batch, depth, width)`` or ``None``.
            numbers: The pairs' numbers.
            seed: Determines the changes, with epoch and number.
            epoch: Number of the epoch.
            acquisition: The experiment, for ``flip`` and ``time_shift``.
            shots: Numbers of the shots in ``gathers``, for ``flip``.
        """
        for i, number in enumerate(numbers):
            random = np.random.default_rng([*seed, epoch, int(number), 1])
            if self.flip and random.random() < 0.5 and velocity is not None:
                receivers, order = mirrored_order(acquisition, shots, velocity.shape[-1])
                gathers[i] = gathers[i][order][..., receivers]
                velocity[i] = velocity[i][..., ::-1]
            if self.time_shift and acquisition is not None:
                most = round(self.time_shift / acquisition.dt)
                shifts = random.integers(-most, most, len(gathers[i]), endpoint=True)
                for shot, shift in zip(gathers[i], shifts, strict=True):
                    _shift(shot, int(shift))
            self._change_amplitudes(gathers[i], random)

    def _change_amplitudes(self, gathers: np.ndarray, random: np.random.Generator) -> None:
        low, high = self.amplitude
        if low != 1 or high != 1:
            gathers *= np.float32(np.exp(random.uniform(np.log(low), np.log(high))))
        if self.noise_db is not None:
            level = np.std(gathers, dtype=np.float64) * 10 ** (-random.uniform(*self.noise_db) / 20)
            gathers += np.float32(level) * random.standard_normal(gathers.shape, np.float32)
        if self.missing_traces:
            shots, _, receivers = gathers.shape
            fraction = random.uniform(0, self.missing_traces)
            dead = random.permutation(shots * receivers) < round(fraction * shots * receivers)
            gathers *= ~dead.reshape(shots, 1, receivers)

    def filtered(
        self, numbers: Sequence[int] | np.ndarray, seed: Sequence[int], epoch: int
    ) -> np.ndarray:
        """Which pairs go through ``low_cut``, bool ``(len(numbers),)``."""
        draws = [np.random.default_rng([*seed, epoch, int(n), 2]).random() for n in numbers]
        return np.array(draws) < self.low_cut_fraction


def mirrored_order(
    acquisition: Acquisition | None, shots: Sequence[int], width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where receivers and shots go when left and right are exchanged.

    The mirrored gathers are those of the mirrored model only if every source and receiver
    has a partner at the mirrored position. OpenFWI's sources stand in columns 0, 17, 34, 52
    and 69 of 70: the partner of column 34 would be column 35, and the flipped center shot is
    wrong by more than half of its amplitude. The other four are exact.

    Args:
        acquisition: The experiment.
        shots: Numbers of the shots in use.
        width: Columns of the velocity model.

    Returns:
        For every receiver, the number of its partner; for every one of ``shots``, the place
        of its partner among them.

    Raises:
        ValueError: If one has no partner; the message says which, and which shots have one.

    Example:
        >>> mirrored_order(Acquisition.openfwi(), (0, 1, 3, 4), 70)[1]
        array([3, 2, 1, 0])
    """
    if acquisition is None:
        raise ValueError("mirrored_order: the acquisition is not known")
    sources = [acquisition.sources[shot] for shot in shots]
    partners = {}
    receivers = acquisition.fixed_receivers("flipping left and right")
    for kind, positions in (("receiver", receivers), ("shot", sources)):
        cells = [(round(x / acquisition.dx), round(z / acquisition.dx)) for x, z in positions]
        places = {cell: place for place, cell in enumerate(cells)}
        mirrored = [places.get((width - 1 - column, row)) for column, row in cells]
        alone = [place for place, partner in enumerate(mirrored) if partner is None]
        if alone:
            x = positions[alone[0]][0]
            number = alone[0] if kind == "receiver" else shots[alone[0]]
            message = (
                f"flipping left and right needs symmetric positions, but {kind} {number} at "
                f"x={x:g} m has no partner at x={(width - 1) * acquisition.dx - x:g} m; leave the "
                "flip out"
            )
            if kind == "shot" and len(alone) < len(sources):
                rest = tuple(s for place, s in enumerate(shots) if place not in alone)
                message += f", or use the shots that have one, shots={rest}"
            raise ValueError(message)
        partners[kind] = np.array(mirrored)
    return partners["receiver"], partners["shot"]


def _shift(shot: np.ndarray, samples: int) -> None:
    """Delay ``(time, receivers)`` in place by a number of samples, negative to advance."""
    samples = max(min(samples, len(shot)), -len(shot))
    if samples > 0:
        shot[samples:] = shot[:-samples].copy()
        shot[:samples] = 0
    elif samples < 0:
        shot[:samples] = shot[-samples:].copy()
        shot[samples:] = 0
