"""``python -m export.predict`` is ``keras-seismic predict``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("predict")
