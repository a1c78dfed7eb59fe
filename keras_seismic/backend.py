"""The backend that Keras runs on: loaded without its log, compiling functions where it can."""

import contextlib
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def without_loading_log() -> Iterator[None]:
    """Load TensorFlow without the log lines of its C++ libraries.

    They are written before anything can ask TensorFlow not to. ``TF_CPP_MIN_LOG_LEVEL``, if it
    is set, decides as ever what is shown from then on, and ``0`` shows everything.
    """
    wanted = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if wanted == "0" or "tensorflow" in sys.modules:
        yield
        return
    with _standard_error_held_back():
        yield


def find_devices() -> None:
    """Let TensorFlow, where it is loaded, look for GPUs now, and say nothing if there are none.

    It would do so at the first operation, and complain on the terminal of a missing driver.
    """
    if "tensorflow" not in sys.modules or os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        return
    with _standard_error_held_back():
        sys.modules["tensorflow"].config.list_physical_devices()


@contextlib.contextmanager
def _standard_error_held_back() -> Iterator[None]:
    """Send standard error, including C++'s, to a file; after an error, show the contents."""
    if sys.stderr is None:  # closed: there is nothing to hold back
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as log:
        terminal = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(terminal, log.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def compiled(function: Callable[..., Any], backend: str) -> Callable[..., Any]:
    """The function compiled by XLA where the Keras backend has it."""
    if backend == "tensorflow":
        import tensorflow as tf

        on_tensors = tf.function(function, jit_compile=True, autograph=False)
        return lambda *args: on_tensors(*tf.nest.map_structure(tf.convert_to_tensor, args))
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function


def available_cores() -> int:
    """Processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def has_accelerator() -> bool:
    """Whether the Keras backend computes on something else than a processor."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(
            tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU")
        )
    if backend == "jax":
        import jax

        return jax.default_backend() != "cpu"
    return False


def differentiable_on_host(
    function: Callable[..., Any],
    pullback: Callable[..., Any],
    shape: tuple[int, ...],
    backend: str,
) -> Callable[..., Any]:
    """A function of tensors whose values and gradients are computed by NumPy functions.

    Args:
        function: From arrays to a float32 array, whose first axis is the first argument's.
        pullback: From the gradient for that array, followed by the same arrays, to a gradient
            for each of them, float32.
        shape: Of the function's result, without the first axis.
        backend: TensorFlow (where it cannot be part of what XLA compiles) or JAX.

    Raises:
        ValueError: On another backend.
    """
    if backend == "tensorflow":
        import tensorflow as tf

        @tf.custom_gradient
        def on_tensors(*arguments: Any) -> Any:
            result = tf.numpy_function(function, arguments, tf.float32)
            result.set_shape((arguments[0].shape[0], *shape))

            def gradient(cotangent: Any) -> Any:
                types = [tf.float32] * len(arguments)
                gradients = tf.numpy_function(pullback, [cotangent, *arguments], types)
                for one, argument in zip(gradients, arguments, strict=True):
                    one.set_shape(argument.shape)
                return gradients

            return result, gradient

        return on_tensors
    if backend == "jax":
        import jax

        def like(tensor: Any) -> Any:
            return jax.ShapeDtypeStruct(tensor.shape, "float32")  # type: ignore[no-untyped-call]

        @jax.custom_vjp
        def on_arrays(*arguments: Any) -> Any:
            result = jax.ShapeDtypeStruct(  # type: ignore[no-untyped-call]
                (arguments[0].shape[0], *shape), "float32"
            )
            return jax.pure_callback(function, result, *arguments)

        def backward(arguments: Any, cotangent: Any) -> Any:
            return jax.pure_callback(pullback, tuple(map(like, arguments)), cotangent, *arguments)

        on_arrays.defvjp(lambda *arguments: (on_arrays(*arguments), arguments), backward)
        return on_arrays
    raise ValueError(
        "gradients through NumPy functions need KERAS_BACKEND=tensorflow or jax, "
        f"received {backend}"
    )


def resources() -> dict[str, Any]:
    """What this process computes with, and the most memory that it has held so far.

    Returns:
        ``processor``, ``cores`` and ``peak_memory_mb``; with an accelerator also its names,
        ``accelerators``, and ``accelerator_peak_memory_mb``, where it is known.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kilobyte = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    found: dict[str, Any] = {
        "processor": _processor(),
        "cores": available_cores(),
        "peak_memory_mb": round(peak * kilobyte / 1e6, 1),
    }
    if has_accelerator():
        names, held = _accelerators()
        found["accelerators"] = names
        if held:
            found["accelerator_peak_memory_mb"] = round(held / 1e6, 1)
    return found


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _accelerators() -> tuple[list[str], int]:
    """Names of the accelerators, and the most bytes that one of them has held, 0 if unknown."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        devices: list[Any] = jax.devices()
        peaks = [(one.memory_stats() or {}).get("peak_bytes_in_use", 0) for one in devices]
        return [one.device_kind for one in devices], max(peaks)
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(one).get("device_name") for one in devices]
    peaks = [
        tf.config.experimental.get_memory_info(f"GPU:{number}")["peak"]
        for number in range(len(devices))
    ]
    return [str(name) for name in names], max(peaks, default=0)
