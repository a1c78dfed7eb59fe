"""Keras' Adam and AdamW, with the whole update of a weight in one operation on TensorFlow.

Keras writes an update as a dozen operations, each a pass over the weight and its moments: for the
24 million weights of InversionNet, twice the time on a processor, and seconds of tracing before
the first step (docs/training_speed.md). Arguments, updates and state are Keras' own, so that
either goes on from what the other has saved.
"""

from typing import Any

import keras

from keras_seismic.types import Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class Adam(keras.optimizers.Adam):
    """Keras' Adam, in one operation a weight on TensorFlow.

    Args:
        **kwargs: As in ``keras.optimizers.Adam``.

    Reference:
        Kingma, D. P. and Ba, J. (2014), Adam: a method for stochastic optimization.
    """

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        if not _updated(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)


@keras.saving.register_keras_serializable(package="keras_seismic")
class AdamW(keras.optimizers.AdamW):
    """Keras' AdamW, in one operation a weight, beside its decay, on TensorFlow.

    Args:
        **kwargs: As in ``keras.optimizers.AdamW``.

    Reference:
        Loshchilov, I. and Hutter, F. (2019), Decoupled weight decay regularization, ICLR.
    """

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        if self.weight_decay and _on_tensorflow() and self._use_weight_decay(variable):
            decay = keras.ops.cast(learning_rate * self.weight_decay, variable.dtype)
            self.assign_sub(variable, variable * decay)
        if not _updated(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables: list[Any]) -> None:
        # Keras would trace the schedule of the learning rate once more for every weight.
        if not _on_tensorflow():
            super()._apply_weight_decay(variables)


def _on_tensorflow() -> bool:
    """Whether updates run on TensorFlow."""
    return bool(keras.backend.backend() == "tensorflow")


def _updated(
    optimizer: keras.optimizers.Adam, gradient: Tensor, variable: Any, learning_rate: Tensor
) -> bool:
    """Update a weight by TensorFlow's operation, and say whether that was possible."""
    if not _on_tensorflow() or optimizer.amsgrad:
        return False
    import tensorflow as tf

    variable = variable.value if isinstance(variable, keras.Variable) else variable
    dtype = variable.dtype
    if isinstance(gradient, tf.IndexedSlices) or dtype not in (tf.float32, tf.float64):
        return False
    index = optimizer._get_variable_index(variable)
    step = tf.cast(optimizer.iterations + 1, dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=optimizer._momentums[index].value.handle,
        v=optimizer._velocities[index].value.handle,
        beta1_power=tf.pow(tf.cast(optimizer.beta_1, dtype), step),
        beta2_power=tf.pow(tf.cast(optimizer.beta_2, dtype), step),
        lr=tf.cast(learning_rate, dtype),
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        grad=tf.cast(gradient, dtype),
    )
    return True
