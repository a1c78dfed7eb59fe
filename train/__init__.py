"""Training programs: ``python -m train.inversionnet --help``."""
