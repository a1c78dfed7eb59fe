"""SavedModel, the format of TensorFlow Serving."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_seismic.exporting.constants import with_constants
from keras_seismic.exporting.exportable import checked_examples, checked_model
from keras_seismic.exporting.parity import check_parity, compare, example_inputs
from keras_seismic.exporting.warm_up import has_serving_protos, import_serving_protos, write_warm_up
from keras_seismic.files import check_room, place_version, write_text
from keras_seismic.inference.digests import CARD, seal
from keras_seismic.inference.model_card import ModelCard
from keras_seismic.models.physical_units import PhysicalUnitsModel
from keras_seismic.models.precision import in_float32

if TYPE_CHECKING:
    import tensorflow as tf

#: TensorFlow's loader reads no larger message, and the graph is one, bytes.
_LARGEST_GRAPH = 2**30

#: Number of examples to check the other signatures with.
_CHECKED = 2


@dataclasses.dataclass(frozen=True)
class Signature:
    """A named function of a SavedModel.

    Attributes:
        name: ``serving_default``, ``openfwi`` or ``normalized``.
        input_spec: Name and shape of its input.
        function: From a tensor to ``{output name: tensor}``.
        example: From an array for ``serving_default`` to one for this signature.
    """

    name: str
    input_spec: keras.InputSpec
    function: Callable[[Any], dict[str, Any]]
    example: Callable[[np.ndarray], np.ndarray]


def export_saved_model(
    model: keras.Model,
    folder: str | os.PathLike[str],
    version: int | None = None,
    inputs: np.ndarray | None = None,
    card: ModelCard | None = None,
    warm_up: bool | None = None,
    constants: bool = False,
) -> Path:
    """Write a model as a SavedModel, checked against the model before it appears.

    Its signatures (see ``signatures_of``) take a float32 tensor named like the model's input
    (``shot_gather``, ``section``), of any batch size, and return one named like its output
    (``velocity``, ``clean_section``; of a model with a spread also ``spread``):
    ``serving_default`` takes raw amplitudes in Keras' layout,
    ``openfwi`` in OpenFWI's, ``normalized`` the network's own input. The graph refuses other
    shapes and values that are not finite. Mixed-precision models are rebuilt in float32; a
    ``VelocityGAN`` exports its generator. ``assets.extra`` holds a model card and the requests
    that TensorFlow Serving warms up with.

    Args:
        model: What ``with_physical_units`` returned, or any functional or built sequential
            model with one input and output, or velocity and spread.
        folder: The model's folder, ``models/inversion``; each version is a folder in it.
        version: Number of the version, by default the next free one. Versions are never replaced.
        inputs: Examples to check the export with; by default ``example_inputs(model)``.
        card: What is known about the model; by default ``ModelCard.of(model)``.
        warm_up: Write warm-up requests, made from the first input; by default if
            tensorflow-serving-api is installed.
        constants: Put the weights into the graph instead of variables beside it, so that the
            runtime can prepare them once. For models whose weights take less than a gigabyte.

    Returns:
        The version's folder.

    Raises:
        FileExistsError: If the version exists.
        ImportError: If warm-up requests are wanted and tensorflow-serving-api is not installed.
        OSError: If the disk has too little room, or the files cannot be written.
        ParityError: If a signature differs from the model. Nothing is left behind.
        RuntimeError: If Keras runs on another backend than TensorFlow.
        ValueError: If the version is not positive, the model or the inputs are not as above, or
            the weights are too large for constants.

    Example:
        >>> export_saved_model(model, "models/inversion")  # doctest: +SKIP
        PosixPath('models/inversion/1')
    """
    require_tensorflow("export_saved_model")
    if warm_up:
        import_serving_protos()
    model = in_float32(checked_model(model, "export_saved_model"))
    if inputs is not None:
        inputs = checked_examples(inputs, model, "export_saved_model: inputs")
    if constants:
        _check_size(model)

    check_room(folder, 4 * model.count_params(), f"the weights of {model.name}", margin=0)

    def write(temporary: Path) -> None:
        archive = keras.export.ExportArchive()
        signatures = signatures_of(model)
        served = signatures_of(with_constants(model)) if constants else signatures
        for signature in served:
            archive.add_endpoint(signature.name, signature.function, [signature.input_spec])
        with _file_errors(folder):
            archive.write_out(str(temporary), verbose=False)
        checked = example_inputs(model) if inputs is None else inputs
        check_parity(model, temporary, checked, verbose=False, name=folder)
        for signature in signatures[1:]:
            _check_signature(temporary, signature, checked[:_CHECKED], folder)
        (temporary / CARD).parent.mkdir()
        write_text(temporary / CARD, (card or ModelCard.of(model)).to_json())
        if warm_up or (warm_up is None and has_serving_protos()):
            write_warm_up(
                temporary,
                {s.name: (s.input_spec.name, s.example(checked[:1])) for s in signatures},
            )
        seal(temporary)

    return place_version(folder, version, write)


@contextlib.contextmanager
def _file_errors(folder: str | os.PathLike[str]) -> Iterator[None]:
    """TensorFlow's errors of a full disk and the like as those of Python."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(f"{folder}: the SavedModel cannot be written: {error.message}") from error


def _check_size(model: keras.Model) -> None:
    size = 4 * model.count_params()
    if size >= 0.95 * _LARGEST_GRAPH:  # the rest is for the operators
        raise ValueError(
            f"export_saved_model: {model.name} has {size:,} bytes of weights; as constants they "
            f"must stay below {_LARGEST_GRAPH:,} with the graph. Export it without constants"
        )


def _check_signature(
    path: Path, signature: Signature, inputs: np.ndarray, folder: str | os.PathLike[str]
) -> None:
    """Compare another signature of the export with the function it was made from."""
    example = np.ascontiguousarray(signature.example(inputs))
    expected = [output.numpy() for output in signature.function(example).values()]
    unit = " m/s" if signature.name == "openfwi" else ""
    compare(path, example, expected, None, unit, signature.name, folder)


def require_tensorflow(function: str) -> None:
    """Refuse to export from a backend other than TensorFlow.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"{function} needs Keras on TensorFlow, received {keras.backend.backend()!r}; "
            "save the model as .keras, then load and export it with KERAS_BACKEND=tensorflow"
        )


def signatures_of(model: keras.Model) -> list[Signature]:
    """The signatures with which a model is served.

    - ``serving_default``: the model as it is, in Keras' layout;
    - ``openfwi``, for models with gathers in and velocity out: gathers ``(batch, shots, time,
      receivers)`` in, velocity ``(batch, 1, depth, width)`` out, as in OpenFWI's files;
    - ``normalized``, for models in physical units: the bare network.

    Each refuses other shapes and values that are not finite, with an error that names the input.

    Args:
        model: A float32 model with one input and one output, or velocity and spread.
    """
    found = [_signature("serving_default", model, model.inputs[0].shape[1:], lambda x: x)]
    if not isinstance(model, PhysicalUnitsModel):
        return found
    if model.predicts_velocity:
        time, receivers, shots = model.inputs[0].shape[1:]
        found.append(
            _signature(
                "openfwi",
                model,
                (shots, time, receivers),
                lambda x: np.moveaxis(x, -1, 1),
                before=lambda x: keras.ops.transpose(x, (0, 2, 3, 1)),
                after=lambda x: keras.ops.transpose(x, (0, 3, 1, 2)),
            )
        )

    def normalized(x: np.ndarray) -> Any:
        return keras.ops.convert_to_numpy(model.input_normalization(x))

    network = model.network
    return [*found, _signature("normalized", network, network.inputs[0].shape[1:], normalized)]


def _signature(
    name: str,
    model: keras.Model,
    shape: tuple[int | None, ...],
    example: Callable[[Any], Any],
    before: Callable[[Any], Any] = lambda x: x,
    after: Callable[[Any], Any] = lambda x: x,
) -> Signature:
    argument, names = model.inputs[0].name, model.output_names

    def function(inputs: Any) -> dict[str, Any]:
        outputs = model(before(checked(inputs, argument, shape)), training=False)
        found = outputs if len(names) > 1 else [outputs]
        return {name: after(output) for name, output in zip(names, found, strict=True)}

    spec = keras.InputSpec(shape=(None, *shape), dtype="float32", name=argument)
    return Signature(name, spec, function, example)


def checked(inputs: "tf.Tensor", name: str, shape: tuple[int | None, ...]) -> "tf.Tensor":
    """The inputs, if they have the shape and are finite; otherwise the graph reports the error.

    Args:
        inputs: A tensor.
        name: Its name in messages.
        shape: Its shape without the batch, ``None`` for any size.
    """
    import tensorflow as tf

    text = ", ".join("any" if size is None else str(size) for size in shape)
    # TensorFlow trusts the shape that the signature declares and would drop checks implied by it,
    # but servers pass on whatever they are sent.
    received = tf.shape(tf.raw_ops.PlaceholderWithDefault(input=inputs, shape=None))
    expected = [-1, *(-1 if size is None else size for size in shape)]
    # Shapes of another rank are cut or padded so that they can be compared at all.
    sizes = tf.concat([received, tf.fill([len(expected)], -2)], 0)[: len(expected)]
    fits = tf.reduce_all((sizes == expected) | ((tf.constant(expected) == -1) & (sizes > 0)))
    fits &= tf.size(received) == len(expected)
    message = f"{name}: expected shape (batch, {text}), received"
    with tf.control_dependencies([tf.debugging.Assert(fits, [message, received], summarize=9)]):
        inputs = tf.identity(inputs)
    return tf.debugging.check_numerics(inputs, f"{name}: expected finite amplitudes, received")
