"""The page on transfer learning does what it says."""

from pathlib import Path

import keras
import numpy as np

import keras_seismic as ks

PAGE = Path(__file__).parents[2] / "docs" / "transfer_learning.md"


def test_the_example_runs(tmp_path, monkeypatch, rng):
    import tensorflow as tf

    monkeypatch.chdir(tmp_path)
    network = ks.models.InversionNet((64, 8, 1), (16, 16), filters=1)
    Path("runs/flat").mkdir(parents=True)
    network.save("runs/flat/best.keras")
    code = PAGE.read_text().split("```python\n")[1].split("```")[0]
    scope = {
        "gathers": rng.uniform(-1, 1, (4, 64, 8, 1)).astype("float32"),
        "velocity": rng.uniform(-1, 1, (4, 16, 16, 1)).astype("float32"),
    }
    tf.config.run_functions_eagerly(True)  # tracing takes longer than ten steps
    try:
        exec(compile(code.replace("epochs=10", "epochs=2"), str(PAGE), "exec"), scope)
    finally:
        tf.config.run_functions_eagerly(False)
    trained = keras.models.load_model("target.keras")
    for name, same in (("encoder_4b", True), ("encoder_5a", False), ("decoder_1b", False)):
        kernels = [m.get_layer(f"{name}_convolution").kernel for m in (network, trained)]
        assert np.array_equal(*kernels) == same
    assert trained.optimizer.multiplier("encoder_5a_convolution/kernel") == 0.1
    assert trained.optimizer.iterations == 2
