"""Training: run folders and fitting, from scratch or from a trained network."""

from keras_seismic.training.fitting import adamw, fit, jit_compile
from keras_seismic.training.layerwise_rates import LayerwiseAdamW
from keras_seismic.training.run_folder import RunFolder
from keras_seismic.training.semi_supervised import fit_with_unlabeled, with_unlabeled
from keras_seismic.training.starts import Start, load_pretrained, transfer_starts
from keras_seismic.training.transfer import (
    encoder_multipliers,
    encoder_stages,
    freeze_encoder,
    reset_head,
)
from keras_seismic.training.transfer_study import StudyResult, compare_starts, fit_pairs

__all__ = [
    "LayerwiseAdamW",
    "RunFolder",
    "Start",
    "StudyResult",
    "adamw",
    "compare_starts",
    "encoder_multipliers",
    "encoder_stages",
    "fit",
    "fit_pairs",
    "fit_with_unlabeled",
    "freeze_encoder",
    "jit_compile",
    "load_pretrained",
    "reset_head",
    "transfer_starts",
    "with_unlabeled",
]
