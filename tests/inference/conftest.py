"""The model that these tests invert with."""

import pytest

from tests.small_models import small_inversion


@pytest.fixture(scope="session")
def small():
    return small_inversion()


@pytest.fixture(scope="session")
def model(small):
    return small.model
