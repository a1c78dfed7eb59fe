"""How accurate the direct wave's scale is, on gathers simulated over random geology.

Gathers of the OpenFWI experiment, whose true scale is 1, are measured given only the
acquisition. Shallow structure disturbs the direct wave at near receivers, so the layered
models are sorted by the thickness of their first layer.

``python -m benchmarks.calibration``, about three minutes on two cores.
"""

import dataclasses
import warnings

import numpy as np

import keras_seismic as ks
from benchmarks._report import report

# By the former rules, whose first layers are of any thickness.
LAYERED = ("flatvel_a_v1", "flatvel_b_v1", "curvevel_a_v1", "curvevel_b_v1", "flatfault_b_v1")
TEXTURED = ("style_a_v1", "style_b_v1")
MODELS = 20  # of each family
THICKNESSES = ((50, 70), (70, 90), (90, np.inf))  # m


def first_layer(velocity: np.ndarray, dx: float) -> float:
    """Depth down to which a model has one velocity, m."""
    different = np.flatnonzero(np.any(np.abs(velocity - velocity[0, 0]) > 1, axis=1))
    return (different[0] if different.size else len(velocity)) * dx


def main() -> list[dict]:
    acquisition = dataclasses.replace(ks.simulation.Acquisition.openfwi(boundary="cpml"), nt=300)
    found = []
    for family in (*LAYERED, *TEXTURED):
        velocity = ks.simulation.sample_velocity(family, MODELS, seed=11)
        for model, gathers in zip(
            velocity, ks.simulation.simulate(velocity, acquisition), strict=True
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ks.gathers.WaveletWarning)
                calibration = ks.gathers.measure_direct_wave(gathers, acquisition)
            found.append({
                "family": family,
                "first_layer_m": first_layer(model, acquisition.dx),
                "scale_error": float(abs(calibration.scale[0] - 1)),
                "velocity_error": float(abs(calibration.velocity / model[1].mean() - 1)),
            })  # fmt: skip
    groups = {
        f"layers, the first {low:g} m or more" + (f", below {high:g} m" if high < np.inf else ""): [
            f for f in found if f["family"] in LAYERED and low <= f["first_layer_m"] < high
        ]
        for low, high in THICKNESSES
    }
    groups["layers, curved or faulted above 50 m"] = [
        f for f in found if f["family"] in LAYERED and f["first_layer_m"] < THICKNESSES[0][0]
    ]
    groups["rough texture"] = [f for f in found if f["family"] in TEXTURED]
    results, rows = [], []
    for name, members in groups.items():
        scale, speed = (
            np.array([m[key] for m in members]) for key in ("scale_error", "velocity_error")
        )
        results.append({
            "models": name, "count": len(members), "scale_error_median": float(np.median(scale)),
            "scale_error_largest": float(scale.max()), "velocity_error_largest": float(speed.max()),
        })  # fmt: skip
        rows.append((name, len(members), f"{np.median(scale):.1%}", f"{scale.max():.1%}",
                     f"{speed.max():.1%}"))  # fmt: skip
    header = ("near surface", "models", "scale off by, median", "largest", "velocity, largest")
    report("calibration", results, header, rows, ("keras", "tensorflow", "numpy"))
    return results


if __name__ == "__main__":
    main()
