"""Models on disk, in every format that we write, and one way to call them."""

import contextlib
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from keras_seismic.file_checks import check_file
from keras_seismic.files import versions
from keras_seismic.inference.digests import check_digest
from keras_seismic.inference.keras_files import check_keras_file
from keras_seismic.models.velocity_with_spread import SPREAD, has_spread

#: A function from a float32 array ``(batch, ...)`` to another.
Predictor: TypeAlias = Callable[[np.ndarray], np.ndarray]

#: A function from a float32 array ``(batch, ...)`` to all outputs by name, the prediction first.
Outputs: TypeAlias = Callable[[np.ndarray], dict[str, np.ndarray]]


def load_predictor(path: str | os.PathLike[str], signature: str = "serving_default") -> Predictor:
    """A model on disk as a function from its raw input to its output.

    Of velocity and its spread, this is the velocity; ``load_outputs`` gives both.

    Args:
        path: A ``.keras``, ``.onnx`` or ``.tflite`` file, or a SavedModel's version folder.
        signature: Which signature of a SavedModel to call; other files have only one.

    Returns:
        A function of a float32 array ``(batch, ...)``.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If it is none of these, is damaged, was changed since it was exported (by the
            SHA-256 in it), or has no such signature; from the function, if the runtime fails.
        ImportError: If onnxruntime or ai-edge-litert is needed and not installed.

    Example:
        >>> predict = load_predictor("model.onnx")  # doctest: +SKIP
        >>> predict(gathers).shape  # doctest: +SKIP
        (2, 70, 70, 1)
    """
    return prediction(load_outputs(path, signature))


def load_outputs(path: str | os.PathLike[str], signature: str = "serving_default") -> Outputs:
    """A model on disk as a function from its raw input to all of its outputs.

    Args:
        path: As for ``load_predictor``, with its errors.
        signature: The same.

    Returns:
        A function of a float32 array ``(batch, ...)`` that returns arrays by the outputs' names:
        ``velocity`` and, if the model has it, ``spread``, in this order.

    Example:
        >>> velocity, spread = load_outputs("model.onnx")(gathers).values()  # doctest: +SKIP
    """
    path = Path(path)
    if path.suffix == ".keras":
        return model_outputs(load_model(path))
    if not path.is_dir():
        check_file(path, "model")
    if path.suffix in (".onnx", ".tflite") or (path / "saved_model.pb").is_file():
        check_digest(path)
        with _damage_named(path):
            if path.suffix == ".onnx":
                return _named(path, _onnx_outputs(path))
            if path.suffix == ".tflite":
                return _named(path, _litert_outputs(path))
            return _named(path, _saved_model_outputs(path, signature))
    numbers = [str(number) for number in versions(path)]
    if numbers:
        raise ValueError(
            f"{path}: is a folder of versions ({', '.join(numbers)}); name one of them, "
            f"{path / numbers[-1]}"
        )
    raise ValueError(
        f"{path}: expected a .keras file, an .onnx file, a .tflite file or a SavedModel folder "
        "(with saved_model.pb)"
    )


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """A Keras model from a ``.keras`` file, in safe mode.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another kind of file (such as legacy .h5), damaged, or would take far
            more memory than its size.
    """
    path = Path(path)
    with _damage_named(path):
        check_keras_file(path)
        return keras.models.load_model(path, safe_mode=True)


@contextlib.contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turn whatever a runtime raises on a damaged file into a ValueError that names it."""
    try:
        yield
    except (ImportError, MemoryError, FileNotFoundError):
        raise
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(f"{path}: cannot be loaded; is it damaged? {reason[0]}") from error


def _named(path: Path, outputs: Outputs) -> Outputs:
    """A function whose runtime's errors name the file, which some find at the first call only."""

    def named(inputs: np.ndarray) -> dict[str, np.ndarray]:
        try:
            return outputs(inputs)
        except MemoryError:
            raise
        except Exception as error:  # of the runtime's own classes
            reason = str(error).strip() or type(error).__name__
            raise ValueError(
                f"{path}: cannot be run on an input of shape {np.shape(inputs)}: {reason}"
            ) from error

    return named


def model_predictor(model: keras.Model) -> Predictor:
    """A model in memory as a function of arrays; of velocity and spread, the velocity."""
    return prediction(model_outputs(model))


def model_outputs(model: keras.Model) -> Outputs:
    """A model in memory as a function from an array to all of its outputs by name."""
    names = model.output_names if has_spread(model) else [""]

    def outputs(inputs: np.ndarray) -> dict[str, np.ndarray]:
        found = model(inputs, training=False)
        found = found if len(names) > 1 else [found]
        return dict(zip(names, map(keras.ops.convert_to_numpy, found), strict=True))

    return outputs


def prediction(outputs: Outputs) -> Predictor:
    """The first output alone."""
    return lambda inputs: next(iter(outputs(inputs).values()))


def graph_predictor(model: keras.Model) -> Predictor:
    """A model in memory as a function of arrays, traced once for each shape that it meets.

    For many calls: on TensorFlow, a graph frees what it no longer needs and runs what is
    independent at the same time, where calling the model keeps every layer's output to the end:
    a U-Net takes half the time and a tenth of the memory. The graph stays with the model.
    Elsewhere the model is called.
    """
    if keras.backend.backend() != "tensorflow":
        return model_predictor(model)
    if model not in _GRAPHS:
        import tensorflow as tf

        known: Any = weakref.ref(model)  # so that the graph goes with the model
        _GRAPHS[model] = tf.function(lambda inputs: known()(inputs, training=False))
    graph = _GRAPHS[model]
    return lambda inputs: keras.ops.convert_to_numpy(graph(keras.ops.convert_to_tensor(inputs)))


#: The graphs of models in memory.
_GRAPHS: weakref.WeakKeyDictionary[keras.Model, Any] = weakref.WeakKeyDictionary()


def predict(model: keras.Model | Predictor, inputs: np.ndarray, batch_size: int = 8) -> np.ndarray:
    """What a model returns for any number of examples, in batches.

    Unlike ``keras.Model.predict`` it traces nothing and prints nothing, and it takes exported
    models as well.

    Args:
        model: In memory, or what ``load_predictor`` returns.
        inputs: ``(n, ...)``.
        batch_size: Examples passed through the model together.

    Returns:
        ``(n, ...)``; of velocity and spread, the velocity.

    Example:
        >>> predict(lambda amplitudes: 2 * amplitudes, np.ones((5, 3)), batch_size=2).shape
        (5, 3)
    """
    call = model_predictor(model) if isinstance(model, keras.Model) else model
    return np.concatenate(
        [call(inputs[i : i + batch_size]) for i in range(0, len(inputs), batch_size)]
    )


def predict_outputs(
    model: keras.Model | Outputs | Predictor, inputs: np.ndarray, batch_size: int = 8
) -> dict[str, np.ndarray]:
    """All that a model returns for any number of examples, in batches, by name.

    Args:
        model: In memory, or what ``load_outputs`` or ``load_predictor`` returns.
        inputs: ``(n, ...)``.
        batch_size: As for ``predict``.
    """
    call: Any = model_outputs(model) if isinstance(model, keras.Model) else model
    found = (call(inputs[i : i + batch_size]) for i in range(0, len(inputs), batch_size))
    parts = [one if isinstance(one, dict) else {"": one} for one in found]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _predictionprediction(names: Iterable[str], source: str) -> list[str]:
    """The names of outputs: one, or a velocity's and then its spread's."""
    ordered = sorted(names, key=lambda name: name == SPREAD)
    if len(ordered) != 1 and ordered[1:] != [SPREAD]:
        raise ValueError(
            f"{source}: expected one output, or velocity and spread, received {', '.join(ordered)}"
        )
    return ordered


def _saved_model_outputs(path: Path, signature: str) -> Outputs:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    if signature not in loaded.signatures:
        raise ValueError(
            f"{path}: expected a signature {signature!r}, received a SavedModel with "
            f"{sorted(loaded.signatures)}"
        )
    function = loaded.signatures[signature]
    (argument,) = function.structured_input_signature[1]
    names = _predictionprediction(function.structured_outputs, str(path))

    def outputs(inputs: np.ndarray, _keep_alive: object = loaded) -> dict[str, np.ndarray]:
        found = function(**{argument: tf.constant(inputs, tf.float32)})
        return {name: found[name].numpy() for name in names}

    return outputs


def _onnx_outputs(path: Path) -> Outputs:
    onnxruntime = import_onnxruntime()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (argument,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]

    def outputs(inputs: np.ndarray) -> dict[str, np.ndarray]:
        found = session.run(names, {argument.name: np.asarray(inputs, np.float32)})
        return dict(zip(names, found, strict=True))

    return outputs


def _litert_outputs(path: Path) -> Outputs:
    interpreter = import_litert()(str(path), num_threads=os.cpu_count())
    signatures = interpreter.get_signature_list()
    if len(signatures) != 1:
        raise ValueError(f"{path}: expected one signature, received {', '.join(signatures) or '-'}")
    ((signature, ends),) = signatures.items()
    runner = interpreter.get_signature_runner(signature)
    (argument,), names = ends["inputs"], _predictionprediction(ends["outputs"], str(path))

    def outputs(inputs: np.ndarray) -> dict[str, np.ndarray]:
        found = runner(**{argument: np.asarray(inputs, np.float32)})
        return {name: found[name] for name in names}

    return outputs


def import_litert() -> Any:
    """LiteRT's interpreter class, or an error that says how to get it."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(
            "running LiteRT models needs ai-edge-litert: pip install 'keras_seismic[litert]'"
        ) from error
    return Interpreter


def import_onnxruntime() -> Any:
    """ONNX Runtime, or an error that says how to get it."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "running ONNX models needs onnxruntime: pip install 'keras_seismic[onnx]'"
        ) from error
    return onnxruntime
