"""What is fuzzed: kinds of files and messages, each with what is whole and with what reads it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.fuzz.envelopes import Envelope

Reader = Callable[[Path], object]

#: Where the whole samples are, in a folder for each kind; the worker sets it.
SAMPLES = Path()


class Refusal(Exception):
    """A refusal that names something other than the file, and rightly."""


class BrokenPromise(Exception):
    """A reader returned what it must not."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of file, folder or message.

    Attributes:
        name: Of the kind.
        suffix: Of its files; empty for folders.
        make: Writes whole samples to an empty folder, and bombs, whose names begin with
            ``bomb``: small files that promise or unpack to gigabytes.
        readers: Functions of a path, by name. A whole sample is read by at least one of them,
            and each one reads at least one of the samples.
        envelopes: Formats around the content.
        sealed: Puts right what an attacker would: checksums in other files of the sample.
    """

    name: str
    suffix: str
    make: Callable[[Path], object]
    readers: Mapping[str, Reader]
    envelopes: Sequence[Envelope] = ()
    sealed: Callable[[dict[str, bytes]], dict[str, bytes]] | None = None


def all_kinds() -> dict[str, Kind]:
    """Every kind by name, in a fixed order."""
    from tests.fuzz import data_kinds, folder_kinds, kills, messages, model_kinds

    modules = (data_kinds, folder_kinds, model_kinds, messages, kills)
    return {kind.name: kind for module in modules for kind in module.KINDS}
