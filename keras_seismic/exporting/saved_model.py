"""SavedModel, the format of TensorFlow Serving."""

import os
from pathlib import Path

import keras
import numpy as np

from keras_seismic.exporting.exportable import checked_examples, checked_model
from keras_seismic.exporting.parity import check_parity, compare, example_inputs
from keras_seismic.exporting.signatures import Signature, signatures_of
from keras_seismic.exporting.warm_up import import_serving_protos, write_warm_up
from keras_seismic.files import place_version, write_text
from keras_seismic.inference.model_card import CARD, ModelCard
from keras_seismic.models.physical_units import in_float32

#: Examples that the further signatures are checked on.
_CHECKED = 2


def export_saved_model(
    model: keras.Model,
    folder: str | os.PathLike,
    version: int | None = None,
    inputs: np.ndarray | None = None,
    card: ModelCard | None = None,
    warm_up: bool | None = None,
) -> Path:
    """Write a model as a SavedModel, checked against the model before it appears.

    Its signatures (see ``signatures_of``) take float32 tensors by the name of the model's input
    (``shot_gather``, ``section``), any batch size, and return one by the name of its output
    (``velocity``, ``clean_section``): ``serving_default`` raw amplitudes in Keras' layout,
    ``openfwi`` in OpenFWI's, ``normalized`` what the network works on. What has another shape or
    is not finite is refused inside the graph. Mixed-precision models are rebuilt in float32, of a
    ``VelocityGAN`` the generator is exported. In ``assets.extra`` lie a model card and the
    requests that TensorFlow Serving warms up with.

    Args:
        model: What ``with_physical_units`` returned, or any functional or built sequential
            model with one input and output.
        folder: The model's folder, ``models/inversion``; each version is a folder in it.
        version: Number of the version, by default the next one. Versions are never replaced.
        inputs: Examples to check the export on; by default ``example_inputs(model)``.
        card: What is known of the model; by default ``ModelCard.of(model)``.
        warm_up: Write warm-up requests, made of the first of the inputs; by default if
            tensorflow-serving-api is installed.

    Returns:
        The version's folder.

    Raises:
        FileExistsError: If the version exists.
        ImportError: If warm-up requests are wanted and tensorflow-serving-api is not installed.
        ParityError: If a signature differs from the model. Nothing is left behind then.
        RuntimeError: If Keras runs on another backend than TensorFlow.
        ValueError: If the version is not positive, or the model or the inputs are not as above.
    """
    require_tensorflow("export_saved_model")
    if warm_up:
        import_serving_protos()
    model = in_float32(checked_model(model, "export_saved_model"))
    if inputs is not None:
        inputs = checked_examples(inputs, model, "export_saved_model: inputs")

    def write(temporary: Path) -> None:
        archive = keras.export.ExportArchive()
        signatures = signatures_of(model)
        for signature in signatures:
            archive.add_endpoint(signature.name, signature.function, [signature.input_spec])
        archive.write_out(str(temporary), verbose=False)
        checked = example_inputs(model) if inputs is None else inputs
        check_parity(model, temporary, checked, verbose=False, name=folder)
        for signature in signatures[1:]:
            _check_signature(temporary, signature, checked[:_CHECKED], folder)
        (temporary / CARD).parent.mkdir()
        write_text(temporary / CARD, (card or ModelCard.of(model)).to_json())
        if warm_up or (warm_up is None and _has_serving_protos()):
            write_warm_up(temporary, signatures, checked[:1])

    return place_version(folder, version, write)


def _check_signature(
    path: Path, signature: Signature, inputs: np.ndarray, folder: str | os.PathLike
) -> None:
    """Compare one of the other layouts with the function that it was made of."""
    example = np.ascontiguousarray(signature.example(inputs))
    (expected,) = signature.function(example).values()
    unit = " m/s" if signature.name == "openfwi" else ""
    compare(path, example, expected.numpy(), None, unit, signature.name, folder)


def _has_serving_protos() -> bool:
    try:
        import_serving_protos()
    except ImportError:
        return False
    return True


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
