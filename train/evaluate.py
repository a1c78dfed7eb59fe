"""``python -m train.evaluate`` is ``keras-seismic evaluate``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("evaluate")
