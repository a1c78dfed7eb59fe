"""The training programs from a checkout: ``python -m train.inversionnet --help``."""
