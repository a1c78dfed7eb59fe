"""ONNX, for ONNX Runtime and the browser."""

import contextlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.exporting.accuracy import AccuracyLoss, accuracy_loss
from keras_seismic.exporting.convertible_layers import with_convertible_layers
from keras_seismic.exporting.exportable import checked_examples, checked_model
from keras_seismic.exporting.onnx.variants import (
    DEFAULT_MAX_LOSS,
    check_variant,
    in_float16,
    in_int8,
)
from keras_seismic.exporting.parity import ParityError, check_parity, example_inputs
from keras_seismic.exporting.saved_model import require_tensorflow
from keras_seismic.files import placed
from keras_seismic.inference.digests import seal
from keras_seismic.inference.model_card import METADATA_KEY, ModelCard
from keras_seismic.inference.predictors import import_onnxruntime, model_outputs
from keras_seismic.models.precision import in_float32

#: Operator sets that the converter can write and that contain what the graphs need.
_OPSETS = range(14, 19)

#: The converter's optimizer iterates over sets, so its result differs between runs, and now and
#: then (one in eight for LISTA) it drops an operator that changes the shape.
_ATTEMPTS = 6


def export_onnx(
    model: keras.Model,
    path: str | os.PathLike[str],
    inputs: np.ndarray | None = None,
    opset: int = 18,
    overwrite: bool = False,
    *,
    variant: str = "float32",
    representative: np.ndarray | None = None,
    max_loss: float | None = None,
    card: ModelCard | None = None,
) -> Path:
    """Write a model as ONNX, checked in ONNX Runtime against the model before it appears.

    Input and outputs keep the model's names; the batch size is free, and so is every size that
    is free in the model. The graph uses only operators of the ONNX standard, with batch
    normalization and padding inside the convolutions. Its metadata names the model, the units,
    the acquisition and the variant with its loss, and holds the model card. Mixed-precision
    models are rebuilt in float32; a ``VelocityGAN`` exports its generator.

    Besides ``"float32"``, which equals the model, there are two smaller variants, in which
    normalization and output scaling stay in float32: ``"float16"`` halves the file and is meant
    for GPUs (CPUs compute it in float32); ``"int8"`` quarters it and is fast on CPUs with integer
    vector instructions. Their loss is measured against the Keras model and bounded: next to
    nothing for float16; for int8 little for sections, but tens of m/s for inversion networks.

    Args:
        model: What ``with_physical_units`` returned, or any functional or built sequential
            model with one input and output, or velocity and spread.
        path: The ``.onnx`` file to make.
        inputs: Examples to check the export and measure its loss with; by default the
            representative samples if given, else ``example_inputs(model)``. For a meaningful
            loss, pass real examples other than the representative ones.
        opset: ONNX operator set, 14-18.
        overwrite: Replace an existing file.
        variant: ``"float32"``, ``"float16"`` or ``"int8"``.
        representative: Required for int8: a few dozen raw inputs ``(samples, ...)`` like those
            expected in use. They set the range of every activation.
        max_loss: Largest loss of a variant: for velocities and their spread, the mean absolute
            difference in m/s, by default 10; else the RMS difference relative to the RMS output,
            by default 0.03 (-30 dB).
        card: For the metadata, by default ``ModelCard.of(model)``.

    Returns:
        The path. The loss of a variant is in the file's metadata as ``loss``;
        ``accuracy_loss`` measures it on other inputs.

    Raises:
        FileExistsError: If the path exists and ``overwrite`` is false.
        ImportError: If onnxruntime is not installed: no unchecked file is written.
        ParityError: If the export differs from the model, or a variant by more than
            ``max_loss``. Nothing is left behind.
        RuntimeError: If Keras runs on another backend than TensorFlow.
        ValueError: If the path does not end in ``.onnx``, an argument is not as above, or
            something in the model cannot be expressed in ONNX.

    Example:
        >>> export_onnx(
        ...     model, "int8.onnx", held_out, variant="int8", representative=gathers
        ... )  # doctest: +SKIP
        PosixPath('int8.onnx')
    """
    require_tensorflow("export_onnx")
    if Path(path).suffix != ".onnx":
        raise ValueError(f"export_onnx: path must end in .onnx, received {path}")
    if opset not in _OPSETS:
        raise ValueError(
            f"export_onnx: opset must be {_OPSETS[0]}-{_OPSETS[-1]}, received {opset!r}"
        )
    check_variant(variant, representative, max_loss)
    import_onnxruntime()

    model = in_float32(checked_model(model, "export_onnx"))
    if representative is not None:
        representative = checked_examples(representative, model, "export_onnx: representative")
    if inputs is not None:
        inputs = checked_examples(inputs, model, "export_onnx: inputs")
    with placed(path, overwrite) as temporary, tempfile.TemporaryDirectory() as folder:
        if inputs is None:
            inputs = example_inputs(model) if representative is None else representative
        with _refused_in_words(model):
            graph = _described(_optimized(model, inputs[:1], opset, Path(folder)), model, card)
            _write(graph, temporary)
        check_parity(model, temporary, inputs, verbose=False, name=path)
        if variant != "float32":
            with _refused_in_words(model):
                if representative is None:
                    graph = in_float16(graph)
                else:
                    graph = in_int8(graph, representative, Path(folder))
                graph = _described(graph, model, card, variant)
                _write(graph, temporary)
            loss = accuracy_loss(model, temporary, inputs, name=path)
            _check_loss(loss, variant, max_loss)
            figures = json.dumps(loss.as_dict(), allow_nan=False)
            graph.metadata_props.add(key="loss", value=figures)
            _write(graph, temporary)
    return Path(path)


@contextlib.contextmanager
def _refused_in_words(model: keras.Model) -> Iterator[None]:
    """Turn whatever the converters raise into a ValueError that says what to do."""
    try:
        yield
    except (ImportError, MemoryError, OSError):  # not the model's fault
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        reason = f"{reason[:300]}{'...' * (len(reason) > 300)}"
        raise ValueError(
            f"export_onnx: {model.name} cannot be written as ONNX; export it as SavedModel. The "
            f"reason: {type(error).__name__}: {reason}"
        ) from error


def _check_loss(loss: AccuracyLoss, variant: str, max_loss: float | None) -> None:
    allowed = DEFAULT_MAX_LOSS[loss.unit] if max_loss is None else max_loss
    if not loss.bounded <= allowed:
        bound = f"{allowed:g} {loss.unit} on average" if loss.unit else f"a relative {allowed:g}"
        raise ParityError(f"export_onnx: {variant} loses {loss}; allowed is {bound} (max_loss)")


def _optimized(model: keras.Model, example: np.ndarray, opset: int, folder: Path) -> Any:
    """The model as a fast ``onnx.ModelProto`` of standard operators only."""
    convertible = with_convertible_layers(model)
    # A model that was never called cannot be exported.
    shapes = [output.shape for output in model_outputs(convertible)(example).values()]
    for _ in range(_ATTEMPTS):
        graph, made = _folded(convertible, example, opset, folder)
        if made == shapes:
            break
    _name_values(graph.graph, model, same_size=shapes[0][1:3] == example.shape[1:3])
    for number, node in enumerate(graph.graph.node):
        node.name = f"{node.op_type}_{number}"  # unique, as tools expect
    standard = [entry for entry in graph.opset_import if entry.domain in ("", "ai.onnx")]
    del graph.opset_import[:]
    graph.opset_import.extend(standard)
    return graph


def _folded(
    model: keras.Model, example: np.ndarray, opset: int, folder: Path
) -> tuple[Any, list[tuple[int, ...]]]:
    """The converted model with constants folded, and the shapes that it returns."""
    import onnx
    import onnxruntime

    converted, folded = folder / "converted.onnx", folder / "folded.onnx"
    with warnings.catch_warnings():
        # Keras uses a NumPy name whose meaning NumPy plans to change.
        warnings.simplefilter("ignore", FutureWarning)
        model.export(str(converted), format="onnx", opset_version=opset, verbose=False)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Higher levels write ONNX Runtime's own operators, for this machine's processor.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folded)
    session = onnxruntime.InferenceSession(
        str(converted), options, providers=["CPUExecutionProvider"]
    )
    outputs = session.run(None, {session.get_inputs()[0].name: example})
    return onnx.load(folded), [output.shape for output in outputs]


def _name_values(graph: Any, model: keras.Model, same_size: bool) -> None:
    """Name the outputs and the free sizes, which the converter numbers."""
    sizes = ("batch", "time", "traces" if model.inputs[0].name == "section" else "receivers")
    made = sizes if same_size else ("batch", "depth", "width")
    for value, names in ((graph.input[0], sizes), *((value, made) for value in graph.output)):
        for size, name in zip(value.type.tensor_type.shape.dim, names, strict=False):
            if not size.HasField("dim_value"):
                size.dim_param = name
    new = {}
    for output, name in zip(graph.output, model.output_names, strict=True):
        new[output.name], output.name = name, name
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [new.get(value, value) for value in values]


def _described(
    graph: Any, model: keras.Model, card: ModelCard | None, variant: str = "float32"
) -> Any:
    """The graph with our metadata instead of the tools'."""
    from keras_seismic.version import __version__

    velocity = getattr(model, "predicts_velocity", None)
    raw, made = "amplitude, as recorded", "m/s" if velocity else "as the input"
    if velocity is None:  # a bare network
        raw = made = "normalized to [-1, 1]"
    acquisition = getattr(model, "acquisition", None)
    description = {
        "model": type(getattr(model, "network", model)).__name__,
        "output": "velocity, m/s" if velocity else "as the input",
        "units": json.dumps({model.inputs[0].name: raw} | dict.fromkeys(model.output_names, made)),
        "acquisition": json.dumps(acquisition.get_config()) if acquisition else "",
        "variant": variant,
        METADATA_KEY: (card or ModelCard.of(model)).to_json(),
    }
    del graph.metadata_props[:]
    for key, value in description.items():
        graph.metadata_props.add(key=key, value=value)
    graph.producer_name, graph.producer_version = "keras_seismic", __version__
    return graph


def _write(graph: Any, path: Path) -> None:
    import onnx

    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)
    seal(path)
