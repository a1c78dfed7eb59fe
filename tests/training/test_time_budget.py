"""A training that ends by the clock."""

import keras
import numpy as np
import pytest

from keras_seismic.training import TimeBudget, scheduled
from keras_seismic.training import time_budget as module

pytestmark = pytest.mark.usefixtures("untraced")


def test_the_rate_is_that_of_the_schedule_by_updates():
    rate, budget = scheduled(0.1, steps=1000), TimeBudget(7.0, 0.1)
    for step in (0, 20, 50, 51, 400, 1000):
        assert budget.rate(step / 1000) == pytest.approx(float(rate(step)), rel=1e-4, abs=1e-9)
    assert budget.rate(1.5) == 0


def test_a_training_ends_when_its_time_is_over(monkeypatch):
    """By a clock that each look at it moves on by a second: two looks a batch."""
    seconds = iter(range(1000))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(seconds))
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.compile("sgd", "mean_squared_error")
    budget, rates = TimeBudget(11.0, 0.1), []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(float(network.optimizer.learning_rate))

    x = np.ones((12, 1), "float32")
    callbacks = [budget, Watch()]
    history = network.fit(x, x, batch_size=4, epochs=50, callbacks=callbacks, verbose=0).history
    # Batches begin at seconds 1, 3, 5, ... 11 and end a second later: the sixth is over time.
    assert rates == pytest.approx([budget.rate(s / 11) for s in (1, 3, 5, 7, 9, 11)])
    assert len(history["loss"]) == 2


@pytest.mark.parametrize("arguments", [(0.0, 0.1), (1.0, -0.1), (1.0, 0.1, 1.0), (np.nan, 0.1)])
def test_what_is_out_of_range_is_refused(arguments):
    with pytest.raises(ValueError, match=r"TimeBudget: .* received"):
        TimeBudget(*arguments)
