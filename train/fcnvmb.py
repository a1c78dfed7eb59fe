"""``python -m train.fcnvmb`` is ``keras-seismic train fcnvmb``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "fcnvmb")
