"""Files that mean harm are refused, whatever they try, and nothing in them is run."""

import argparse
import io
import os
import pickle
import struct
import time
import tracemalloc
import zipfile

import pytest

from keras_seismic.convert import read_torch_file
from tests.convert.torch_files import FOUR, MAGIC, archive, legacy, storage, tensor, text


class Reduced:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def calls(command):
    """Pickles that would run a command if they were loaded as Python loads them."""
    run = Reduced(os.system, command)
    quoted = command.encode()
    return {
        "reduce": (pickle.dumps(run, 2), "system"),
        "reduce, protocol 4": (pickle.dumps(run, 4), "system"),
        "nested": (pickle.dumps({"model": {"w": [(1, {"x": run})]}}, 2), "system"),
        "in the arguments": (pickle.dumps({"args": argparse.Namespace(lr=run)}, 2), "system"),
        "eval": (pickle.dumps(Reduced(eval, f"__import__('os').system({command!r})"), 2), "eval"),
        "instance": (b"(S'" + quoted + b"'\nios\nsystem\n.", "opcode STRING|protocol 2"),
        "instance without text": (b"\x80\x02(X\1\0\0\0aios\nsystem\n.", "opcode INST"),
        "object": (b"\x80\x02(cos\nsystem\n" + text(command) + b"o.", r"os\.system"),
        "object of an allowed class": (
            b"\x80\x02(ccollections\nOrderedDict\n" + text(command) + b"o.", "opcode OBJ"
        ),
        "extension": (b"\x80\x02\x82\x01.", "opcode EXT1"),
        "attribute of a module": (
            b"\x80\x04" + text("torch") + text("_utils.os.system") + b"\x93" + text(command)
            + b"\x85R.", r"torch\._utils\.os\.system"
        ),
        "attribute by getattr": (
            b"\x80\x02cbuiltins\ngetattr\nctorch\nSize\n" + text("__class__") + b"\x86R.",
            r"builtins\.getattr",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("wrap", [archive, legacy, lambda pickled: pickled])
@pytest.mark.parametrize("name", calls(""))
def test_nothing_is_run(written, tmp_path, name, wrap):
    sentinel = tmp_path / "was_run"
    pickled, refused = calls(f"touch {sentinel}")[name]
    with pytest.raises(ValueError, match=rf"checkpoint\.pth: refused.*{refused}"):
        read_torch_file(written(wrap(pickled)))
    assert not sentinel.exists()


def test_what_is_refused_would_have_run(tmp_path):
    """Python's own reader is taken in: otherwise the test above would show nothing."""
    for name in ("reduce", "nested", "in the arguments", "eval", "instance"):
        sentinel = tmp_path / name.replace(" ", "_")
        pickle.loads(calls(f"touch {sentinel}")[name][0])
        assert sentinel.exists()


NAMESPACE = b"cargparse\nNamespace\n"
ORDERED = b"ccollections\nOrderedDict\n"


@pytest.mark.parametrize(
    ("pickled", "refused"),
    [
        # State for what should have none, or with attributes of a class.
        (ORDERED + b"}b.", "state for collections.OrderedDict"),
        (NAMESPACE + b"}b.", "state for argparse.Namespace"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n}b.", "state for torch._utils._rebuild_tensor_v2"),
        (NAMESPACE + b")\x81N}X\x09\0\0\0__class__" + ORDERED + b"s\x86b.", "state for a value"),
        # Calls with arguments that make no sense.
        (NAMESPACE + b"K\x01\x85R.", "damaged pickle"),
        (ORDERED + b"](K\x01K\x02\x86e\x85R.", "damaged pickle"),
        (b"ctorch\nFloatStorage\nK\x05\x85R.", "a call of torch.FloatStorage"),
        (b"K\x01)R.", "a call of a value of type int"),
        (b"ctorch\nSize\nK\x01\x85R.", "damaged pickle"),
        (b"ctorch._utils\n_rebuild_parameter\nK\x01\x89" + ORDERED + b")R\x87R.", "damaged"),
        # Names of PyTorch that are none of data.
        (b"ctorch.nn.modules.conv\nConv2d\n.", r"torch\.nn\.modules\.conv\.Conv2d"),
        (b"ctorch.storage\n_load_from_bytes\n.", "_load_from_bytes"),
        (b"ccollections\nCounter\n.", r"collections\.Counter"),
        # Programs that are not well formed.
        (b"", "damaged pickle"),
        (b".", "0 values are left"),
        (b"K\x01K\x02.", "2 values are left"),
        (b"R.", "damaged pickle"),
        (b"h\x05.", "damaged pickle"),
        (b"K\x01K\x02s.", "damaged pickle"),
        (b"K\x01K\x02a.", "damaged pickle"),
        (b"t.", "damaged pickle"),
        (b"\xff.", "damaged pickle"),
        (b"}]K\x01s.", "dictionary key of type list"),
        (b")2\x86.", "opcode DUP"),
        # Nested so deep that its hash would take for ever.
        (b"\x80\x02)" + 60 * b"q\x00h\x00\x86" + b"q\x01}h\x01K\x01s.", "key of type tuple"),
        # Claims of sizes.
        (b"\x8d" + struct.pack("<Q", 2**60) + b"abc.", "damaged pickle"),
        (b"X" + struct.pack("<I", 2**32 - 1) + b"abc.", "damaged pickle"),
        (b"\x8a\xffabc.", "damaged pickle"),
        # Storages and tensors.
        (b"K\x01Q.", "persistent identifier"),
        (storage(4, key="1") + b".", "nothing for storage 1|storages that no tensor uses"),
        (storage(-1) + b".", "persistent identifier"),
        (storage(2**40) + b".", "16 bytes for storage 0, which|storages of more bytes"),
        (storage(4, view=b"K\x01") + b".", "persistent identifier"),
        (storage(4) + storage(4, kind="IntStorage") + b"\x86.", "two descriptions"),
        (tensor(size=(2, 3), stride=(3, 1)), "in a storage of 4 values"),
        (tensor(offset=1), "in a storage of 4 values"),
        (tensor(offset=-1), "make no sense"),
        (tensor(stride=(-2, 1)), "make no sense"),
        (tensor(size=(2, 2, 1)), "make no sense"),
        (tensor(size=(2**20, 2**20), stride=(0, 0)), "in a storage of 4 values"),
        (tensor(size=33 * (1,), stride=33 * (0,)), "33 axes"),
        (tensor(held=b"K\x01"), "damaged pickle"),
        (tensor(held=tensor()[2:-1]), "damaged pickle"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [archive, legacy])
def test_other_hostile_pickles(written, wrap, pickled, refused):
    path = written(wrap(pickled, {"0": FOUR}))
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"checkpoint\.pth: refused.*(?:{refused})"):
            read_torch_file(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2e6
    assert time.process_time() - start < 1


def test_a_large_memo_index_takes_no_memory(written):
    """Python's reader allocates a table as long as the index, 16 GB here."""
    path = written(archive(b"\x80\x02K\x05r\xff\xff\xff\x7f."))
    tracemalloc.start()
    assert read_torch_file(path) == 5
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


def with_size(data, size):
    """An archive whose directory tells another size of the first storage."""
    start = data.rindex(b"PK\x01\x02", 0, data.rindex(b"archive/data/0"))
    directory = bytearray(data)
    for offset in (20, 24):  # compressed and uncompressed size
        struct.pack_into("<I", directory, start + offset, size)
    return bytes(directory)


ZEROS = bytes(2**20)


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        # Compressed to a thousandth: a bomb.
        (
            archive(tensor(storage(2**18)), {"0": ZEROS}, zipfile.ZIP_DEFLATED),
            "compressed entries",
        ),
        (
            with_size(archive(tensor(storage(2**28)), {"0": FOUR}), 2**30),
            "entries of more bytes",
        ),
        (archive(tensor(storage(5)), {"0": FOUR}), "16 bytes for storage 0, which needs 20 bytes"),
        (archive(tensor(), {"1": FOUR}), "nothing for storage 0"),
        (archive(tensor(), {"0": FOUR}).replace(FOUR, FOUR[::-1]), "its checksum"),
        (archive(b"N.").replace(b"little", b"bigger"), "its checksum"),
        (archive(b"N.").replace(b"data.pkl", b"data.txt"), "single"),
        (archive(b"N.").replace(b"archive/version", b"archiv/data.pkl"), "single"),
        (legacy(tensor(), {"0": FOUR}) + b"x", "1 bytes behind"),
        (legacy(tensor(), {"1": FOUR}), "storages that no tensor uses"),
        (legacy(tensor(storage(2**20)), {"0": FOUR}), "storages of more bytes"),
        (legacy(tensor(storage(3)), {"0": FOUR}), "in a storage of 3 values"),
        (legacy(b"N."), None),
        (legacy(b"N.")[:30], "damaged pickle"),
        (pickle.dumps({"model": 1}, 2), "a pickle that torch.save did not write"),
        (pickle.dumps(MAGIC, 2) + pickle.dumps(1002, 2), "unknown protocol"),
        (b"", "neither"),
        (b"PK\x03\x04", "damaged zip"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "neither"),
        (b"\x93NUMPY\x01\x00" + bytes(100), "neither"),
        (b"these are notes\n" * 50, "neither"),
    ],
)
def test_other_files(written, data, refused):
    path = written(data)
    if refused is None:
        assert read_torch_file(path) is None
        return
    with pytest.raises(ValueError, match=rf"checkpoint\.pth: refused.*(?:{refused})"):
        read_torch_file(path)


def test_two_entries_of_one_name(written):
    buffer = io.BytesIO(archive(b"N."))
    with zipfile.ZipFile(buffer, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("archive/data.pkl", b"N.")
    with pytest.raises(ValueError, match="two entries"):
        read_torch_file(written(buffer.getvalue()))
