"""How closely the absorbing boundaries match an open medium, and each other.

The OpenFWI experiment (70 x 70 cells at 10 m, 1 s, 15 Hz, 5 shots) is simulated with the
exact damping layer of the data sets (120 cells), with the convolutional perfectly matched
layer (20 cells), and with edge values extended so far that nothing returns within the
record: the open medium. Differences are RMS over RMS, for the whole gather and for what
arrives after 0.4 s.

``python -m benchmarks.boundaries``, about a minute on two cores.
"""

import dataclasses

import numpy as np

from benchmarks._report import report
from keras_seismic.simulation import Acquisition, sample_velocity, simulate

LATE = 0.4  # s


def models() -> dict[str, np.ndarray]:
    """Name to ``(depth, width)`` velocity, m/s."""
    layers = np.repeat([1500.0, 2200.0, 3000.0, 3800.0, 4400.0], 14)
    blocks = np.random.default_rng(0).uniform(1500, 4500, (7, 7))
    chosen = {
        "homogeneous 1500 m/s": np.full((70, 70), 1500.0),
        "homogeneous 3000 m/s": np.full((70, 70), 3000.0),
        "five layers": np.repeat(layers[:, None], 70, axis=1),
        "7 x 7 blocks": np.kron(blocks, np.ones((10, 10))),
    }
    for family in ("flatvel_a", "curvevel_b", "flatfault_a", "curvefault_b", "style_a", "style_b"):
        former = f"{family}_v1"
        chosen[former] = sample_velocity(former, 1)[0].astype(np.float64)
    return chosen


def open_medium(velocity: np.ndarray, acquisition: Acquisition) -> np.ndarray:
    """The gather of the model with edge values extended beyond the reach of the record."""
    dx = acquisition.dx
    cells = int(np.ceil(velocity.max() * acquisition.nt * acquisition.dt / 2 / dx)) + 1

    def moved(positions):
        return tuple((x + cells * dx, depth + cells * dx) for x, depth in positions)

    inside = dataclasses.replace(
        acquisition,
        sources=moved(acquisition.sources),
        receivers=moved(acquisition.receivers),
        boundary="cpml",
        boundary_width=0,
    )
    return simulate(np.pad(velocity, cells, mode="edge")[None], inside, progress=False)[0]


def difference(gather: np.ndarray, reference: np.ndarray, first: int = 0) -> float:
    """RMS difference over RMS, in percent, from a sample on."""
    error, reference = (gather - reference)[first:], reference[first:]
    return float(100 * np.sqrt(np.mean(error**2) / np.mean(reference**2)))


def main() -> None:
    results: dict[str, dict] = {}
    rows = []
    late = round(LATE / Acquisition.openfwi().dt)
    for name, velocity in models().items():
        reference = open_medium(velocity, Acquisition.openfwi())
        gathers = {
            boundary: simulate(velocity[None], Acquisition.openfwi(boundary), progress=False)[0]
            for boundary in ("cpml", "openfwi")
        }
        pairs = {
            "cpml against open medium": (gathers["cpml"], reference),
            "openfwi against open medium": (gathers["openfwi"], reference),
            "cpml against openfwi": (gathers["cpml"], gathers["openfwi"]),
        }
        results[name] = {
            pair: {"overall_percent": difference(*both), "late_percent": difference(*both, late)}
            for pair, both in pairs.items()
        }
        # How much there is after 0.4 s: a large percentage of next to nothing is little.
        fraction = 100 * np.sqrt(np.sum(reference[late:] ** 2) / np.sum(reference**2))
        results[name]["late_fraction_percent"] = float(fraction)
        cells = [f"{value:.3g}" for pair in pairs for value in results[name][pair].values()]
        rows.append([name, *cells, f"{fraction:.1f}"])
    header = ["model"]
    for pair in ("cpml - open", "openfwi - open", "cpml - openfwi"):
        header += [f"{pair} %", "t > 0.4 s"]
    report(
        "boundaries", results, [*header, "late fraction %"], rows, ["keras", "tensorflow", "numpy"]
    )


if __name__ == "__main__":
    main()
