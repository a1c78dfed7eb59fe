"""Every network of the package in every runtime, on outputs that vary."""

import pytest

from benchmarks.runtimes import RUNTIMES, cases, differences
from keras_seismic.exporting.parity import RELATIVE_TOLERANCE, VELOCITY_TOLERANCE
from keras_seismic.models.catalogue import CATALOGUE

CASES = list(cases(small=True))


def test_no_network_is_left_out():
    assert [case.code for case in CASES] == [entry.code for entry in CATALOGUE]
    for case, entry in zip(CASES, CATALOGUE, strict=True):
        network = getattr(case.model, "network", case.model)
        full = entry.make()
        assert type(network) is type(getattr(full, "generator", full))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_exports_compute_what_keras_computes(case, tmp_path):
    found = differences(case, tmp_path)
    assert found["varies"] > (50 if case.in_m_s else 0.01)
    allowed = VELOCITY_TOLERANCE if case.in_m_s else RELATIVE_TOLERANCE
    for runtime in RUNTIMES:
        difference = found[runtime]
        assert isinstance(difference, float), f"{runtime}: {difference}"
        assert difference <= allowed
