"""All kinds of noise by name, and several at once."""

import dataclasses
import inspect
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


@dataclasses.dataclass(frozen=True)
class NoiseKind:
    """A kind of noise in the registry ``NOISES``.

    Attributes:
        function: ``function(section, level, dt, seed, **options)``, the noisy section.
        level: What its level is: ``"snr_db"`` or, for failing traces, ``"fraction"``.
        needs_dt: Whether it has frequencies in Hz.
        summary: A line for people.
    """

    function: Callable[..., np.ndarray]
    level: str
    needs_dt: bool
    summary: str


def _white(
    clean: np.ndarray, snr_db: float, dt: float | None, seed: int | Sequence[int]
) -> np.ndarray:
    return add_white_noise(clean, snr_db, seed)


def _hum_60(
    clean: np.ndarray,
    snr_db: float,
    dt: float | None,
    seed: int | Sequence[int],
    harmonics: int = 3,
) -> np.ndarray:
    return add_hum(clean, snr_db, dt, seed, 60.0, harmonics)


#: Every kind of noise by its name.
NOISES: Mapping[str, NoiseKind] = MappingProxyType(
    {
        "white": NoiseKind(_white, "snr_db", False, "white Gaussian noise"),
        "band_limited": NoiseKind(
            add_band_limited_noise, "snr_db", True, "Gaussian noise of 10-60 Hz"
        ),
        "erratic": NoiseKind(add_erratic_noise, "snr_db", False, "spikes"),
        "linear": NoiseKind(add_linear_noise, "snr_db", True, "ground roll: dipping events"),
        "swell": NoiseKind(add_swell_noise, "snr_db", True, "1-8 Hz on runs of traces"),
        "hum": NoiseKind(add_hum, "snr_db", True, "50 Hz and harmonics"),
        "hum_60": NoiseKind(_hum_60, "snr_db", True, "60 Hz and harmonics"),
        "missing": NoiseKind(drop_traces, "fraction", False, "traces of zeros"),
        "weak": NoiseKind(weaken_traces, "fraction", False, "nearly dead traces"),
    }
)

_FRACTION = 0.1  # of traces that fail where no level is given


@dataclasses.dataclass(frozen=True)
class Noise:
    """One kind of noise and how much of it.

    Args:
        kind: A name in ``NOISES``.
        level: Signal-to-noise ratio in dB, or the fraction of traces for ``"missing"`` and
            ``"weak"``. By default what ``add_noise`` says.
        options: Further arguments of the kind's function.

    Raises:
        ValueError: If kind or options are unknown or the level is none.

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
        known = list(inspect.signature(NOISES[self.kind].function).parameters)[4:]
        for option in self.options:
            if option not in known:
                raise ValueError(
                    f"Noise: {self.kind!r} has the options {', '.join(known) or '(none)'}, "
                    f"received {option!r}"
                )
        is_fraction = NOISES[self.kind].level == "fraction"
        if self.level is not None and not (
            0 <= self.level < 1 if is_fraction else np.isfinite(self.level)
        ):
            expected = "a fraction of traces in [0, 1)" if is_fraction else "a ratio in dB"
            raise ValueError(
                f"Noise: the level of {self.kind!r} must be {expected}, received {self.level}"
            )

    @classmethod
    def parse(cls, text: str) -> "Noise":
        """The noise of ``KIND`` or ``KIND=LEVEL``, as programs take it.

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
    """What was given as noise, as a tuple of ``Noise``.

    Args:
        noise: A name in ``NOISES``, a ``(name, level)``, a ``Noise``, or several of them.

    Raises:
        ValueError: If one of them is unknown, or there is none.
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
    """Refuse noise that a sample interval cannot hold, before work is done with it.

    Args:
        noise: As of ``add_noise``.
        dt: Sample interval, s.

    Raises:
        ValueError: As ``add_noise`` would.

    Example:
        >>> check_noise(["white", ("hum", 6)], dt=0.004)
    """
    add_noise(np.eye(32), noise, 0.0, dt)


def add_noise(
    section: np.ndarray,
    noise: NoiseLike = "white",
    snr_db: float = 0.0,
    dt: float | None = None,
    seed: int | Sequence[int] = 0,
) -> np.ndarray:
    """The section with any noise, or with several kinds at once.

    Every noise is as strong as its own level says of the clean section, whatever else is
    added; at last traces fail. All but white noise meet their level exactly in every
    realisation, white noise on average (``noise_level``).

    Args:
        section: ``(time, traces)``, clean.
        noise: A name in ``NOISES``, a ``(name, level)``, a ``Noise``, or several of them.
        snr_db: Signal-to-noise ratio in dB of those without a level of their own; of
            failing traces a tenth fail then.
        dt: Sample interval, s; needed by whatever has frequencies.
        seed: The same seed (a number or several) gives the same noise. The first kind gets
            it as it is, so that noise added later leaves the earlier ones as they were.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is none, the noise unknown, or ``dt`` missing.

    Example:
        >>> section = np.sin(np.arange(6400.0)).reshape(160, 40)
        >>> noisy = add_noise(section, ["white", ("hum", 6), ("missing", 0.1)], dt=0.002)
        >>> noisy.shape, int((noisy == 0).all(axis=0).sum())
        ((160, 40), 4)
    """
    section, noises = checked_section(section, "add_noise"), as_noises(noise)
    noisy = section
    # Whatever is added first, failing traces last: they fail with the noise on them.
    for i, part in sorted(enumerate(noises), key=lambda p: NOISES[p[1].kind].level == "fraction"):
        kind = NOISES[part.kind]
        own = seed if i == 0 else (*np.atleast_1d(seed).tolist(), i)
        if kind.level == "fraction":
            level = _FRACTION if part.level is None else part.level
            noisy = kind.function(noisy, level, dt, own, **part.options)
            continue
        level = snr_db if part.level is None else part.level
        added = kind.function(section, level, dt, own, **part.options)
        noisy = added if noisy is section else noisy + (added - section)
    return noisy
