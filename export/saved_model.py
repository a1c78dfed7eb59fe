"""``python -m export.saved_model`` is ``keras-seismic export saved-model``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("export", "saved-model")
