"""A small file beside OpenFWI's: the family and the acquisition that they were made with."""

import json
import os
from pathlib import Path

from keras_seismic.file_checks import read_json
from keras_seismic.files import write_text
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.geology import family_name

_NAME = "acquisition.json"


def read_description(folder: str | os.PathLike[str]) -> tuple[str | None, Acquisition | None]:
    """Family and acquisition of a folder, ``None`` where not recorded.

    Raises:
        ValueError: If the file exists but cannot be parsed.
    """
    path = Path(folder) / _NAME
    if not path.is_file():
        return None, None
    try:
        content = read_json(path)
        acquisition = content["acquisition"]
        if acquisition is not None:
            acquisition = Acquisition.from_config(acquisition)
        return family_name(content["family"]), acquisition
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: expected a family and an acquisition as write_openfwi notes them, but {error}"
        ) from error


def write_description(
    folder: str | os.PathLike[str], family: str, acquisition: Acquisition | None
) -> None:
    """Record family and acquisition."""
    path = Path(folder) / _NAME
    content = {"family": family, "acquisition": acquisition and acquisition.get_config()}
    write_text(path, json.dumps(content, indent=2) + "\n")
