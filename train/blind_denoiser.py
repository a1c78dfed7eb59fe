"""``python -m train.blind_denoiser`` is ``keras-seismic train blind-denoiser``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "blind-denoiser")
