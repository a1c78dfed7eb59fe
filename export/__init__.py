"""``python -m export.onnx`` and its like are programs of the command ``keras-seismic``."""
