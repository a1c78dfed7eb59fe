"""``python -m keras_seismic`` is ``keras-seismic``."""

from keras_seismic.cli.main import main

main()
