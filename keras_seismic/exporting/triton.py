"""Triton Inference Server: a model repository's folder with an ONNX graph in each version."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keras_seismic.exporting.exportable import checked_examples, checked_model
from keras_seismic.exporting.onnx.export import export_onnx
from keras_seismic.exporting.parity import example_inputs
from keras_seismic.files import place_version, write_text
from keras_seismic.inference.model_card import ModelCard

#: What Triton reads beside the versions.
CONFIGURATION = "config.pbtxt"


def export_triton(
    model: keras.Model,
    folder: str | os.PathLike[str],
    version: int | None = None,
    inputs: np.ndarray | None = None,
    card: ModelCard | None = None,
    max_batch_size: int = 8,
) -> Path:
    """Add a version of a model to a repository of Triton, checked against the model.

    ``folder/1/model.onnx`` is what ``export_onnx`` writes, for Triton's backend for ONNX Runtime;
    ``folder/config.pbtxt`` describes it, and lets Triton merge requests that arrive together. A
    configuration that is there, perhaps with changes of your own, is kept if it has the same
    inputs and outputs.

    Args:
        model: What ``with_physical_units`` returned, or any functional or built sequential
            model with one input and output, or velocity and spread.
        folder: The model's folder in the repository; its name is the model's.
        version: Number of the version, by default the next free one. Versions are never replaced.
        inputs: Examples to check the export with; by default ``example_inputs(model)``.
        card: For the metadata, by default ``ModelCard.of(model)``.
        max_batch_size: Largest number of examples in a batch.

    Returns:
        The version's folder.

    Raises:
        FileExistsError: If the version exists.
        ImportError: If onnxruntime is not installed: no unchecked file is written.
        ParityError: If the export differs from the model. Nothing is left behind.
        RuntimeError: If Keras runs on another backend than TensorFlow.
        ValueError: If the folder's configuration is that of a model with other inputs or outputs,
            the batch or the version is not positive, or see ``export_onnx``.

    Example:
        >>> export_triton(model, "repository/inversion")  # doctest: +SKIP
        PosixPath('repository/inversion/1')
    """
    if not isinstance(max_batch_size, int | np.integer) or max_batch_size < 1:
        raise ValueError(
            f"export_triton: max_batch_size must be a positive integer, received {max_batch_size!r}"
        )
    model = checked_model(model, "export_triton")
    inputs = example_inputs(model) if inputs is None else inputs
    sections = checked_examples(inputs, model, "export_triton: inputs")
    configuration = Path(folder, CONFIGURATION)
    tensors = _tensors(model)
    if configuration.exists():
        known = " ".join(configuration.read_text(encoding="utf-8").split())
        if any(" ".join(tensor.split()) not in known for tensor in tensors):
            raise ValueError(
                f"{configuration}: expected the inputs and outputs of {model.name},\n"
                + "\n".join(tensors)
                + "\nreceived a configuration without; choose another folder"
            )

    def write(temporary: Path) -> None:
        export_onnx(model, temporary / "model.onnx", sections, card=card)
        if not configuration.exists():
            write_text(configuration, _configuration(configuration, max_batch_size, tensors))

    return place_version(folder, version, write)


def _configuration(path: Path, max_batch_size: int, tensors: Sequence[str]) -> str:
    lines = [
        f'name: "{path.absolute().parent.name}"',
        'platform: "onnxruntime_onnx"',
        f"max_batch_size: {max_batch_size}",
        *tensors,
        "dynamic_batching { }" if max_batch_size > 1 else "",
    ]
    return "\n".join(filter(None, lines)) + "\n"


def _tensors(model: keras.Model) -> list[str]:
    """Input and outputs, without the batch, which ``max_batch_size`` stands for."""
    made = zip(model.output_names, model.outputs, strict=True)
    found = []
    for kind, name, tensor in (
        ("input", model.inputs[0].name, model.inputs[0]),
        *(("output", name, tensor) for name, tensor in made),
    ):
        sizes = ", ".join(str(-1 if size is None else size) for size in tensor.shape[1:])
        found.append(f'{kind} [ {{ name: "{name}" data_type: TYPE_FP32 dims: [ {sizes} ] }} ]')
    return found
