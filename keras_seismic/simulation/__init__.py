"""Simulation: velocity models, acquisitions, and the waves that link models and data."""

from keras_seismic.simulation.acoustic import DispersionWarning, check_velocity, simulate
from keras_seismic.simulation.acquisition import Acquisition
from keras_seismic.simulation.geology import (
    FAMILIES,
    OPENFWI_FAMILIES,
    SALT_VELOCITY,
    Geology,
    sample_geology,
    sample_velocity,
)
from keras_seismic.simulation.gradient import AcousticModeling
from keras_seismic.simulation.positions import snap_to_grid
from keras_seismic.simulation.sections import (
    LabeledSection,
    impedance_in_time,
    in_time,
    sample_labeled_sections,
    sample_sections,
    simulate_section,
)
from keras_seismic.simulation.snapshots import wave_field
from keras_seismic.simulation.wavelets import described_wavelet, klauder, ormsby, ricker

__all__ = [
    "FAMILIES",
    "AcousticModeling",
    "OPENFWI_FAMILIES",
    "SALT_VELOCITY",
    "Acquisition",
    "DispersionWarning",
    "Geology",
    "LabeledSection",
    "check_velocity",
    "described_wavelet",
    "impedance_in_time",
    "in_time",
    "klauder",
    "ormsby",
    "ricker",
    "sample_geology",
    "sample_labeled_sections",
    "sample_sections",
    "sample_velocity",
    "simulate",
    "simulate_section",
    "snap_to_grid",
    "wave_field",
]
