"""What is odd about an array, and what to do about it."""

import math

import numpy as np

from keras_seismic.inspection.report import ArrayReport

#: Extremes over the OpenFWI families, raw amplitudes.
_OPENFWI = (-29.04, 57.03)

#: Range of the networks' velocity, m/s.
_VELOCITY = (1500.0, 4500.0)


def add_suspicions(report: ArrayReport) -> None:
    """Fill ``warnings`` and ``notes`` of a report from its numbers."""
    v = report.values
    if v["nan"] or v["infinite"]:
        report.warnings.append(
            f"not finite (NaN or infinity): {v['nan'] + v['infinite']:,.0f} values; readers refuse "
            "them, replace them, for instance with numpy.nan_to_num"
        )
    if math.isnan(v["minimum"]):
        return
    if v["minimum"] == v["maximum"]:
        report.warnings.append(f"every value is {v['minimum'] + 0.0:g}: there is nothing in it")
        return
    if max(abs(v["minimum"]), abs(v["maximum"])) > 1e25:
        report.warnings.append("values beyond 1e25: bytes in the wrong order, or damaged")
    if report.dtype == "float64":
        report.notes.append("float64 is twice the size; networks compute in float32")
    if "Fortran" in report.storage:
        report.notes.append("Fortran order: reading single examples is slow; save C order")
    _quantized(report)
    if report.kind == "velocity":
        _velocity(report)
    elif report.kind != "unknown":
        _amplitudes(report)
        if not _clipped(report):
            _normalization(report)
        if report.kind == "shot gathers":
            _gathers(report)


def _quantized(report: ArrayReport) -> None:
    panels = report.panels
    if report.kind == "velocity" or panels.size < 1000:
        return
    part = panels.ravel()[:: -(-panels.size // 200_000)]
    part = part[np.isfinite(part)]
    whole = np.mean(part == np.rint(part))
    levels = len(np.unique(part))
    if whole == 1 and np.abs(part).max() > 1:
        report.notes.append(
            f"integers only, {levels:,} different ones"
            + (": 8 bits, amplitudes were quantized" if levels <= 256 else "")
        )
    elif levels <= 256 and part.size > 5000:
        report.warnings.append(
            f"only {levels} different values: the amplitudes were quantized (8 bits?)"
        )


def _amplitudes(report: ArrayReport) -> None:
    """Offsets, outliers, clipping, failed and repeated traces, hum."""
    v, traces = report.values, report.traces
    if v["deviation"] and abs(v["mean"]) > 0.1 * v["deviation"] and v["minimum"] < 0:
        report.warnings.append(
            f"the mean is {v['mean']:.3g}, {abs(v['mean']) / v['deviation']:.0%} of the deviation: "
            "recordings have none; remove the offset"
        )
    largest = max(abs(v["minimum"]), abs(v["maximum"]))
    if v["limit"] and largest > 3 * v["limit"] and report.kind != "shot gathers":
        report.warnings.append(
            f"outliers: the largest amplitude is {largest / v['limit']:.1f} times the 99th "
            f"percentile ({v['limit']:.3g}); normalize by a percentile, not by the maximum"
        )
    if largest >= 1e5 or largest < 1e-3:
        report.notes.append(f"amplitudes of the order of {largest:.0e}: scale before comparing")
    for name, advice in (
        ("dead", "readers keep them as zeros, patches avoid them"),
        ("constant", "failed channels? Set them to zero"),
        ("weak", "below a hundredth of the median energy: badly coupled?"),
        ("strong", "above twenty times the median energy: noisy channels or no gain?"),
        ("repeated", "equal to an earlier one, sample by sample: copied?"),
    ):
        count = traces.get(name, 0)
        few = report.kind == "shot gathers" and name in ("weak", "strong", "repeated")
        if count and not few:
            report.warnings.append(
                f"{name} traces: {count:,} of {traces['count']:,} ({traces[name + '_where']}); "
                f"{advice}"
            )
    for tone in report.spectrum.get("hum_hz", ()):
        report.warnings.append(f"a tone stands out at {tone:g} Hz: mains hum")


def _clipped(report: ArrayReport) -> bool:
    """Whether many samples share the largest amplitude; if so, adds a warning."""
    largest = max(abs(report.values["minimum"]), abs(report.values["maximum"]))
    extreme = np.abs(report.panels) >= largest * (1 - 1e-7)
    count = int(extreme.sum())
    # A trace that was divided by its own maximum reaches it once.
    in_traces = int(extreme.any(axis=1).sum())
    clipped = count > max(20, 1e-5 * report.panels.size) and count > 1.5 * in_traces
    if clipped:
        report.warnings.append(
            f"{count:,} samples ({count / report.panels.size:.2%}) share the largest amplitude "
            f"{largest:.4g}: the data was clipped"
        )
    return clipped


def _normalization(report: ArrayReport) -> None:
    v, traces = report.values, report.traces
    largest = max(abs(v["minimum"]), abs(v["maximum"]))
    per_trace = traces.get("largest_spread", np.nan) < 1e-3
    if per_trace:
        report.warnings.append(
            f"every trace has the same largest amplitude ({largest:.4g}): each was divided by its "
            "own maximum, so amplitudes from trace to trace are lost"
        )
    elif traces.get("rms_spread", np.nan) < 1e-3:
        report.warnings.append(
            "every trace has the same energy: each was normalized by its own, so amplitudes from "
            "trace to trace are lost"
        )
    elif abs(largest - 1) < 1e-6 or abs(v["maximum"] - 1) < 1e-6 or abs(v["minimum"] + 1) < 1e-6:
        how = (
            "divided by the largest absolute value"
            if abs(largest - 1) < 1e-6
            else "divided by the largest positive value"
            if abs(v["maximum"] - 1) < 1e-6
            else "divided by the largest negative value"
        )
        report.warnings.append(
            f"already normalized: an extreme is exactly 1, so it was {how}; true amplitudes are "
            "lost"
        )
    elif v["minimum"] >= 0 and v["maximum"] <= 1.0001:
        report.warnings.append("all within [0, 1]: a picture, or normalized by its range")
    elif 0.2 < largest < 1.0001:
        report.notes.append("all within [-1, 1]: perhaps already normalized")
    elif abs(v["mean"]) < 1e-3 and abs(v["deviation"] - 1) < 1e-3:
        report.warnings.append("mean 0 and deviation 1: already standardized")


def _gathers(report: ArrayReport) -> None:
    v = report.values
    low, high = v["minimum"], v["maximum"]
    logarithm = [math.copysign(math.log1p(abs(x)), x) for x in _OPENFWI]
    size, expected = max(-low, high), _OPENFWI[1]
    if logarithm[0] * 1.1 < low < logarithm[0] * 0.85 and 0.85 < high / logarithm[1] < 1.1:
        report.warnings.append(
            "the range is that of OpenFWI's gathers after log(1 + |x|): already transformed; the "
            "models here take raw amplitudes and do that themselves"
        )
    elif not 0.1 < size / expected < 10:
        report.warnings.append(
            f"amplitudes of {low:.3g} to {high:.3g} are far from OpenFWI's -27 to 53 "
            f"({size / expected:.2g} times): calibrate them (direct wave, wavelet) before a "
            "network trained on simulations sees them"
        )
    else:
        report.notes.append(f"amplitudes of {low:.3g} to {high:.3g}, OpenFWI's are about -27 to 53")


def _velocity(report: ArrayReport) -> None:
    v, panels = report.values, report.panels
    if report.units.startswith("km/s"):
        report.warnings.append("in km/s; the programs expect m/s: multiply by 1000")
        if v["minimum"] > 0.9 and v["maximum"] < 3.2:
            report.warnings.append("the range would also suit density in g/cm3")
    if report.units.startswith("normalized"):
        report.warnings.append("normalized velocity; the programs expect m/s")
    if not report.units.startswith("m/s"):
        return
    outside = float(np.mean((panels < _VELOCITY[0]) | (panels > _VELOCITY[1])))
    if outside:
        report.warnings.append(
            f"{outside:.1%} of the cells lie outside 1500-4500 m/s, the networks' range, and are "
            "clipped when gathers over them are scored"
        )
    top = panels[0, 0, 0]
    same = np.all(panels == top, axis=(0, 2))
    rows = len(same) if same.all() else int(same.argmin())
    if rows > 1 and rows < len(same):
        water = " (water)" if 1430 <= top <= 1560 else ""
        report.notes.append(f"the first {rows} rows are {top:.0f} m/s throughout{water}")
    sampled = panels[:50]
    values, counts = np.unique(sampled, return_counts=True)
    # In models with few layers, every layer has a large share.
    if len(values) > 50 and counts.max() > 0.05 * sampled.size and values[counts.argmax()] != top:
        report.notes.append(
            f"{counts.max() / sampled.size:.0%} of the cells are {values[counts.argmax()]:g} m/s"
            + (" (salt?)" if 4400 <= values[counts.argmax()] <= 4700 else "")
        )
