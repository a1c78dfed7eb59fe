"""Pairs in a built TFDS data set, read by number."""

import os
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.checks import check_finite, checked_velocity
from keras_seismic.datasets.base import Pairs
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.geology import family_name

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


class TFDSPairs(Pairs):
    """Pairs in a built TFDS data set, such as ``simulated_velocity``.

    Any pair can be read at once, so that every epoch is a random permutation of all of them.
    TFRecord files have no index, so their records are located when they are opened, which
    reads a few bytes of each; ArrayRecord files have one.

    Args:
        source: The folder of a data set (``.../simulated_velocity/tiny/1.0.0``, where
            ``dataset_info.json`` is), or its builder. Opening a folder needs no code of the
            builder.
        split: ``"train"``, ``"validation"``, a part such as ``"train[:900]"`` or a sum of these; by
            default all splits, of which ``held_out`` holds out everything but ``"train"``.
        family: The velocity family; by default the one named in the data set.

    Raises:
        FileNotFoundError: If there is no data set, or a file of it is missing.
        ImportError: If TFDS is missing.
        ValueError: If the data set does not hold shot gathers and velocity models, a file is
            damaged, or its format is neither TFRecord nor ArrayRecord.

    Example:
        >>> import contextlib, tempfile
        >>> from keras_seismic.datasets.tfds import SimulatedVelocity
        >>> builder = SimulatedVelocity(config="tiny", data_dir=tempfile.mkdtemp())
        >>> with contextlib.redirect_stdout(None):
        ...     builder.download_and_prepare()
        >>> pairs = TFDSPairs(builder, "train")
        >>> [(tuple(x.shape), tuple(y.shape)) for x, y in pairs.dataset(batch_size=8)]
        [((8, 64, 8, 2), (8, 32, 32, 1)), ((4, 64, 8, 2), (4, 32, 32, 1))]
    """

    def __init__(
        self,
        source: "str | os.PathLike[str] | tfds.core.DatasetBuilder",
        split: str | None = None,
        family: str | None = None,
    ) -> None:
        builder = _opened(source) if isinstance(source, str | os.PathLike) else source
        info, self.source = builder.info, str(builder.data_dir)
        if not info.splits:
            raise FileNotFoundError(
                f"{self.source}: the data set is not built; call download_and_prepare()"
            )
        shapes = {name: feature.shape for name, feature in info.features.items()}
        gathers, velocity = shapes.get("shot_gather", ()), shapes.get("velocity", ())
        if len(gathers) != 3 or len(velocity) != 3 or velocity[-1] != 1:
            raise ValueError(
                f"{self.source}: expected features shot_gather (time, receivers, shots) and "
                f"velocity (depth, width, 1), found {shapes}"
            )
        self._gather_shape, self._velocity_shape = tuple(gathers), tuple(velocity[:2])
        parameters = (info.metadata or {}).get("parameters", {})
        family = family or parameters.get("family")
        self.family = family_name(family) if family else None
        config = parameters.get("acquisition")
        self.acquisition = Acquisition.from_config(config) if config else None
        splits = [split] if split else list(info.splits)
        self._counts = {name: info.splits[name].num_examples for name in splits}
        self._decode: Callable[[bytes], dict[str, Any]] = info.features.deserialize_example_np
        format_name = info.file_format.value if info.file_format else "unknown"
        if format_name == "tfrecord":
            self._places = [
                place
                for name in splits
                for part in info.splits[name].file_instructions
                for place in _record_places(part.filename, part.skip, part.take)
            ]
            self._example = self._from_tfrecord
        elif format_name == "array_record":
            self._sources = builder.as_data_source("+".join(splits))
            self._example = lambda number: self._sources[number]
        else:
            raise ValueError(
                f"{self.source}: expected records in the format tfrecord or array_record, found "
                f"{format_name}"
            )

    def __len__(self) -> int:
        return sum(self._counts.values())

    @property
    def gather_shape(self) -> tuple[int, int, int]:
        """``(time, receivers, shots)`` of one example."""
        return self._gather_shape

    @property
    def velocity_shape(self) -> tuple[int, int]:
        """``(depth, width)`` of one velocity model."""
        return self._velocity_shape

    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray:
        """See ``Pairs.read``."""
        velocity = np.empty((len(numbers), *self.velocity_shape), np.float32)
        for k, number in enumerate(numbers):
            example = self._example(int(number))
            velocity[k] = example["velocity"][..., 0]
            if gathers is not None:
                gathers[k] = np.moveaxis(example["shot_gather"], -1, 0)[list(shots)]
                check_finite(gathers[k], f"{self.source}: gathers of pair {number}")
        checked_velocity(velocity, f"{self.source}: pairs {numbers}")
        return velocity

    def _from_tfrecord(self, number: int) -> dict[str, Any]:
        from etils import epath

        path, offset, length = self._places[number]
        with epath.Path(path).open("rb") as file:
            file.seek(offset)
            record = file.read(length)
        try:
            return self._decode(record)
        except Exception as error:  # protobuf's and TFDS' own
            raise ValueError(f"{path}: pair {number} is damaged: {error}") from error

    def _published_training(self) -> np.ndarray | None:
        return np.repeat([name == "train" for name in self._counts], list(self._counts.values()))

    def __str__(self) -> str:
        return self.source


def _opened(folder: str | os.PathLike[str]) -> "tfds.core.DatasetBuilder":
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            "TFDSPairs needs TensorFlow Datasets: pip install tensorflow-datasets"
        ) from error
    if not os.path.isdir(folder) and "://" not in str(folder):
        raise FileNotFoundError(f"{folder}: no such folder")
    try:
        return tfds.builder_from_directory(folder)
    except Exception as error:  # TFDS raises many kinds
        raise FileNotFoundError(
            f"{folder}: expected the folder of a built data set, with dataset_info.json in it "
            f"(such as simulated_velocity/tiny/1.0.0), but {error}"
        ) from error


def _record_places(path: str, skip: int, take: int) -> list[tuple[str, int, int]]:
    """File, offset and length of some records of a TFRecord file.

    A record is its length (8 bytes), a checksum of that (4), its content and a checksum of it
    (4). The checksums are not verified: what is read is checked as numbers.
    """
    from etils import epath

    file_path, places = epath.Path(path), []
    if not file_path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    size = file_path.stat().length
    with file_path.open("rb") as file:
        offset = 0
        for number in range(skip + take):
            file.seek(offset)
            head = file.read(12)
            length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else size
            if offset + 16 + length > size:
                raise ValueError(
                    f"{path}: ends in record {number}, but {skip + take} are expected; it is "
                    "truncated or damaged"
                )
            if number >= skip:
                places.append((path, offset + 12, length))
            offset += 16 + length
    return places
