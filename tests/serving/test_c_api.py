"""A SavedModel through TensorFlow's C API: the server's loader, in a process that knows only it."""

import subprocess
import sys

import numpy as np
import pytest

from tests.serving.c_api import RUNNER, run_in_c
from tests.serving.served_models import gathers


def test_every_signature_is_the_keras_model(exported, tmp_path):
    folder, model = exported.root / "inversion" / "1", exported.inversion[1]
    batches = [gathers(1), gathers(3, seed=1)]
    right = [np.asarray(model(raw)) for raw in batches]
    assert right[1].std() > 50
    for received, velocity in zip(
        run_in_c(folder, "serving_default", batches, tmp_path), right, strict=True
    ):
        np.testing.assert_allclose(received, velocity, atol=0.5)
    channels_first = [raw.transpose(0, 3, 1, 2) for raw in batches]
    for received, velocity in zip(
        run_in_c(folder, "openfwi", channels_first, tmp_path), right, strict=True
    ):
        np.testing.assert_allclose(received, velocity.transpose(0, 3, 1, 2), atol=0.5)
    x = np.asarray(model.input_normalization(batches[1]))
    (received,) = run_in_c(folder, "normalized", [x], tmp_path)
    np.testing.assert_allclose(received, np.asarray(model.network(x)), atol=1e-4)


def test_a_denoiser_takes_sections_of_any_size(exported, tmp_path, rng):
    sections = [rng.standard_normal(s).astype("float32") for s in ((1, 28, 31, 1), (3, 20, 40, 1))]
    received = run_in_c(exported.root / "denoiser" / "7", "serving_default", sections, tmp_path)
    for section, clean in zip(sections, received, strict=True):
        right = np.asarray(exported.denoiser(section))
        np.testing.assert_allclose(clean, right, atol=1e-4 * np.abs(right).max())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda raw: np.where(np.arange(8)[:, None] == 3, np.nan, raw), "finite"),
        (lambda raw: raw[:, :-1], "expected shape"),
        (lambda raw: raw.astype(np.int32), "float but int32 is provided|expected to be float"),
    ],
)
def test_the_graph_itself_refuses(exported, tmp_path, spoil, words):
    raw = spoil(gathers(2))
    raw = raw if raw.dtype == np.int32 else raw.astype(np.float32)
    with pytest.raises(RuntimeError, match=rf"TensorFlow refuses \(code 3\): .*({words})"):
        run_in_c(exported.root / "inversion" / "1", "serving_default", [raw], tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path, exported):
    arguments = ["x:0", tmp_path / "in.npy", "y:0", tmp_path / "out.npy"]
    result = subprocess.run(
        [sys.executable, "-I", RUNNER, tmp_path, *arguments], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "Could not find SavedModel" in result.stderr
