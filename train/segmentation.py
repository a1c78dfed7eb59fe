"""``python -m train.segmentation`` is ``keras-seismic train segmentation``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "segmentation")
