"""Keras files whose loading takes no more time and memory than their size allows."""

import contextlib
import math
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from keras_seismic.file_checks import check_file, checked_entries, parse_json

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"


def check_keras_file(path: str | os.PathLike[str]) -> None:
    """Refuse a ``.keras`` file that is damaged, or would take far more memory than its size.

    Keras unpacks what is in the file and makes the weights that its configuration names before it
    compares the two, and it may read weights that differ from their checksum.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another kind of file; an entry is compressed or differs from its
            checksum; or the weights, or the model's parameters, are more than the file can hold.
    """
    path = Path(path)
    check_file(path, "model file")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path}: expected a .keras file, which is a zip archive; this one is truncated, or of "
            "another format such as legacy .h5, which is refused"
        )
    with zipfile.ZipFile(path) as archive:
        entries = checked_entries(archive, path.stat().st_size)
        for name in (_CONFIG, _WEIGHTS):
            if name not in entries:
                raise ValueError(f"{path}: expected {name} in a .keras file, received none")
        config, size = parse_json(archive.read(_CONFIG)), entries[_WEIGHTS].file_size
        with archive.open(_WEIGHTS) as stream, h5py.File(stream) as weights:
            stored = _stored(weights)
    parameters = 0 if stored > size else _parameters(config)
    for contents, count in (("weights", stored), ("parameters", parameters)):
        if count > size:
            unit = "bytes of weights" if contents == "weights" else "parameters"
            raise ValueError(
                f"{path}: its {contents} are {count:,}, expected as many {unit} as the {size:,} "
                f"bytes of {_WEIGHTS} can hold"
            )


def _stored(weights: h5py.File) -> int:
    """Bytes of the arrays in a file of weights."""
    sizes: list[int] = []

    def note(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            if item.chunks is not None:
                raise ValueError(f"{item.name} is stored in chunks, which Keras does not write")
            sizes.append(item.nbytes)

    weights.visititems(note)
    return sum(sizes)


def _parameters(config: Any) -> int:
    """How many weights a configuration names, without making them; 0 if it cannot be told."""
    counts: list[int] = []

    def build() -> None:
        with contextlib.suppress(Exception), keras.StatelessScope(initialize_variables=False):
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
            counts.append(sum(math.prod(weight.shape) for weight in model.weights))

    if isinstance(config, dict):
        config = {name: value for name, value in config.items() if name != "compile_config"}
    # In a thread: Keras keeps weights that are not made yet in a list of the thread.
    thread = threading.Thread(target=build)
    thread.start()
    thread.join()
    return counts[0] if counts else 0
