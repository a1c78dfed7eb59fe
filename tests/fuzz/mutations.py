"""Damage to files: a seeded generator decides what happens to which bytes.

A *sample* is the content of a file or folder: bytes by relative path, ``""`` for a file itself.
"""

import copy
import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

#: Numbers that lengths, counts and offsets are replaced by.
LENGTHS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)

#: What replaces a value in JSON; the last one stands for lists nested 100,000 deep.
VALUES = (
    None, True, -1, 0, 1e-9, 1e9, 1e300, float("nan"), float("inf"), 2**63, 10**400, "", "x", "1",
    "\ud800", "a" * 10_000, [], [[]], {}, {"class_name": "X"}, [None], [1e300, -1], "@nested@",
)  # fmt: skip

_NESTED = "[" * 100_000 + "]" * 100_000

Sample = dict[str, bytes]
Mutation = Callable[[bytearray, np.random.Generator], bytes | bytearray]


def flip_bit(content: bytearray, rng: np.random.Generator) -> bytearray:
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    return content


def change_bytes(content: bytearray, rng: np.random.Generator) -> bytearray:
    for _ in range(rng.integers(1, 9)):
        content[_place(content, rng)] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)])
    return content


def truncate(content: bytearray, rng: np.random.Generator) -> bytearray:
    return content[: rng.integers(len(content))]


def insert(content: bytearray, rng: np.random.Generator) -> bytearray:
    place, size = _place(content, rng), int(rng.integers(1, 65))
    inserted = (bytes(size), rng.bytes(size), content[place : place + size])[rng.integers(3)]
    return content[:place] + inserted + content[place:]


def remove(content: bytearray, rng: np.random.Generator) -> bytearray:
    place = _place(content, rng)
    return content[:place] + content[place + int(rng.integers(1, 65)) :]


def change_length(content: bytearray, rng: np.random.Generator) -> bytearray:
    """Overwrite what may be a length with a hostile one, or with one that is off by a little."""
    form = ("<H", ">H", "<I", ">I", "<Q", ">Q")[rng.integers(6)]
    size = struct.calcsize(form)
    if len(content) < size:
        return content
    place = min(_place(content, rng), len(content) - size)
    place -= place % 2
    (before,) = struct.unpack_from(form, content, place)
    near = (before + 1, before - 1, before * 2, len(content), len(content) + 1)
    number = (*LENGTHS, *near)[rng.integers(len(LENGTHS) + len(near))]
    struct.pack_into(form, content, place, number % 2 ** (8 * size))
    return content


def repeat(content: bytearray, rng: np.random.Generator) -> bytearray:
    place, size = _place(content, rng), int(rng.integers(1, 257))
    return (
        content[:place] + content[place : place + size] * int(rng.integers(2, 50)) + content[place:]
    )


MUTATIONS: tuple[Mutation, ...] = (
    flip_bit, flip_bit, change_bytes, truncate, insert, remove, change_length, change_length, repeat
)  # fmt: skip


def mutated(content: bytes, rng: np.random.Generator, other: bytes = b"") -> bytes:
    """Content damaged in one to three ways; half of all JSON stays JSON, of other values.

    Args:
        content: What to damage.
        rng: Decides how.
        other: Content of the same kind, whose end may take the place of this one's.
    """
    if content[:1] in b"{[" and rng.integers(2):
        text = _changed_json(content, rng)
        if text is not None:
            return text
    if other and not rng.integers(12):
        return content[: rng.integers(len(content) + 1)] + other[rng.integers(len(other)) :]
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if damaged:
            damaged = bytearray(MUTATIONS[rng.integers(len(MUTATIONS))](damaged, rng))
    return bytes(damaged)


def _place(content: bytearray, rng: np.random.Generator) -> int:
    """Anywhere, but half of the time near the beginning or the end, where formats keep sizes."""
    near = min(512, len(content))
    where = rng.integers(4)
    if where == 0:
        return int(rng.integers(near))
    return int(len(content) - 1 - rng.integers(near) if where == 1 else rng.integers(len(content)))


def _changed_json(content: bytes, rng: np.random.Generator) -> bytes | None:
    try:
        tree = json.loads(content)
    except ValueError:
        return None
    for _ in range(rng.integers(1, 4)):
        places = list(_places(tree))
        if not places:
            break
        holder, key = places[rng.integers(len(places))]
        if rng.integers(6):
            holder[key] = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
        else:
            del holder[key]
    return json.dumps(tree).replace('"@nested@"', _NESTED).encode()


def _places(tree: object) -> Iterable[tuple]:
    """Every place of a value in lists and dictionaries: its holder, and its key there."""
    items = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    for key, value in items:
        yield tree, key
        yield from _places(value)


def read_sample(path: Path) -> Sample:
    """The content of a file or folder."""
    if path.is_file():
        return {"": path.read_bytes()}
    return {
        str(one.relative_to(path)): one.read_bytes()
        for one in sorted(path.rglob("*"))
        if one.is_file()
    }


def write_sample(path: Path, sample: Sample) -> None:
    """Write the content to a path where nothing is yet."""
    for name, content in sample.items():
        target = path / name if name else path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
