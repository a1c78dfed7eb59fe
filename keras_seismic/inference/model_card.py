"""The model card: what a model is, in a file that travels with it."""

import dataclasses
import datetime
import json
import math
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.file_checks import parse_json, read_json
from keras_seismic.inference.digests import CARD, UNSEALED, check_digest
from keras_seismic.inference.predictors import import_litert, load_model
from keras_seismic.models import PhysicalUnitsModel, predicting_network, without_spread
from keras_seismic.models.velocity_with_spread import COVERAGE, SPREAD, has_spread
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.acquisition import is_whole_number

#: Its key in the metadata of files.
METADATA_KEY = "model_card"

_AMPLITUDE = "amplitude, as recorded"

_MEANING = (
    f"velocity +- spread holds the true velocity in {COVERAGE:.0%} of the cells, for geology like "
    "that of the pairs it was fitted to"
)

_TASKS = {
    "velocity": "shot gathers to velocity",
    "clean_section": "noisy section to clean section",
    "reflectivity": "section to reflectivity",
}

#: Arguments of a training program that say where and how it ran, not on what data.
_PLACES = ("out", "cache_dir", "overwrite", "resume", "smoke")

#: Arguments that name a file or folder.
_FILES = {"data", "section", "test", "test_velocity", "pretrained", "wavelet"}


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What a user of an exported model needs to know.

    Attributes:
        model: The network's class.
        task: What it does.
        package_version: Version of keras_seismic that exported it.
        keras_version: Version of Keras.
        created: When it was exported, UTC, ISO 8601.
        parameters: Number of weights.
        input: ``name``, ``shape`` (``None`` for a free size), ``units`` and ``dtype``.
        output: The same for the output.
        acquisition: What it was trained for, from ``Acquisition.get_config``, or ``None``.
        normalization: Layer and settings between raw amplitudes and the network, or ``None``.
        training_data: What it was trained on.
        metrics: Its scores.
        license: Terms of the weights.
        spread: As ``output``, of the second output if there is one, with its ``meaning``.
        sha256: Digest of the exported file, see ``digests.seal``; zeros before that, and in a
            SavedModel, whose digests are listed beside the card.

    Example:
        >>> import keras_seismic as ks
        >>> card = ModelCard.of(ks.models.ConvDenoiser(num_filters=2), license="CC BY 4.0")
        >>> card.task, card.input["shape"], card.license
        ('noisy section to clean section', [None, None, None, 1], 'CC BY 4.0')
        >>> ModelCard.from_json(card.to_json()) == card
        True
    """

    model: str
    task: str
    package_version: str
    keras_version: str
    created: str
    parameters: int
    input: dict[str, Any]
    output: dict[str, Any]
    acquisition: dict[str, Any] | None = None
    normalization: dict[str, Any] | None = None
    training_data: dict[str, Any] | str | None = None
    metrics: dict[str, Any] | None = None
    license: str | None = None
    spread: dict[str, Any] | None = None
    sha256: str = UNSEALED

    @classmethod
    def of(
        cls,
        model: keras.Model,
        training_data: dict[str, Any] | str | None = None,
        metrics: dict[str, Any] | None = None,
        license: str | None = None,
    ) -> "ModelCard":
        """The card of a model in memory.

        Args:
            model: Any model with one input; of a ``VelocityGAN``, this is its generator's.
            training_data: What it was trained on: text, or a run's arguments.
            metrics: Scores by name.
            license: Terms of the weights.
        """
        from keras_seismic.version import __version__

        model = predicting_network(model)
        physical = isinstance(model, PhysicalUnitsModel)
        acquisition = model.acquisition if physical else None
        units = [_AMPLITUDE] * 2 if physical else ["normalized, about [-1, 1]"] * 2
        if physical and model.predicts_velocity:
            units[1] = "m/s"
        if physical and model.predicts_classes:
            units[1] = model.output_scaling.units
        name = model.output_names[0]
        named = units[1] if physical and model.predicts_classes else name
        return cls(
            model=type(without_spread(model.network if physical else model)).__name__,
            task=_TASKS.get(name, f"{model.inputs[0].name} to {named}"),
            package_version=__version__,
            keras_version=keras.__version__,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            parameters=model.count_params(),
            input=_tensor(model.inputs[0].name, model.inputs[0].shape, units[0]),
            output=_tensor(name, model.outputs[0].shape, units[1]),
            acquisition=None if acquisition is None else _plain(acquisition.get_config()),
            normalization=_plain(_normalization(model)) if physical else None,
            training_data=_plain(training_data),
            metrics=_plain(metrics),
            license=license,
            spread=_tensor(SPREAD, model.outputs[1].shape, units[1]) | {"meaning": _MEANING}
            if has_spread(model)
            else None,
        )

    @classmethod
    def of_run(
        cls, model: keras.Model, path: str | os.PathLike[str], license: str | None = None
    ) -> "ModelCard":
        """The card of a run's ``model.keras``, with what its run folder says about the training.

        Args:
            model: The model loaded from there.
            path: The ``.keras`` file; ``config.json`` and ``metrics.json`` may lie beside it.
            license: Terms of the weights.
        """
        config, metrics = (_beside(path, name) for name in ("config.json", "metrics.json"))
        arguments = {k: v for k, v in config.get("arguments", {}).items() if k not in _PLACES}
        for name in _FILES & arguments.keys():
            arguments[name] = _file_name(arguments[name])
        return cls.of(model, arguments or None, metrics or None, license)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "ModelCard | None":
        """The card of a model on disk.

        Args:
            path: A ``.keras``, ``.onnx`` or ``.tflite`` file or a SavedModel's version folder.

        Returns:
            Its card, or ``None`` if it has none, like models from elsewhere.

        Raises:
            FileNotFoundError: If there is nothing at the path.
            ValueError: If the card or the file is damaged or changed.
            ImportError: If it is a LiteRT model and ai-edge-litert is not installed.
        """
        path = Path(path)
        if path.suffix == ".keras":
            return cls.of_run(load_model(path), path)
        check_digest(path)
        readers = {".onnx": _onnx_card, ".tflite": _litert_card}
        text = readers[path.suffix](path) if path.suffix in readers else None
        if (path / CARD).is_file():
            text = (path / CARD).read_bytes().decode("utf-8", "replace")
        return cls.from_json(text, str(path)) if text else None

    @property
    def predicts_velocity(self) -> bool:
        """Whether the output is a velocity in m/s."""
        return bool(self.output["units"] == "m/s")

    @property
    def classes(self) -> list[str]:
        """The names of what the output is a probability of, if it is one."""
        layer = (self.normalization or {}).get("output", {})
        return list(layer.get("classes", ()))

    @property
    def takes_amplitudes(self) -> bool:
        """Whether the input is raw amplitudes, not what the bare network takes."""
        return bool(self.input["units"] == _AMPLITUDE)

    def amplitudes(self) -> tuple[float, float] | None:
        """Smallest and largest raw amplitude in training, if the normalization knows them."""
        settings = (self.normalization or {}).get("input", {})
        ends = settings.get("data_min"), settings.get("data_max")
        return None if None in ends else (float(ends[0]), float(ends[1]))

    def experiment(self) -> Acquisition | None:
        """The acquisition that the model was trained for."""
        return None if self.acquisition is None else Acquisition.from_config(self.acquisition)

    def to_json(self) -> str:
        """The card as text."""
        return json.dumps(_plain(dataclasses.asdict(self)), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str = "model card") -> "ModelCard":
        """The card that ``to_json`` wrote; fields of later versions are ignored.

        Args:
            text: JSON.
            source: Its name in messages.

        Raises:
            ValueError: If the text is not a card, or part of it is malformed.
        """
        try:
            values = parse_json(text)
            known = {field.name for field in dataclasses.fields(cls)}
            card = cls(**{name: value for name, value in values.items() if name in known})
            for end in (card.input, card.output, *([card.spread] if card.spread else [])):
                if not (isinstance(end["units"], str) and isinstance(end["name"], str)):
                    raise TypeError("units and name of input and outputs must be text")
                if not all(n is None or is_whole_number(n, 1) for n in end["shape"]):
                    raise TypeError("shapes must be lists of positive numbers and null")
            if not isinstance(card.normalization, dict | None):
                raise TypeError("normalization must be names and values, or null")
            card.amplitudes()
            card.experiment()
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ValueError(
                f"{source}: expected a model card in JSON, received {text[:60]!r} ({error})"
            ) from error
        return card


def _tensor(name: str, shape: tuple[int | None, ...], units: str) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "units": units, "dtype": "float32"}


def _normalization(model: PhysicalUnitsModel) -> dict[str, Any]:
    layers = {"input": model.input_normalization, "output": model.output_scaling}
    return {
        end: {"layer": type(layer).__name__}
        | {k: v for k, v in layer.get_config().items() if k not in ("name", "dtype", "trainable")}
        for end, layer in layers.items()
        if layer is not None
    }


def _beside(path: str | os.PathLike[str], name: str) -> dict[str, Any]:
    """What a run wrote beside its model, if anything."""
    path = Path(path).with_name(name)
    if not path.exists():
        return {}
    try:
        content = read_json(path)
        if not isinstance(content, dict) or not isinstance(content.get("arguments", {}), dict):
            raise ValueError("names and values were expected")
    except ValueError as error:
        raise ValueError(f"{path}: is not what a run writes there: {error}") from error
    return content


def _file_name(value: Any) -> Any:
    """A path without its folders, which are private."""
    if isinstance(value, list):
        return [_file_name(one) for one in value]
    return Path(value).name if isinstance(value, str) else value


def _onnx_card(path: Path) -> str | None:
    import onnx

    try:
        metadata = onnx.load(path, load_external_data=False).metadata_props
    except Exception as error:  # protobuf's own class, which has moved before
        raise ValueError(f"{path}: is no ONNX model: {error}") from error
    return next((entry.value for entry in metadata if entry.key == METADATA_KEY), None)


def _litert_card(path: Path) -> str | None:
    import_litert()
    from ai_edge_litert.tools import flatbuffer_utils

    try:
        model = flatbuffer_utils.read_model(str(path))
    except Exception as error:  # whatever the reader raises
        raise ValueError(f"{path}: is no LiteRT model: {error}") from error
    cards = [entry.buffer for entry in model.metadata or () if entry.name == METADATA_KEY.encode()]
    return bytes(model.buffers[cards[0]].data).decode("utf-8", "replace") if cards else None


def _plain(value: Any) -> Any:
    """In a form that JSON preserves: lists for tuples, null for numbers not finite."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)
