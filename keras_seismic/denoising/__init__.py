"""Classical filters for noisy sections: what a network has to be compared with.

Each takes a section ``(time, traces)`` and returns one, float32; none learns anything. Linear
filters know where the signal lies (``band_pass``, ``dip_filter``), the others that it continues
from trace to trace (``fx_deconvolution``, ``cadzow``, ``structural_median``). They leave mutes
and dead traces to the caller: what surrounds them leaks in. ``local_similarity`` shows where a
filter took signal away with the noise.
"""

from keras_seismic.denoising.bands import band_pass, dip_filter
from keras_seismic.denoising.prediction import fx_deconvolution
from keras_seismic.denoising.rank_reduction import cadzow
from keras_seismic.denoising.similarity import local_similarity
from keras_seismic.denoising.structure import local_slope, structural_median

__all__ = [
    "band_pass",
    "cadzow",
    "dip_filter",
    "fx_deconvolution",
    "local_similarity",
    "local_slope",
    "structural_median",
]
