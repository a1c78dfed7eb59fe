"""``python -m export.litert`` is ``keras-seismic export litert``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("export", "litert")
