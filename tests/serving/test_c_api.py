"""A SavedModel through TensorFlow's C API: the server's loader, in a process that knows only it."""

import re

import numpy as np
import pytest

from tests.serving.c_api import run_in_c
from tests.serving.served_models import gathers


def test_every_signature_is_the_keras_model(exported, tmp_path):
    folder, model = exported.root / "inversion" / "1", exported.inversion[1]
    batches = [gathers(1), gathers(3, seed=1)]
    right = [np.asarray(model(raw)) for raw in batches]
    assert right[1].std() > 50
    x = np.asarray(model.input_normalization(batches[1]))
    runs = [("serving_default", raw) for raw in batches]
    runs += [("openfwi", raw.transpose(0, 3, 1, 2)) for raw in batches]
    *received, normalized = run_in_c(folder, [*runs, ("normalized", x)], tmp_path)
    for velocity, expected in zip(
        received, right + [v.transpose(0, 3, 1, 2) for v in right], strict=True
    ):
        np.testing.assert_allclose(velocity, expected, atol=0.5)
    np.testing.assert_allclose(normalized, np.asarray(model.network(x)), atol=1e-4)


def test_a_denoiser_takes_sections_of_any_size(exported, tmp_path, rng):
    sections = [rng.standard_normal(s).astype("float32") for s in ((1, 28, 31, 1), (3, 20, 40, 1))]
    runs = [("serving_default", section) for section in sections]
    received = run_in_c(exported.root / "denoiser" / "7", runs, tmp_path)
    for section, clean in zip(sections, received, strict=True):
        right = np.asarray(exported.denoiser(section))
        np.testing.assert_allclose(clean, right, atol=1e-4 * np.abs(right).max())


def test_the_graph_itself_refuses(exported, tmp_path):
    raw = gathers(2)
    spoilt = raw.copy()
    spoilt[:, :, 3] = np.nan
    bad = {
        "finite": spoilt,
        "expected shape": raw[:, :-1],
        "float but int32 is provided|expected to be float": raw.astype(np.int32),
    }
    runs = [("serving_default", array) for array in bad.values()]
    with pytest.raises(RuntimeError) as error:
        run_in_c(exported.root / "inversion" / "1", runs, tmp_path)
    refusals = str(error.value).split("TensorFlow refuses ")[1:]
    for words, refusal in zip(bad, refusals, strict=True):
        assert re.match(rf"\(code 3\): .*({words})", refusal)
