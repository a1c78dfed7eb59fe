"""All kinds of noise by name, and several at once."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from keras_seismic.noise.coherent import add_linear_noise
from keras_seismic.noise.incoherent import (
    add_band_limited_noise,
    add_erratic_noise,
    add_hum,
    add_swell_noise,
)
from keras_seismic.noise.levels import add_white_noise, checked_section
from keras_seismic.noise.traces import drop_traces, weaken_traces

Seed = int | Sequence[int]


def _without_dt(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    def noisy(
        section: np.ndarray, level: float, dt: float | None, seed: Seed, **options: Any
    ) -> np.ndarray:
        return function(section, level, seed, **options)

    return noisy


#: Every kind of noise by its name: ``function(section, level, dt, seed, **options)``. The level is
#: a signal-to-noise ratio in dB, or for ``"missing"`` and ``"weak"`` the fraction of traces.
NOISES: Mapping[str, Callable[..., np.ndarray]] = MappingProxyType(
    {
        "white": _without_dt(add_white_noise),
        "band_limited": add_band_limited_noise,
        "erratic": _without_dt(add_erratic_noise),
        "linear": add_linear_noise,
        "swell": add_swell_noise,
        "hum": add_hum,
        "hum_60": functools.partial(add_hum, frequency=60.0),
        "missing": _without_dt(drop_traces),
        "weak": _without_dt(weaken_traces),
    }
)

#: The kinds that make traces fail, and the fraction that fails by default.
FAILING, _FRACTION = ("missing", "weak"), 0.1


@dataclasses.dataclass(frozen=True)
class Noise:
    """One kind of noise and how much of it.

    Args:
        kind: A name in ``NOISES``.
        level: Signal-to-noise ratio in dB, or the fraction of traces for ``"missing"`` and
            ``"weak"``. By default, ``add_noise`` chooses it.
        options: Further arguments of the kind's function, such as ``frequency`` of ``add_hum``.

    Raises:
        ValueError: If the kind is unknown or the level out of range.

    Example:
        >>> Noise("hum", 10, {"frequency": 60.0}).level
        10
        >>> Noise.parse("missing=0.2")
        Noise(kind='missing', level=0.2, options={})
    """

    kind: str
    level: float | None = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in NOISES:
            raise ValueError(
                f"Noise: kind must be one of {', '.join(NOISES)}, received {self.kind!r}"
            )
        is_fraction = self.kind in FAILING
        if self.level is not None and not (
            0 <= self.level < 1 if is_fraction else np.isfinite(self.level)
        ):
            expected = "a fraction of traces in [0, 1)" if is_fraction else "a ratio in dB"
            raise ValueError(
                f"Noise: the level of {self.kind!r} must be {expected}, received {self.level}"
            )

    @classmethod
    def parse(cls, text: str) -> "Noise":
        """The noise described by ``KIND`` or ``KIND=LEVEL``.

        Raises:
            ValueError: If the text is something else.
        """
        kind, given, level = text.partition("=")
        try:
            return cls(kind.strip(), float(level) if given else None)
        except ValueError as error:
            if "Noise:" in str(error):
                raise
            raise ValueError(
                f"Noise: expected KIND or KIND=LEVEL, such as hum=10, received {text!r}"
            ) from error


#: What ``add_noise`` accepts as noise.
NoiseLike = str | Noise | tuple[str, float] | Sequence[Any]


def as_noises(noise: NoiseLike) -> tuple[Noise, ...]:
    """Any description of noise as a tuple of ``Noise``.

    Args:
        noise: A name in ``NOISES``, a ``(name, level)``, a ``Noise``, or several of them.

    Raises:
        ValueError: If one of them is unknown, or there is none.

    Example:
        >>> [part.kind for part in as_noises(["white", ("hum", 6)])]
        ['white', 'hum']
    """
    if isinstance(noise, Noise):
        return (noise,)
    if isinstance(noise, str):
        return (Noise(noise),)
    if not isinstance(noise, Sequence) or not len(noise):
        raise ValueError(f"Noise: expected one kind or several, received {noise!r}")
    if len(noise) == 2 and isinstance(noise[0], str) and isinstance(noise[1], int | float):
        return (Noise(noise[0], float(noise[1])),)
    parts: Sequence[Any] = noise
    return tuple(single for part in parts for single in as_noises(part))


def check_noise(noise: NoiseLike, dt: float | None = None) -> None:
    """Refuse noise that ``add_noise`` would refuse, before any work is done.

    Args:
        noise: As for ``add_noise``.
        dt: Sample interval, s.

    Raises:
        TypeError, ValueError: As ``add_noise`` would.

    Example:
        >>> check_noise(["white", ("hum", 6)], dt=0.004)
    """
    add_noise(np.eye(32), noise, 0.0, dt)


def add_noise(
    section: np.ndarray,
    noise: NoiseLike = "white",
    snr_db: float = 0.0,
    dt: float | None = None,
    seed: Seed = 0,
) -> np.ndarray:
    """The section with any noise, or with several kinds at once.

    The level of each noise refers to the clean section, whatever else is added; traces fail last,
    noise included. White noise meets its level on average (``noise_level``), all other kinds
    exactly.

    Args:
        section: ``(time, traces)``, clean.
        noise: A name in ``NOISES``, a ``(name, level)``, a ``Noise``, or several of them.
        snr_db: Signal-to-noise ratio in dB of the kinds without a level of their own; a tenth of
            the traces fail by default.
        dt: Sample interval, s; needed by every kind defined by frequencies.
        seed: The same seed (a number or several) gives the same noise, and kinds appended to the
            list leave the earlier ones as they were.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        TypeError: If a kind does not know one of its options.
        ValueError: If the section is unusable, the noise unknown, or ``dt`` missing.

    Example:
        >>> section = np.sin(np.arange(6400.0)).reshape(160, 40)
        >>> noisy = add_noise(section, ["white", ("hum", 6), ("missing", 0.1)], dt=0.002)
        >>> noisy.shape, int((noisy == 0).all(axis=0).sum())
        ((160, 40), 4)
    """
    section, noises = checked_section(section, "add_noise"), as_noises(noise)
    noisy = section
    for i, part in sorted(enumerate(noises), key=lambda numbered: numbered[1].kind in FAILING):
        function = NOISES[part.kind]
        own = seed if i == 0 else (*np.atleast_1d(seed).tolist(), i)
        if part.kind in FAILING:
            level = _FRACTION if part.level is None else part.level
            noisy = function(noisy, level, dt, own, **part.options)
        else:
            level = snr_db if part.level is None else part.level
            added = function(section, level, dt, own, **part.options)
            noisy = added if noisy is section else noisy + (added - section)
    return noisy
