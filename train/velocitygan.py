"""``python -m train.velocitygan`` is ``keras-seismic train velocitygan``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "velocitygan")
