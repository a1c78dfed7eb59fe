"""Studies on the package's networks: ``python -m examples.studies.transfer --help``."""
