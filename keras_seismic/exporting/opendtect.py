"""Bundles for OpendTect: an ONNX graph and the HDF5 description that its Python side reads.

The description is that of https://github.com/OpendTect/dgbpy (``hdf5.py``, ``dgbonnx.py``).
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from keras_seismic.exporting.exportable import checked_examples, checked_model
from keras_seismic.exporting.onnx.export import export_onnx
from keras_seismic.exporting.parity import RELATIVE_TOLERANCE, ParityError, example_inputs
from keras_seismic.files import check_replaceable, placed
from keras_seismic.inference.digests import seal
from keras_seismic.inference.model_card import ModelCard
from keras_seismic.inference.predictors import Predictor, import_onnxruntime, predict
from keras_seismic.models.physical_units import without_spread

#: The newest that onnx 1.13 and ONNX Runtime 1.14 read, which OpendTect is tested with.
OPSET, IR_VERSION = 17, 8

#: The dataset whose attributes are the description.
_DESCRIPTION = "++info++"

#: What the description says of every bundle; an image in, an image out, nothing scaled outside.
_FIXED = {
    "Type": "Seismic Image Transformation",
    "Content": "Continuous Data",
    "Model.Type": "onnx",
    "Version": "1",
    "Edge extrapolation": "No",
    "Input.Scaling.Type": "None",
    "Output.Unscale": "No",
    "Examples.Size": "1",
    "Examples.0.Size": "1",
    "Input.Size": "1",
    "Input.0.Size": "1",
    "Model.Output.Size": "1",
}

#: What it may say as it likes.
_NAMES = (
    "Model.Name", "Examples.0.Name", "Examples.0.Survey", "Examples.0.Target",
    "Examples.0.0.Name", "Examples.0.0.ID", "Input.0.Name", "Input.0.Survey", "Input.0.0.Name",
    "Input.0.0.ID", "Model.Output.0.Name",
)  # fmt: skip

#: Traces and samples of the piece proposed for a model that takes any.
_PIECE = 128


def export_opendtect(
    model: keras.Model,
    folder: str | os.PathLike[str],
    inputs: np.ndarray | None = None,
    overwrite: bool = False,
    card: ModelCard | None = None,
) -> Path:
    """Write a model that maps sections to sections for OpendTect, checked against the model.

    ``folder/NAME.h5`` describes the model and ``folder/NAME.onnx`` computes it, NAME being the
    folder's; OpendTect expects both side by side. The graph takes raw amplitudes
    ``(batch, 1, traces, time)``, an image per line as OpendTect passes them, any number of traces
    and samples if the model does, and keeps to operator set 17. OpendTect reads one output: of a
    model with a spread, the first.

    Args:
        model: A denoiser or any other model of ``(batch, time, traces, 1)``, such as
            ``ks.load_preset("blind_denoiser")``.
        folder: Where both files go; its name, in ASCII, becomes the model's name.
        inputs: Sections to check the bundle with; by default ``example_inputs(model)``.
        overwrite: Replace existing files.
        card: For the graph's metadata, by default ``ModelCard.of(model)``.

    Returns:
        The path of the ``.h5`` file, the one to open.

    Raises:
        FileExistsError: If there is one of the files and ``overwrite`` is false.
        ImportError: If onnxruntime is not installed.
        ParityError: If the bundle differs from the model. Nothing is left behind.
        RuntimeError: If Keras runs on another backend than TensorFlow.
        ValueError: If the model is of another kind, the name cannot be written, or the inputs do
            not fit.

    Example:
        >>> export_opendtect(model, "F3/denoiser")  # doctest: +SKIP
        PosixPath('F3/denoiser/denoiser.h5')
    """
    name = Path(folder).absolute().name
    if not name.isascii() or not name.isprintable() or "`" in name or not name:
        raise ValueError(
            f"export_opendtect: the folder's name becomes the model's and must be ASCII without "
            f"backticks, received {name!r}"
        )
    model = without_spread(checked_model(model, "export_opendtect"))
    shapes = tuple(model.inputs[0].shape[1:]), tuple(model.outputs[0].shape[1:])
    if any(len(shape) != 3 or shape[-1] != 1 for shape in shapes) or shapes[0] != shapes[1]:
        raise ValueError(
            "export_opendtect: expected a model of sections (time, traces, 1) that keeps their "
            f"size, received {model.name} of {shapes[0]} to {shapes[1]}"
        )
    target = Path(folder, f"{name}.h5")
    for path in (target, target.with_suffix(".onnx")):
        check_replaceable(path, overwrite)
    given = example_inputs(model) if inputs is None else inputs
    sections = checked_examples(given, model, "export_opendtect: inputs")
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, target.name)
        graph = export_onnx(model, Path(scratch, "model.onnx"), sections, OPSET, card=card)
        _write_transposed(graph, made.with_suffix(".onnx"))
        _describe(model, name, made)
        _check(model, made, sections, target)
        # The description goes last: it names the graph by its digest.
        with placed(target, overwrite) as description:
            description.write_bytes(made.read_bytes())
            with placed(target.with_suffix(".onnx"), overwrite) as temporary:
                temporary.write_bytes(made.with_suffix(".onnx").read_bytes())
    return target


def _write_transposed(source: Path, target: Path) -> None:
    """The graph with an axis of attributes first and traces before time, as OpendTect's arrays."""
    import onnx
    from onnx import helper

    model = onnx.load(source)
    graph = model.graph
    inside = {graph.input[0].name: "section_by_time", graph.output[0].name: "result_by_time"}
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [inside.get(value, value) for value in values]
    swapped = (0, 3, 2, 1)  # its own inverse
    (given, by_time), (result, result_by_time) = inside.items()
    graph.node.insert(0, helper.make_node("Transpose", [given], [by_time], "before", perm=swapped))
    after = helper.make_node("Transpose", [result_by_time], [result], "after", perm=swapped)
    graph.node.append(after)
    for value in (graph.input[0], graph.output[0]):
        batch, time, traces, channels = value.type.tensor_type.shape.dim
        sizes = [size.dim_param or size.dim_value for size in (batch, channels, traces, time)]
        value.CopyFrom(helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, sizes))
    model.ir_version = IR_VERSION
    model.metadata_props.add(key="data_format", value="channels_first")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)
    seal(target)  # anew


def _describe(model: keras.Model, name: str, path: Path) -> None:
    time, traces = (size or _PIECE for size in model.inputs[0].shape[1:3])
    shape = f"1`{traces}`{time}"  # inline, crossline, z
    section, result = model.inputs[0].name, model.output_names[0]
    names = (name, "sections", name, result, "line", "1", name, name, section, "1", result)
    entries = _FIXED | dict(zip(_NAMES, names, strict=True))
    graph = path.with_suffix(".onnx")
    with h5py.File(path, "w", libver=("v110", "latest")) as file:
        description = file.create_dataset(_DESCRIPTION, dtype="S1")
        for key, value in (entries | {"Input.Shape": shape, "Output.Shape": shape}).items():
            description.attrs[key] = np.bytes_(value)
        group = file.create_group("model")
        group.attrs["type"] = np.bytes_("onnx")
        group.attrs["path"] = np.bytes_(graph.name)
        group.attrs["sha256"] = np.bytes_(hashlib.sha256(graph.read_bytes()).hexdigest())


def _check(model: keras.Model, made: Path, sections: np.ndarray, target: Path) -> None:
    expected = predict(model, sections)
    images = sections.transpose(0, 3, 2, 1)[:, :, None]
    received = predict(load_opendtect(made), images).transpose(0, 3, 2, 1)
    allowed = RELATIVE_TOLERANCE * np.abs(expected).max()
    if not np.abs(received - expected).max() <= allowed:
        raise ParityError(
            f"{target}: differs from the model by up to {np.abs(received - expected).max():.4g}, "
            f"allowed are {allowed:.4g}"
        )


def load_opendtect(path: str | os.PathLike[str]) -> Predictor:
    """A bundle as OpendTect calls it, refused if OpendTect could not read it or it was changed.

    Args:
        path: The ``.h5`` file that ``export_opendtect`` wrote; its graph lies beside it.

    Returns:
        A function from samples ``(batch, 1, 1, traces, time)``, OpendTect's attributes, inlines,
        crosslines and z, to ``(batch, 1, traces, time)``.

    Raises:
        FileNotFoundError: If there is no such file, or no graph beside it.
        ImportError: If onnxruntime is not installed.
        ValueError: If one of the two is damaged or says something else than such a bundle does.

    Example:
        >>> denoised = load_opendtect("F3/denoiser/denoiser.h5")(samples)  # doctest: +SKIP
    """
    path = Path(path)
    onnxruntime = import_onnxruntime()
    entries, model = _read_description(path)
    for key, value in _FIXED.items():
        _expect(path, key, entries.get(key), value)
    for key in _NAMES:
        if not entries.get(key):
            raise ValueError(f"{path}: expected the attribute {key!r} with a name, received none")
    piece = _piece(path, entries)
    content = _graph_content(path, model)
    _check_graph(path.with_suffix(".onnx"), content, piece)
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever the runtime raises
        raise ValueError(f"{path.with_suffix('.onnx')}: cannot be run: {error}") from error
    name = session.get_inputs()[0].name

    def predictor(samples: np.ndarray) -> np.ndarray:
        images = np.asarray(samples, np.float32)
        if images.ndim != 5 or images.shape[1:3] != (1, 1):
            raise ValueError(
                f"{path}: expected samples (batch, 1, 1, traces, time), received {images.shape}"
            )
        return session.run(None, {name: images[:, :, 0]})[-1]

    return predictor


def _expect(path: Path, what: str, received: Any, expected: Any) -> None:
    if received != expected:
        raise ValueError(f"{path}: expected {what} {expected!r}, received {received!r}")


def _read_description(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The attributes of the description and of the model's group."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such bundle")
    try:
        with h5py.File(path, "r") as file:
            return _texts(file[_DESCRIPTION].attrs), _texts(file["model"].attrs)
    except (OSError, KeyError, RuntimeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(
            f"{path}: expected an HDF5 file with the dataset {_DESCRIPTION} and the group model, "
            f"both with attributes of text; damaged? {error}"
        ) from error


def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    texts = {}
    for key, value in attributes.items():
        if not isinstance(value, str | bytes):
            raise ValueError(f"{key!r} is {value!r}")
        texts[key] = value if isinstance(value, str) else value.decode("ascii")
    return texts


def _piece(path: Path, entries: Mapping[str, str]) -> tuple[int, ...]:
    """Inlines, crosslines and samples of the piece that OpendTect passes by default."""
    text = entries.get("Input.Shape", "")
    sizes = text.split("`")
    if len(sizes) != 3 or not all(size.isdecimal() and int(size) for size in sizes):
        raise ValueError(
            f"{path}: expected Input.Shape of three sizes joined by backticks, received {text!r}"
        )
    _expect(path, "inlines in Input.Shape", sizes[0], "1")
    _expect(path, "Output.Shape", entries.get("Output.Shape"), text)
    return tuple(map(int, sizes))


def _graph_content(path: Path, model: Mapping[str, str]) -> bytes:
    """The graph's bytes, if they are those that the description was written for."""
    graph = path.with_suffix(".onnx")
    _expect(path, "the model's type", model.get("type"), "onnx")
    if Path(model.get("path", "")).name != model.get("path") or not model["path"].endswith(".onnx"):
        raise ValueError(
            f"{path}: expected the name of an .onnx file beside it, received {model.get('path')!r}"
        )
    if not graph.is_file():
        raise FileNotFoundError(f"{graph}: no such graph; copy both files of the bundle")
    content = graph.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != model.get("sha256"):
        raise ValueError(
            f"{graph}: expected the graph of SHA-256 {model.get('sha256')}, received one of "
            f"{digest}; it was damaged or exchanged: export the model again"
        )
    return content


def _check_graph(path: Path, content: bytes, piece: tuple[int, ...]) -> None:
    """Refuse graphs that OpendTect's runtime or array layout cannot take."""
    import onnx

    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's
        raise ValueError(f"{path}: expected an ONNX model; damaged? {error}") from error
    sets = {entry.domain: entry.version for entry in model.opset_import}
    if set(sets) - {"", "ai.onnx"} or max(sets.values()) > OPSET or model.ir_version > IR_VERSION:
        raise ValueError(
            f"{path}: expected the standard's operators up to set {OPSET} and IR version "
            f"{IR_VERSION}, received {sets} and IR version {model.ir_version}"
        )
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    _expect(path, "data_format", metadata.get("data_format"), "channels_first")
    if not model.graph.input or not model.graph.output:
        raise ValueError(f"{path}: expected a graph with input and output, received one without")
    for value in (model.graph.input[0], model.graph.output[-1]):
        tensor = value.type.tensor_type
        sizes = [size.dim_value or None for size in tensor.shape.dim]
        fits = len(sizes) == 4 and sizes[:2] == [None, 1]
        if not fits or any(n not in (None, m) for n, m in zip(sizes[2:], piece[1:], strict=True)):
            raise ValueError(
                f"{path}: expected {value.name} of (batch, 1, traces, time) that takes pieces of "
                f"{piece[1:]}, received {sizes}"
            )
        _expect(path, f"the type of {value.name}", tensor.elem_type, onnx.TensorProto.FLOAT)
