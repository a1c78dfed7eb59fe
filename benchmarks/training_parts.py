"""Parts of a training step on a processor: what TensorFlow does, and what was tried instead.

    python -m benchmarks.training_parts

Milliseconds of one thread's processor time, which other work on the machine disturbs little;
medians of seven rounds in which all variants take turns.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_seismic as ks
from benchmarks._report import report

ROUNDS, ALPHA = 7, 0.2
PRECISIONS = ("float32", "bfloat16")


def random_maps(*shape: int, dtype: str) -> tf.Tensor:
    """Normally distributed values."""
    return tf.cast(tf.random.normal(shape, seed=0), dtype)


def activations(dtype: str) -> dict[str, Callable[[], Any]]:
    """LeakyReLU and its gradient on maps of (8, 250, 70, 64), by name."""
    x, slope = (random_maps(8, 250, 70, 64, dtype=dtype) for _ in range(2))
    alpha = tf.constant(ALPHA, dtype)
    functions = {
        "LeakyReLU": lambda x: tf.nn.leaky_relu(x, ALPHA),
        "LeakyReLU as a maximum": lambda x: tf.maximum(x, alpha * x),
        "ReLU": tf.nn.relu,
    }

    def with_gradient(function: Callable[[Any], Any], xla: bool = False) -> Callable[[], Any]:
        @tf.function(jit_compile=xla)
        def run() -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x)
            return y, tape.gradient(y, x, slope)

        return run

    variants = {name: with_gradient(function) for name, function in functions.items()}
    return variants | {"LeakyReLU by XLA": with_gradient(functions["LeakyReLU"], xla=True)}


def kernel_gradients(dtype: str) -> dict[str, Callable[[], Any]]:
    """A 3 x 1 convolution of maps of (4, 250, 70, 64) and the gradient of its kernel, by name."""

    def convolution(shape: tuple[int, int], kernel: tuple[int, int]) -> dict[str, Any]:
        x, slope = (random_maps(4, *shape, 64, dtype=dtype) for _ in range(2))
        weights = random_maps(*kernel, 64, 64, dtype=dtype)

        def by_products() -> Any:
            padded = tf.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)))
            taps = [tf.reshape(padded[:, i : i + shape[0]], (-1, 64)) for i in range(3)]
            return [tf.matmul(tap, tf.reshape(slope, (-1, 64)), transpose_a=True) for tap in taps]

        return {
            "forward": tf.function(lambda: tf.nn.conv2d(x, weights, 1, "SAME")),
            "kernel's gradient": tf.function(
                lambda: tf.raw_ops.Conv2DBackpropFilter(
                    input=x, filter_sizes=(*kernel, 64, 64), out_backprop=slope,
                    strides=[1] * 4, padding="SAME",
                )
            ),
            "kernel's gradient as matrix products": tf.function(by_products),
        }  # fmt: skip

    turned = convolution((70, 250), (1, 3))["kernel's gradient"]
    return convolution((250, 70), (3, 1)) | {"kernel's gradient, axes exchanged": turned}


def calls(dtype: str) -> dict[str, Callable[[], Any]]:
    """Epochs of 20 steps of a tiny denoiser by ``steps_per_execution``."""
    policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[dtype]
    x = np.zeros((20, 32, 32, 1), "float32")
    batches = tf.data.Dataset.from_tensor_slices((x, x)).batch(1).cache()

    def epoch(steps: int) -> Callable[[], Any]:
        network = ks.models.ConvDenoiser(8, dtype=policy)
        network.compile(
            ks.training.adamw(1e-4, 100), "mse", jit_compile=False, steps_per_execution=steps
        )
        return lambda: network.fit(batches, verbose=0)

    return {f"20 tiny steps, steps_per_execution {n}": epoch(n) for n in (1, 10)}


def milliseconds(variants: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Processor time of each, in turns."""
    for run in variants.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, run in variants.items():
            start = time.process_time()
            run()
            times[name].append(1000 * (time.process_time() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Measure, print and write."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    measured: dict[str, dict[str, float]] = {}
    for dtype in PRECISIONS:
        for made in (activations, kernel_gradients, calls):
            for name, value in milliseconds(made(dtype)).items():
                measured.setdefault(name, {})[dtype] = value
    rows = [(name, *(f"{v[dtype]:.1f}" for dtype in PRECISIONS)) for name, v in measured.items()]
    header = ("ms", *PRECISIONS)
    report("training_parts", measured, header, rows, ["keras", "tensorflow"])


if __name__ == "__main__":
    main()
