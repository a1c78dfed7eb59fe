"""Differences between exported models and their Keras models."""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.exporting.exportable import checked_model
from keras_seismic.inference.predictors import Outputs, load_outputs, predict_outputs
from keras_seismic.models.physical_units import PhysicalUnitsModel, predicting_network
from keras_seismic.simulation import Acquisition, sample_velocity, simulate

#: Largest allowed difference: in m/s for velocities, else relative to the output's peak.
VELOCITY_TOLERANCE, RELATIVE_TOLERANCE = 0.5, 1e-4

#: Velocities that vary less than this prove little, m/s.
_TELLING_DEVIATION = 50.0

#: Cells that a model of curved layers needs.
_DEEP_ENOUGH = 30


class ParityError(ValueError):
    """An exported model does not compute the same as the Keras model."""


def check_parity(
    model: keras.Model,
    exported_path: str | os.PathLike[str],
    inputs: np.ndarray,
    tolerance: float | None = None,
    verbose: bool = True,
    name: str | os.PathLike[str] | None = None,
) -> float:
    """Largest difference between a model and its export on the same inputs.

    Use inputs like those expected in use: simulated gathers, real sections. A constant output
    proves nothing, so velocities that vary by less than 50 m/s trigger a warning. Of velocity and
    spread, both are compared.

    Args:
        model: The model in memory.
        exported_path: A SavedModel folder, an ``.onnx``, ``.tflite`` or ``.keras`` file.
        inputs: ``(batch, ...)`` as the model takes them.
        tolerance: Largest difference allowed, in the output's units; by default 0.5 m/s
            for velocities and 1e-4 of the largest output for anything else.
        verbose: Print a line with the result.
        name: Name of the export in messages, by default its path.

    Returns:
        The largest absolute difference, in the output's units.

    Raises:
        ParityError: If the difference is larger, or the export fails to run or returns
            another shape or values that are not finite.
        ValueError: If the inputs are empty or not finite.

    Example:
        >>> check_parity(model, "model.onnx", gathers) < 0.5  # doctest: +SKIP
        True
    """
    inputs = checked_inputs(inputs, "check_parity")
    model = predicting_network(model)
    velocity = isinstance(model, PhysicalUnitsModel) and model.predicts_velocity
    unit = " m/s" if velocity else ""
    expected = [*predict_outputs(model, inputs).values()]
    difference = compare(exported_path, inputs, expected, tolerance, unit, name=name)
    deviation = float(expected[0].std())
    if velocity and deviation < _TELLING_DEVIATION:
        warnings.warn(
            f"check_parity: the predicted velocities vary by only {deviation:.3g} m/s, which "
            "proves little; is the model trained, and are the inputs raw gathers?",
            stacklevel=2,
        )
    if verbose:
        print(
            f"{Path(exported_path).name}: largest difference {difference:.2g}{unit} in "
            f"{len(inputs)} examples (output varies by {deviation:.3g}{unit})"
        )
    return difference


def compare(
    path: str | os.PathLike[str],
    inputs: np.ndarray,
    expected: Sequence[np.ndarray],
    tolerance: float | None = None,
    unit: str = "",
    signature: str = "serving_default",
    name: str | os.PathLike[str] | None = None,
) -> float:
    """Largest difference between what an exported model returns and what it should.

    Args:
        path: See ``check_parity``.
        inputs: Its inputs.
        expected: The expected outputs, the prediction first.
        tolerance: See ``check_parity``.
        unit: ``" m/s"`` for velocities.
        signature: The signature of a SavedModel to call.
        name: See ``check_parity``.

    Raises:
        ParityError: See ``check_parity``.
    """
    name = name or path
    received = predict_outputs(running(path, name, signature), inputs)
    check_shapes([*received.values()], expected, name)
    largest = 0.0
    for (output, array), wanted in zip(received.items(), expected, strict=True):
        difference = float(np.max(np.abs(array - wanted)))
        allowed = tolerance
        if allowed is None:
            allowed = VELOCITY_TOLERANCE if unit else RELATIVE_TOLERANCE * np.abs(wanted).max()
        if not difference <= allowed:
            which = f", in {output}" if len(expected) > 1 else ""
            raise ParityError(
                f"{name}: differs from the model by up to {difference:.4g}{unit}, allowed are "
                f"{allowed:.4g}{unit}{which}"
            )
        largest = max(largest, difference)
    return largest


def check_shapes(
    received: Sequence[np.ndarray], expected: Sequence[np.ndarray], name: str | os.PathLike[str]
) -> None:
    """Refuse outputs of other shapes than the model's, or more or fewer of them."""
    returned, wanted = (", ".join(str(array.shape) for array in x) for x in (received, expected))
    if returned != wanted:
        raise ParityError(f"{name}: returns shape {returned}, the model {wanted}")


def example_inputs(model: keras.Model, count: int = 2) -> np.ndarray:
    """Inputs of the kind a model is made for, to check it with.

    Simulated shot gathers if the model knows its acquisition, else band-limited random
    amplitudes in the range of its normalization.

    Args:
        model: A model with one input; for a ``VelocityGAN``, its generator.
        count: Number of examples.

    Returns:
        float32 ``(count, ...)``.

    Raises:
        ValueError: If the model cannot be exported, see ``checked_model``.

    Example:
        >>> import keras_seismic as ks
        >>> example_inputs(ks.models.ConvDenoiser(), count=3).shape
        (3, 61, 65, 1)
    """
    model = checked_model(model, "example_inputs")
    acquisition = getattr(model, "acquisition", None)
    if acquisition is not None:
        depth, width = (int(n) for n in model.outputs[0].shape[1:3])
        rows, columns = max(depth, _DEEP_ENOUGH), max(width, 2)
        velocity = sample_velocity("curvevel_a", count, seed=0, shape=(rows, columns))
        velocity = velocity[:, :depth, :width]
        quick = Acquisition.from_config(
            acquisition.get_config() | {"boundary": "cpml", "boundary_width": 0}
        )
        return simulate(velocity, quick, progress=False)
    # Odd sizes where the model takes any: they are the ones most likely to fail.
    shape = tuple(61 + 4 * i if n is None else n for i, n in enumerate(model.inputs[0].shape[1:]))
    noise = np.random.default_rng(0).standard_normal((count, *shape))
    trace = np.stack(
        [
            # Not mode "same", whose result is as long as the longer of the two.
            np.convolve(x, np.hanning(9))[4 : 4 + len(x)]
            for x in np.moveaxis(noise, 1, -1).reshape(-1, shape[0])
        ]
    )
    waves = np.moveaxis(trace.reshape(count, *shape[1:], shape[0]), -1, 1)
    normalization = getattr(model, "input_normalization", None)
    amplitude = getattr(normalization, "data_max", 1.0)
    return (waves / np.abs(waves).max() * amplitude).astype(np.float32)


def checked_inputs(inputs: np.ndarray, function: str) -> np.ndarray:
    """Inputs as float32, if there are any and they are finite."""
    inputs = np.asarray(inputs, np.float32)
    if not len(inputs) or not np.isfinite(inputs).all():
        raise ValueError(f"{function}: inputs must hold at least one example, all of it finite")
    return inputs


def running(
    path: str | os.PathLike[str],
    name: str | os.PathLike[str],
    signature: str = "serving_default",
) -> Outputs:
    """The export as a function, whose errors say that the export is broken."""

    def reported(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (ImportError, FileNotFoundError):
            raise
        except Exception as error:  # whatever the runtime raises
            raise ParityError(f"{name}: cannot be run: {error}") from error

    outputs = reported(load_outputs, path, signature)
    return lambda inputs: reported(outputs, inputs)
