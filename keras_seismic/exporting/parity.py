"""Differences between exported models and their Keras models."""

import dataclasses
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.exporting.exportable import checked_model
from keras_seismic.inference.predictors import Predictor, load_predictor, model_predictor
from keras_seismic.models.physical_units import PhysicalUnitsModel, predicting_network
from keras_seismic.simulation import Acquisition, sample_velocity, simulate

#: Largest allowed difference: in m/s for velocities, else relative to the output's peak.
VELOCITY_TOLERANCE, RELATIVE_TOLERANCE = 0.5, 1e-4

#: Velocities that vary less than this prove little, m/s.
_TELLING_DEVIATION = 50.0

#: Cells that a model of curved layers needs.
_DEEP_ENOUGH = 30

_BATCH = 8


class ParityError(ValueError):
    """An exported model does not compute the same as the Keras model."""


@dataclasses.dataclass(frozen=True)
class AccuracyLoss:
    """How far an exported model's output lies from the Keras model's.

    Attributes:
        mean: Mean absolute difference, in ``unit``. The mean absolute error of the export differs
            from the model's by no more than this.
        largest: Largest absolute difference, in ``unit``.
        relative: RMS difference divided by the RMS of the model's output.
        unit: ``"m/s"``, or ``""`` for amplitudes and bare networks.
        examples: Number of examples measured.
    """

    mean: float
    largest: float
    relative: float
    unit: str
    examples: int

    @property
    def decibels(self) -> float:
        """Signal-to-noise ratio of the export's output with the model's as the signal, dB."""
        return -20 * math.log10(self.relative) if self.relative else math.inf

    @property
    def bounded(self) -> float:
        """What ``max_loss`` bounds: the mean in m/s for velocities, else the relative loss."""
        return self.mean if self.unit else self.relative

    def as_dict(self) -> dict[str, float | str | None]:
        """All numbers for JSON: ``None`` where they are not finite."""
        figures = dataclasses.asdict(self) | {"decibels": self.decibels}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in figures.items()
        }

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"{self.mean:.3g}{unit} on average, {self.largest:.3g}{unit} at most, relative "
            f"{self.relative:.2g} ({self.decibels:.1f} dB), in {self.examples} examples"
        )


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
    proves nothing, so velocities that vary by less than 50 m/s trigger a warning.

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
    inputs = _checked_inputs(inputs, "check_parity")
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
    path: str | os.PathLike[str],
    inputs: np.ndarray,
    expected: np.ndarray,
    tolerance: float | None = None,
    unit: str = "",
    signature: str = "serving_default",
    name: str | os.PathLike[str] | None = None,
) -> float:
    """Largest difference between what an exported model returns and what it should.

    Args:
        path: See ``check_parity``.
        inputs: Its inputs.
        expected: The expected output.
        tolerance: See ``check_parity``.
        unit: ``" m/s"`` for velocities.
        signature: The signature of a SavedModel to call.
        name: See ``check_parity``.

    Raises:
        ParityError: See ``check_parity``.
    """
    name = name or path
    received = _in_batches(_running(path, name, signature), inputs)
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


def accuracy_loss(
    model: keras.Model,
    exported_path: str | os.PathLike[str],
    inputs: np.ndarray,
    name: str | os.PathLike[str] | None = None,
) -> AccuracyLoss:
    """Difference between a model and an export that is not expected to equal it.

    For exact exports, see ``check_parity``.

    Args:
        model: The model in memory.
        exported_path: A path that ``load_predictor`` takes.
        inputs: ``(batch, ...)`` as the model takes them, like those expected in use: the loss
            depends on them.
        name: Name of the export in messages, by default its path.

    Raises:
        ParityError: If the export fails to run or returns another shape or values that are not
            finite.
        ValueError: If the inputs are empty or not finite.

    Example:
        >>> accuracy_loss(model, "int8.onnx", gathers).mean  # doctest: +SKIP
        6.3
    """
    inputs = _checked_inputs(inputs, "accuracy_loss")
    model, name = predicting_network(model), name or exported_path
    unit = "m/s" if getattr(model, "predicts_velocity", False) else ""
    expected_of, received_of = model_predictor(model), _running(exported_path, name)
    count, total, largest, squares, energy = 0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(inputs)):  # one by one, so that memory stays bounded
        expected = expected_of(inputs[i : i + 1]).astype(np.float64)
        received = received_of(inputs[i : i + 1]).astype(np.float64)
        if received.shape != expected.shape:
            raise ParityError(f"{name}: returns shape {received.shape}, the model {expected.shape}")
        if not np.isfinite(received).all():
            raise ParityError(f"{name}: returns values that are not finite")
        difference = np.abs(received - expected)
        count += difference.size
        total += difference.sum()
        largest = max(largest, difference.max())
        squares += (difference**2).sum()
        energy += (expected**2).sum()
    relative = math.sqrt(squares / energy) if energy else (math.inf if squares else 0.0)
    return AccuracyLoss(total / count, float(largest), relative, unit, len(inputs))


def example_inputs(model: keras.Model, count: int = 2) -> np.ndarray:
    """Inputs of the kind a model is made for, to check it with.

    Simulated shot gathers if the model knows its acquisition, else band-limited random
    amplitudes in the range of its normalization.

    Args:
        model: A model with one input and one output; for a ``VelocityGAN``, its generator.
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
        depth, width = (int(n) for n in model.output_shape[1:3])
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


def _checked_inputs(inputs: np.ndarray, function: str) -> np.ndarray:
    inputs = np.asarray(inputs, np.float32)
    if not len(inputs) or not np.isfinite(inputs).all():
        raise ValueError(f"{function}: inputs must hold at least one example, all of it finite")
    return inputs


def _running(
    path: str | os.PathLike[str],
    name: str | os.PathLike[str],
    signature: str = "serving_default",
) -> Predictor:
    """The export's predictor, whose errors say that the export is broken."""

    def reported(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (ImportError, FileNotFoundError):
            raise
        except Exception as error:  # whatever the runtime raises
            raise ParityError(f"{name}: cannot be run: {error}") from error

    predict = reported(load_predictor, path, signature)
    return lambda inputs: reported(predict, inputs)


def _in_batches(predict: Predictor, inputs: np.ndarray) -> np.ndarray:
    parts = [predict(inputs[i : i + _BATCH]) for i in range(0, len(inputs), _BATCH)]
    return np.concatenate(parts)
