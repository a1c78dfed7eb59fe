"""The TFDS data set ``simulated_velocity``; importing this registers it."""

from keras_seismic.datasets.tfds.simulated_velocity.simulated_velocity_dataset_builder import (
    Builder as SimulatedVelocity,
)

__all__ = ["SimulatedVelocity"]
