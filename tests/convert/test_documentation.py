"""The page on OpenFWI's checkpoints does what it says."""

from pathlib import Path

import numpy as np

import keras_seismic as ks
from tests.convert.torch_files import checkpoint

PAGE = Path(__file__).parents[2] / "docs" / "openfwi_checkpoints.md"
NARROW = {"InversionNet()": "InversionNet(filters=2)", "[:100]": "[:2]", "gathers[:4]": "gathers"}


def test_the_example_runs(tmp_path, monkeypatch, rng, wide, capsys):
    """On two pairs, with a checkpoint of a narrow network."""
    code = PAGE.read_text().split("```python\n")[1].split("```")[0]
    for published, small in NARROW.items():
        assert published in code
        code = code.replace(published, small)
    monkeypatch.chdir(tmp_path)
    gathers = rng.uniform(-20, 40, (2, 5, 1000, 70)).astype("float32")
    velocity = rng.uniform(1500, 4500, (2, 1, 70, 70)).astype("float32")
    np.save("data49.npy", gathers)
    np.save("model49.npy", velocity)
    state, _ = wide
    Path("flatvel_a.pth").write_bytes(checkpoint(state))
    scope = {}
    exec(compile(code, str(PAGE), "exec"), scope)
    np.testing.assert_array_equal(scope["gathers"], gathers.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(scope["velocity"], velocity.transpose(0, 2, 3, 1))
    assert "velocity_mae_m_s" in capsys.readouterr().out
    exported = ks.inference.load_predictor("flatvel_a.onnx")(scope["gathers"])
    np.testing.assert_allclose(exported, scope["predicted"], atol=0.5)
    saved = ks.inference.load_model("flatvel_a.keras")
    assert saved.acquisition == ks.simulation.Acquisition.openfwi()
    kernel = saved.network.get_layer("encoder_3b_convolution").kernel.numpy()
    expected = state["convblock3_2.layers.0.weight"]
    np.testing.assert_array_equal(kernel.transpose(3, 2, 0, 1), expected)
