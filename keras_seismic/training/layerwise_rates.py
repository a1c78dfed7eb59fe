"""Learning rates that differ from layer to layer."""

import math
from collections.abc import Mapping
from typing import Any

import keras

from keras_seismic.optimizers import Adam


@keras.saving.register_keras_serializable(package="keras_seismic")
class LayerwiseAdamW(Adam):
    """AdamW whose learning rate has a multiplier in some layers.

    A layer with multiplier m is updated, and decayed, as by AdamW at m times the learning
    rate; without multipliers it is AdamW. It works with schedules and under mixed precision
    (``compile`` wraps it in its loss scaling), and is saved with the model.

    Args:
        learning_rate: A number or a schedule, for layers without a multiplier.
        weight_decay: Decoupled weight decay.
        multipliers: Multiplier by layer name, or by the beginning of layer names:
            ``{"encoder": 0.1}`` applies to ``encoder_1_convolution``, ``encoder_2a...`` and so on.
            The longest match counts; ``encoder_1`` does not match ``encoder_10``.
        **kwargs: As for ``keras.optimizers.Adam``.

    Raises:
        ValueError: If a multiplier or the weight decay is negative or not finite; and, once the
            weights to train are known, if a name matches none of them.

    Example:
        >>> optimizer = LayerwiseAdamW(1e-3, multipliers={"encoder": 0.1}, epsilon=1e-8)
        >>> optimizer.multiplier("encoder_1_convolution/kernel")
        0.1

    Reference:
        Howard, J. and Ruder, S. (2018), Universal language model fine-tuning for text
        classification (discriminative fine-tuning).
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
        weight_decay: float = 1e-4,
        multipliers: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        # Keras' own decay would use the single learning rate.
        super().__init__(learning_rate, weight_decay=None, **kwargs)
        self.decoupled_weight_decay = float(weight_decay)
        self.multipliers = {name: float(m) for name, m in dict(multipliers or {}).items()}
        numbers = {"weight_decay": self.decoupled_weight_decay, **self.multipliers}
        for name, value in numbers.items():
            if not 0 <= value < math.inf:
                raise ValueError(
                    f"LayerwiseAdamW: {name} must be a number of at least 0, received {value}"
                )

    def multiplier(self, path: str) -> float:
        """Multiplier of a weight, by its path such as ``encoder_1_convolution/kernel``."""
        fitting = [name for name in self.multipliers if _is_in(path, name)]
        return self.multipliers[max(fitting, key=len)] if fitting else 1.0

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        paths = [variable.path for variable in variables]
        for name in self.multipliers:
            if not any(_is_in(path, name) for path in paths):
                layers = dict.fromkeys(path.split("/")[-2] for path in paths if "/" in path)
                raise ValueError(
                    f"LayerwiseAdamW: the multiplier of {name!r} fits no weight that is trained; "
                    f"the layers are {', '.join(layers)}"
                )
        super().build(variables)
        self._rates = [self.multiplier(path) for path in paths]

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        rate = self._rates[self._get_variable_index(variable)]
        if rate != 1:
            learning_rate = learning_rate * rate
        if self.decoupled_weight_decay and self._use_weight_decay(variable):
            decay = keras.ops.cast(learning_rate * self.decoupled_weight_decay, variable.dtype)
            self.assign_sub(variable, variable * decay)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        return config | {
            "weight_decay": self.decoupled_weight_decay,
            "multipliers": dict(self.multipliers),
        }


def begins_with(layer_name: str, beginning: str) -> bool:
    """Whether a layer's name begins with this, not with a longer number."""
    rest = layer_name.removeprefix(beginning)
    return layer_name.startswith(beginning) and not rest[:1].isdigit()


def _is_in(path: str, beginning: str) -> bool:
    """Whether a weight belongs to a layer whose name begins with this."""
    return any(begins_with(part, beginning) for part in path.split("/")[:-1])
