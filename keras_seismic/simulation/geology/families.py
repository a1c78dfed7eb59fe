"""The families by name: random velocity models that depend on family, seed, shape and number."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from keras_seismic.simulation.geology import layered, salt, style, textured, version_1

#: The families named as in OpenFWI.
OPENFWI_FAMILIES = (
    "flatvel_a",
    "flatvel_b",
    "curvevel_a",
    "curvevel_b",
    "flatfault_a",
    "flatfault_b",
    "curvefault_a",
    "curvefault_b",
    "style_a",
    "style_b",
)

#: All families.
FAMILIES = (*OPENFWI_FAMILIES, "salt", "textured")

_FORMER = "_v1"
# A family's place is part of its models' seed: new names come last.
_NAMES = (*(family + _FORMER for family in OPENFWI_FAMILIES), *FAMILIES)
_Draw = Callable[[int, int, np.random.Generator], np.ndarray | tuple[np.ndarray, np.ndarray]]


class Geology(NamedTuple):
    """Velocity models and what they consist of, ``(count, depth, width)`` each.

    Attributes:
        velocity: float32, m/s.
        fault: Where a fault runs: bool, three cells along a row.
        salt: Where salt is: bool.
    """

    velocity: np.ndarray
    fault: np.ndarray
    salt: np.ndarray


def sample_velocity(
    family: str,
    count: int,
    seed: int | Sequence[int] = 0,
    shape: tuple[int, int] = (70, 70),
    start: int = 0,
) -> np.ndarray:
    """Random velocity models of one family.

    The rules are this package's own and fixed, so that results obtained with them
    can be compared. Ten families follow what is known about OpenFWI's, whose exact
    rules are not published: **scores on these models are not scores on OpenFWI.**
    All velocities lie in 1500-4500 m/s. Thickness, relief and throw in cells are for a depth
    of 70 and scale with it. ``python -m benchmarks.geology`` compares statistics.

    - ``flatvel``: 3-7 visible flat layers of nearly equal thickness, and one more at the
      base. Velocities are uniform; ``a`` sorts them downward, ``b`` leaves them unsorted
      with neighbors at least 150 m/s apart.
    - ``curvevel``: the same, all horizons bent by the model's one fold, a sum of 1-3 sines of
      1-5 periods, with 3-27 cells between trough and crest (log-uniform).
    - ``flatfault``, ``curvefault``: 3-5 (``a``) or 7-9 (``b``) layers, the deepest taking what
      the upper ones of 11-18 (``a``) or 6-9 (``b``) cells leave, cut by one straight normal
      fault that dips 45-85 degrees to either side, with a throw of 3-12 cells; its edge is
      blended over one cell.
    - ``style``: a Gaussian random texture with correlation length 8-14 cells (``a``) or
      3-6 (``b``) (the distance at which the correlation falls to 1/e) that grows with depth,
      on a concave trend of weight 0.45-0.85, between minima of 1515-2200 and maxima of
      3000-4446 m/s.
    - ``salt``: a smooth body of ``SALT_VELOCITY`` = 4480 m/s in 5-12 folded layers of
      2000-4000 m/s that increase downward, after the models FCNVMB was trained on. The
      body is where the model equals ``SALT_VELOCITY``.
    - ``textured``: 1-3 sequences of fine layering, as fractal as well logs are, with dips,
      folds and growing velocity, separated by unconformities and cut by faults.

    The ten families' former rules are drawn bit for bit under ``flatvel_a_v1`` and so on.

    Model ``i`` depends only on the family, the seed, the shape and ``i``: the first 100
    of 1000 models are those of a call for 100, and ``start`` makes any part separately.

    Args:
        family: One of ``FAMILIES``; ``"FlatVel-A"`` works too.
        count: Number of models.
        seed: A non-negative integer, or several.
        shape: ``(depth, width)`` in cells.
        start: Index of the first model.

    Returns:
        float32 array ``(count, depth, width)``, m/s.

    Raises:
        ValueError: If the family is unknown, a number is negative, or the model is too
            shallow for the family's layers.

    Example:
        >>> velocity = sample_velocity("flatvel_a", 2, seed=1)
        >>> velocity.shape, bool((velocity[:, 1:] >= velocity[:, :-1]).all())
        ((2, 70, 70), True)

    Reference:
        Deng, C. et al. (2022), OpenFWI, NeurIPS datasets and benchmarks; Yang, F., Ma, J.
        (2019), Deep-learning inversion (FCNVMB), Geophysics 84(4); Walden, A. T., Hosken,
        J. W. J. (1985), Geophysical Prospecting 33 (spectra of well logs).
    """
    return _sampled(family, count, seed, shape, start)[0]


def sample_geology(
    family: str,
    count: int,
    seed: int | Sequence[int] = 0,
    shape: tuple[int, int] = (70, 70),
    start: int = 0,
) -> Geology:
    """The models of ``sample_velocity``, with masks of their faults and salt to learn from.

    The masks come from the rules that draw the models, not from the models: a fault is marked over
    its whole length in the model, also where equal velocities meet across it.

    Args:
        family: One of ``FAMILIES``. Former rules have no masks.
        count: Number of models.
        seed: As for ``sample_velocity``.
        shape: ``(depth, width)`` in cells.
        start: Index of the first model.

    Raises:
        ValueError: As ``sample_velocity``, or if the family is one of the former rules.

    Example:
        >>> geology = sample_geology("flatfault_a", 2, seed=1)
        >>> bool((geology.velocity == sample_velocity("flatfault_a", 2, seed=1)).all())
        True
        >>> bool(geology.fault[0].sum(axis=1).max() == 3), bool(geology.salt.any())
        (True, False)
    """
    if family_name(family).endswith(_FORMER):
        raise ValueError(
            f"sample_geology: {family} follows the former rules, which tell no masks; choose one "
            f"of {', '.join(FAMILIES)}"
        )
    velocity, fault = _sampled(family, count, seed, shape, start)
    has_salt = family_name(family) == "salt"
    return Geology(velocity, fault, (velocity == np.float32(salt.SALT_VELOCITY)) & has_salt)


def _sampled(
    family: str, count: int, seed: int | Sequence[int], shape: tuple[int, int], start: int
) -> tuple[np.ndarray, np.ndarray]:
    """Velocity and faults."""
    family = family_name(family)
    seeds = [seed] if isinstance(seed, int | np.integer) else list(seed)
    if count < 0 or start < 0 or min(seeds) < 0:
        raise ValueError(
            "sample_velocity: count, start and seed must not be negative, received "
            f"count={count}, start={start}, seed={seed}"
        )
    depth, width = (int(n) for n in shape)
    draw, needed = _rules(family)
    if depth < needed or width < 2:
        raise ValueError(
            f"sample_velocity: {family} needs at least {needed} x 2 cells, received "
            f"{depth} x {width}"
        )
    velocity = np.empty((count, depth, width), np.float32)
    fault = np.zeros(velocity.shape, bool)
    # NumPy ignores trailing zeros: without the number of seeds, (1, 0) would mean 1.
    several = [len(seeds)] if len(seeds) > 1 else []
    for i in range(count):
        entropy = [_NAMES.index(family), start + i, *seeds, *several]
        drawn = draw(depth, width, np.random.default_rng(entropy))
        if isinstance(drawn, tuple):
            velocity[i], fault[i] = drawn
        else:
            velocity[i] = drawn
    return velocity, fault


def family_name(family: str) -> str:
    """The family's name as in ``FAMILIES``, from any common spelling of it.

    Example:
        >>> family_name("CurveFault-B"), family_name("FlatVel-A_v1")
        ('curvefault_b', 'flatvel_a_v1')
    """
    name = str(family).strip().lower().replace("-", "_")
    if name not in _NAMES:
        raise ValueError(
            f"unknown velocity family {family!r}; choose one of {', '.join(FAMILIES)}, or "
            f"former rules such as {_NAMES[0]}"
        )
    return name


def openfwi_family(family: str) -> str | None:
    """The OpenFWI family that a family follows, by whichever rules; ``None`` if it follows none.

    Example:
        >>> openfwi_family("flatvel_a_v1"), openfwi_family("salt")
        ('flatvel_a', None)
    """
    name = family_name(family).removesuffix(_FORMER)
    return name if name in OPENFWI_FAMILIES else None


def _rules(family: str) -> tuple[_Draw, int]:
    """What draws one model of a family, and the rows it needs."""
    if family.endswith(_FORMER):
        former = family.removesuffix(_FORMER)
        return partial(version_1.draw, former), version_1.fewest_rows(former)
    if family == "salt":
        return salt.draw, salt.FEWEST_ROWS
    if family == "textured":
        return textured.draw, textured.FEWEST_ROWS
    if family.startswith("style"):
        return partial(style.draw, family[-1]), style.FEWEST_ROWS
    return partial(layered.draw, family), layered.fewest_rows(family)
