"""The inversion preset on geology that it has never seen: alone, fine-tuned, refined.

    python -m benchmarks.unseen_geology

Takes frozen windows of 70 x 70 cells of Marmousi2, Overthrust (its velocities times 0.75, which
brings them under 4500 m/s), and the families `salt` and `textured`, none of which the preset was
trained with; simulates OpenFWI's experiment over them; and compares with the truth

- the network alone,
- fine-tuned for each geology on 18 labelled models of it and given a new spread by 8 others:
  windows of the same model that do not overlap the frozen ones, or other draws of the family,
- refined by waveform inversion (`ks.inversion.refined`) from its own answer, without labels.

Scores are the mean absolute error, the structural similarity, the energy of the residual relative
to that of the gathers, and for the stated spread Spearman's correlation with the absolute error
and the fraction of cells whose velocity lies within it, which should be 0.9. Answers are clipped to
1500 to 4500 m/s.

Every answer is kept in the work folder, so that the same command goes on where it was stopped.
About half an hour on two cores. Without the data folder (`KERAS_SEISMIC_DATA`, else
`../shared/data`) Marmousi2 and Overthrust are left out. `--model` takes another preset, or a
model.keras.
"""

import argparse
import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import keras_seismic as ks
from benchmarks._report import RESULTS, report
from benchmarks.waveform_inversion import BOUNDS, FIGURES, SEED, Experiment, held_out, spread
from keras_seismic.files import written_whole
from keras_seismic.visualization import VELOCITY_MAP, new_figure

PRESET = "time_depth_unet_openfwi"
GEOLOGIES = ("marmousi2", "overthrust", "salt", "textured")
SHAPE = (70, 70)
LABELLED, CALIBRATING = 18, 8
OVERTHRUST = 0.75
#: First columns of Overthrust's frozen windows, and between them those that labels come from.
FROZEN, BETWEEN = (0, 165, 330), (70, 78, 87, 95, 235, 243, 252, 260)
METHODS = ("network", "fine-tuned", "refined")
PACKAGES = ("keras_seismic", "keras", "tensorflow", "numba", "scipy", "numpy")
HEADER = ("geology", "method", "windows", "SSIM", "MAE, m/s", "misfit", "correlation", "coverage")


class Geology(NamedTuple):
    """Frozen windows, by name, and other models of the same geology; m/s."""

    windows: dict[str, np.ndarray]
    labelled: np.ndarray


def geology(name: str, count: int) -> Geology | None:
    """A geology with so many frozen windows; ``None`` without its file."""
    wanted = LABELLED + CALIBRATING
    if name in ("salt", "textured"):
        labelled = ks.simulation.sample_velocity(name, wanted, seed=SEED + 1)
        return Geology(held_out(name, count), labelled)
    files = {"marmousi2": "marmousi2_vp_10m.npy", "overthrust": "overthrust_vp.npy"}
    shared = Path(__file__).parents[2] / "shared" / "data"
    path = Path(os.environ.get("KERAS_SEISMIC_DATA", shared)) / files[name]
    if not path.is_file():
        print(f"left out: {path}: no such file; set KERAS_SEISMIC_DATA to its folder")
        return None
    velocity = np.load(path)
    if name == "overthrust":
        velocity = OVERTHRUST * velocity
        frozen = {f"overthrust {c}": velocity[:70, c : c + 70] for c in FROZEN[:count]}
        rows = (0, 8, 16, 24)
        labelled = [velocity[r : r + 70, c : c + 70] for r in rows for c in BETWEEN]
        return Geology(frozen, np.stack([labelled[i] for i in spread(wanted, len(labelled))]))
    tiles = ks.io.velocity_windows(velocity, SHAPE)
    inside = [i for i, w in enumerate(tiles) if w.min() > BOUNDS[0] and w.max() <= BOUNDS[1]]
    frozen = held_out(name, count)
    others = [i for i in inside if f"{name} {i}" not in frozen]
    return Geology(frozen, tiles[[others[n] for n in spread(wanted, len(others))]])


class Labelled(ks.datasets.Pairs):
    """Pairs in memory."""

    family = None

    def __init__(self, velocity: np.ndarray, acquisition: ks.simulation.Acquisition) -> None:
        self.velocity, self.acquisition = velocity.astype(np.float32), acquisition
        simulated = ks.simulation.simulate(velocity, acquisition, progress=False)
        self.gathers = np.moveaxis(simulated, -1, 1)

    @property
    def gather_shape(self) -> tuple[int, int, int]:
        return self.acquisition.gather_shape

    @property
    def velocity_shape(self) -> tuple[int, int]:
        return self.velocity.shape[1:]

    def __len__(self) -> int:
        return len(self.velocity)

    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray:
        """See ``Pairs.read``."""
        if gathers is not None:
            gathers[:] = self.gathers[numbers][:, list(shots)]
        return self.velocity[numbers]


def fine_tuned(model: Any, labelled: np.ndarray, options: argparse.Namespace, name: str) -> Any:
    """A copy of the model, trained on labelled models and with a spread fitted to the others."""
    pairs = Labelled(labelled, model.acquisition)
    order = np.random.default_rng(0).permutation(len(pairs))
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    run = ks.training.RunFolder(options.work / f"tuned-{name}", overwrite=True).create({})
    tuned = ks.training.fit_pairs(
        ks.models.without_spread(copy),
        pairs,
        order[:-CALIBRATING],
        run,
        epochs=options.epochs,
        batch_size=4,
        learning_rate=options.learning_rate,
        validation=0.12,
    )
    return ks.training.fit_spread(tuned, pairs, order[-CALIBRATING:], progress=False)


class Answers:
    """Velocity and spread, kept on disk by what they depend on."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.settings = folder, settings
        folder.mkdir(parents=True, exist_ok=True)

    def get(
        self, name: str, true: np.ndarray, solve: Callable[[], list[np.ndarray]]
    ) -> tuple[list[np.ndarray], float]:
        """Velocity, the spread if there is one, and the seconds that they took to compute."""
        asked = json.dumps(self.settings, sort_keys=True).encode() + true.tobytes()
        digest = hashlib.sha256(asked).hexdigest()[:16]
        path = self.folder / f"{name.replace(' ', '_')}-{digest}.npz"
        if not path.exists():
            start = time.perf_counter()
            found = solve()
            seconds = time.perf_counter() - start
            with written_whole(path) as temporary, temporary.open("wb") as file:
                np.savez(file, *found, seconds=seconds)
            print(f"{time.strftime('%H:%M:%S')} {name}: {seconds:.1f} s", flush=True)
        with np.load(path) as kept:
            return [kept[key] for key in kept.files if key != "seconds"], float(kept["seconds"])


def answer_of(model: Any, gathers: np.ndarray) -> list[np.ndarray]:
    """``(depth, width)`` of velocity and, if the model has it, spread."""
    return [one[0, ..., 0] for one in ks.inference.predict_outputs(model, gathers[None]).values()]


def solved(
    name: str, found: Geology, model: Any, answers: Answers, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Every window by every method, with its scores."""
    tuned: list[Any] = []  # made when an answer of it is missing

    def by_tuned(gathers: np.ndarray) -> list[np.ndarray]:
        if not tuned:
            tuned.append(fine_tuned(model, found.labelled, options, name))
        return answer_of(tuned[0], gathers)

    stages = ks.inversion.multiscale(model.acquisition, options.evaluations)
    better = ks.inversion.refined(model, stages=stages)
    solvers: dict[str, Callable[[np.ndarray], list[np.ndarray]]] = {
        "network": lambda gathers: answer_of(model, gathers),
        "fine-tuned": by_tuned,
        "refined": lambda gathers: [ks.invert(gathers, better, progress=False)],
    }
    for label, true in found.windows.items():
        one = Experiment.of(label, true, "clean")
        for method, solve in solvers.items():
            outputs, seconds = answers.get(
                f"{label}-{method}", true, lambda solve=solve, one=one: solve(one.gathers)
            )
            velocity = np.clip(outputs[0].astype(np.float64), *BOUNDS)
            row = {"geology": name, "window": label, "method": method, "seconds": seconds}
            row |= one.scores(velocity)
            row |= {"true": true, "velocity": velocity, "spread": None, **of_spread(true, outputs)}
            yield row


def of_spread(true: np.ndarray, outputs: list[np.ndarray]) -> dict[str, Any]:
    if len(outputs) == 1:
        return {}
    scores = ks.evaluation.score_spread(true, *outputs)
    return {
        "spread": outputs[1],
        "coverage": scores["spread_coverage"],
        "correlation": scores["spread_error_correlation"],
    }


def summary(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Means over the windows of each geology and of all; those of the spread over all cells."""
    for name in (*dict.fromkeys(row["geology"] for row in rows), "all"):
        for method in METHODS:
            chosen = [r for r in rows if r["method"] == method and name in (r["geology"], "all")]
            if not chosen:
                continue
            means = {
                key: float(np.mean([row[key] for row in chosen]))
                for key in ("ssim", "mae", "misfit", "seconds")
            }
            arrays = [np.stack([row[k] for row in chosen]) for k in ("true", "velocity")]
            if chosen[0]["spread"] is not None:
                spreads = np.stack([row["spread"] for row in chosen])
                means |= ks.evaluation.score_spread(*arrays, spreads)
            yield {"geology": name, "method": method, "windows": len(chosen)} | means


def table(means: list[dict[str, Any]]) -> Iterator[list[str]]:
    for m in means:
        numbers = [f"{m['ssim']:.3f}", f"{m['mae']:.0f}", f"{m['misfit']:.2g}"]
        if "spread_coverage" in m:
            numbers += [f"{m['spread_error_correlation']:.2f}", f"{m['spread_coverage']:.2f}"]
        else:
            numbers += ["", ""]
        yield [m["geology"], m["method"], str(m["windows"]), *numbers]


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """The middle window of each geology: truth, answers, the network's error and its spread."""
    names = list(dict.fromkeys(row["geology"] for row in rows))
    stated = rows[0]["spread"] is not None
    columns = len(METHODS) + 2 + stated
    figure = new_figure(1.75 * columns + 0.4, 1.9 * len(names) + 0.9)
    axes = figure.subplots(len(names), columns, squeeze=False, sharex=True, sharey=True)
    style = {"extent": (0, 700, 700, 0), "interpolation": "nearest"}
    limits = {"cmap": VELOCITY_MAP, "vmin": BOUNDS[0], "vmax": BOUNDS[1]}
    for line, name in zip(axes, names, strict=True):
        windows = list(dict.fromkeys(row["window"] for row in rows if row["geology"] == name))
        shown = {r["method"]: r for r in rows if r["window"] == windows[len(windows) // 2]}
        network = shown["network"]
        image = line[0].imshow(network["true"], **limits, **style)
        line[0].set(title="true", ylabel=f"{name}\ndepth (m)")
        for panel, method in zip(line[1:], METHODS, strict=False):
            panel.imshow(shown[method]["velocity"], **limits, **style)
            panel.set_title(f"{method}: {shown[method]['mae']:.0f} m/s")
        maps = {"error": np.abs(network["velocity"] - network["true"])}
        maps |= {"spread": network["spread"]} if stated else {}
        for panel, (title, values) in zip(line[len(METHODS) + 1 :], maps.items(), strict=True):
            errors = panel.imshow(values, cmap="magma", vmin=0, vmax=1000, **style)
            panel.set_title(f"network: {title}")
    for panel in axes.flat:
        panel.title.set_fontsize(9)
    for panel in axes[-1]:
        panel.set_xlabel("x (m)")
    below = {"location": "bottom", "shrink": 0.7, "pad": 0.01, "aspect": 30}
    figure.colorbar(image, ax=axes[:, : len(METHODS) + 1], label="velocity (m/s)", **below)
    below["aspect"] = 15
    figure.colorbar(errors, ax=axes[:, len(METHODS) + 1 :], label="m/s", **below)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing = io.BytesIO()
    figure.savefig(drawing, dpi=90)
    # Half the size by 256 colors instead of all
    Image.open(drawing).convert("RGB").quantize().save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=PRESET, help="a preset, or a model.keras")
    parser.add_argument("--geologies", nargs="+", choices=GEOLOGIES, default=GEOLOGIES)
    parser.add_argument("--windows", type=int, default=5, help="of each; Overthrust has three")
    parser.add_argument("--epochs", type=int, default=30, help="of the fine-tuning")
    parser.add_argument("--learning-rate", type=float, default=3e-4, help="of the fine-tuning")
    parser.add_argument("--evaluations", type=int, default=200, help="of each refinement")
    parser.add_argument("--work", type=Path, default=Path("runs/unseen_geology"))
    parser.add_argument("--out", type=Path, help="for JSON and figure, instead of the checkout")
    options = parser.parse_args()
    model = model_of(options.model)
    weights = hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()
    names = ("epochs", "learning_rate", "evaluations")
    settings = {name: getattr(options, name) for name in names} | {"weights": weights}
    answers, rows = Answers(options.work, settings), []
    for name in options.geologies:
        found = geology(name, options.windows)
        if found is not None:
            rows += solved(name, found, model, answers, options)
    means = list(summary(rows))
    plain = [{k: v for k, v in row.items() if not isinstance(v, np.ndarray)} for row in rows]
    results = {"model": options.model, "settings": settings, "means": means, "answers": plain}
    draw(rows, (options.out or FIGURES) / "unseen_geology.png")
    name = "unseen_geology"
    report(name, results, HEADER, list(table(means)), PACKAGES, options.out or RESULTS)


def model_of(name: str) -> Any:
    """A preset, or a model in a file."""
    model = ks.load_preset(name) if name in ks.presets() else ks.inference.load_model(Path(name))
    if getattr(model, "acquisition", None) is None or not model.predicts_velocity:
        raise SystemExit(f"{name}: expected an inversion network that knows its acquisition")
    return model


if __name__ == "__main__":
    main()
