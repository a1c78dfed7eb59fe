"""Every network of the package in every runtime, on outputs that vary."""

import pytest

from benchmarks.runtimes import RUNTIMES, differences, make_case
from keras_seismic.exporting.parity import RELATIVE_TOLERANCE, VELOCITY_TOLERANCE
from keras_seismic.models.catalog import CATALOG


@pytest.fixture(scope="module", params=range(len(CATALOG)), ids=lambda i: CATALOG[i].code)
def case(request):
    return make_case(request.param, small=True)


def test_the_small_network_is_of_the_same_kind(case):
    full = next(entry for entry in CATALOG if entry.code == case.code).make()
    assert type(getattr(case.model, "network", case.model)) is type(
        getattr(full, "generator", full)
    )


@pytest.mark.slow
def test_exports_compute_what_keras_computes(case, tmp_path):
    found = differences(case, tmp_path)
    assert found["varies"] > (50 if case.in_m_s else 0.01)
    allowed = VELOCITY_TOLERANCE if case.in_m_s else RELATIVE_TOLERANCE
    for runtime in RUNTIMES:
        difference = found[runtime]
        assert isinstance(difference, float), f"{runtime}: {difference}"
        assert difference <= allowed
