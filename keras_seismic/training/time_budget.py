"""Training for a given time."""

import time
from typing import Any

import keras
import numpy as np


class TimeBudget(keras.callbacks.Callback):
    """End a training after so many seconds, with a learning rate that follows the time.

    The rate rises and falls as that of ``adamw``, but with the share of the time that is used
    instead of the share of the updates: a slower machine makes fewer updates, and ends at zero all
    the same. Pass more epochs than there is time for. The optimizer's rate must be a number.

    The clock starts with the training; tracing it and validating count. The last update may
    begin just before the end.

    Args:
        seconds: From the beginning to the end.
        learning_rate: The largest.
        warmup: Fraction of the time in which the rate grows, from a 25th.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> budget = TimeBudget(60.0, 1e-3)
        >>> [round(1e3 * budget.rate(used), 3) for used in (0.0, 0.05, 0.525, 1.0)]
        [0.04, 1.0, 0.5, 0.0]
    """

    def __init__(self, seconds: float, learning_rate: float, warmup: float = 0.05) -> None:
        super().__init__()
        if not (0 < seconds < np.inf and 0 < learning_rate < np.inf and 0 < warmup < 1):
            raise ValueError(
                "TimeBudget: seconds and learning_rate must be positive and warmup between 0 and "
                f"1, received {seconds}, {learning_rate} and {warmup}"
            )
        self.seconds, self.learning_rate, self.warmup = seconds, learning_rate, warmup
        self._start = 0.0

    def rate(self, used: float) -> float:
        """The learning rate when a share of the time is used.

        Args:
            used: From 0 to 1; more is 1.
        """
        used = min(used, 1.0)
        if used < self.warmup:
            return float(self.learning_rate * (1 / 25 + 24 / 25 * used / self.warmup))
        falling = (used - self.warmup) / (1 - self.warmup)
        return float(self.learning_rate * (1 + np.cos(np.pi * falling)) / 2)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._start = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = self.rate(self._used)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._used >= 1:
            self.model.stop_training = True

    @property
    def _used(self) -> float:
        return (time.perf_counter() - self._start) / self.seconds
