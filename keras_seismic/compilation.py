"""Compiling functions of the backend's tensors."""

from collections.abc import Callable


def compiled(function: Callable, backend: str) -> Callable:
    """The function compiled by XLA where the Keras backend has it."""
    if backend == "tensorflow":
        import tensorflow as tf

        on_tensors = tf.function(function, jit_compile=True, autograph=False)
        return lambda *args: on_tensors(*tf.nest.map_structure(tf.constant, args))
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function
