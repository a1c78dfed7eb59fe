"""The referee of denoising: the preset beside other networks and every classical filter.

    python -m benchmarks.denoising            # 20 minutes on two cores, beside other work
    python -m benchmarks.denoising --quick    # a minute, to see whether it runs

Clean sections are clipped to their 99th percentile of nonzero absolute amplitudes and divided by
it; white noise of s dB has the deviation ``std(section) 10^(-s/20)``, all other noise meets its
level exactly; output dB is ``10 log10(sum clean^2 / sum (clean - estimate)^2)``, gain is output
minus input. White noise of 0 and 6 dB is on the whole field sections (NAMSS line, salt stack, an
inline of the 3-D stack); everything else on at most 256 x 256 samples of them, where they are
strongest, and on simulated sections of a seed that nothing was trained with. Sections without a
sample interval count as 4 ms.

Every classical filter, pydrr and pyseistr run with several settings, and **the best one on the
answer** counts, of each cell anew: nobody who does not know the answer does as well. The preset
gets the noisy section and nothing else; where traces are missing, ``keep_mute=False``. The
fine-tuned preset and the self-supervised network learn from the noisy section alone (blind
spots), at 0 dB of random noise. ConvDenoiser is the small network that ``train denoiser`` trains on
simulated sections with white noise of 0 dB.

Similarity is the mean local similarity of what was removed with the clean section: where it
exceeds that of the noise itself, signal went too. Finished answers are kept in the work folder,
so that the same command goes on where it was stopped; answers of another preset, of other
settings or of other sections are made again. pydrr and pyseistr are GPL and no dependency of
anything here: they are left out if they are not installed. Neither knows NumPy 2; the names that
they miss are put back here, and pyseistr is built for it by ``pip install --no-build-isolation
pyseistr`` with CFLAGS="-DNPY_IN_ARRAY=NPY_ARRAY_IN_ARRAY -fpermissive".
"""

import argparse
import contextlib
import dataclasses
import functools
import hashlib
import importlib
import io
import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

import keras_seismic as ks
from benchmarks._report import RESULTS, markdown, report
from keras_seismic.cli.train import denoiser as train_denoiser
from keras_seismic.files import write_text, written_whole
from keras_seismic.visualization import AMPLITUDE_MAP, new_figure

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
PACKAGES = ("keras_seismic", "keras", "tensorflow", "scipy", "numpy", "pydrr", "pyseistr")
SEED = 20_261_121  # far from those that anything was trained with
DT = 0.004  # s
LEVELS = (-6.0, 0.0, 6.0)  # dB
NOISES: dict[str, tuple[float, ...]] = {
    "white": LEVELS,
    "band_limited": LEVELS,
    "erratic": LEVELS,
    "swell": LEVELS,
    "linear": LEVELS,
    "missing": (0.3, 0.2, 0.1),  # of the traces
}
RANDOM = ("white", "band_limited", "erratic")
PRESET, TUNED = "preset", "preset, fine-tuned"
SMALL, BLIND = "ConvDenoiser", "ConvDenoiser, self-supervised"
PRESET_NAME = "blind_denoiser"
Setting = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A noisy section, and the answer."""

    section: str
    noise: str
    level: float
    clean: np.ndarray
    whole: bool = False

    @functools.cached_property
    def noisy(self) -> np.ndarray:
        return ks.noise.add_noise(self.clean, (self.noise, self.level), dt=DT, seed=SEED)

    @functools.cached_property
    def noise_similarity(self) -> float:
        """Of the noise itself with the section: what chance makes of it."""
        return similarity(self.noisy - self.clean, self.clean)

    @property
    def is_random(self) -> bool:
        return self.noise in RANDOM

    @property
    def name(self) -> str:
        level = f"{self.level:.0%}" if self.noise == "missing" else f"{self.level:+.0f} dB"
        return f"{self.section}, {self.noise} {level}{', whole' * self.whole}"

    def scores(self, estimate: np.ndarray) -> dict[str, float]:
        clean = self.clean.astype(np.float64)
        output, before = (decibels(clean, x) for x in (estimate, self.noisy))
        return {
            "snr_db": output,
            "gain_db": output - before,
            "amplitude": float(np.sum(clean * estimate) / np.sum(clean**2)),
            "similarity": similarity(self.noisy - estimate, self.clean),
            "noise_similarity": self.noise_similarity,
        }


def decibels(clean: np.ndarray, estimate: np.ndarray) -> float:
    error = np.sum((clean - estimate) ** 2, dtype=np.float64)
    return float(10 * np.log10(np.sum(clean**2, dtype=np.float64) / max(error, 1e-30)))


def similarity(removed: np.ndarray, clean: np.ndarray) -> float:
    return float(ks.denoising.local_similarity(removed, clean, iterations=15).mean())


def field_sections() -> dict[str, np.ndarray]:
    """Those of the folder of real data, raw amplitudes."""
    shared = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("KERAS_SEISMIC_DATA", shared))
    files = {
        "NAMSS line": ("field_line_namss_88-22-V.segy", None),
        "salt stack": ("field_stack_salt.npy", None),
        "3-D stack": ("field_stack_3d.npy", 5),
    }
    found = {}
    for name, (file, line) in files.items():
        if (folder / file).is_file():
            found[name] = ks.io.read_section(folder / file, line).amplitude
        else:
            print(f"left out: {folder / file}: no such file; set KERAS_SEISMIC_DATA to its folder")
    return found


def cells(quick: bool) -> Iterator[Cell]:
    """Every section with every noise."""
    normalized = ks.datasets.normalize_section
    field = {} if quick else field_sections()
    for (name, section), level in itertools.product(field.items(), (0.0, 6.0)):
        yield Cell(name, "white", level, normalized(section), whole=True)
    parts = {name: normalized(section[strongest(section)]) for name, section in field.items()}
    count = 1 if quick else 2
    for i, section in enumerate(ks.simulation.sample_sections(count, SEED)):
        part = section[:96, :96] if quick else section
        parts[f"simulated {i + 1}"] = normalized(part)
    for noise, levels in NOISES.items():
        for (name, clean), level in itertools.product(parts.items(), levels):
            whole_too = name in field and noise == "white" and level != -6
            if not whole_too and not (quick and level not in (0.0, 0.2)):
                yield Cell(name, noise, level, clean)


def strongest(section: np.ndarray, size: int = 256) -> tuple[slice, slice]:
    """The window in which the section is strongest, single peaks aside."""
    n, m = (min(size, length) for length in section.shape)
    strength = np.abs(ks.datasets.normalize_section(section))
    sums = np.pad(strength.cumsum(axis=0, dtype=np.float64).cumsum(axis=1), ((1, 0), (1, 0)))
    total = sums[n:, m:] - sums[:-n, m:] - sums[n:, :-m] + sums[:-n, :-m]
    row, column = (int(i) for i in np.unravel_index(total.argmax(), total.shape))
    return slice(row, row + n), slice(column, column + m)


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A way to denoise.

    Args:
        name: For the tables.
        solve: The estimate for a noisy section and a setting.
        settings: Those it is tried with; the best on the answer counts.
        key: Whatever else its answers depend on.
        learns: Whether it is trained anew for every cell, so that only some can be had.
    """

    name: str
    solve: Callable[..., np.ndarray]
    settings: tuple[Setting, ...] = ((),)
    key: str = ""
    learns: bool = False


def candidates(options: argparse.Namespace) -> list[Candidate]:
    """All that are there."""
    small = options.quick
    training = {"patches": 640, "epochs": 1} if small else {}
    small_run = options.work / f"conv_denoiser{'_quick' * small}"
    if not (small_run / "model.keras").is_file():
        train_denoiser(small_run, **training, overwrite=small_run.exists())
    network = ks.inference.load_model(small_run / "model.keras")
    weights = b"".join(w.tobytes() for w in network.get_weights())
    blind = (200, 1) if small else (3000, 4)
    tuned = 2 if small else 60
    made = preset_fingerprint(options.stand_in)
    preset = _stand_in if options.stand_in else functools.partial(ks.denoise, progress=False)
    steps = f"{made} {tuned} steps"
    found = [
        Candidate(PRESET, preset, key=made),
        Candidate(TUNED, lambda y: fine_tuned(y, tuned), key=steps, learns=True),
        Candidate(BLIND, lambda y: self_supervised(y, *blind), key=str(blind), learns=True),
        Candidate(SMALL, denoised_by(network), key=digest(weights)),
        *classical(),
        *peers(),
    ]
    if options.stand_in:
        found = [one for one in found if one.name != TUNED]
    if small:
        found = [dataclasses.replace(one, settings=one.settings[-2:]) for one in found]
    return found


def denoised_by(model: keras.Model) -> Callable[..., np.ndarray]:
    return functools.partial(ks.denoise, model=model, progress=False)


def classical() -> Iterator[Candidate]:
    """The package's filters, and the Gaussian one."""
    filters = ks.denoising
    sizes = (0, 0.5, 0.7, 1, 1.5, 2), (0.7, 1, 1.5, 2, 3, 5, 8)
    yield Candidate("Gaussian filter", lambda y, *size: gaussian_filter(y, size), settings(*sizes))
    yield Candidate(
        "f-x deconvolution",
        lambda y, length, weight, window, band: filters.fx_deconvolution(
            y, length, weight, window, band=band, dt=DT
        ),
        (
            (4, 0.01, (64, 32), None),
            (4, 0.01, (32, 16), (0, 60)),
            (2, 0.5, (128, 64), None),
            (4, 0.01, (128, 64), (0, 60)),
            (4, 0.01, (32, 16), None),
        ),
    )
    yield Candidate(
        "Cadzow",
        lambda y, rank, damping, window, band: filters.cadzow(
            y, rank, damping, window=window, band=band, dt=DT
        ),
        (
            (4, 1.5, (64, 24), (0, 60)),
            (2, 1.5, (32, 12), None),
            (4, 1.5, (32, 12), (0, 60)),
            (2, 2, (64, 24), None),
            (1, 1.5, (128, 48), None),
            (4, 3, (64, 24), (0, 60)),
        ),
    )
    yield Candidate(
        "structural median",
        lambda y, traces, smoothing: filters.structural_median(y, traces, smoothing=smoothing),
        ((11, (3, 3)), (3, (25, 25)), (11, (25, 25)), (5, (6, 6))),
    )
    slopes = (0.25, 0.5, 1, 2, 4)
    yield Candidate(
        "f-k dip filter",
        lambda y, steepest: filters.dip_filter(y, (-steepest, steepest)),
        settings(slopes),
    )
    bands = (0, 5, 8), (30, 45, 60, 90, 125)
    yield Candidate(
        "band pass", lambda y, low, high: filters.band_pass(y, (low, high), DT), settings(*bands)
    )


def settings(*values: Iterable[float]) -> tuple[Setting, ...]:
    """All combinations."""
    return tuple(itertools.product(*values))


def peers() -> Iterator[Candidate]:
    """The peers that are there, with the names that NumPy 2 dropped."""
    for name, kept in {"complex_": np.complex128, "mat": np.asmatrix, "int": int}.items():
        if name not in np.__dict__:
            setattr(np, name, kept)
    if pydrr := installed("pydrr"):
        yield Candidate(
            "pydrr (drr3d_win)",
            lambda y, rank, damping, n, m: pydrr.drr3d_win(
                y, 0, 0.5 / DT, DT, rank, damping, 0, n, m, 1, 0.5, 0.5, 0.5
            ),
            ((4, 2, 64, 24), (2, 2, 64, 24)),
        )
    if pyseistr := installed("pyseistr"):
        yield Candidate(
            "pyseistr (somean2d, somf2d)",
            functools.partial(_along_structure, pyseistr),
            (("mean", 2), ("mean", 4), ("median", 2), ("median", 4)),
        )


def _along_structure(pyseistr: Any, noisy: np.ndarray, kind: str, reach: int) -> np.ndarray:
    slope = pyseistr.dip2dc(noisy, rect=[10, 10, 1], verb=0)
    if kind == "mean":
        return pyseistr.somean2dc(noisy, slope, reach, 2, 0.01, verb=0)
    return pyseistr.somf2dc(noisy, slope, reach, 2, 0.01, 1, verb=0)


def installed(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        print(f"left out: {package}, which is not installed")
        return None


def _stand_in(noisy: np.ndarray, **_: Any) -> np.ndarray:
    return gaussian_filter(noisy, (0.7, 1.5))


def preset_fingerprint(stand_in: bool) -> str:
    """What tells one version of the preset from another."""
    if stand_in:
        return "a Gaussian filter"
    return digest(b"".join(w.tobytes() for w in ks.load_preset(PRESET_NAME).get_weights()))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def fine_tuned(noisy: np.ndarray, steps: int) -> np.ndarray:
    """The preset after some more steps on the noisy section alone."""
    keras.utils.set_random_seed(SEED)
    model = ks.load_preset(PRESET_NAME)
    network = ks.models.BlindDenoiser(model.network.filters, odd=False)  # half the time
    network.set_weights(model.network.get_weights())
    patches = ks.datasets.BlindSpotPatches(
        [noisy], 64, 16 * steps, model.input_normalization, pixel_fraction=0.02
    )
    network.compile(keras.optimizers.Adam(5e-5), "mean_squared_error", jit_compile=False)
    network.fit(patches.dataset(16), epochs=1, verbose=0)
    model.network.set_weights(network.get_weights())
    return denoised_by(model)(noisy)


def self_supervised(noisy: np.ndarray, count: int, epochs: int) -> np.ndarray:
    """The small network by blind spots, as ``train denoiser --self-supervised`` trains it."""
    keras.utils.set_random_seed(SEED)
    normalization = ks.layers.SectionNormalization("percentile", percentile=99.5)
    patches = ks.datasets.BlindSpotPatches([noisy], 28, count, normalization)
    network = ks.models.ConvDenoiser()
    network.compile(keras.optimizers.Adam(1e-3), "mean_squared_error", jit_compile=False)
    network.fit(patches.dataset(64), epochs=epochs, verbose=0)
    model = ks.models.with_physical_units(network, normalization)
    return denoised_by(model)(noisy)


class Work:
    """Finished answers in a folder: a row of numbers each, and some estimates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def answer(self, cell: Cell, candidate: Candidate) -> dict[str, Any]:
        """The best of a candidate's settings, scored and kept; read if it is there."""
        name = f"{cell.name}-{candidate.name}".replace(" ", "_").replace(",", "")
        path = self.folder / f"{name.replace('%', '')}.json"
        key = [candidate.key, repr(candidate.settings), digest(cell.noisy.tobytes())]
        row = json.loads(path.read_text()) if path.exists() else {}
        if row.get("key") == key and self.estimate_path(path).exists() == cell.whole:
            return row
        best: dict[str, Any] = {}
        for setting in candidate.settings:
            start = time.perf_counter()
            estimate = solved(candidate, cell, setting)
            seconds = time.perf_counter() - start
            output = decibels(cell.clean, estimate)
            if not best or output > best["snr_db"]:
                best = {"snr_db": output, "estimate": estimate, "setting": setting}
                best["seconds"] = seconds
        estimate = best.pop("estimate")
        labels = {"section": cell.section, "noise": cell.noise, "level": cell.level}
        labels |= {"whole": cell.whole, "candidate": candidate.name}
        row = labels | best | cell.scores(estimate) | {"key": key}
        if cell.whole:  # for the figures
            with written_whole(self.estimate_path(path)) as partial, partial.open("wb") as file:
                np.save(file, estimate.astype(np.float32))
        write_text(path, json.dumps(row) + "\n")
        print(
            f"{time.strftime('%H:%M:%S')} {cell.name:40} {candidate.name:28} "
            f"{row['gain_db']:+6.2f} dB, {best['seconds']:5.1f} s",
            flush=True,
        )
        return row | {"setting": list(row["setting"])}

    def estimate(self, cell: Cell, candidate: str) -> np.ndarray:
        name = f"{cell.name}-{candidate}".replace(" ", "_").replace(",", "")
        return np.load(self.estimate_path(self.folder / f"{name}.json"))

    @staticmethod
    def estimate_path(path: Path) -> Path:
        return path.with_suffix(".npy")


def solved(candidate: Candidate, cell: Cell, setting: Setting) -> np.ndarray:
    options = {"keep_mute": False} if candidate.name in (PRESET, SMALL) else {}
    if cell.noise != "missing":
        options = {}
    with contextlib.redirect_stdout(io.StringIO()):  # the peers' own lines
        estimate = np.squeeze(candidate.solve(cell.noisy, *setting, **options))
    if estimate.shape != cell.clean.shape or not np.isfinite(estimate).all():
        raise RuntimeError(f"{cell.name}: {candidate.name} {setting}: no section came back")
    return estimate


def means(rows: Iterable[dict[str, Any]], key: str) -> float:
    values = [row[key] for row in rows]
    return float(np.mean(values)) if values else float("nan")


def shown(value: float, digits: int = 1) -> str:
    return "" if np.isnan(value) else f"{value:.{digits}f}"


def whole_rows(rows: list[dict[str, Any]], names: list[str]) -> tuple[list[str], list[list[str]]]:
    """Output dB on whole field sections, and the amplitude that the signal keeps."""
    sections = list(dict.fromkeys(row["section"] for row in rows if row["whole"]))
    header, table = ["output dB"], [[name] for name in names]
    for level in (0.0, 6.0):
        columns = [*sections, "mean", "amplitude"]
        header += [f"{name}, {level:.0f} dB" for name in columns]
        for line in table:
            own = [
                row
                for row in rows
                if row["whole"] and row["level"] == level and row["candidate"] == line[0]
            ]
            by_section = {row["section"]: shown(row["snr_db"]) for row in own}
            line += [by_section.get(section, "") for section in sections]
            line += [shown(means(own, "snr_db")), shown(means(own, "amplitude"), 2)]
    return header, table


def gain_rows(rows: list[dict[str, Any]], names: list[str]) -> Iterator[list[str]]:
    """Mean gain over the sections, a row for each noise and level."""
    for noise, levels in NOISES.items():
        for level in levels:
            own = [row for row in rows if (row["noise"], row["level"]) == (noise, level)]
            gains = [means((r for r in own if r["candidate"] == name), "gain_db") for name in names]
            if own:
                best = np.nanmax(gains)
                label = f"{level:.0%}" if noise == "missing" else f"{level:.0f} dB"
                cells = [f"**{g:.1f}**" if g == best else shown(g) for g in gains]
                yield [f"{noise}, {label}", *cells]


def quality_rows(rows: list[dict[str, Any]], names: list[str]) -> Iterator[list[str]]:
    """Over the cells that every candidate answered."""
    common = [row for row in rows if row["noise"] in RANDOM and row["level"] == 0]
    for name in names:
        own = [row for row in common if row["candidate"] == name]
        keys = {"gain_db": 1, "amplitude": 2, "similarity": 2, "seconds": 1}
        yield [name, *(shown(means(own, key), digits) for key, digits in keys.items())]
    of_noise = [row for row in common if row["candidate"] == PRESET]
    yield ["the noise itself", "", "", shown(means(of_noise, "noise_similarity"), 2), ""]


def losses(rows: list[dict[str, Any]]) -> tuple[dict[str, Any], list[list[str]]]:
    """How often the preset is first among those that are not made of it, and where it is not."""
    grouped: dict[tuple[str, str, float, bool], dict[str, float]] = {}
    for row in rows:
        place = row["section"], row["noise"], row["level"], row["whole"]
        if row["candidate"] != TUNED:
            grouped.setdefault(place, {})[row["candidate"]] = row["gain_db"]
    table, first, count = [], {True: 0, False: 0}, {True: 0, False: 0}
    for (section, noise, level, whole), gains in grouped.items():
        random, winner = noise in RANDOM, max(gains, key=gains.__getitem__)
        count[random] += 1
        first[random] += winner == PRESET
        if winner != PRESET:
            where = f"{section}{', whole' * whole}"
            label = f"{level:.0%}" if noise == "missing" else f"{level:.0f} dB"
            numbers = shown(gains[PRESET]), winner, shown(gains[winner])
            table.append([f"{noise}, {label}", where, *numbers])
    found = {"random": [first[True], count[True]], "other": [first[False], count[False]]}
    return found, table


def draw(work: Work, cell: Cell, rows: list[dict[str, Any]], folder: Path) -> None:
    """Clean, noisy, the preset, the best classical filter, what both removed, in part."""
    own = [row for row in rows if row["whole"] and row["section"] == cell.section]
    own = [row for row in own if row["level"] == cell.level]
    scores = {row["candidate"]: row["snr_db"] for row in own}
    networks = (PRESET, TUNED, SMALL, BLIND)
    rival = max((name for name in scores if name not in networks), key=scores.__getitem__)
    estimates = {name: work.estimate(cell, name) for name in (PRESET, rival)}
    panels = {"clean": cell.clean, "noisy": cell.noisy}
    panels |= {f"{name}, {scores[name]:.1f} dB": estimates[name] for name in estimates}
    panels |= {f"removed: {name}": cell.noisy - estimates[name] for name in estimates}
    figure = new_figure(11, 7.2)
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    rows_shown, traces_shown = part = strongest(cell.clean, 400)
    extent = (traces_shown.start, traces_shown.stop, rows_shown.stop * DT, rows_shown.start * DT)
    style = {"extent": extent, "aspect": "auto", "vmin": -1, "vmax": 1}
    order = [0, 2, 3, 1, 4, 5]
    for panel, i in zip(axes.ravel(), order, strict=True):
        title, section = list(panels.items())[i]
        panel.imshow(section[part], cmap=AMPLITUDE_MAP, **style)
        panel.set_title(title, fontsize=9)
    for panel in axes[:, 0]:
        panel.set_ylabel("time (s)")
    for panel in axes[1]:
        panel.set_xlabel("trace")
    drawing = io.BytesIO()
    figure.savefig(drawing, dpi=75)
    folder.mkdir(parents=True, exist_ok=True)
    name = cell.section.lower().replace(" ", "_").replace("-", "")
    # Twelve shades of gray are enough, and noise does not compress
    image = Image.open(drawing).convert("L").quantize(12)
    image.save(folder / f"denoising_{name}.png", optimize=True)


def speed(folder: Path) -> dict[str, float]:
    """Seconds of the preset for 1000 x 1000 samples, the best of three."""
    section = np.random.default_rng(SEED).standard_normal((1000, 1000)).astype(np.float32)
    path = folder / "preset.onnx"
    path.unlink(missing_ok=True)
    ks.exporting.export_onnx(ks.load_preset("blind_denoiser"), path)
    seconds = {}
    for name, model in (("Keras", None), ("ONNX Runtime", ks.inference.load_predictor(path))):
        times = []
        for _ in range(4):
            start = time.perf_counter()
            ks.denoise(section, model, progress=False)
            times.append(time.perf_counter() - start)
        seconds[name] = min(times[1:])
        print(f"1000 x 1000 samples in {name}: {seconds[name]:.1f} s")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("runs/denoising"))
    parser.add_argument("--out", type=Path, help="for JSON and figures, instead of the checkout")
    parser.add_argument("--quick", action="store_true", help="a few small cells")
    parser.add_argument("--only", default="", help="cells whose name contains this")
    parser.add_argument("--stand-in", action="store_true", help="a Gaussian filter as the preset")
    options = parser.parse_args()
    work = Work(options.work / ("quick" if options.quick else "answers"))
    start = time.perf_counter()
    competing = candidates(options)
    rows, drawn = [], []
    chosen = [cell for cell in cells(options.quick) if options.only in cell.name]
    if not chosen:
        raise SystemExit(f"--only: no cell has {options.only!r} in its name")
    for cell in chosen:
        for candidate in competing:
            if not candidate.learns or (cell.is_random and cell.level == 0):
                rows.append(work.answer(cell, candidate))
        if cell.whole and cell.level == 0:
            drawn.append(cell)
    for cell in drawn:
        draw(work, cell, rows, options.out or (options.work if options.stand_in else FIGURES))
    names = [one.name for one in competing]
    wins, lost = losses(rows)
    print("\nGain in dB, mean over the sections; bold: the best\n")
    gains = ["noise", *names], list(gain_rows(rows, names))
    print(markdown(*gains))
    print("\nRandom noise of 0 dB\n")
    columns = ("gain, dB", "amplitude of the signal", "similarity of the removed", "seconds")
    print(markdown(["candidate", *columns], list(quality_rows(rows, names))))
    print(
        "\nThe preset is first in {} of {} cells of random noise (white, band-limited, erratic), "
        "in {} of {} others; where it is not:\n".format(*wins["random"], *wins["other"])
    )
    print(markdown(["noise", "section", "preset", "best", "its gain"], lost))
    print(f"\nWhite noise on whole sections; all of it took {time.perf_counter() - start:.0f} s\n")
    kept = [{k: v for k, v in row.items() if k != "key"} for row in rows]
    results = {"first": wins, "stand_in": options.stand_in, "cells": kept}
    results["seconds_for_1000_x_1000"] = {} if options.stand_in else speed(work.folder)
    header, table = whole_rows(rows, names) if drawn else gains
    partial = options.quick or options.only or options.stand_in
    folder = options.out or (options.work if partial else RESULTS)
    report("denoising", results, header, table, PACKAGES, folder)


if __name__ == "__main__":
    main()
