"""Presets: trained networks that come with the package."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from keras_seismic.models.physical_units import PhysicalUnitsModel

#: Where the package keeps its own.
FOLDER = Path(__file__).with_name("preset_files")
#: Of the files; a newer one is refused.
FORMAT = 1


def presets() -> Mapping[str, Mapping[str, Any]]:
    """The trained networks in the package, by name, each with its card.

    A card says what the network was trained on, by which command, with what scores, where it
    fails, and its licence.

    Example:
        >>> "blind_denoiser" in presets()
        True
    """
    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    return MappingProxyType({name: MappingProxyType(_read(_card(name))) for name in names})


def load_preset(name: str) -> PhysicalUnitsModel:
    """A trained network from the package, in physical units, ready to use, export or fine-tune.

    Args:
        name: One of ``ks.presets()``.

    Raises:
        ValueError: If there is no such preset, its files are damaged or changed, or it was
            written by a newer version of the package.

    Example:
        >>> load_preset("blind_denoiser").network.name
        'blind_denoiser'
    """
    if not isinstance(name, str) or not _card(name).is_file() or Path(name).name != name:
        raise ValueError(f"load_preset: expected one of {', '.join(presets())}, received {name!r}")
    return read_preset(_card(name))


def read_preset(path: Path) -> PhysicalUnitsModel:
    """The network that ``ks.exporting.export_preset`` wrote.

    Raises:
        ValueError: See ``load_preset``.
    """
    card, weights = _read(path), path.with_suffix(".npz")
    if card.get("format") != FORMAT:
        raise ValueError(
            f"{path}: expected a preset of format {FORMAT}, received {card.get('format')!r}; "
            "upgrade keras_seismic"
        )
    if card_digest(card) != card["card_sha256"]:
        raise ValueError(
            f"{path}: expected the card of SHA-256 {card['card_sha256']}, received another; the "
            "file was damaged or changed: install keras_seismic again"
        )
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        raise ValueError(
            f"{weights}: expected the weights of SHA-256 {card['sha256']}, received other bytes; "
            "the file was damaged or changed: install keras_seismic again"
        )
    try:
        model: PhysicalUnitsModel = keras.saving.deserialize_keras_object(card["model"])
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            model.set_weights([arrays[str(i)].astype(np.float32) for i in range(len(arrays))])
    except Exception as error:  # Keras, NumPy, zipfile and zlib raise anything
        raise ValueError(
            f"{path}: expected a network and its weights, but {error}; install keras_seismic again"
        ) from error
    return model


def card_digest(card: Mapping[str, Any]) -> str:
    """SHA-256 of what a card says, whatever its order and layout.

    Example:
        >>> card_digest({"format": 1})[:8]
        '5e5fbf8b'
    """
    entries = {name: value for name, value in card.items() if name != "card_sha256"}
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def _card(name: str) -> Path:
    return FOLDER / f"{name}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        card["sha256"], card["card_sha256"], card["model"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path}: expected the card of a preset ({error!r}); install keras_seismic again"
        ) from error
    return card
