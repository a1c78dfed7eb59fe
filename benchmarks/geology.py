"""The families' statistics beside those of OpenFWI's models, by the present and the former rules.

OpenFWI's column holds estimates, uncertain by 20-60 m/s and, for the deviation along a row, too
low: they come from networks that others trained on the published files, from their input
scaling, their normalization layers and their answers, which are smoother than the models. Ours
are measured on 2,000 models of a family, the amplitudes on gathers of the first of them,
simulated by OpenFWI's exact scheme.

``python -m benchmarks.geology``, about four minutes on two busy cores.
"""

import argparse
import time

import numpy as np

from benchmarks._report import report
from keras_seismic.simulation import FAMILIES, Acquisition, sample_velocity, simulate
from keras_seismic.simulation.geology import openfwi_family

MODELS = 2000
COLUMNS = {
    "openfwi": "OpenFWI (estimated)",
    "present": "present rules",
    "former": "former rules (_v1)",
}
#: Cells at which medians are taken over the models whose top is close to 2000 m/s.
CELLS, NEAR = (21, 31, 41, 51, 61, 69), 150
#: Estimates for OpenFWI, m/s and amplitudes: top, mean, cell 61, deviation along a row, medians
#: at ``CELLS``, deviation and mean of the amplitudes.
QUANTITIES = ("top", "mean", "cell 61", "row", *(f"median {cell}" for cell in CELLS))
OPENFWI: dict[str, tuple[tuple[int, ...], tuple[float, float]]] = {
    "flatvel_a": ((1955, 2800, 3657, 0, 2371, 2689, 2969, 3334, 3638, 3937), (1.479, -0.3e-4)),
    "curvevel_a": ((1953, 2767, 3660, 59), (1.487, -0.5e-4)),
    "flatfault_a": ((2182, 3073, 3845, 73, 2199, 2837, 3446, 3686, 3915, 3935), (1.543, -4.4e-4)),
    "curvefault_a": ((2156, 3030, 3859, 106), (1.547, -4.6e-4)),
    "style_a": ((), (1.463, 2.5e-4)),
}


def estimates(family: str) -> dict[str, float]:
    velocities, amplitudes = OPENFWI.get(family, ((), ()))
    named = dict(zip(QUANTITIES, velocities, strict=False))
    return named | dict(zip(("amplitude", "amplitude mean"), amplitudes, strict=False))


def velocity_statistics(family: str) -> dict[str, float]:
    """Of ``MODELS`` models, m/s, and the models that a processor core draws in a second."""
    start = time.process_time()
    velocity = sample_velocity(family, MODELS)
    seconds = time.process_time() - start
    middle = velocity[:, :, velocity.shape[2] // 2]
    below = middle[np.abs(middle[:, 0] - 2000) < NEAR]
    found = {
        "models a second": MODELS / seconds,
        "top": velocity[:, 0].mean(dtype=float),
        "mean": velocity.mean(dtype=float),
        "cell 61": velocity[:, 61].mean(dtype=float),
        "row": velocity.std(axis=2, dtype=float).mean(),
    }
    found |= {f"median {cell}": np.median(below[:, cell]) for cell in CELLS}
    return {name: float(value) for name, value in found.items()}


def amplitude_statistics(family: str, count: int) -> dict[str, float]:
    """Standard deviation and mean over all samples, and the deviation's standard error."""
    means, squares = [], []
    for model in sample_velocity(family, count):
        gathers = simulate(model[None], Acquisition.openfwi(), progress=False).astype(float)
        means.append(gathers.mean())
        squares.append((gathers**2).mean())
    deviation = np.sqrt(np.mean(squares) - np.mean(means) ** 2)
    return {
        "amplitude": float(deviation),
        "amplitude error": float(np.std(squares) / np.sqrt(count) / (2 * deviation)),
        "amplitude mean": float(np.mean(means)),
    }


def shown(quantity: str, value: float | None) -> str:
    if value is None:
        return ""
    if quantity == "amplitude mean":
        return f"{1e4 * value:.1f}e-4"
    return f"{value:.3f}" if quantity.startswith("amplitude") else f"{value:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gathers", type=int, default=60, help="models to simulate of a family")
    count = parser.parse_args().gathers

    results: dict[str, dict] = {}
    rows = []
    for family in FAMILIES:
        columns: dict[str, dict[str, float]] = {"openfwi": estimates(family)}
        columns["present"] = velocity_statistics(family)
        if openfwi_family(family):
            columns["former"] = velocity_statistics(f"{family}_v1")
        if columns["openfwi"]:
            columns["present"] |= amplitude_statistics(family, count)
            columns["former"] |= amplitude_statistics(f"{family}_v1", count)
        results[family] = columns
        for quantity in (*columns["openfwi"], "models a second"):
            values = [columns.get(rules, {}).get(quantity) for rules in COLUMNS]
            rows.append([family, quantity, *(shown(quantity, value) for value in values)])
    header = ["family", "quantity", *COLUMNS.values()]
    report("geology", results, header, rows, ["keras_seismic", "numpy"])


if __name__ == "__main__":
    main()
