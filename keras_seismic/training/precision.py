"""The precision to train in."""

import re
import sys
from pathlib import Path
from typing import Literal, get_args

import keras

from keras_seismic.checks import checked_choice

Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]

#: Instructions for matrices of bfloat16, as Linux names them.
_BFLOAT16_INSTRUCTIONS = {"amx_bf16", "avx512_bf16"}


def dtype_policy(precision: Precision = "auto") -> Precision:
    """The Keras dtype policy to train a network in.

    ``auto`` is ``mixed_bfloat16`` where that is quicker, else ``float32``: on TPUs, on Nvidia's
    GPUs since Ampere (compute capability 8.0), and with TensorFlow on processors with AMX or
    AVX-512 BF16. Weights, statistics and losses are float32 in either. docs/training_speed.md
    compares their speed and the errors of the networks.

    Args:
        precision: ``"auto"`` or the name of a policy.

    Raises:
        ValueError: If the precision is unknown.

    Example:
        >>> dtype_policy("float32")
        'float32'
    """
    checked_choice(precision, get_args(Precision), "dtype_policy: precision")
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if _computes_in_bfloat16() else "float32"


def _computes_in_bfloat16() -> bool:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            return not _BFLOAT16_INSTRUCTIONS.isdisjoint(_processor_flags())
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return all(detail.get("compute_capability", (0, 0)) >= (8, 0) for detail in details)
    if backend == "jax":
        import jax

        devices = jax.devices()
        if devices[0].platform == "gpu":
            return all(float(getattr(device, "compute_capability", 0)) >= 8 for device in devices)
        return bool(devices[0].platform == "tpu")
    return False


def _processor_flags() -> set[str]:
    """What the processor can do, on Linux; elsewhere it is not known."""
    cpuinfo = Path("/proc/cpuinfo")
    if sys.platform != "linux" or not cpuinfo.is_file():
        return set()
    found = re.search(r"^flags\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
    return set(found.group(1).split()) if found else set()
