"""The single plots of an inspection's figure."""

from typing import Any

import numpy as np

from keras_seismic.inspection.report import ArrayReport
from keras_seismic.inspection.statistics import mean_spectrum
from keras_seismic.visualization import AMPLITUDE_MAP

#: Velocity range that networks are trained on, m/s.
_NETWORK_RANGE = (1500, 4500)

#: Most samples across an image; more are thinned out.
_IMAGE = 2000


def thin(image: np.ndarray) -> np.ndarray:
    """An image with fewer rows and columns than a screen has."""
    return image[:: -(-image.shape[0] // _IMAGE), :: -(-image.shape[1] // _IMAGE)]


def color_limit(array: ArrayReport) -> float:
    """The amplitude that is drawn black or white."""
    return array.values["limit"] or 1.0


def extent(array: ArrayReport, panel: np.ndarray) -> tuple[float, float, float, float]:
    """The extent of a panel in its plot: traces across, time or samples down."""
    columns = array.columns
    contiguous = columns[-1] - columns[0] == len(columns) - 1
    first = float(columns[0]) if contiguous else 0.0
    return (first - 0.5, first + panel.shape[1] - 0.5, panel.shape[0] * (array.dt or 1), 0)


def draw_image(axes: Any, array: ArrayReport, panel: np.ndarray) -> Any:
    """A panel of amplitudes in gray."""
    # Direct waves of gathers are far stronger than reflections.
    limit = color_limit(array) / (3 if array.kind == "shot gathers" else 1)
    return axes.imshow(
        thin(panel),
        cmap=AMPLITUDE_MAP,
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="bilinear" if panel.shape[1] > 400 else "nearest",
        extent=extent(array, panel),
    )


def draw_spectrum(axes: Any, array: ArrayReport) -> None:
    """The mean spectrum in dB, with its peak and hum marked."""
    frequency, amplitude = mean_spectrum(array.panels, array.dt)
    axes.set_title("mean amplitude spectrum", fontsize=10)
    if not len(frequency):
        axes.text(0.5, 0.5, "no live traces", ha="center", transform=axes.transAxes)
        return
    level = np.maximum(20 * np.log10(np.maximum(amplitude / amplitude.max(), 1e-6)), -70)
    # A long empty tail would squeeze the rest.
    last = min(1.2 * float(frequency[level > -62][-1]), float(frequency[-1]))
    axes.fill_between(frequency, level, -70, alpha=0.25, linewidth=0)
    axes.plot(frequency, level, linewidth=1)
    peak = array.spectrum.get("peak_hz", array.spectrum.get("peak_cycles_per_sample"))
    unit = "Hz" if array.dt else "cycles a sample"
    if peak is not None:
        axes.axvline(peak, color="tab:red", linewidth=1, linestyle="--")
        axes.annotate(
            f"{peak:.3g} {unit}", (peak, 5), (4, 0), textcoords="offset points", color="tab:red"
        )
    for tone in array.spectrum.get("hum_hz", ()):
        axes.annotate(f"hum {tone:g} Hz", (tone, -8), ha="center", color="tab:red")
    axes.set(xlabel=f"frequency ({unit})", ylabel="dB", ylim=(-70, 12), xlim=(0, last))
    axes.grid(alpha=0.3)


def draw_histogram(axes: Any, array: ArrayReport) -> None:
    """Amplitudes without zeros, on a logarithmic axis."""
    values = array.panels[np.isfinite(array.panels)]
    values = values[:: -(-values.size // 2_000_000)]
    limit = color_limit(array)
    edges = np.linspace(-2 * limit, 2 * limit, 161)
    # Zeros are a spike that hides the rest.
    counts, _ = np.histogram(values[values != 0], edges)
    axes.stairs(counts / max(counts.sum(), 1), edges, fill=True, alpha=0.6)
    for sign in (-1, 1):
        axes.axvline(sign * limit, color="tab:red", linewidth=1, linestyle="--")
    if counts.any():
        axes.set_yscale("log")
    axes.margins(y=0.25)
    axes.annotate(
        f"99% within {limit:.3g}", (limit, 0.94), (-4, 0), ("data", "axes fraction"),
        textcoords="offset points", ha="right", va="center", color="tab:red",
    )  # fmt: skip
    beyond = np.mean(np.abs(values) > 2 * limit)
    axes.set_title("amplitudes, zeros left out", fontsize=10)
    axes.set(
        xlabel="amplitude" + (f" ({beyond:.2%} beyond)" if beyond > 5e-5 else ""),
        ylabel="fraction",
        xlim=(edges[0], edges[-1]),
    )
    axes.grid(alpha=0.3)


def draw_energy(axes: Any, array: ArrayReport, panel: np.ndarray) -> None:
    """Root mean square of each trace, with dead ones marked."""
    rms = np.sqrt(np.mean(np.square(np.nan_to_num(panel), dtype=np.float64), axis=0))
    x = np.arange(len(rms)) + extent(array, panel)[0] + 0.5
    live = rms[rms > 0]
    axes.plot(x, np.where(rms > 0, rms, np.nan), linewidth=1)
    if live.size:
        dead = x[rms == 0]
        axes.plot(dead, np.full(dead.size, live.min()), "x", color="tab:red", markersize=5)
        if live.max() > 20 * live.min():
            axes.set_yscale("log")
    axes.set_ylabel("RMS", fontsize=9)
    axes.tick_params(labelbottom=False, labelsize=8)
    axes.grid(alpha=0.3)


def draw_profile(axes: Any, array: ArrayReport, dx: float, label: str) -> None:
    """Minimum, mean and maximum over depth, and the middle column."""
    panels = array.panels
    depth = (np.arange(panels.shape[1]) + 0.5) * dx
    finite = np.where(np.isfinite(panels), panels, array.values["mean"])
    low, high = finite.min(axis=(0, 2)), finite.max(axis=(0, 2))
    axes.fill_betweenx(depth, low, high, alpha=0.25, linewidth=0, label="minimum to maximum")
    axes.plot(finite.mean(axis=(0, 2)), depth, label="mean")
    axes.plot(finite[0, :, finite.shape[2] // 2], depth, "k", linewidth=0.7, label="middle column")
    axes.set(xlabel=f"velocity ({array.units.split(',')[0]})", ylabel=f"depth ({label})")
    axes.set_ylim(depth[-1] + dx / 2, 0)
    axes.legend(fontsize=8, loc="lower left")
    axes.grid(alpha=0.3)


def draw_velocity_histogram(axes: Any, array: ArrayReport) -> None:
    """Fraction of the cells at each velocity."""
    unit = array.units.split(",")[0]
    values = array.panels[np.isfinite(array.panels)]
    values = values[:: -(-values.size // 1_000_000)]
    axes.hist(values, 100, weights=np.full(values.size, 100 / values.size), alpha=0.6)
    if unit == "m/s":
        for limit in _NETWORK_RANGE:
            axes.axvline(limit, color="tab:red", linewidth=1, linestyle="--")
        axes.set_title("cells (dashed: the networks' range)", fontsize=10)
    axes.set(xlabel=f"velocity ({unit})", ylabel="cells (%)")
    axes.grid(alpha=0.3)
