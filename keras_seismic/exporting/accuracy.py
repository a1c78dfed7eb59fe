"""What a smaller or coarser export costs in accuracy."""

import dataclasses
import math
import os

import keras
import numpy as np

from keras_seismic.exporting.parity import ParityError
from keras_seismic.inference.predictors import Predictor, load_predictor, model_predictor
from keras_seismic.models.physical_units import predicting_network


@dataclasses.dataclass(frozen=True)
class AccuracyLoss:
    """How far an exported model's output lies from the Keras model's.

    Attributes:
        mean: Mean absolute difference, in ``unit``. The mean absolute error of the export
            against the truth lies within it of the model's.
        largest: Largest absolute difference, in ``unit``.
        relative: RMS of the difference, in parts of the RMS of the model's output.
        unit: ``"m/s"``, or ``""`` for amplitudes and bare networks.
        examples: Number of examples that it was measured on.
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
        """All figures, as JSON can hold them: ``None`` for those that are not finite."""
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


def accuracy_loss(
    model: keras.Model,
    exported_path: str | os.PathLike,
    inputs: np.ndarray,
    name: str | os.PathLike | None = None,
) -> AccuracyLoss:
    """Difference between a model and an export that is not meant to be equal.

    For exports that are, see ``check_parity``.

    Args:
        model: The model in memory.
        exported_path: What ``load_predictor`` takes.
        inputs: ``(batch, ...)`` as the model takes them; of the kind that is to come, since
            the loss is theirs.
        name: What messages call the export, by default its path.

    Raises:
        ParityError: If the export fails to run, returns another shape or values that are not
            finite.
        ValueError: If the inputs are empty or not finite.

    Example:
        >>> accuracy_loss(model, "int8.onnx", gathers).mean  # doctest: +SKIP
        6.3
    """
    inputs = np.asarray(inputs, np.float32)
    if not len(inputs) or not np.isfinite(inputs).all():
        raise ValueError("accuracy_loss: inputs must hold at least one example, all of it finite")
    model, name = predicting_network(model), name or exported_path
    unit = "m/s" if getattr(model, "predicts_velocity", False) else ""
    expected_of, received_of = model_predictor(model), _running(exported_path, name)
    count, total, largest, squares, energy = 0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(inputs)):  # one by one: memory for any number of examples
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


def _running(path: str | os.PathLike, name: str | os.PathLike) -> Predictor:
    """The export's predictor, whose errors say that the export is broken."""

    def reported(function, *arguments):
        try:
            return function(*arguments)
        except (ImportError, FileNotFoundError):
            raise
        except Exception as error:  # whatever the runtime raises
            raise ParityError(f"{name}: cannot be run: {error}") from error

    predict = reported(load_predictor, path)
    return lambda inputs: reported(predict, inputs)
