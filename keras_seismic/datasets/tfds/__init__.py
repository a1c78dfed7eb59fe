"""Data sets for TensorFlow Datasets (TFDS): built once, on one machine or a cluster.

Importing this package imports neither TensorFlow nor TFDS; using a name from it does.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_seismic.datasets.tfds.configurations import SimulatedVelocityConfig
    from keras_seismic.datasets.tfds.simulated_velocity import SimulatedVelocity

_MODULES = {
    "SimulatedVelocity": "simulated_velocity",
    "SimulatedVelocityConfig": "configurations",
}

__all__ = ["SimulatedVelocity", "SimulatedVelocityConfig"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
