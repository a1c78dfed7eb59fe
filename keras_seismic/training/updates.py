"""How gradients become updates: optimizers, schedules, averages, parts, and when to stop."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_seismic.checks import checked_choice
from keras_seismic.inference.keras_files import check_keras_file
from keras_seismic.optimizers import AdamW
from keras_seismic.training.devices import replicas
from keras_seismic.training.layerwise_rates import LayerwiseAdamW


def adamw(
    learning_rate: float,
    steps: int,
    weight_decay: float = 1e-4,
    warmup: float = 0.05,
    multipliers: Mapping[str, float] | None = None,
    schedule: str = "cosine",
    **options: Any,
) -> keras.optimizers.Optimizer:
    """AdamW with a short warm-up and a cosine decay to zero, or a constant rate.

    Epsilon (1e-8) and weight decay are PyTorch's, which the published recipes use, not
    Keras' defaults.

    Args:
        learning_rate: Largest learning rate.
        steps: Batches in the whole training, or parts of them with ``accumulate``.
        weight_decay: Decoupled weight decay.
        warmup: Fraction of the steps in which the rate grows.
        multipliers: Multipliers of the learning rate by layer, see ``LayerwiseAdamW``.
        schedule: ``"cosine"``, or ``"constant"`` without a warm-up, as published recipes have it.
        **options: Others of a Keras optimizer, such as those of ``update_options``.

    Raises:
        ValueError: If the schedule is unknown.

    Example:
        >>> optimizer = adamw(1e-3, steps=1000)
        >>> network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> network.compile(optimizer, "mean_absolute_error", jit_compile=False)
    """
    parts = options.get("gradient_accumulation_steps") or 1
    rate = scheduled(learning_rate, steps, schedule, warmup, parts)
    if multipliers:
        return LayerwiseAdamW(rate, weight_decay, multipliers, epsilon=1e-8, **options)
    return AdamW(rate, weight_decay=weight_decay, epsilon=1e-8, **options)


def scheduled(
    learning_rate: float,
    steps: int,
    schedule: str = "cosine",
    warmup: float = 0.05,
    accumulate: int = 1,
) -> Any:
    """A learning rate for a Keras optimizer: constant, or warm-up and cosine decay to zero.

    Args:
        learning_rate: The largest.
        steps: Batches in the whole training, or parts of them.
        schedule: ``"cosine"`` or ``"constant"``.
        warmup: Fraction of the steps in which the rate grows, from a 25th.
        accumulate: Parts of a batch; the rate changes with whole batches.

    Raises:
        ValueError: If the schedule is unknown.

    Example:
        >>> rate = scheduled(1.0, steps=100)
        >>> [round(float(rate(step)), 2) for step in (0, 5, 100)]
        [0.04, 1.0, 0.0]
    """
    checked_choice(schedule, ("cosine", "constant"), "schedule")
    if schedule == "constant":
        return learning_rate
    steps = max(steps // accumulate, 1)
    rising = max(int(warmup * steps), 1)
    rates = keras.optimizers.schedules.CosineDecay(
        learning_rate / 25,
        decay_steps=max(steps - rising, 1),
        warmup_target=learning_rate,
        warmup_steps=rising,
    )
    return OfWholeBatches(rates, accumulate) if accumulate > 1 else rates


@keras.saving.register_keras_serializable(package="keras_seismic")
class OfWholeBatches(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that counts batches where an optimizer counts parts of them.

    Args:
        schedule: By batch.
        accumulate: Parts of a batch.
    """

    def __init__(
        self, schedule: keras.optimizers.schedules.LearningRateSchedule, accumulate: int
    ) -> None:
        super().__init__()
        self.schedule, self.accumulate = schedule, accumulate

    def __call__(self, step: Any) -> Any:
        return self.schedule(step // self.accumulate)

    def get_config(self) -> dict[str, Any]:
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "accumulate": self.accumulate}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "OfWholeBatches":
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["accumulate"])


def update_options(
    average: float | None = None, clip_norm: float | None = None, accumulate: int = 1
) -> dict[str, Any]:
    """Options of a Keras optimizer, named as a recipe names them.

    Args:
        average: Momentum of a moving average of the weights (0.999), which is then what ``fit``
            validates and returns. Noise of single updates averages out: the rate can stay higher.
        clip_norm: Largest norm of all gradients together.
        accumulate: Parts that each batch is computed in, one after the other, to save memory.
            Except for rounding, the update is that of the whole batch, unless the network has
            batch normalization, which then normalizes each part by itself.

    Returns:
        ``use_ema``, ``global_clipnorm`` and so on, without those that are not wanted.

    Raises:
        ValueError: If a value is out of range, or several devices would accumulate.

    Example:
        >>> optimizer = keras.optimizers.Adam(1e-3, **update_options(average=0.99, clip_norm=1.0))
        >>> optimizer.use_ema, optimizer.ema_momentum, optimizer.global_clipnorm
        (True, 0.99, 1.0)
    """
    if average is not None and not 0 < average < 1:
        raise ValueError(f"average: expected a momentum between 0 and 1, received {average}")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm: expected a positive norm, received {clip_norm}")
    if accumulate < 1:
        raise ValueError(f"accumulate: expected at least 1 part, received {accumulate}")
    if accumulate > 1 and replicas() > 1:
        raise ValueError(
            f"accumulate: expected 1 where {replicas()} devices share a batch, received "
            f"{accumulate}"
        )
    options: dict[str, Any] = {}
    if average is not None:
        # Keras averages after every part, so that the momentum of a whole update is shared out.
        options |= {"use_ema": True, "ema_momentum": average ** (1 / accumulate)}
    if clip_norm is not None:
        options["global_clipnorm"] = clip_norm
    if accumulate > 1:
        options["gradient_accumulation_steps"] = accumulate
    return options


def size_of_parts(batch_size: int, accumulate: int) -> int:
    """Examples of a batch that is computed in that many parts.

    Raises:
        ValueError: If they cannot be alike.
    """
    if batch_size % accumulate:
        raise ValueError(
            f"accumulate: expected parts of one size, received {accumulate} parts of a batch of "
            f"{batch_size}"
        )
    return batch_size // accumulate


def is_averaged(network: keras.Model) -> bool:
    """Whether the optimizer of a compiled network averages its weights."""
    return bool(getattr(_innermost(network.optimizer), "use_ema", False))


def best_network(path: Path, averaged: bool) -> keras.Model:
    """The network of ``best.keras``, without its optimizer, which would triple what is made of it.

    Args:
        path: The file.
        averaged: Give it the averages of its weights that the optimizer holds.
    """
    check_keras_file(path)
    network = keras.models.load_model(path, compile=False)
    if averaged:
        trained = keras.models.load_model(path)
        trained.optimizer.finalize_variable_values(trained.trainable_variables)
        network.set_weights(trained.get_weights())
    return network


def stopped_early(history: Mapping[str, list[float]], patience: int | None) -> bool:
    """Whether ``keras.callbacks.EarlyStopping`` would have ended a training by now.

    Args:
        history: Columns of ``history.csv``.
        patience: Epochs without a lower validation loss; ``None`` never ends it.
    """
    losses = history.get("val_loss", [])
    if patience is None or not losses:
        return False
    return len(losses) - 1 - losses.index(min(losses)) >= patience


class StopEarly(keras.callbacks.EarlyStopping):
    """Keras' ``EarlyStopping`` on the validation loss, which remembers the epochs before a resume.

    Args:
        patience: Epochs without a lower validation loss.
        before: Validation losses of the epochs before.
    """

    def __init__(self, patience: int, before: Sequence[float]) -> None:
        super().__init__("val_loss", patience=patience, mode="min")
        self.before = list(before)

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        for epoch, loss in enumerate(self.before):
            self.on_epoch_end(epoch, {"val_loss": loss})


def wanted_callbacks(
    network: keras.Model,
    folder: Path,
    history: Mapping[str, list[float]],
    patience: int | None,
    tensorboard: bool,
) -> list[keras.callbacks.Callback]:
    """Keras' own callbacks for averaging, early stopping and TensorBoard.

    Args:
        network: Compiled.
        folder: Of the run.
        history: Of the epochs before.
        patience: See ``fit``.
        tensorboard: See ``fit``.
    """
    wanted: list[keras.callbacks.Callback] = []
    if is_averaged(network):
        wanted.append(keras.callbacks.SwapEMAWeights())
    if patience is not None:
        wanted.append(StopEarly(patience, history.get("val_loss", [])))
    if check_tensorboard(tensorboard):
        wanted.append(keras.callbacks.TensorBoard(folder / "tensorboard", write_graph=False))
    return wanted


def check_tensorboard(wanted: bool) -> bool:
    """Refuse to write for TensorBoard without it.

    Raises:
        ImportError: If it is wanted and not installed.
    """
    if wanted and importlib.util.find_spec("tensorboard") is None:
        raise ImportError(
            "writing for TensorBoard needs tensorboard: pip install 'keras_seismic[tensorboard]'"
        )
    return wanted


def _innermost(optimizer: Any) -> Any:
    """The optimizer within a loss scaling."""
    return getattr(optimizer, "inner_optimizer", optimizer)
