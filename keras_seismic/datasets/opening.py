"""Opening pairs of any kind from a folder or file."""

import os
from pathlib import Path
from typing import Any

from keras_seismic.datasets.base import Pairs
from keras_seismic.datasets.fcnvmb import FCNVMBPairs, sizes_in
from keras_seismic.datasets.openfwi import OpenFWIPairs
from keras_seismic.datasets.simulated import SimulatedPairs
from keras_seismic.datasets.tfds.reading import TFDSPairs
from keras_seismic.simulation.geology import family_name


def open_pairs(source: str | os.PathLike[str], family: str | None = None, **options: Any) -> Pairs:
    """Pairs of shot gathers and velocity models from a source of any kind.

    Args:
        source: A family's folder of OpenFWI's files or an annotation file that lists such
            (``OpenFWIPairs``), a folder of FCNVMB's .mat files (``FCNVMBPairs``), the folder of
            a built TFDS data set (``TFDSPairs``), or a folder that ``SimulatedPairs`` wrote.
        family: The velocity family, if the source does not state it.
        **options: Further arguments of that class.

    Raises:
        FileNotFoundError: If there is no such source, or it holds nothing recognizable.
        ValueError: If the content is damaged, or of another family.

    Example:
        >>> import numpy as np, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/data1.npy", np.zeros((3, 5, 100, 70), "float32"))
        ...     np.save(f"{folder}/model1.npy", np.full((3, 1, 70, 70), 2000, "float32"))
        ...     pairs = open_pairs(folder, family="flatvel_a")
        >>> type(pairs).__name__, len(pairs)
        ('OpenFWIPairs', 3)
    """
    path = Path(source)
    if not path.exists() and "://" not in str(source):
        raise FileNotFoundError(f"{source}: no such file or folder")
    if path.is_file():
        return OpenFWIPairs(path, family, **options)
    if (path / "parameters.json").is_file():
        pairs = SimulatedPairs.open(path, **options)
        if family and family_name(family) != pairs.family:
            raise ValueError(f"{source}: holds pairs of {pairs.family}, not of {family}")
        return pairs
    if "://" in str(source) or (path / "dataset_info.json").is_file():
        return TFDSPairs(source, family=family, **options)
    if any(path.glob("*.mat")) or any(path.glob("*/*.mat")):
        return FCNVMBPairs(path, family=family, **{**sizes_in(path), **options})
    try:
        return OpenFWIPairs(path, family, **options)
    except FileNotFoundError as error:
        if any(path.rglob("*.npy")):
            raise
        raise FileNotFoundError(
            f"{source}: expected a family's folder of OpenFWI's files (data/data1.npy and "
            "model/model1.npy, or seis2_1_0.npy and vel2_1_0.npy), FCNVMB's .mat files "
            "(georec1.mat and vmodel1.mat), a built TFDS data set (dataset_info.json) or "
            "simulated pairs (parameters.json)"
        ) from error
