"""Files as PyTorch writes them, and tensors in them, from bytes and without PyTorch."""

import io
import pathlib
import pickle
import struct
import zipfile

import numpy as np

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def archive(pickled, storages=(), compression=zipfile.ZIP_STORED):
    """A file of PyTorch's zip format around a pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/byteorder", "little")
        for key, data in dict(storages).items():
            file.writestr(f"archive/data/{key}", data)
        file.writestr("archive/version", "3\n")
    return buffer.getvalue()


def legacy(pickled, storages=()):
    """A file of PyTorch's older format around a pickle; storages are of four-byte values.

    What identifies a storage has one part more there.
    """
    pickled = pickled.replace(b"tQ", b"NtQ")
    system = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {}}
    parts = [pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, system)]
    parts += [pickled, pickle.dumps(sorted(dict(storages)), 2)]
    for _, data in sorted(dict(storages).items()):
        parts += [struct.pack("<q", len(data) // 4), data]
    return b"".join(parts)


def number(n):
    data = n.to_bytes(9, "little", signed=True)
    return b"\x8a\x09" + data


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(count=4, key="0", kind="FloatStorage", view=b""):
    identifier = text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu")
    return b"(" + identifier + number(count) + view + b"tQ"


def tensor(held=None, offset=0, size=(2, 2), stride=(2, 1)):
    """The pickle of a tensor, as torch.save writes it."""
    return b"\x80\x02" + part(storage() if held is None else held, offset, size, stride) + b"."


def part(held, offset, size, stride):
    """A tensor in a pickle."""
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + held + number(offset) + numbers(size) + numbers(stride)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )  # fmt: skip


def checkpoint(state):
    """A file of ``{"model": state}``, float32 arrays by name."""
    state = {key: np.asarray(array, "<f4", order="C") for key, array in state.items()}
    items = b"".join(
        text(key) + part(storage(array.size, key), 0, array.shape, [n // 4 for n in array.strides])
        for key, array in state.items()
    )
    pickled = b"\x80\x02}" + text("model") + b"}(" + items + b"us."
    return archive(pickled, {key: array.tobytes() for key, array in state.items()})


FOUR = np.arange(4, dtype="<f4").tobytes()
