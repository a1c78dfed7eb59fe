"""The command ``keras-seismic``: programs as thin as a recipe over the package."""
