"""The commands that go on from an inspection."""

import shlex
from pathlib import Path

from keras_seismic.inspection.content import Content
from keras_seismic.inspection.report import ArrayReport

#: What programs read as it is.
_TRACE_FILES = (".segy", ".sgy", ".su")


def next_steps(path: Path, content: Content, arrays: list[ArrayReport]) -> list[str]:
    """Commands for a file, most useful first.

    Args:
        path: The file.
        content: What it holds.
        arrays: What is known of its arrays.
    """
    steps = list(content.next_steps)
    for array in arrays:
        if array.kind in _BY_KIND and array.values.get("nan", 0) + array.values.get("infinite", 0):
            steps.append(_save(path, array, "numpy.nan_to_num(array)"))
        elif array.kind in _BY_KIND:
            steps += _BY_KIND[array.kind](path, array)
    return list(dict.fromkeys(steps))


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


def _programs_read(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes


def _section(path: Path, array: ArrayReport) -> list[str]:
    if array.axes == ("trace", "time"):
        return [_save(path, array, "array.T")]
    if array.axes == ("patch", "time", "trace", "channel"):
        return [_save(path, array, "array[0, ..., 0]") + "  # one patch"]
    if not _programs_read(path, (*_TRACE_FILES, ".npy")):
        return [_save(path, array, "array")]
    quoted, stem = shlex.quote(str(path)), shlex.quote(path.stem)
    dt = "" if array.dt else " --dt 0.004"
    return [
        f"python -m train.denoiser --section {quoted} --out runs/{stem}  # taken as clean",
        f"python -m train.denoiser --section {quoted} --self-supervised --out runs/{stem}_blind"
        "  # as noisy as it is",
        f"python -m train.deconvolution --section {quoted}{dt} --out runs/{stem}_spikes",
        f"python -m export.predict runs/denoiser/model.keras {quoted} {stem}_clean{path.suffix}",
        f"python -m train.evaluate runs/denoiser/model.keras {quoted} --out runs/{stem}_scores",
    ]


def _cube(path: Path, array: ArrayReport) -> list[str]:
    if array.axes[0] != "time":
        return [_save(path, array, f"numpy.moveaxis(array, {array.axes.index('time')}, 0)")]
    if path.suffix.lower() != ".npy":
        return [_save(path, array, "array")]
    quoted, line = shlex.quote(str(path)), array.shape[2] // 2
    return [
        f"python -m train.evaluate runs/denoiser/model.keras {quoted} --line {line} "
        f"--out runs/{shlex.quote(path.stem)}_scores",
        _save(path, array, f"array[:, :, {line}]") + "  # a line for --section",
    ]


def _velocity(path: Path, array: ArrayReport) -> list[str]:
    expression = "array"
    if array.units.startswith("km/s"):
        expression = "1000 * array"
    if array.units.startswith("normalized"):
        return []
    if "channel" in array.axes:
        expression += f".squeeze({array.axes.index('channel')})"
    if any("transpose it" in warning for warning in array.warnings):
        expression += ".swapaxes(-1, -2)"
    if expression != "array" or path.suffix.lower() != ".npy":
        return [_save(path, array, expression)]
    return [
        f"python -m train.evaluate runs/demo/model.keras {shlex.quote(str(path))} "
        f"--out runs/{shlex.quote(path.stem)}_scores  # on a 10 m grid"
    ]


def _gathers(path: Path, array: ArrayReport) -> list[str]:
    order = {
        ("record", "shot", "time", "receiver"): "numpy.moveaxis(array, 1, -1)",
        ("shot", "time", "receiver"): "numpy.moveaxis(array, 0, -1)[None]",
        ("time", "receiver", "shot"): "array[None]",
        ("record", "time", "receiver", "shot"): "array",
    }.get(array.axes)
    if _programs_read(path, _TRACE_FILES):
        return [f">>> line = keras_seismic.gathers.read_shot_gathers({str(path)!r})"]
    if order is None or not _programs_read(path, (".npy", ".npz", ".mat", ".h5", ".hdf5")):
        return []
    return [
        f">>> array = {_load(path, array)}; gathers = {order}  # (records, time, receivers, shots)",
        ">>> predict = keras_seismic.inference.load_predictor('runs/demo/model.keras')",
        ">>> velocity = predict(gathers[:8])",
    ]


_BY_KIND = {"section": _section, "cube": _cube, "velocity": _velocity, "shot gathers": _gathers}
