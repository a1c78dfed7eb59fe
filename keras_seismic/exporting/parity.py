"""Proof that an exported model is the Keras model."""

import os
import warnings
from pathlib import Path

import keras
import numpy as np

from keras_seismic.exporting.exportable import checked_model
from keras_seismic.inference.predictors import load_predictor, model_predictor
from keras_seismic.models.physical_units import PhysicalUnitsModel, predicting_network
from keras_seismic.simulation import Acquisition, sample_velocity, simulate

#: Largest difference allowed: in m/s for velocities, else in parts of the output's peak.
VELOCITY_TOLERANCE, RELATIVE_TOLERANCE = 0.5, 1e-4

#: Velocities that vary less than this prove little, m/s.
_TELLING_DEVIATION = 50.0

_BATCH = 8


class ParityError(ValueError):
    """An exported model does not compute what the Keras model computes."""


def check_parity(
    model: keras.Model,
    exported_path: str | os.PathLike,
    inputs: np.ndarray,
    tolerance: float | None = None,
    verbose: bool = True,
    name: str | os.PathLike | None = None,
) -> float:
    """Largest difference between a model and its export on the same inputs.

    Use inputs like those to come: simulated gathers, real sections. A constant output
    proves nothing, so velocities that vary by less than 50 m/s draw a warning.

    Args:
        model: The model in memory.
        exported_path: A SavedModel folder, an ``.onnx`` or a ``.keras`` file.
        inputs: ``(batch, ...)`` as the model takes them.
        tolerance: Largest difference allowed, in the output's units; by default 0.5 m/s
            for velocities and 1e-4 of the largest output for anything else.
        verbose: Print a line with the result.
        name: What messages call the export, by default its path.

    Returns:
        The largest absolute difference, in the output's units.

    Raises:
        ParityError: If the difference is larger, or the export fails to run, returns
            another shape or values that are not finite.
        ValueError: If the inputs are empty or not finite.
    """
    inputs = np.asarray(inputs, np.float32)
    if not len(inputs) or not np.isfinite(inputs).all():
        raise ValueError("check_parity: inputs must hold at least one example, all of it finite")
    model = predicting_network(model)
    velocity = isinstance(model, PhysicalUnitsModel) and model.predicts_velocity
    unit = " m/s" if velocity else ""
    expected = _in_batches(model_predictor(model), inputs)
    difference = compare(exported_path, inputs, expected, tolerance, unit, name=name)
    deviation = float(expected.std())
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
    path: str | os.PathLike,
    inputs: np.ndarray,
    expected: np.ndarray,
    tolerance: float | None = None,
    unit: str = "",
    signature: str = "serving_default",
    name: str | os.PathLike | None = None,
) -> float:
    """Largest difference between what an exported model returns and what it should.

    Args:
        path: See ``check_parity``.
        inputs: What it is given.
        expected: What it should return.
        tolerance: See ``check_parity``.
        unit: ``" m/s"`` for velocities.
        signature: Which one of a SavedModel's.
        name: See ``check_parity``.

    Raises:
        ParityError: See ``check_parity``.
    """
    name = name or path
    try:
        received = _in_batches(load_predictor(path, signature), inputs)
    except (ImportError, FileNotFoundError):
        raise
    except Exception as error:  # whatever the runtime raises: the export is broken
        raise ParityError(f"{name}: cannot be run: {error}") from error
    if received.shape != expected.shape:
        raise ParityError(f"{name}: returns shape {received.shape}, the model {expected.shape}")
    difference = float(np.max(np.abs(received - expected)))
    if tolerance is None:
        tolerance = VELOCITY_TOLERANCE if unit else RELATIVE_TOLERANCE * np.abs(expected).max()
    if not difference <= tolerance:
        raise ParityError(
            f"{name}: differs from the model by up to {difference:.4g}{unit}, allowed are "
            f"{tolerance:.4g}{unit}"
        )
    return difference


def example_inputs(model: keras.Model, count: int = 2) -> np.ndarray:
    """Inputs that a model can be checked on, of the kind that it is made for.

    Simulated shot gathers where the model knows its acquisition, else band-limited random
    amplitudes in the range of its normalization.

    Args:
        model: A model with one input and one output; of a ``VelocityGAN`` the generator.
        count: Number of examples.

    Returns:
        float32 ``(count, ...)``.

    Raises:
        ValueError: If the model cannot be exported, see ``checked_model``.
    """
    model = checked_model(model, "example_inputs")
    acquisition = getattr(model, "acquisition", None)
    if acquisition is not None:
        depth, width = (int(n) for n in model.output_shape[1:3])
        velocity = sample_velocity("curvevel_a", count, seed=0, shape=(depth, width))
        quick = Acquisition.from_config(
            acquisition.get_config() | {"boundary": "cpml", "boundary_width": 0}
        )
        return simulate(velocity, quick, progress=False)
    # Odd sizes where the model takes any: they are the ones that go wrong.
    shape = tuple(61 + 4 * i if n is None else n for i, n in enumerate(model.inputs[0].shape[1:]))
    noise = np.random.default_rng(0).standard_normal((count, *shape))
    trace = np.stack(
        [
            # Not mode "same", which is as long as the longer of the two.
            np.convolve(x, np.hanning(9))[4 : 4 + len(x)]
            for x in np.moveaxis(noise, 1, -1).reshape(-1, shape[0])
        ]
    )
    waves = np.moveaxis(trace.reshape(count, *shape[1:], shape[0]), -1, 1)
    normalization = getattr(model, "input_normalization", None)
    amplitude = getattr(normalization, "data_max", 1.0)
    return (waves / np.abs(waves).max() * amplitude).astype(np.float32)


def _in_batches(predict, inputs):
    parts = [predict(inputs[i : i + _BATCH]) for i in range(0, len(inputs), _BATCH)]
    return np.concatenate(parts)
