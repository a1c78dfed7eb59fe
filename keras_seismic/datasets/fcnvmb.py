"""Pairs of shot gathers and velocity models in the .mat files of FCNVMB."""

import dataclasses
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from keras_seismic.checks import check_finite, checked_velocity
from keras_seismic.datasets.base import Pairs
from keras_seismic.datasets.mat_layout import MAT_LAYOUTS, MatLayout, numbered, pattern, recognized
from keras_seismic.io.matlab import read_mat
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.geology import family_name

#: Every fifth sample of a recording, beginning with the third: ``[2::5]``.
_FIRST_SAMPLE, _SAMPLE_STEP = 2, 5
_ORIENTATION_SAMPLES = 5


@dataclasses.dataclass(frozen=True)
class FCNVMBPairs(Pairs):
    """Pairs in the .mat files that FCNVMB and its successors train on.

    ``georec1.mat`` and ``vmodel1.mat`` (simulated), ``srec1.mat`` and ``svmodel1.mat``
    (salt), ``seismic1.mat`` and ``vmodel1.mat`` (repackaged) and so on, all in one folder
    or in folders directly below it (``georec_train``, ``vmodel_train``). Recordings of 2000
    samples are thinned to 400 as in the original (``[2::5]``); repackaged ones already are.
    Version 5 files are read by SciPy, version 7.3 files by h5py, each when its pair is
    needed, so that memory does not grow with the data set.

    **Row 0 of a velocity model is the surface, the last row the base.** Velocity grows
    with depth in these data sets: if the top quarter is faster than the bottom quarter in most
    of the first models, they are assumed to be upside down and refused.

    Args:
        folder: Where the files are, such as ``train_data/SimulateData``.
        layout: ``"simulated"``, ``"salt"``, ``"repackaged"``, a ``MatLayout`` of your own, or
            ``None`` to recognize it by the names of the files.
        numbers: Numbers of the pairs (from 1), such as ``range(1, 1601)``; all by default.
        gather_shape: ``(time, receivers, shots)`` of one example, after thinning.
        velocity_shape: ``(depth, width)`` of one example.
        check_orientation: Refuse models that look upside down.
        family: A velocity family whose normalization to use by default. The original trains on
            amplitudes and m/s: ``GatherNormalization(-1, 1, k=0)`` and ``VelocityScaling()``.
        acquisition: The experiment, if it is known.

    Raises:
        FileNotFoundError: If the folder or half of a pair is missing.
        ValueError: If the layout is unclear or the models look upside down.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from scipy.io import savemat
        >>> folder = Path(tempfile.mkdtemp())
        >>> savemat(folder / "georec1.mat", {"Rec": np.zeros((50, 6, 2))})
        >>> savemat(folder / "vmodel1.mat", {"vmodel": np.full((4, 6), 2000.0)})
        >>> pairs = FCNVMBPairs(folder, gather_shape=(10, 6, 2), velocity_shape=(4, 6))
        >>> gathers, velocity = pairs[:]
        >>> gathers.shape, velocity.shape
        ((1, 10, 6, 2), (1, 4, 6, 1))

    Reference:
        Yang, F. and Ma, J. (2019), Deep-learning inversion: a next-generation seismic
        velocity model building method, Geophysics 84(4).
    """

    folder: str | os.PathLike[str]
    layout: str | MatLayout | None = None
    numbers: Sequence[int] = ()
    gather_shape: tuple[int, int, int] = (400, 301, 29)
    velocity_shape: tuple[int, int] = (201, 301)
    check_orientation: bool = True
    family: str | None = None
    acquisition: Acquisition | None = None

    def __post_init__(self) -> None:
        folder = Path(self.folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder")
        object.__setattr__(self, "folder", folder)
        object.__setattr__(self, "gather_shape", tuple(self.gather_shape))
        object.__setattr__(self, "velocity_shape", tuple(self.velocity_shape))
        object.__setattr__(self, "family", self.family and family_name(self.family))
        object.__setattr__(self, "numbers", self._paired_numbers())
        if self.check_orientation:
            self._refuse_upside_down()

    def __len__(self) -> int:
        return len(self.numbers)

    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray | None:
        """See ``Pairs.read``.

        Raises:
            ValueError: If a file is damaged, lacks the array or holds one of a different shape,
                or if its numbers are not finite or the velocity looks like km/s.
        """
        velocity = np.empty((len(numbers), *self.velocity_shape), np.float32)
        for k, number in enumerate(self.numbers[place] for place in numbers):
            if gathers is not None:
                np.moveaxis(gathers[k], 0, -1)[:] = self._read_gathers(number)[..., list(shots)]
            velocity[k] = self._read_velocity(number)
        return velocity

    @cached_property
    def _layout(self) -> MatLayout:
        if isinstance(self.layout, MatLayout):
            return self.layout
        if self.layout is None:
            return recognized(Path(self.folder))
        if self.layout not in MAT_LAYOUTS:
            raise ValueError(
                f"FCNVMBPairs: layout must be one of {', '.join(MAT_LAYOUTS)}, "
                f"received {self.layout!r}"
            )
        return MAT_LAYOUTS[self.layout]

    @cached_property
    def _files(self) -> tuple[dict[int, Path], dict[int, Path]]:
        """Files of gathers and of velocity models, by number."""
        names = self._layout.gather_names, self._layout.velocity_names
        gathers, velocity = (numbered(Path(self.folder), several) for several in names)
        return gathers, velocity

    def _paired_numbers(self) -> tuple[int, ...]:
        wanted = list(self.numbers) or sorted(self._files[0] | self._files[1])
        if not wanted:
            raise FileNotFoundError(
                f"{self.folder}: found no {pattern(self._layout.gather_names)} in it or in the "
                "folders directly below it"
            )
        names = self._layout.gather_names, self._layout.velocity_names
        for found, several in zip(self._files, names, strict=True):
            missing = [number for number in wanted if number not in found]
            if missing:
                raise FileNotFoundError(
                    f"{self.folder}: {len(missing)} of {len(wanted)} pairs lack their "
                    f"{pattern(several)}, the first of them number {missing[0]}"
                )
        return tuple(int(number) for number in wanted)

    def _read_gathers(self, number: int) -> np.ndarray:
        path = self._files[0][number]
        samples, *rest = self.gather_shape
        thinning = slice(_FIRST_SAMPLE, None, _SAMPLE_STEP)

        def select(shape: tuple[int, ...]) -> slice:
            if shape[1:] == tuple(rest):
                if shape[0] == samples:
                    return slice(None)
                if len(range(shape[0])[thinning]) == samples:
                    return thinning
            raise ValueError(
                f"expected (time, receivers, shots) = {self.gather_shape}, or "
                f"{_SAMPLE_STEP * samples} samples in time, received {shape}"
                + _reversed_hint(shape, self.gather_shape)
            )

        gathers = read_mat(path, self._layout.gather_keys, select, ndim=3)
        check_finite(gathers, str(path))
        return gathers

    def _read_velocity(self, number: int) -> np.ndarray:
        path = self._files[1][number]

        def select(shape: tuple[int, ...]) -> slice:
            if shape != self.velocity_shape:
                raise ValueError(
                    f"expected (depth, width) = {self.velocity_shape}, received {shape}"
                    + _reversed_hint(shape, self.velocity_shape)
                )
            return slice(None)

        velocity = read_mat(path, self._layout.velocity_keys, select)
        return checked_velocity(velocity[None], str(path))[0].astype(np.float32)

    def _refuse_upside_down(self) -> None:
        numbers = self.numbers[:_ORIENTATION_SAMPLES]
        quarter = max(self.velocity_shape[0] // 4, 1)
        models = [self._read_velocity(number) for number in numbers]
        upside_down = sum(m[:quarter].mean() > m[-quarter:].mean() for m in models)
        if upside_down > len(models) / 2:
            raise ValueError(
                f"{self._files[1][numbers[0]]}: in {upside_down} of the first {len(models)} "
                "velocity models the top is faster than the base, so row 0 seems to be the base; "
                "flip them, or pass check_orientation=False if the geology is like that"
            )

    def __str__(self) -> str:
        return str(self.folder)


def sizes_in(folder: str | os.PathLike[str]) -> dict[str, tuple[int, ...]]:
    """``gather_shape`` and ``velocity_shape`` of the first pair, for ``FCNVMBPairs``.

    Recordings are thinned, unless their layout says that they already are.
    """
    layout = recognized(Path(folder))
    shapes = []
    for names, keys, ndim in (
        (layout.gather_names, layout.gather_keys, 3),
        (layout.velocity_names, layout.velocity_keys, 2),
    ):
        files = numbered(Path(folder), names)
        if not files:
            raise FileNotFoundError(f"{folder}: found no {pattern(names)}")

        def note(shape: tuple[int, ...]) -> slice:
            shapes.append(shape)
            return slice(1)

        read_mat(files[min(files)], keys, note, ndim)
    (samples, *rest), velocity_shape = shapes
    if layout is not MAT_LAYOUTS["repackaged"]:
        samples = len(range(samples)[_FIRST_SAMPLE::_SAMPLE_STEP])
    return {"gather_shape": (samples, *rest), "velocity_shape": velocity_shape}


def _reversed_hint(shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    # Version 7.3 as programs other than MATLAB write it.
    return "; the axes are in reverse" if shape[::-1][1:] == expected[1:] else ""
