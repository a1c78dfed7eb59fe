"""SavedModel, the format of TensorFlow Serving."""

import os
from pathlib import Path

import keras
import numpy as np

from keras_seismic.exporting.parity import check_parity, example_inputs
from keras_seismic.exporting.physical_units import in_float32
from keras_seismic.exporting.placement import placed


def export_saved_model(
    model: keras.Model,
    path: str | os.PathLike,
    inputs: np.ndarray | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a model as a SavedModel, checked against the model before it appears.

    Its ``serving_default`` signature takes a float32 tensor by the name of the model's
    input (``shot_gather``, ``section``), any batch size, and returns one by the name of its
    output (``velocity``, ``clean_section``). Mixed-precision models are rebuilt in float32.

    Args:
        model: What ``with_physical_units`` returned, or any model with one input and output.
        path: The folder to make; TensorFlow Serving wants its last part to be a version
            number, ``models/inversion/1``.
        inputs: Examples to check the export on; by default ``example_inputs(model)``.
        overwrite: Replace what is there.

    Returns:
        The path.

    Raises:
        FileExistsError: If the path exists and ``overwrite`` is false.
        ParityError: If the export differs from the model. Nothing is left behind then.
        RuntimeError: If Keras runs on another backend than TensorFlow.
    """
    require_tensorflow("export_saved_model")
    model = in_float32(model)
    with placed(path, overwrite) as temporary:
        name, output = model.inputs[0].name, model.output_names[0]
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint(
            name="serve",
            fn=lambda x: {output: model(x, training=False)},
            input_signature=[
                keras.InputSpec(
                    shape=(None, *model.inputs[0].shape[1:]), dtype="float32", name=name
                )
            ],
        )
        archive.write_out(str(temporary), verbose=False)
        checked = example_inputs(model) if inputs is None else inputs
        check_parity(model, temporary, checked, verbose=False)
    return Path(path)


def require_tensorflow(function: str) -> None:
    """Refuse to export from a backend that cannot.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"{function} needs Keras on TensorFlow, received {keras.backend.backend()!r}; "
            "save the model as .keras, then load and export it with KERAS_BACKEND=tensorflow"
        )
