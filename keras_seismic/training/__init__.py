"""Training: run folders and fitting, from scratch or from a trained network."""

from keras_seismic.training.adversarial import (
    fit_with_critic,
    fit_with_unlabeled,
    with_unlabeled,
)
from keras_seismic.training.denoiser_recipe import DenoiserRecipe
from keras_seismic.training.denoiser_study import study_denoiser, study_factors
from keras_seismic.training.devices import on_devices
from keras_seismic.training.fitting import fit, fit_pairs, jit_compile, training_batches
from keras_seismic.training.layerwise_rates import LayerwiseAdamW
from keras_seismic.training.precision import Precision, dtype_policy
from keras_seismic.training.run_folder import FinishedRunError, RunFolder
from keras_seismic.training.spread import fit_spread
from keras_seismic.training.study_result import Claim, DenoiserStudy
from keras_seismic.training.time_budget import TimeBudget
from keras_seismic.training.transfer import (
    copy_weights,
    encoder_multipliers,
    encoder_stages,
    freeze_encoder,
    reset_head,
)
from keras_seismic.training.updates import adamw, scheduled, size_of_parts, update_options

__all__ = [
    "Claim",
    "DenoiserRecipe",
    "DenoiserStudy",
    "FinishedRunError",
    "LayerwiseAdamW",
    "Precision",
    "RunFolder",
    "TimeBudget",
    "adamw",
    "copy_weights",
    "dtype_policy",
    "encoder_multipliers",
    "encoder_stages",
    "fit",
    "fit_pairs",
    "fit_spread",
    "fit_with_critic",
    "fit_with_unlabeled",
    "freeze_encoder",
    "jit_compile",
    "on_devices",
    "reset_head",
    "scheduled",
    "size_of_parts",
    "study_denoiser",
    "study_factors",
    "training_batches",
    "update_options",
    "with_unlabeled",
]
