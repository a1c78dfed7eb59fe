"""Sphinx configuration: ``make docs`` builds the site into build/docs/html."""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import keras_seismic

project = "keras_seismic"
author = "the keras_seismic contributors"
release = version = keras_seismic.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "command_pages",
    "public_names",
]
exclude_patterns = ["gallery/*.ipynb", "gallery/*.py", "generated_commands.md"]
suppress_warnings = ["config.cache"]  # the gallery's order is a class
linkcheck_ignore = [r"http://127\.0\.0\.1"]
linkcheck_anchors = False  # GitHub makes its anchors in the browser

# Guides: every link between pages and to headings is checked (-W makes a miss an error).
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Reference: a page a room, in the order of __all__. References to public names are checked; other
# packages are not linked, so that the site builds without network.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!keras_seismic\.\w+\.\w+$).*")]
templates_path = ["_templates"]
autosummary_imported_members = True
autosummary_ignore_module_all = False
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # Keras' own are not reStructuredText
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [("Warns", "returns_style")]
add_module_names = False
python_maximum_signature_line_length = 88

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": os.environ.get("GALLERY", r"/plot_"),
    "within_subsection_order": "gallery_order.Order",
    "image_scrapers": ("figures.scrape",),
    "reset_modules": (),
    "download_all_examples": False,
    "thumbnail_size": (480, 340),
    "show_memory": False,
    "show_signature": False,
    "capture_repr": (),
    "remove_config_comments": True,
    "abort_on_example_error": False,
    "plot_gallery": "True",
}

html_theme = "pydata_sphinx_theme"
html_title = "keras_seismic"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_sidebars = {
    "index": [],
    "getting_started": [],
    "command_line": [],
}
html_theme_options = {
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_prev_next": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}
copyright = "the keras_seismic contributors, Apache-2.0"
