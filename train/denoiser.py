"""``python -m train.denoiser`` is ``keras-seismic train denoiser``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "denoiser")
