"""Fitting a network into a run folder."""

import sys
from collections.abc import Mapping

import keras
import numpy as np

from keras_seismic.training.layerwise_rates import LayerwiseAdamW
from keras_seismic.training.run_folder import RunFolder


def adamw(
    learning_rate: float,
    steps: int,
    weight_decay: float = 1e-4,
    warmup: float = 0.05,
    multipliers: Mapping[str, float] | None = None,
) -> keras.optimizers.Optimizer:
    """AdamW with a short warm-up and a cosine decay to nothing.

    Epsilon (1e-8) and weight decay are PyTorch's, which the published recipes use, not
    Keras' defaults.

    Args:
        learning_rate: Largest learning rate.
        steps: Updates in the whole training.
        weight_decay: Decoupled weight decay.
        warmup: Fraction of the steps in which the rate grows.
        multipliers: Of the learning rate by layer, see ``LayerwiseAdamW``.
    """
    rising = max(int(warmup * steps), 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 25,
        decay_steps=max(steps - rising, 1),
        warmup_target=learning_rate,
        warmup_steps=rising,
    )
    if multipliers:
        return LayerwiseAdamW(schedule, weight_decay, multipliers, epsilon=1e-8)
    return keras.optimizers.AdamW(schedule, weight_decay=weight_decay, epsilon=1e-8)


def jit_compile() -> bool | str:
    """What to pass to ``compile(jit_compile=...)``.

    Keras would compile the training step with XLA also on a CPU, where its compiler takes
    seconds more and the steps are no quicker (``python -m benchmarks.training_step``).
    """
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


class _Record(keras.callbacks.Callback):
    """Keeps the best network, and what a run needs to be resumed, after every epoch."""

    def __init__(self, run: RunFolder, columns: dict[str, list[float]]) -> None:
        super().__init__()
        self.run, self.columns = run, columns

    def on_epoch_end(self, epoch, logs=None):
        for key, value in (logs or {}).items():
            self.columns.setdefault(key, []).append(float(value))
        losses = self.columns["val_loss"]
        if losses[-1] <= min(losses) or len(losses) == 1:
            self.run.save_model(self.model, "best.keras")
        self.run.save_progress(self.model, self.columns)


def fit(network: keras.Model, training, validation, run: RunFolder, epochs: int) -> keras.Model:
    """Train a compiled network and return it as it was at its best.

    Writes ``history.csv``, ``best.keras`` and ``last-<n>.keras`` as it goes and stops, with an
    error, when the loss is no longer a number. An interrupted run (``run.resume``) goes on
    after its last whole epoch, with the weights and optimizers it had there.

    Args:
        network: Compiled.
        training: A ``tf.data.Dataset`` or other batches, or arrays ``(x, y)``. To be resumed
            as if never interrupted, it must begin with epoch ``run.epochs_done``.
        validation: Likewise; its loss decides which epoch is best.
        run: Where to write.
        epochs: Passes over the training data.

    Returns:
        The network with the weights of its best epoch, not compiled; ``best.keras`` also holds
        the optimizer.

    Raises:
        RuntimeError: If the loss becomes NaN or infinite.
    """
    best, history = run.path / "best.keras", {}
    if run.resume:
        network, history = keras.models.load_model(run.last(run.epochs_done)), run.read_history()
        del history["epoch"]
    callbacks = [keras.callbacks.TerminateOnNaN(), _Record(run, history)]
    arrays = isinstance(training, tuple)
    network.fit(
        *(training if arrays else (training,)),
        validation_data=validation,
        initial_epoch=run.epochs_done,
        epochs=epochs,
        callbacks=callbacks,
        shuffle=arrays,  # pipelines shuffle themselves
        verbose=1 if sys.stdout.isatty() else 2,
    )
    losses = history["loss"]
    if not np.isfinite(losses).all():
        raise RuntimeError(
            f"{run.path}: the loss became NaN or infinite in epoch {len(losses)}; lower the "
            "learning rate, and look for extreme values in the data (best.keras holds the best "
            "epoch before)"
        )
    run.forget_progress()
    # Without the optimizer, which would triple the size of what is made of the network.
    return keras.models.load_model(best, compile=False)
