"""``python -m train.time_depth_unet`` is ``keras-seismic train time-depth-unet``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("train", "time-depth-unet")
