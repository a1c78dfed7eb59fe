"""``python -m train.deconvolution`` is ``keras-seismic train deconvolution``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "deconvolution")
