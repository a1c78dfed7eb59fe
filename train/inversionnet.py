"""``python -m train.inversionnet`` is ``keras-seismic train inversionnet``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "inversionnet")
