"""Simulation: velocity models, acquisitions, and the waves that link models and data."""

from keras_seismic.simulation.acoustic import DispersionWarning, check_velocity, simulate
from keras_seismic.simulation.acquisition import Acquisition
from keras_seismic.simulation.geology import (
    FAMILIES,
    OPENFWI_FAMILIES,
    SALT_VELOCITY,
    sample_velocity,
)
from keras_seismic.simulation.sections import sample_sections, simulate_section
from keras_seismic.simulation.wavelets import ricker

__all__ = [
    "FAMILIES",
    "OPENFWI_FAMILIES",
    "SALT_VELOCITY",
    "Acquisition",
    "DispersionWarning",
    "check_velocity",
    "ricker",
    "sample_sections",
    "sample_velocity",
    "simulate",
    "simulate_section",
]
