"""What the README promises."""

import math
import re
from pathlib import Path

import keras
import numpy as np

import keras_seismic as ks

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_parameters_of_the_model_table(monkeypatch):
    """Every row of the table is code that makes a network of as many trainable weights."""
    for kind in (keras.initializers.VarianceScaling, keras.initializers.RandomUniform):
        # Zeros, for the numbers themselves take most of the time.
        monkeypatch.setattr(kind, "__call__", lambda _, shape, **__: np.zeros(shape, "float32"))
    rows = re.findall(r"^\| `(.+?)` \| ([\d,]+) \|", README, re.MULTILINE)
    named = vars(ks.models) | {"wavelet": np.hanning(51)}
    for code, count in rows:
        network = eval(code, named)
        weights = sum(math.prod(weight.shape) for weight in network.trainable_weights)
        assert f"{weights:,}" == count, code
    made = " ".join(code for code, _ in rows)
    around = {  # of any network
        "DataMisfit", "PhysicalUnitsModel", "PhysicsGuidedModel", "PosteriorMean",
        "VelocityWithSpread",
    }  # fmt: skip
    for name in set(ks.models.__all__) - around:
        if isinstance(getattr(ks.models, name), type):
            assert f"{name}(" in made
