"""The command ``keras-seismic``."""
