"""The command ``keras-seismic``: thin programs over the package."""
