"""How much exports that are not meant to equal their Keras models lose."""

import dataclasses
import math
import os
from typing import Any

import keras
import numpy as np

from keras_seismic.exporting.parity import ParityError, check_shapes, checked_inputs, running
from keras_seismic.inference.predictors import model_outputs
from keras_seismic.models.physical_units import predicting_network


@dataclasses.dataclass(frozen=True)
class AccuracyLoss:
    """How far an exported model's output lies from the Keras model's.

    Of a model of velocity and its spread, this is the velocity's, with that of the spread in it.

    Attributes:
        mean: Mean absolute difference, in ``unit``. The mean absolute error of the export differs
            from the model's by no more than this.
        largest: Largest absolute difference, in ``unit``.
        relative: RMS difference divided by the RMS of the model's output.
        unit: ``"m/s"``, or ``""`` for amplitudes and bare networks.
        examples: Number of examples measured.
        spread: The same of the model's second output, if it has one.
    """

    mean: float
    largest: float
    relative: float
    unit: str
    examples: int
    spread: "AccuracyLoss | None" = None

    @property
    def decibels(self) -> float:
        """Signal-to-noise ratio of the export's output with the model's as the signal, dB."""
        return -20 * math.log10(self.relative) if self.relative else math.inf

    @property
    def bounded(self) -> float:
        """What ``max_loss`` bounds: the mean in m/s for velocities, else the relative loss.

        Of two outputs, the larger one.
        """
        own = self.mean if self.unit else self.relative
        return max(own, self.spread.bounded) if self.spread else own

    def as_dict(self) -> dict[str, Any]:
        """All numbers for JSON: ``None`` where they are not finite."""
        figures = dataclasses.asdict(self) | {"decibels": self.decibels}
        del figures["spread"]
        found: dict[str, Any] = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in figures.items()
        }
        return found | ({"spread": self.spread.as_dict()} if self.spread else {})

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"{self.mean:.3g}{unit} on average, {self.largest:.3g}{unit} at most, relative "
            f"{self.relative:.2g} ({self.decibels:.1f} dB), in {self.examples} examples"
            + (f"; the spread {self.spread}" if self.spread else "")
        )


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
    inputs = checked_inputs(inputs, "accuracy_loss")
    model, name = predicting_network(model), name or exported_path
    unit = "m/s" if getattr(model, "predicts_velocity", False) else ""
    expected_of, received_of = model_outputs(model), running(exported_path, name)
    measured: list[_Difference] = []
    for i in range(len(inputs)):  # one by one, so that memory stays bounded
        expected, received = (
            [*of(inputs[i : i + 1]).values()] for of in (expected_of, received_of)
        )
        check_shapes(received, expected, name)
        measured = measured or [_Difference() for _ in expected]
        for difference, wanted, found in zip(measured, expected, received, strict=True):
            if not np.isfinite(found).all():
                raise ParityError(f"{name}: returns values that are not finite")
            difference.add(wanted.astype(np.float64), found.astype(np.float64))
    prediction, *spread = (difference.loss(unit, len(inputs)) for difference in measured)
    return dataclasses.replace(prediction, spread=spread[0]) if spread else prediction


@dataclasses.dataclass
class _Difference:
    """Sums over the differences of one output."""

    count: int = 0
    total: float = 0.0
    largest: float = 0.0
    squares: float = 0.0
    energy: float = 0.0

    def add(self, expected: np.ndarray, received: np.ndarray) -> None:
        difference = np.abs(received - expected)
        self.count += difference.size
        self.total += difference.sum()
        self.largest = max(self.largest, difference.max())
        self.squares += (difference**2).sum()
        self.energy += (expected**2).sum()

    def loss(self, unit: str, examples: int) -> AccuracyLoss:
        relative = math.inf if self.squares else 0.0
        if self.energy:
            relative = math.sqrt(self.squares / self.energy)
        mean, largest = self.total / self.count, float(self.largest)
        return AccuracyLoss(mean, largest, relative, unit, examples)
