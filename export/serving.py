"""``python -m export.serving`` is ``keras-seismic serve``."""

from keras_seismic.cli.main import run

if __name__ == "__main__":
    run("serve")
