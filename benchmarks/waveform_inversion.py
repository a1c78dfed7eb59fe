"""Waveform inversion: what it adds to a network, and how both compare.

    python -m benchmarks.waveform_inversion refine
    python -m benchmarks.waveform_inversion compare

``refine`` starts from the answers of the network that ``examples/recipes/inversionnet_small.json``
trains on FlatVel-A, to held-out models of four families, and from smoothed windows of Marmousi2.
``compare`` trains InversionNet, FCNVMB and VelocityGAN on a mixture of families and sets them
beside the mean of the training models and waveform inversion from five starts, on held-out models
of three families and windows of Marmousi2, noise free and as in the field: white noise of 10 dB,
and no frequencies under 5 Hz. No inversion in ``compare`` knows anything of the truth: the smooth
start is the mean of the training models over all columns, smoothed over depth by a Gaussian of 8
cells; the linear one grows from 1500 to 4500 m/s. In noise, inversion begins with the first of its
usual bands that lies above the cut, and uses a stronger total variation, whose weight was chosen on
two other models. Its wavelet is known and has passed the same low cut.

All in OpenFWI's exact experiment. Networks and inversions that are finished are kept in the work
folder, so that the same command goes on where it was stopped. Half an hour and an hour on two
cores; without a part, both. Without Marmousi2 (``KERAS_SEISMIC_DATA``, else ``../shared/data``) its
windows are left out.
"""

import argparse
import dataclasses
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d

import keras_seismic as ks
from benchmarks._report import RESULTS, report
from benchmarks._velocity_networks import (
    LOW_CUT,
    NETWORKS,
    as_in_the_field,
    low_cut,
    mixture,
    trained,
)
from keras_seismic.files import write_text, written_whole
from keras_seismic.inversion import L2, Stage, TotalVariation, full_waveform, multiscale
from keras_seismic.visualization import VELOCITY_MAP, new_figure

REFINED = ("flatvel_a", "curvevel_a", "flatfault_a", "curvefault_a")
COMPARED = ("flatvel_a", "curvefault_a", "salt", "marmousi2")
CONDITIONS = {"clean": "noise free", "field": "noise, low cut"}
SEED = 10_000  # far from those that anything was trained with
DRAWN = 200  # models of each family, of which a few stand for it
SMOOTHING = 8  # cells
BOUNDS = (1500.0, 4500.0)
FIGURES = Path(__file__).parents[1] / "docs" / "figures"
PACKAGES = ("keras_seismic", "keras", "tensorflow", "numba", "scipy", "numpy")


def marmousi2_windows(count: int) -> dict[str, np.ndarray]:
    """Windows spread over Marmousi2, those with water or beyond the bounds left out; m/s."""
    shared = Path(__file__).parents[2] / "shared" / "data"
    path = Path(os.environ.get("KERAS_SEISMIC_DATA", shared)) / "marmousi2_vp_10m.npy"
    if not path.is_file():
        print(f"left out: {path}: no such file; set KERAS_SEISMIC_DATA to its folder")
        return {}
    windows = ks.io.velocity_windows(np.load(path), (70, 70))
    inside = [i for i, w in enumerate(windows) if w.min() > BOUNDS[0] and w.max() <= BOUNDS[1]]
    return {f"marmousi2 {i}": windows[i] for i in (inside[n] for n in spread(count, len(inside)))}


def held_out(name: str, count: int) -> dict[str, np.ndarray]:
    """Models ``(70, 70)`` that nothing was trained with, m/s, with the numbers of their draws."""
    if name == "marmousi2":
        return marmousi2_windows(count)
    drawn = ks.simulation.sample_velocity(name, DRAWN, seed=SEED)
    order = np.argsort(drawn.mean(axis=(1, 2)), kind="stable")
    return {f"{name} {i}": drawn[i] for i in order[spread(count, DRAWN)]}


def spread(count: int, total: int) -> list[int]:
    """So many numbers below ``total``, at equal distances: few models, none of them extreme."""
    return [int((i + 0.5) / count * total) for i in range(count)]


def seconds_a_gradient() -> float:
    """Now and on this machine, of a model between both bounds."""
    from keras_seismic.simulation.compiled import linearize

    velocity = ks.inversion.linear_start((70, 70), *BOUNDS)[None]
    for _ in range(3):  # the first compiles
        start = time.perf_counter()
        linearization = linearize(velocity, ks.simulation.Acquisition.openfwi())
        linearization.pullback(linearization.gathers)
    return time.perf_counter() - start


def stages(
    acquisition: ks.simulation.Acquisition, evaluations: int, lowest: float
) -> tuple[Stage, ...]:
    """The usual stages but those that hold little above the lowest frequency."""
    usual = multiscale(acquisition, evaluations)
    used = [s for s in usual if s.frequency is None or s.frequency >= 1.5 * lowest]
    share = evaluations / sum(stage.evaluations for stage in used)
    return tuple(dataclasses.replace(s, evaluations=round(s.evaluations * share)) for s in used)


@dataclasses.dataclass(frozen=True, eq=False)
class Experiment:
    """The gathers of one model under one condition, and what is scored against them."""

    name: str
    condition: str
    true: np.ndarray
    gathers: np.ndarray
    acquisition: ks.simulation.Acquisition

    @classmethod
    def of(cls, name: str, true: np.ndarray, condition: str) -> "Experiment":
        acquisition = ks.simulation.Acquisition.openfwi()
        (gathers,) = ks.simulation.simulate(true[None], acquisition, progress=False)
        if condition == "field":
            gathers = as_in_the_field(gathers, acquisition.dt, SEED)
            wavelet = low_cut(acquisition.wavelet, acquisition.dt)
            acquisition = dataclasses.replace(acquisition, source_wavelet=tuple(wavelet))
        return cls(name, condition, true.astype(np.float64), gathers, acquisition)

    def scores(self, velocity: np.ndarray) -> dict[str, float]:
        """Error and similarity, and the energy of the residual relative to that of the data."""
        scores = ks.evaluation.score_velocity(self.true[None, ..., None], velocity[None, ..., None])
        modeled = ks.simulation.simulate(
            velocity[None], self.acquisition, allow_dispersion=True, progress=False
        )
        return {
            "mae": scores["velocity_mae_m_s"],
            "ssim": scores["velocity_ssim"],
            "misfit": L2()(modeled[0].astype(np.float64), self.gathers.astype(np.float64))[0],
        }

    def answer_of(self, network: Any) -> np.ndarray:
        """A network's ``(depth, width)``, m/s, within the bounds."""
        answer = ks.inference.predict(network, self.gathers[None])[0, ..., 0]
        return np.clip(answer.astype(np.float64), *BOUNDS)

    def inverted(self, start: np.ndarray, evaluations: int, tv: float) -> np.ndarray:
        """Waveform inversion with the usual settings; in the field, with total variation ``tv``."""
        field = self.condition == "field"
        result = full_waveform(
            self.gathers,
            self.acquisition,
            np.clip(start, *BOUNDS),
            stages=stages(self.acquisition, evaluations, LOW_CUT if field else 0.0),
            bounds=BOUNDS,
            progress=False,
            **({"regularization": TotalVariation(tv, lateral=2.0)} if field else {}),
        )
        return result.velocity


class Work:
    """Finished answers in a folder, a row of numbers and a velocity model each."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.settings = folder, json.loads(json.dumps(settings))
        self.rows: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def gradients(self) -> int:
        """Of each inversion: as many as fit into its time; measured once, so that all have as many.

        As much as 13 of them goes into measuring the illumination.
        """
        path = self.folder / "gradients.json"
        kept = json.loads(path.read_text()) if path.exists() else {}
        if kept.get("settings") != self.settings:
            fitting = int(0.9 * self.settings["seconds"] / seconds_a_gradient()) - 13
            count = max(min(fitting, self.settings["evaluations"]), 4)
            kept = {"settings": self.settings, "count": count}
            write_text(path, json.dumps(kept) + "\n")
        print(f"{kept['count']} gradients for each inversion", flush=True)
        return int(kept["count"])

    def answer(
        self, one: Experiment, method: str, solve: Callable[..., np.ndarray], *arguments: Any
    ) -> np.ndarray:
        """What a method finds, scored and kept; read if it was found with the same settings."""
        name = f"{one.condition}-{one.name}-{method}".replace(", ", "-").replace(" ", "_")
        path = self.folder / f"{name}.json"
        row = json.loads(path.read_text()) if path.exists() else {}
        if row.pop("settings", None) == self.settings:
            self.rows.append(row)
            return np.load(path.with_suffix(".npy"))
        start = time.perf_counter()
        velocity = solve(*arguments)
        seconds = time.perf_counter() - start
        row = {"model": one.name, "condition": one.condition, "method": method}
        row |= one.scores(velocity) | {"seconds": seconds}
        with written_whole(path.with_suffix(".npy")) as temporary, temporary.open("wb") as file:
            np.save(file, velocity)
        write_text(path, json.dumps(row | {"settings": self.settings}) + "\n")
        numbers = f"{row['mae']:7.1f} m/s, misfit {row['misfit']:.2e}, {seconds:.1f} s"
        print(f"{time.strftime('%H:%M:%S')} {name:56} {numbers}", flush=True)
        self.rows.append(row)
        return velocity


def refine(options: argparse.Namespace) -> None:
    """Before and after waveform inversion, a row for each model."""
    if not options.model.exists():
        raise SystemExit(f"{options.model}: no such file; train it (docs/measurements.md says how)")
    network = ks.inference.load_model(options.model)
    settings = {"model": str(options.model), "changed": options.model.stat().st_mtime}
    settings |= {"evaluations": options.evaluations, "seconds": options.seconds or 60.0}
    work = Work(options.work / "refine", settings)
    gradients = work.gradients()
    pictures = {}
    for name in (*REFINED, "marmousi2"):
        for label, true in held_out(name, options.models or 5).items():
            one = Experiment.of(label, true, "clean")
            if name in REFINED:
                before = work.answer(one, "network", one.answer_of, network)
            else:
                before = work.answer(one, "smoothed truth", gaussian_filter, one.true, SMOOTHING)
            after = work.answer(one, "inversion", one.inverted, before, gradients, options.tv)
            pictures.setdefault(name, {"true": true, "start": before, "inversion": after})
    draw(pictures, options, "waveform_inversion_refine")
    results = {"settings": settings | {"gradients": gradients}, "answers": work.rows}
    columns = ("before, m/s", "after, m/s", "ratio", "misfit before", "misfit after", "seconds")
    rows = list(refined_rows(work.rows))
    name, header = "waveform_inversion_refine", ["models", "start", *columns]
    report(name, results, header, rows, PACKAGES, options.out or RESULTS)


def refined_rows(answers: list[dict[str, Any]]) -> Iterator[list[str]]:
    """Means over the families together and one by one, then every model."""
    pairs = list(zip(answers[::2], answers[1::2], strict=True))
    groups = {"four families": [p for p in pairs if p[0]["method"] == "network"]}
    for pair in pairs:
        groups.setdefault(pair[0]["model"].split()[0], []).append(pair)
    for pair in pairs:
        groups[pair[0]["model"]] = [pair]
    for label, chosen in groups.items():
        before, after = (means([pair[i] for pair in chosen]) for i in (0, 1))
        errors = [f"{value['mae']:.0f}" for value in (before, after)]
        misfits = [f"{value['misfit']:.2g}" for value in (before, after)]
        ratio = f"{before['mae'] / after['mae']:.2f}"
        yield [label, chosen[0][0]["method"], *errors, ratio, *misfits, f"{after['seconds']:.0f}"]


def means(answers: list[dict[str, Any]]) -> dict[str, float]:
    return {
        key: float(np.mean([a[key] for a in answers]))
        for key in ("mae", "ssim", "misfit", "seconds")
    }


def compare(options: argparse.Namespace) -> None:
    """Networks and waveform inversions under both conditions."""
    pairs = mixture(options.pairs, options.cache_dir)
    networks = {name: trained(name, pairs, options) for name in NETWORKS}
    names = ("pairs", "epochs", "filters", "evaluations", "tv")
    settings = {name: getattr(options, name) for name in names}
    settings["seconds"] = options.seconds or 35.0
    mean = pairs.mean_velocity()[..., 0].astype(np.float64)
    profile = gaussian_filter1d(mean.mean(axis=1), SMOOTHING)
    starts = {
        "smooth": np.repeat(profile[:, None], mean.shape[1], axis=1),
        "linear": ks.inversion.linear_start(mean.shape, *BOUNDS),
    }
    work = Work(options.work / "compare", settings)
    gradients = work.gradients()
    count = options.models or 1
    models = [(name, *one) for name in COMPARED for one in held_out(name, count).items()]
    for condition in CONDITIONS:
        pictures = {}
        for name, label, true in models:
            one = Experiment.of(label, true, condition)
            found = {"mean": work.answer(one, "mean", np.copy, mean)}
            for network, (model, _) in networks.items():
                found[network] = work.answer(one, network, one.answer_of, model)
            answers = {n: found[n] for n in networks}
            for start, velocity in (starts | answers).items():
                method = f"inversion, {start} start"
                arguments = one.inverted, velocity, gradients, options.tv
                found[method] = work.answer(one, method, *arguments)
            pictures.setdefault(name, {"true": one.true} | found)
        draw(pictures, options, f"waveform_inversion_{condition}")
    training = {name: seconds for name, (_, seconds) in networks.items()}
    print("trained in: " + ", ".join(f"{name} {s:.0f} s" for name, s in training.items()))
    results = {"settings": settings | {"gradients": gradients}, "training_seconds": training}
    results["answers"] = work.rows
    header = ["condition", "method", *(f"{n}: MAE, SSIM, misfit, s" for n in COMPARED)]
    rows = list(compared_rows(work.rows))
    report("waveform_inversion_compare", results, header, rows, PACKAGES, options.out or RESULTS)


def compared_rows(answers: list[dict[str, Any]]) -> Iterator[list[str]]:
    """A row for each condition and method, means over the models of each set."""
    groups: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for answer in answers:
        sets = groups.setdefault((answer["condition"], answer["method"]), {})
        sets.setdefault(answer["model"].split()[0], []).append(answer)
    for (condition, method), sets in groups.items():
        scores = {name: means(chosen) for name, chosen in sets.items()}
        cells = {
            name: f"{s['mae']:.0f}, {s['ssim']:.2f}, {s['misfit']:.2g}, {s['seconds']:.1f}"
            for name, s in scores.items()
        }
        yield [CONDITIONS[condition], method, *(cells.get(name, "") for name in COMPARED)]


def draw(models: dict[str, dict[str, np.ndarray]], options: argparse.Namespace, name: str) -> None:
    """A row of velocity models for each set, the first of each, with their errors."""
    columns = len(next(iter(models.values())))
    figure = new_figure(1.7 * columns + 1, 2.1 * len(models))
    figure.get_layout_engine().set(h_pad=0.1)
    axes = figure.subplots(len(models), columns, squeeze=False, sharex=True, sharey=True)
    style = {"cmap": VELOCITY_MAP, "vmin": BOUNDS[0], "vmax": BOUNDS[1], "extent": (0, 700, 700, 0)}
    for row, (label, answers) in zip(axes, models.items(), strict=True):
        for panel, (method, velocity) in zip(row, answers.items(), strict=True):
            image = panel.imshow(velocity, interpolation="nearest", **style)
            error = (
                "" if method == "true" else f"\n{np.abs(velocity - answers['true']).mean():.0f} m/s"
            )
            panel.set_title(method.replace(", ", "\n") + error, fontsize=8)
        row[0].set_ylabel(f"{label}\ndepth (m)", fontsize=8)
    for panel in axes[-1]:
        panel.set_xlabel("x (m)", fontsize=8)
    figure.colorbar(image, ax=axes, label="velocity (m/s)", shrink=0.6, pad=0.01)
    folder = options.out or FIGURES
    folder.mkdir(parents=True, exist_ok=True)
    drawing = io.BytesIO()
    figure.savefig(drawing, dpi=90)
    # Half the size by 256 colors instead of all
    Image.open(drawing).convert("RGB").quantize().save(folder / f"{name}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", choices=("refine", "compare"), help="default: both")
    parser.add_argument("--work", type=Path, default=Path("runs/waveform_inversion"))
    parser.add_argument("--out", type=Path, help="for JSON and figures, instead of the checkout")
    parser.add_argument("--models", type=int, help="of each set; default 5 and 1")
    parser.add_argument("--evaluations", type=int, default=200, help="of each inversion, at most")
    parser.add_argument("--seconds", type=float, help="of each inversion; default 60 and 35")
    parser.add_argument("--model", type=Path, default=Path("runs/inversionnet_small/model.keras"))
    parser.add_argument("--pairs", type=int, default=200, help="of each family, to learn from")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--filters", type=int, default=8, help="width of the networks")
    parser.add_argument("--tv", type=float, default=0.003, help="total variation in noise")
    parser.add_argument("--cache-dir", type=Path, default=Path("cache"))
    options = parser.parse_args()
    for part in (refine, compare):
        if options.part in (None, part.__name__):
            part(options)


if __name__ == "__main__":
    main()
