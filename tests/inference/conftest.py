"""The small trained model of the exports' tests."""

from tests.exporting.conftest import gathers, model, varied

__all__ = ["gathers", "model", "varied"]
