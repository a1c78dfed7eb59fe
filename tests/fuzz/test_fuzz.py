"""The fuzzer finds what it is there to find, and its damage can be made again."""

import io
import zipfile

import numpy as np
import pytest
import scipy.io

from tests.fuzz import campaign, faulty_kinds
from tests.fuzz.campaign import Campaign
from tests.fuzz.envelopes import DEFLATED, MAT
from tests.fuzz.kinds import Kind
from tests.fuzz.mutations import mutated
from tests.fuzz.worker import Cases


def test_every_fault_is_found_and_its_file_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(campaign, "PROCESSOR_SECONDS", 2.0)
    names = list(faulty_kinds.FAULTS)
    one = Campaign(faulty_kinds.all_kinds, names, 0, tmp_path / "out")
    one.run(60, 1, cases=2)
    for name in names:
        assert one.cases[name] == 2
        assert one.counts[name]["read"] == 1, "the whole sample comes first"
        assert one.counts[name][name] == 1, (name, one.counts[name])
    assert {kind for kind, *_ in one.failures} == set(names) - {"refused"}
    kept = {path.name for path in (tmp_path / "out" / "failures").iterdir()}
    assert kept == {f"{name}-1.txt" for name in names if name != "refused"}
    assert "FAILED 1 x crash, any reader: crash: SIGABRT" in one.report(1.0)


def test_a_reader_that_refuses_everything_is_a_failure(tmp_path):
    strict = Campaign(faulty_kinds.all_kinds, ["too strict"], 0, tmp_path / "out")
    strict.run(60, 1, cases=3)
    assert ("too strict", "reader", "nothing whole was read") in strict.failures
    assert "2 failures" in strict.report(1.0)


def test_cases_are_determined_by_seed_and_number(tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(200)))
    (tmp_path / "b").write_bytes(b'{"n": [1, 2, {"x": 0.5}]}')
    kind = Kind("k", "", lambda folder: None, {})
    first, second, other = (Cases(kind, tmp_path, seed) for seed in (0, 0, 1))
    numbers = range(2, 60)
    assert [first[n] for n in reversed(numbers)] == [second[n] for n in numbers][::-1]
    assert [first[n] for n in numbers] != [other[n] for n in numbers]
    assert first[0] == ("a", {"": bytes(range(200))})
    changed = [first[n][1][""] not in (first[0][1][""], first[1][1][""]) for n in numbers]
    assert sum(changed) > 50


def test_json_stays_json_half_of_the_time(rng):
    content = b'{"a": [1, {"b": "text"}], "c": null}'
    damaged = [mutated(content, rng) for _ in range(100)]
    import json

    def parses(text):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
        return True

    assert 25 < sum(map(parses, damaged)) < 90


@pytest.mark.parametrize("envelope", [DEFLATED, MAT])
def test_envelopes_close_what_they_opened(envelope):
    buffer, array = io.BytesIO(), np.arange(600.0).reshape(20, 30)
    if envelope is MAT:
        scipy.io.savemat(buffer, {"a": array, "b": "text"}, do_compression=True)
    else:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", array.tobytes())
    parts = envelope.open(buffer.getvalue())
    closed = io.BytesIO(envelope.close(parts))
    if envelope is MAT:
        assert any(name.startswith("compressed") for name in parts)
        np.testing.assert_array_equal(scipy.io.loadmat(closed)["a"], array)
    else:
        assert zipfile.ZipFile(closed).read("a") == array.tobytes()
