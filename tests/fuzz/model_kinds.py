"""Models in every format: a changed one is refused, or answers as the whole one does."""

import dataclasses
import functools
import hashlib
import io
import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

import keras_seismic as ks
from keras_seismic.inference.model_card import METADATA_KEY
from keras_seismic.models.presets import card_digest, read_preset
from tests.fuzz import kinds
from tests.fuzz.envelopes import DEFLATED, STORED
from tests.fuzz.folder_kinds import ACQUISITION
from tests.fuzz.kinds import BrokenPromise, Kind

GATHERS = np.diff(
    np.random.default_rng(2).standard_normal((2, 17, *ACQUISITION.gather_shape[1:])), axis=1
).astype("f4")


def inversion_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    gather = keras.Input(ACQUISITION.gather_shape, name="shot_gather")
    x = keras.layers.Conv2D(2, (5, 3), strides=(2, 2), activation="leaky_relu")(gather)
    x = keras.layers.Dense(30 * 20, "tanh")(keras.layers.Flatten()(x))
    velocity = keras.layers.Reshape((30, 20, 1), name="velocity")(x)
    return ks.models.with_physical_units(
        keras.Model(gather, velocity),
        ks.layers.GatherNormalization(-20, 50),
        ks.layers.VelocityScaling(1500, 4500),
        ACQUISITION,
    )


def make_keras(folder: Path) -> None:
    inversion_model().save(folder / "whole.keras")
    with zipfile.ZipFile(folder / "whole.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in ("config.json", "metadata.json"):
        _bomb(folder / f"bomb_{name[:4]}.keras", parts | {name: b" " * 2**28 + parts[name]})
    buffer = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append((name, getattr(item, "size", 0))))
        name, _ = max(names, key=lambda pair: pair[1])
        attributes, shape = dict(file[name].attrs), file[name].shape
        del file[name]
        packed = file.create_dataset(
            name, (shape[0], 2**29 // shape[0]), "f4", chunks=(1, 2**20), compression="gzip"
        )
        packed.attrs.update(attributes)
    _bomb(folder / "bomb_weights.keras", parts | {"model.weights.h5": buffer.getvalue()})
    _bomb(folder / "bomb_tail.keras",
          parts | {"model.weights.h5": parts["model.weights.h5"] + bytes(2**29)})  # fmt: skip


def _bomb(path: Path, parts: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def make_onnx(folder: Path) -> None:
    ks.exporting.export_onnx(inversion_model(), folder / "whole.onnx")


def make_bare_onnx(folder: Path) -> None:
    import onnx

    make_onnx(folder)
    model = onnx.load(folder / "whole.onnx")
    kept = [entry for entry in model.metadata_props if entry.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, folder / "whole.onnx")


def make_litert(folder: Path) -> None:
    ks.exporting.export_litert(inversion_model(), folder / "whole.tflite")


def make_saved_model(folder: Path) -> None:
    ks.exporting.export_saved_model(inversion_model(), folder, 1)
    (folder / "1").rename(folder / "whole")


def make_preset(folder: Path) -> None:
    (folder / "whole").mkdir()
    ks.exporting.export_preset(inversion_model(), folder / "whole" / "a.json", {"summary": "s"})


def with_digests(sample: dict[str, bytes]) -> dict[str, bytes]:
    """A preset whose card has the right digests again."""
    try:
        card = json.loads(sample["a.json"])
        card["sha256"] = hashlib.sha256(sample["a.npz"]).hexdigest()
        card["card_sha256"] = card_digest(card)
        return sample | {"a.json": json.dumps(card).encode()}
    except (ValueError, TypeError, RecursionError):
        return sample


def answer(path: Path) -> tuple[np.ndarray, object]:
    """What a model predicts, and its card; that of a .keras file is made when it is read."""
    card = ks.inference.ModelCard.read(path)
    card = card and dataclasses.replace(card, created="")
    return ks.inference.predict(ks.inference.load_predictor(path), GATHERS), card


@functools.cache
def _right(kind: str, name: str) -> tuple[np.ndarray, object]:
    return answer(kinds.SAMPLES / kind / name)


def unchanged(path: Path) -> None:
    """Refused, or the very same numbers and card."""
    velocity, card = answer(path)
    right, right_card = _right(path.parent.name, "whole" + path.suffix)
    if not np.array_equal(velocity, right, equal_nan=True):
        raise BrokenPromise("a changed model is loaded and gives other numbers")
    if card != right_card:
        raise BrokenPromise("a model with a changed card is loaded")


def open_preset(path: Path) -> np.ndarray:
    return np.asarray(read_preset(path / "a.json")(GATHERS))


@functools.cache
def _right_preset() -> np.ndarray:
    return open_preset(kinds.SAMPLES / "preset" / "whole")


def unchanged_preset(path: Path) -> None:
    if not np.array_equal(open_preset(path), _right_preset()):
        raise BrokenPromise("a changed preset is loaded and gives other numbers")


def invert(path: Path) -> None:
    """As a user would: an answer of numbers, or a refusal."""
    velocity = np.asarray(ks.inference.predict(ks.inference.load_predictor(path), GATHERS))
    if velocity.shape[:1] != GATHERS.shape[:1]:
        raise BrokenPromise(f"{velocity.shape} for two gathers")


CARD = {"ModelCard.read": ks.inference.ModelCard.read}

KINDS = (
    Kind("keras", ".keras", make_keras, {
        "load_predictor": unchanged, **CARD, "inspect": ks.inspection.inspect,
    }),
    Kind("keras, sealed", ".keras", make_keras, {"load_predictor": invert, **CARD},
         (STORED, DEFLATED)),
    Kind("onnx", ".onnx", make_onnx, {"load_predictor": unchanged, **CARD}),
    Kind("onnx, bare", ".onnx", make_bare_onnx, {"load_predictor": invert, **CARD}),
    Kind("litert", ".tflite", make_litert, {"load_predictor": unchanged, **CARD}),
    Kind("saved model", "", make_saved_model, {
        "load_predictor": unchanged, **CARD, "read_signatures": ks.serving.read_signatures,
    }),
    Kind("preset", "", make_preset, {"read_preset": unchanged_preset}),
    Kind("preset, sealed", "", make_preset, {"read_preset": open_preset}, (STORED,), with_digests),
)  # fmt: skip
