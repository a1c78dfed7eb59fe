"""Export programs: ``python -m export.saved_model --help``."""
