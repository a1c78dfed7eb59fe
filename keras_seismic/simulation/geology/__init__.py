"""Random velocity models of layered, folded, faulted, styled, textured and salt geology."""

from keras_seismic.simulation.geology.families import (
    FAMILIES,
    OPENFWI_FAMILIES,
    Geology,
    family_name,
    openfwi_family,
    sample_geology,
    sample_velocity,
)
from keras_seismic.simulation.geology.salt import SALT_VELOCITY

__all__ = [
    "FAMILIES",
    "OPENFWI_FAMILIES",
    "SALT_VELOCITY",
    "Geology",
    "family_name",
    "openfwi_family",
    "sample_geology",
    "sample_velocity",
]
