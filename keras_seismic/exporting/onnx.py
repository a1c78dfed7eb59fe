"""ONNX, for ONNX Runtime and the browser."""

import json
import os
import warnings
from pathlib import Path

import keras
import numpy as np

from keras_seismic.exporting.parity import check_parity, example_inputs
from keras_seismic.exporting.physical_units import in_float32
from keras_seismic.exporting.placement import placed
from keras_seismic.exporting.predictors import import_onnxruntime
from keras_seismic.exporting.saved_model import require_tensorflow


def export_onnx(
    model: keras.Model,
    path: str | os.PathLike,
    inputs: np.ndarray | None = None,
    opset: int = 18,
    overwrite: bool = False,
) -> Path:
    """Write a model as ONNX, checked in ONNX Runtime against the model before it appears.

    Input and output have the names of the model's, the batch size is free, and the
    acquisition stands in the file's metadata. Mixed-precision models are rebuilt in float32.

    Args:
        model: What ``with_physical_units`` returned, or any model with one input and output.
        path: The ``.onnx`` file to make.
        inputs: Examples to check the export on; by default ``example_inputs(model)``.
        opset: ONNX operator set.
        overwrite: Replace what is there.

    Returns:
        The path.

    Raises:
        FileExistsError: If the path exists and ``overwrite`` is false.
        ImportError: If onnxruntime is not installed: an unchecked file is not written.
        ParityError: If the export differs from the model. Nothing is left behind then.
        RuntimeError: If Keras runs on another backend than TensorFlow.
        ValueError: If the path does not end in ``.onnx``.
    """
    require_tensorflow("export_onnx")
    if Path(path).suffix != ".onnx":
        raise ValueError(f"export_onnx: path must end in .onnx, received {path}")
    import_onnxruntime()
    import onnx

    model = in_float32(model)
    checked = example_inputs(model) if inputs is None else inputs
    model(checked[:1], training=False)  # Keras refuses to export what was never called
    with placed(path, overwrite) as temporary:
        with warnings.catch_warnings():
            # Keras asks NumPy for a name that NumPy will use otherwise one day.
            warnings.simplefilter("ignore", FutureWarning)
            model.export(str(temporary), format="onnx", opset_version=opset, verbose=False)
        graph = onnx.load(str(temporary))
        _rename(graph.graph, model.output_names[0])
        _describe(graph, model)
        onnx.checker.check_model(graph, full_check=True)
        onnx.save(graph, str(temporary))
        check_parity(model, temporary, checked, verbose=False)
    return Path(path)


def _rename(graph, name: str) -> None:
    """Give the output the model's name and the first axis "batch" instead of the converter's."""
    for value in (graph.input[0], graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    old = graph.output[0].name
    graph.output[0].name = name
    for node in graph.node:
        for values in (node.input, node.output):
            for i, value in enumerate(values):
                if value == old:
                    values[i] = name


def _describe(graph, model: keras.Model) -> None:
    acquisition = getattr(model, "acquisition", None)
    description = {
        "model": type(getattr(model, "network", model)).__name__,
        "output": "velocity, m/s" if getattr(model, "predicts_velocity", False) else "as the input",
        "acquisition": json.dumps(acquisition.get_config()) if acquisition else "",
    }
    for key, value in description.items():
        graph.metadata_props.add(key=key, value=value)
