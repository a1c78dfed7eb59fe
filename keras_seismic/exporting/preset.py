"""Trained networks in the form in which the package carries its own."""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.files import write_text, written_whole
from keras_seismic.models import PhysicalUnitsModel
from keras_seismic.models.presets import FORMAT, card_digest


def export_preset(
    model: PhysicalUnitsModel, path: str | os.PathLike[str], card: Mapping[str, Any]
) -> None:
    """Write a network as a preset: a card, and beside it the weights in half precision.

    Args:
        model: In physical units; it is not changed.
        path: ``<name>.json``; the weights go to ``<name>.npz``. Both are replaced.
        card: What users should know: ``summary``, ``data``, ``command``, ``hardware``,
            ``metrics``, ``limits``, ``license``, in plain values.

    Raises:
        ValueError: If a weight is too large for half precision, or not a number.
    """
    path = Path(path)
    with np.errstate(over="ignore"):  # reported as infinity
        arrays = {str(i): np.asarray(w, np.float16) for i, w in enumerate(model.get_weights())}
    for i, array in arrays.items():
        check_finite(array, f"{path.with_suffix('.npz')}: weights {i} in half precision")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    content = buffer.getvalue()
    config = keras.saving.serialize_keras_object(model)
    config.get("config", {}).pop("name", None)
    entries = dict(card) | {
        "format": FORMAT,
        "network": type(model.network).__name__,
        "parameters": model.count_params(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "model": config,
    }
    entries = json.loads(json.dumps(entries))
    entries["card_sha256"] = card_digest(entries)
    with written_whole(path.with_suffix(".npz")) as temporary:
        temporary.write_bytes(content)
    write_text(path, json.dumps(entries, indent=1) + "\n")
