"""``python -m train.transfer`` is ``keras-seismic train transfer``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "transfer")
