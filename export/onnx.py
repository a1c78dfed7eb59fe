"""``python -m export.onnx`` is ``keras-seismic export onnx``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("export", "onnx")
