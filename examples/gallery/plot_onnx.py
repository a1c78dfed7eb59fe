"""
Export to ONNX
==============

One file, raw amplitudes in, m/s out, checked against the Keras model before it appears.
"""

# %%
# A small InversionNet, briefly trained on the pairs of :doc:`plot_inversion_net`, in physical
# units.
import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

import keras_seismic as ks

keras.utils.set_random_seed(0)
acquisition = ks.simulation.Acquisition.surface(
    width=32, dx=15.0, dt=0.002, nt=400, peak_frequency=10.0, shots=3, boundary="cpml"
)
pairs = ks.datasets.SimulatedPairs("flatvel_a", 400, acquisition, shape=(32, 32)).prepare(
    progress=False
)
normalization = ks.layers.GatherPreparation(
    [ks.layers.TimeDecimation(4), ks.layers.GatherNormalization.openfwi("flatvel_a")]
)
scaling = ks.layers.VelocityScaling(1500, 4500)
network = ks.models.InversionNet((100, 32, 3), (32, 32), filters=8)
network.compile(keras.optimizers.Adam(1e-3), "mean_absolute_error", jit_compile=False)
network.fit(pairs.dataset(normalization, scaling), epochs=3, shuffle=False, verbose=0)
model = ks.models.with_physical_units(network, normalization, scaling, acquisition)

# %%
# Two variants: float32, which must agree to 0.5 m/s or nothing is written, and float16, half as
# large, whose loss is bounded and noted in the file.
folder = Path(tempfile.mkdtemp())
gathers, _ = pairs[:16]
ks.exporting.export_onnx(model, folder / "model.onnx", gathers)
ks.exporting.export_onnx(model, folder / "half.onnx", gathers, variant="float16")
for name in ("model.onnx", "half.onnx"):
    print(f"{name}: {(folder / name).stat().st_size / 1e6:.1f} MB")

# %%
# ONNX Runtime needs neither Keras nor this package.
session = onnxruntime.InferenceSession(folder / "model.onnx")
(answer,) = session.run(None, {"shot_gather": gathers})
print(session.get_modelmeta().custom_metadata_map["units"])

# %%
# How far each file is from Keras, cell by cell.
expected = ks.inference.predict(model, gathers)
differences = {
    "float32": np.abs(answer - expected),
    "float16": np.abs(ks.invert(gathers, folder / "half.onnx", progress=False) - expected[..., 0]),
}
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for name, difference in differences.items():
    bins = np.logspace(-6, 2, 60).tolist()
    axis.hist(np.maximum(difference.ravel(), 1e-6), bins, alpha=0.7, label=name)
axis.axvline(0.5, color="black", linestyle="--", label="largest allowed for float32")
axis.set(xscale="log", xlabel="difference from Keras (m/s)", ylabel="cells")
axis.legend()
plt.show()
