"""Failed traces: missing or weak."""

from collections.abc import Sequence

import numpy as np

from keras_seismic.noise.levels import checked_fraction, checked_section


def drop_traces(
    section: np.ndarray,
    fraction: float = 0.1,
    seed: int | Sequence[int] = 0,
    gap: int = 1,
) -> np.ndarray:
    """The section with missing traces: zeros.

    Args:
        section: ``(time, traces)``.
        fraction: Fraction of the traces that are missing: at least one unless it is 0, and never
            all.
        seed: The same seed (a number or several) chooses the same traces.
        gap: Number of neighboring traces that go missing together.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable, the fraction not in [0, 1) or the gap not positive.

    Example:
        >>> section = drop_traces(np.ones((5, 20), "float32"), fraction=0.25)
        >>> int((section == 0).all(axis=0).sum())
        5
    """
    section = checked_section(section, "drop_traces")
    rng = np.random.default_rng(seed)
    section[:, _chosen(rng, section.shape[1], fraction, gap, "drop_traces")] = 0
    return section


def weaken_traces(
    section: np.ndarray,
    fraction: float = 0.1,
    seed: int | Sequence[int] = 0,
    gain: tuple[float, float] = (0.0, 0.1),
) -> np.ndarray:
    """The section with weak and nearly dead traces, as from badly coupled receivers.

    Args:
        section: ``(time, traces)``.
        fraction: Fraction of the traces that are weak: at least one unless it is 0, and never all.
        seed: The same seed (a number or several) chooses the same traces.
        gain: Smallest and largest factor, drawn for each weak trace.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable, the fraction is not in [0, 1), or the gains are
            negative or not in order.

    Example:
        >>> section = weaken_traces(np.ones((5, 20), "float32"), fraction=0.25)
        >>> int((section < 0.2).all(axis=0).sum())
        5
    """
    section = checked_section(section, "weaken_traces")
    smallest, largest = gain
    if not 0 <= smallest <= largest < np.inf:
        raise ValueError(
            f"weaken_traces: gain must be (smallest, largest) from 0 on, received {gain}"
        )
    rng = np.random.default_rng(seed)
    chosen = _chosen(rng, section.shape[1], fraction, 1, "weaken_traces")
    section[:, chosen] *= rng.uniform(smallest, largest, len(chosen)).astype(np.float32)
    return section


def _chosen(
    rng: np.random.Generator, traces: int, fraction: float, gap: int, caller: str
) -> np.ndarray:
    """Numbers of the traces that are hit."""
    fraction = checked_fraction(fraction, caller)
    if gap < 1:
        raise ValueError(f"{caller}: gap must be positive, received {gap}")
    count = min(max(round(fraction * traces), 1), traces - 1) if fraction else 0
    hit = np.zeros(traces, bool)
    while (missing := count - int(hit.sum())) > 0:
        width = min(gap, missing)
        start = int(rng.integers(0, traces - width + 1))
        hit[start : start + width] = True
    return np.flatnonzero(hit)
