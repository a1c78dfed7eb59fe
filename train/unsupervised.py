"""``python -m train.unsupervised`` is ``keras-seismic train unsupervised``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "unsupervised")
