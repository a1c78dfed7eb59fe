"""A page that runs a network in the browser: one static folder."""

from keras_seismic.exporting.web.export import export_web

__all__ = ["export_web"]
