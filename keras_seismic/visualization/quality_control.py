"""Pages of quality control: what was removed, and whether it holds signal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.checks import checked_choice
from keras_seismic.deprecation import deprecated
from keras_seismic.visualization.sections import draw_amplitudes
from keras_seismic.visualization.style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: White where what was removed is unlike the signal, dark where signal may have gone.
_SIMILARITY_MAP = "YlOrRd"
_COLORS = {"before": "0.55", "after": "tab:blue", "removed": "tab:red"}
#: Weakest level of a spectrum that is drawn, dB.
_FLOOR = -60.0


def plot_quality(
    before: np.ndarray,
    after: np.ndarray,
    dt: float | None = None,
    similarity: np.ndarray | None = None,
    title: str = "",
) -> "Figure":
    """A section before and after processing and what was removed, on one page.

    For field data, whose truth is unknown. What was removed should look like noise: no layers,
    a spectrum of its own, and little local similarity with what was kept.

    Args:
        before: ``(time, traces)``.
        after: The same.
        dt: Sample interval, s; without it the axes count samples.
        similarity: Local similarity of what was removed with ``after``, ``(time, traces)`` in
            [0, 1] (``ks.denoising.local_similarity``); drawn if it is given, where ``before`` is
            not zero.
        title: Heading of the page.

    Returns:
        All sections on the amplitude scale of ``before``, mean amplitude spectra of live traces
        in dB of the largest before, local similarity, and the figures in the heading.

    Raises:
        ValueError: If the shapes differ, or a section is empty or not two-dimensional.

    Example:
        >>> before = np.random.default_rng(0).standard_normal((200, 50))
        >>> figure = plot_quality(before, 0.5 * before, dt=0.004)
        >>> figure.get_suptitle()
        'removed 50.0 % of the RMS amplitude (-6.0 dB)'
    """
    before, after = _checked(before, after, "plot_quality: (time, traces)")
    if similarity is not None:
        similarity, _ = _checked(similarity, after, "plot_quality: similarity (time, traces)")
    panels = {"before": before, "after": after, "removed": before - after}
    samples, traces = before.shape
    extent, down = (0, traces, samples * (dt or 1), 0), "time (s)" if dt else "sample"
    figure, lower = _page(panels, extent, "trace", down)
    spectra, *others = lower.subplots(1, 1 if similarity is None else 2, squeeze=False)[0]
    _draw_spectra(spectra, panels, dt)
    text = _removed_text(before, after)
    if similarity is not None:
        (last,) = others
        live = before != 0
        known = np.where(live, similarity, np.nan)
        image = last.imshow(
            known, cmap=_SIMILARITY_MAP, vmin=0, vmax=1, aspect="auto", extent=extent
        )
        last.set(title="local similarity of removed and after", xlabel="trace", ylabel=down)
        lower.colorbar(image, ax=last, label="similarity", pad=0.02)
        mean = float(similarity[live].mean()) if live.any() else 0.0
        text += f", mean local similarity with what was kept {mean:.2f}"
    figure.suptitle("\n".join(filter(None, (title, text))), fontsize=11)
    return figure


def plot_volume_quality(
    before: np.ndarray,
    after: np.ndarray,
    removed: Sequence[float] | np.ndarray,
    lines: Sequence[int] | np.ndarray | None = None,
    time: float | None = None,
    along: str = "inline",
    title: str = "",
) -> "Figure":
    """A time slice of a volume before and after processing, and how much each line lost.

    A horizon or channel in the removed slice is signal that was lost. Lines that lost more than
    their neighbors are worth a page of their own (``plot_quality``).

    Args:
        before: A time slice, ``(inlines, crosslines)``; NaN where there is no trace.
        after: The same.
        removed: RMS of what was removed over RMS before, for each line; NaN for dead ones.
        lines: Numbers of these lines; by default from 0.
        time: Of the slice, s.
        along: Whether these lines are the ``"inline"`` or the ``"crossline"`` ones.
        title: Heading of the page.

    Raises:
        ValueError: If the shapes differ, or there is not one number for each line.

    Example:
        >>> before = np.random.default_rng(0).standard_normal((20, 30))
        >>> figure = plot_volume_quality(before, 0.5 * before, np.full(20, 0.5), time=1.2)
        >>> figure.get_suptitle()
        'time slice at 1.200 s; removed 50.0 % of the RMS amplitude in the median line'
    """
    before, after = _checked(before, after, "plot_volume_quality: (inlines, crosslines)")
    checked_choice(along, ("inline", "crossline"), "plot_volume_quality: along")
    down, across = (np.arange(n) for n in before.shape)
    count = len(down if along == "inline" else across)
    percent = 100 * np.asarray(removed, np.float64)
    numbers = np.arange(count) if lines is None else np.asarray(lines)
    if percent.shape != (count,) or numbers.shape != (count,):
        raise ValueError(
            f"plot_volume_quality: expected removed and lines of {count} {along}s, received "
            f"shapes {percent.shape} and {numbers.shape}"
        )
    down, across = (numbers, across) if along == "inline" else (down, numbers)
    panels = {"before": before, "after": after, "removed": before - after}
    extent = (*_edges(across), *_edges(down)[::-1])
    figure, lower = _page(panels, extent, "crossline", "inline")
    known = percent[np.isfinite(percent)]
    curve, histogram = lower.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    curve.plot(numbers, percent, color=_COLORS["removed"], linewidth=1)
    curve.set(xlabel=along, ylabel="removed (% of RMS)", title=f"removed by {along}")
    bins = min(max(known.size // 4, 5), 40)
    histogram.hist(known, bins, orientation="horizontal", color=_COLORS["removed"], alpha=0.6)
    histogram.set(xlabel=f"{along}s", title="histogram")
    middle = float(np.median(known)) if known.size else 0.0
    for panel in (curve, histogram):
        panel.axhline(middle, color="0.3", linewidth=1, linestyle="--")
        panel.grid(alpha=0.3)
    curve.set_ylim(0, max(1.1 * float(known.max(initial=0)), 1))
    where = "time slice" + ("" if time is None else f" at {time:.3f} s")
    text = f"{where}; removed {middle:.1f} % of the RMS amplitude in the median line"
    figure.suptitle("\n".join(filter(None, (title, text))), fontsize=11)
    return figure


@deprecated(removed_in="0.2", instead="ks.visualization.plot_quality")
def plot_before_after(
    before: np.ndarray, after: np.ndarray, dt: float | None = None, title: str = ""
) -> "Figure":
    """A section before and after processing, and what was removed.

    Args:
        before: ``(time, traces)``.
        after: The same.
        dt: Sample interval, s.
        title: Heading of the figure.
    """
    return plot_quality(before, after, dt, title=title)


def _checked(first: np.ndarray, second: np.ndarray, expected: str) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(first), np.asarray(second)
    if first.ndim != 2 or first.shape != second.shape or not first.size:
        raise ValueError(
            f"{expected}: expected two arrays of one shape, received {first.shape} and "
            f"{second.shape}"
        )
    return first, second


def _page(
    panels: dict[str, np.ndarray],
    extent: tuple[float, float, float, float],
    across: str,
    down: str,
) -> tuple["Figure", Any]:
    """A figure with amplitudes in its upper part, and its lower part."""
    figure = new_figure(12, 8.4)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.5, 1))
    upper, lower = parts
    axes = upper.subplots(1, 3, sharex=True, sharey=True)
    image = draw_amplitudes(axes, panels, _scale(panels["before"]), extent, across)
    axes[0].set_ylabel(down)
    upper.colorbar(image, ax=axes, label="amplitude", pad=0.01)
    return figure, lower


def _edges(numbers: np.ndarray) -> tuple[float, float]:
    """Where an image of numbered lines begins and ends."""
    half = (numbers[-1] - numbers[0]) / max(len(numbers) - 1, 1) / 2 or 0.5
    return float(numbers[0] - half), float(numbers[-1] + half)


def _scale(section: np.ndarray) -> float:
    """The amplitude that is drawn black or white."""
    live = np.abs(section[np.isfinite(section) & (section != 0)])
    return float(np.percentile(live, 98)) if live.size else 1.0


def _removed_text(before: np.ndarray, after: np.ndarray) -> str:
    energy = np.sum(np.square(before, dtype=np.float64))
    removed = np.sum(np.square(before - after, dtype=np.float64))
    ratio = float(np.sqrt(removed / energy)) if energy else 0.0
    decibels = f" ({20 * np.log10(ratio):.1f} dB)" if ratio else ""
    return f"removed {100 * ratio:.1f} % of the RMS amplitude{decibels}"


def _draw_spectra(axes: Any, panels: dict[str, np.ndarray], dt: float | None) -> None:
    """Mean amplitude spectra of the traces that are live before, in dB of the largest then."""
    from scipy.signal import welch

    before = panels["before"]
    live = np.any(before, axis=0)
    axes.set(
        title="mean amplitude spectra",
        xlabel="frequency (Hz)" if dt else "frequency (cycles a sample)",
        ylabel="dB",
    )
    if not live.any():
        axes.text(0.5, 0.5, "no live traces", ha="center", transform=axes.transAxes)
        return
    window = {"fs": 1 / (dt or 1), "nperseg": min(256, len(before)), "axis": 0}
    largest = lowest = 0.0
    for name, section in panels.items():
        frequency, power = welch(section[:, live].astype(np.float64), **window)
        power = power.mean(axis=1)
        largest = largest or power.max() or 1.0
        level = 10 * np.log10(np.maximum(power / largest, 1e-30))
        lowest = min(lowest, float(level.min()))
        axes.plot(frequency, level, color=_COLORS[name], label=name, linewidth=1.3)
    axes.set(xlim=(0, frequency[-1]), ylim=(max(_FLOOR, lowest - 5), 5))
    axes.grid(alpha=0.3)
    axes.legend()
