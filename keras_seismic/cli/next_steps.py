"""From the results of an inspection to the commands to run next."""

import shlex
from collections.abc import Callable
from pathlib import Path

from keras_seismic.inference.gather_inverter import PRESET
from keras_seismic.inspection import Inspection
from keras_seismic.inspection.report import ArrayReport
from keras_seismic.models import presets

#: Pre-stack lines and sections that programs read as they are.
_TRACE_FILES = (".segy", ".sgy", ".su")

#: Most folders to suggest.
_FOLDERS = 16

#: Where the examples in README.md leave their models.
_INVERSION, _DENOISER = "runs/demo/model.keras", "runs/denoiser/model.keras"


def next_steps(report: Inspection) -> list[str]:
    """Commands, and Python after ``>>>``, most useful first.

    Args:
        report: Of a file or folder; there are no steps for an unreadable one.
    """
    if not report.readable:
        return []
    path = Path(report.path)
    steps = _BY_REPORT[report.kind](path, report) if report.kind in _BY_REPORT else []
    for array in report.arrays:
        if array.kind not in _BY_KIND:
            continue
        if array.values.get("nan", 0) + array.values.get("infinite", 0):
            steps.append(_save(path, array, "numpy.nan_to_num(array)"))
        else:
            steps += _BY_KIND[array.kind](path, array)
    return list(dict.fromkeys(steps))


def command(*words: str | Path, comment: str = "") -> str:
    """A line for the shell: ``keras-seismic``, its arguments, and a comment."""
    line = shlex.join(["keras-seismic", *map(str, words)])
    return f"{line}  # {comment}" if comment else line


def _model(path: Path, report: Inspection) -> list[str]:
    predict = command("predict", "INPUT", "OUTPUT", "--model", path)
    if path.suffix != ".keras":
        return [predict]
    folder = path.absolute().parent
    if path.name == "best.keras":  # a bare network; the run's model.keras knows its units
        return [command("inspect", folder)]
    name = folder.name if path.name == "model.keras" else path.stem
    return [
        command("evaluate", path, "INPUT", "--out", f"runs/{name}_scores"),
        predict,
        command("export", "onnx", path, path.with_suffix(".onnx")),
    ]


def _run(path: Path, report: Inspection) -> list[str]:
    model = path / "model.keras"
    return _model(model, report) if model.is_file() else []


def _pairs(path: Path, report: Inspection) -> list[str]:
    if len(report.folders) > 1:
        return _folders(path, report)
    data = report.folders[0] if report.folders else path
    family = report.family
    out = f"runs/{family or path.absolute().stem}"
    return [
        command(
            *("train", "time-depth-unet", "--data", data, "--family", family or "FAMILY"),
            *("--out", out),
        )
    ]


def _folders(path: Path, report: Inspection) -> list[str]:
    return [command("inspect", folder) for folder in report.folders[:_FOLDERS]]


_BY_REPORT: dict[str, Callable[[Path, Inspection], list[str]]] = {
    "model": _model,
    "run": _run,
    "pairs": _pairs,
    "folder": _folders,
}


def _load(path: Path, array: ArrayReport) -> str:
    """Python that loads the array."""
    suffix, name = path.suffix.lower(), str(path)
    if suffix == ".npz":
        return f"numpy.load({name!r}, allow_pickle=False)[{array.name!r}]"
    if suffix in (".mat", ".h5", ".hdf5"):
        if "HDF5" not in array.container:
            return f"scipy.io.loadmat({name!r})[{array.name!r}]"
        turned = ".T" if "MATLAB" in array.container else ""
        return f"h5py.File({name!r})[{array.name!r}][:]{turned}"
    if suffix == ".npy":
        return f"numpy.load({name!r}, allow_pickle=False)"
    return f"keras_seismic.io.read_section({name!r}).amplitude"


def _save(path: Path, array: ArrayReport, expression: str) -> str:
    """Python that saves a changed array as .npy, which programs read."""
    target = f"{path.stem}_{array.name}.npy" if array.name else f"{path.stem}_new.npy"
    return f">>> array = {_load(path, array)}; numpy.save({target!r}, {expression})"


def _section(path: Path, array: ArrayReport) -> list[str]:
    if array.axes == ("trace", "time"):
        return [_save(path, array, "array.T")]
    if array.axes == ("patch", "time", "trace", "channel"):
        return [_save(path, array, "array[0, ..., 0]") + "  # one patch"]
    if path.suffix.lower() not in (*_TRACE_FILES, ".npy"):
        return [_save(path, array, "array")]
    out, dt = f"runs/{path.stem}", () if array.dt else ("--dt", "0.004")
    denoise = ("train", "denoiser", "--section", path)
    return [
        command(*denoise, "--out", out, comment="if it is clean"),
        command(*denoise, "--self-supervised", "--out", f"{out}_blind", comment="if it is noisy"),
        command("train", "deconvolution", "--section", path, *dt, "--out", f"{out}_spikes"),
        command("predict", path, f"{path.stem}_clean{path.suffix}", "--model", _DENOISER),
        command("evaluate", _DENOISER, path, "--out", f"{out}_scores"),
    ]


def _cube(path: Path, array: ArrayReport) -> list[str]:
    if array.axes[0] != "time":
        return [_save(path, array, f"numpy.moveaxis(array, {array.axes.index('time')}, 0)")]
    if path.suffix.lower() != ".npy":
        return [_save(path, array, "array")]
    line, scores = array.shape[2] // 2, f"runs/{path.stem}_scores"
    return [
        command("predict", path, f"{path.stem}_clean.npy", "--model", _DENOISER),
        command("evaluate", _DENOISER, path, "--line", str(line), "--out", scores),
        _save(path, array, f"array[:, :, {line}]") + "  # one line, to train on",
    ]


def _velocity(path: Path, array: ArrayReport) -> list[str]:
    expression = "array"
    if array.units.startswith("normalized"):
        return []
    if array.units.startswith("km/s"):
        expression = "1000 * array"
    if "channel" in array.axes:
        expression += f".squeeze({array.axes.index('channel')})"
    if any("transpose it" in warning for warning in array.warnings):
        expression += ".swapaxes(-1, -2)"
    if expression != "array" or path.suffix.lower() != ".npy":
        return [_save(path, array, expression)]
    scores = f"runs/{path.stem}_scores"
    return [
        command("evaluate", _INVERSION, path, "--out", scores, comment="on a 10 m grid"),
        command("simulate", path, f"{path.stem}_gathers.npy"),
    ]


def _gathers(path: Path, array: ArrayReport) -> list[str]:
    if array.axes[-3:] not in (("shot", "time", "receiver"), ("time", "receiver", "shot")):
        if path.suffix.lower() not in _TRACE_FILES:
            return []
    elif path.suffix.lower() not in (".npy", *_TRACE_FILES):
        return [_save(path, array, "array")]
    velocity = f"{path.stem}_velocity.npy"
    own = command("predict", path, velocity, "--model", _INVERSION)
    preset = command("predict", path, velocity, comment="if its acquisition is OpenFWI's")
    return [preset, own] if PRESET in presets() else [own]


_BY_KIND: dict[str, Callable[[Path, ArrayReport], list[str]]] = {
    "section": _section,
    "cube": _cube,
    "velocity": _velocity,
    "shot gathers": _gathers,
}
