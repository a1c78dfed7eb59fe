"""Kinds whose readers break every promise, for the tests of what finds that out."""

import os
from pathlib import Path

import numpy as np

from tests.fuzz.kinds import BrokenPromise, Kind


def make(folder: Path) -> None:
    (folder / "whole.txt").write_bytes(b"a" * 100)


def on_damage(fault):
    """A reader that reads whole samples, and else fails in some way."""

    def read(path: Path) -> None:
        if path.read_bytes() != b"a" * 100:
            fault(path)

    return read


def refuse(path: Path) -> None:
    raise ValueError(f"{path}: is damaged")


def forget_the_name(path: Path) -> None:
    raise ValueError("it is damaged")


def divide(path: Path) -> None:
    raise ZeroDivisionError


def flood(path: Path) -> None:
    np.ones(2**26)
    raise ValueError(f"{path}: took 512 MB to find out")


def believe(path: Path) -> None:
    raise BrokenPromise("other numbers")


def crash(path: Path) -> None:
    os.abort()


def hang(path: Path) -> None:
    while True:
        pass


FAULTS = {
    "refused": refuse, "file not named": forget_the_name, "ZeroDivisionError": divide,
    "memory": flood, "broken promise": believe, "crash": crash, "hang": hang,
}  # fmt: skip


def all_kinds() -> dict[str, Kind]:
    """A kind for each fault, and one that refuses whole files as well."""
    kinds = {
        name: Kind(name, ".txt", make, {"reader": on_damage(fault)})
        for name, fault in FAULTS.items()
    }
    return kinds | {"too strict": Kind("too strict", ".txt", make, {"reader": refuse})}
