"""Training: run folders and fitting."""

from keras_seismic.training.fitting import adamw, fit, jit_compile
from keras_seismic.training.run_folder import RunFolder

__all__ = ["RunFolder", "adamw", "fit", "jit_compile"]
