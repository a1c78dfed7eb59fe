"""LiteRT (formerly TensorFlow Lite), for phones and small devices."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.exporting.convertible_layers import with_convertible_layers
from keras_seismic.exporting.exportable import checked_examples, checked_model
from keras_seismic.exporting.parity import check_parity, example_inputs
from keras_seismic.exporting.saved_model import require_tensorflow
from keras_seismic.files import placed
from keras_seismic.inference.digests import seal
from keras_seismic.inference.model_card import METADATA_KEY, ModelCard
from keras_seismic.inference.predictors import import_litert
from keras_seismic.models.precision import in_float32

#: Upper limit of the format, bytes; weights are 4 bytes each.
_LARGEST = 2**31


def export_litert(
    model: keras.Model,
    path: str | os.PathLike[str],
    inputs: np.ndarray | None = None,
    overwrite: bool = False,
    card: ModelCard | None = None,
) -> Path:
    """Write a model for LiteRT, checked in its interpreter before it appears.

    The file has one signature, ``serving_default``, with the names of the model's input and
    outputs; the batch size is free, and so is every size that is free in the model. It uses only
    the interpreter's own operators, so it runs wherever LiteRT does, and the model card as the
    metadata entry ``model_card``.
    Mixed-precision models are rebuilt in float32; a ``VelocityGAN`` exports its generator.

    Args:
        model: What ``with_physical_units`` returned, or any functional or built sequential
            model with one input and output, or velocity and spread.
        path: The ``.tflite`` file to make.
        inputs: Examples to check the export with; by default ``example_inputs(model)``.
        overwrite: Replace an existing file.
        card: For the metadata, by default ``ModelCard.of(model)``.

    Returns:
        The path.

    Raises:
        FileExistsError: If the path exists and ``overwrite`` is false.
        ImportError: If ai-edge-litert is not installed: no unchecked file is written.
        ParityError: If the export differs from the model. Nothing is left behind.
        RuntimeError: If Keras runs on another backend than TensorFlow.
        ValueError: If the path does not end in ``.tflite``, the model or the inputs are not as
            above, the model is too large for the format, or it needs an operator that the format
            lacks; the message names it.

    Example:
        >>> export_litert(denoiser, "denoiser.tflite")  # doctest: +SKIP
        PosixPath('denoiser.tflite')
    """
    require_tensorflow("export_litert")
    if Path(path).suffix != ".tflite":
        raise ValueError(f"export_litert: path must end in .tflite, received {path}")
    import_litert()
    model = in_float32(checked_model(model, "export_litert"))
    if inputs is not None:
        inputs = checked_examples(inputs, model, "export_litert: inputs")
    size = 4 * model.count_params()
    if size >= _LARGEST:
        raise ValueError(
            f"export_litert: {model.name} has {model.count_params():,} parameters, {size:,} bytes; "
            f"a LiteRT file holds less than {_LARGEST:,}. Export it as ONNX or SavedModel"
        )
    with placed(path, overwrite) as temporary:
        checked = example_inputs(model) if inputs is None else inputs
        content = _converted(with_convertible_layers(model))
        temporary.write_bytes(_with_card(content, card or ModelCard.of(model)))
        seal(temporary)
        check_parity(model, temporary, checked, verbose=False, name=path)
    return Path(path)


def _converted(model: keras.Model) -> bytes:
    """The model as the content of a LiteRT file."""
    import tensorflow as tf

    name, outputs = model.inputs[0].name, model.output_names

    def function(x: Any) -> dict[str, Any]:
        found = model(x, training=False)
        return dict(zip(outputs, found if len(outputs) > 1 else [found], strict=True))

    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        name="serve",
        fn=function,
        input_signature=[
            keras.InputSpec(shape=(None, *model.inputs[0].shape[1:]), dtype="float32", name=name)
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        # Without TensorFlow's own operators, which need a second library on the device.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            content: bytes = converter.convert()
            return content
        except Exception as error:  # the class of the converter's errors is not public
            operators = sorted(
                set(re.findall(r"'(tf\.\w+)' op (?:is neither|requires)", str(error)))
            )
            if not operators:
                raise
            raise ValueError(
                f"export_litert: {model.name} needs {', '.join(operators)}, which LiteRT lacks; "
                "export it as ONNX or SavedModel"
            ) from error


def _with_card(content: bytes, card: ModelCard) -> bytes:
    """The file with the card as an entry of its metadata."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(card.to_json().encode(), np.uint8)
    entry.name, entry.buffer = METADATA_KEY, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
