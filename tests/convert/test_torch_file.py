"""The reader of PyTorch's files: all formats, and files that PyTorch wrote."""

import argparse
import collections
import pickle

import numpy as np
import pytest

from keras_seismic.convert import read_torch_file
from tests.convert.torch_files import FIXTURES, FOUR, archive, legacy, storage, tensor


class TestReading:
    def test_containers_numbers_and_texts_of_every_protocol(self, written):
        value = {
            "list": [1, -2, 3.5, None, True, 2**70],
            "tuple": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
            3: {"é" * 300: [{}] * 3},
        }
        for protocol in (2, 3, 4, 5):
            for wrap in (archive, legacy):
                assert read_torch_file(written(wrap(pickle.dumps(value, protocol)))) == value

    def test_arguments_are_a_dictionary(self, written):
        arguments = argparse.Namespace(lr=1e-4, nested=argparse.Namespace(k=1))
        content = {"args": arguments, "state": collections.OrderedDict(a=1)}
        for protocol in (2, 4):
            read = read_torch_file(written(archive(pickle.dumps(content, protocol))))
            assert read == {"args": {"lr": 1e-4, "nested": {"k": 1}}, "state": {"a": 1}}

    @pytest.mark.parametrize("wrap", [archive, legacy])
    def test_views_of_a_storage(self, written, wrap):
        for pickled, expected in (
            (tensor(), [[0, 1], [2, 3]]),
            (tensor(stride=(1, 2)), [[0, 2], [1, 3]]),
            (tensor(offset=1, size=(2,), stride=(2,)), [1, 3]),
            (tensor(offset=3, size=(), stride=()), 3),
            (tensor(size=(0, 2)), np.zeros((0, 2))),
        ):
            read = read_torch_file(written(wrap(pickled, {"0": FOUR})))
            np.testing.assert_array_equal(read, expected)
            assert read.dtype == np.float32

    @pytest.mark.parametrize(
        ("kind", "values", "dtype"),
        [
            ("DoubleStorage", np.array([0.1, -1e300]), "float64"),
            ("HalfStorage", np.array([0.5, -2], "<f2"), "float16"),
            ("LongStorage", np.array([2**40, -1]), "int64"),
            ("ByteStorage", np.array([255, 1], "u1"), "uint8"),
            ("BoolStorage", np.array([True, False]), "bool"),
            # The upper halves of 1.0 and -2.5 as float32.
            ("BFloat16Storage", np.array([0x3F80, 0xC020], "<u2"), "float32"),
        ],
    )
    def test_types_of_numbers(self, written, kind, values, dtype):
        pickled = tensor(storage(2, kind=kind), size=(2,), stride=(1,))
        read = read_torch_file(written(archive(pickled, {"0": values.tobytes()})))
        assert read.dtype == dtype
        expected = [1.0, -2.5] if kind == "BFloat16Storage" else values
        np.testing.assert_array_equal(read, expected)

    @pytest.mark.parametrize("name", ["modern", "legacy", "resize", "gan"])
    def test_files_that_pytorch_wrote(self, name):
        checkpoint = read_torch_file(FIXTURES / f"openfwi_{name}.pth")
        state = checkpoint["model"]
        weights = [array for key, array in state.items() if key.endswith("weight")]
        assert len(weights) == 50
        assert all(array.dtype == np.float32 for array in weights)
        counts = [array for key, array in state.items() if key.endswith("num_batches_tracked")]
        assert {(array.dtype, array.shape) for array in counts} == {(np.dtype("int64"), ())}
        if name == "modern":
            assert checkpoint["args"]["dataset"] == "flatvel-a"
            assert checkpoint["args"]["lr_milestones"] == []
            (group,) = checkpoint["optimizer"]["param_groups"]
            assert group["betas"] == (0.9, 0.999)
            first = checkpoint["optimizer"]["state"][0]
            assert first["step"] == 1
            assert first["exp_avg_sq"].shape == state["convblock1.layers.0.weight"].shape
        if name == "resize":
            assert checkpoint["step"] == 7


@pytest.mark.parametrize("name", ["gan", "legacy"])
def test_truncated_files(written, name):
    whole = (FIXTURES / f"openfwi_{name}.pth").read_bytes()
    for fraction in (0.0005, 0.01, 0.2, 0.5, 0.9, 0.9999):
        with pytest.raises(ValueError, match=r"checkpoint\.pth: refused"):
            read_torch_file(written(whole[: int(fraction * len(whole))]))


@pytest.mark.parametrize("name", ["gan", "legacy"])
def test_damaged_files_are_read_or_refused(written, rng, name):
    """One byte changed anywhere: never another error, and nothing that takes long."""
    whole = (FIXTURES / f"openfwi_{name}.pth").read_bytes()
    outcomes = set()
    for place in rng.integers(0, len(whole), 60).tolist() + list(range(0, 400, 5)):
        data = bytearray(whole)
        data[place] ^= rng.integers(1, 256)
        try:
            read_torch_file(written(bytes(data)))
            outcomes.add("read")
        except ValueError:
            outcomes.add("refused")
    assert "refused" in outcomes


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.pth: no such file"):
        read_torch_file(tmp_path / "absent.pth")
