"""What a model is, in a file that travels with it."""

import dataclasses
import datetime
import json
import os
from pathlib import Path
from typing import Any

import keras

from keras_seismic.exporting.physical_units import PhysicalUnitsModel, predicting_network
from keras_seismic.exporting.predictors import import_litert, load_model
from keras_seismic.simulation import Acquisition

#: Its place in a SavedModel's folder, and its key in the metadata of the other formats.
CARD, METADATA_KEY = Path("assets.extra", "model_card.json"), "model_card"

_TASKS = {
    "velocity": "shot gathers to velocity",
    "clean_section": "noisy section to clean section",
    "reflectivity": "section to reflectivity",
}

#: Arguments of a training program that say where and how, not what on.
_PLACES = ("out", "cache_dir", "overwrite", "resume", "smoke")


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What someone who is handed an exported model has to know to use it.

    Attributes:
        model: The network's class.
        task: What it does.
        package_version: Version of keras_seismic that exported it.
        keras_version: Version of Keras.
        created: When it was exported, UTC, ISO 8601.
        parameters: Number of weights.
        input: ``name``, ``shape`` (``None`` for a free size), ``units`` and ``dtype``.
        output: The same of the output.
        acquisition: The experiment that it was trained for, as ``Acquisition.get_config`` has
            it, or ``None``.
        normalization: Layer and settings between raw amplitudes and the network, or ``None``.
        training_data: What it was trained on.
        metrics: How well it did there.
        licence: Terms of the weights.

    Example:
        >>> import keras_seismic as ks
        >>> card = ModelCard.of(ks.models.ConvDenoiser(num_filters=2), licence="CC BY 4.0")
        >>> card.task, card.input["shape"], card.licence
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
    licence: str | None = None

    @classmethod
    def of(
        cls,
        model: keras.Model,
        training_data: dict[str, Any] | str | None = None,
        metrics: dict[str, Any] | None = None,
        licence: str | None = None,
    ) -> "ModelCard":
        """The card of a model in memory.

        Args:
            model: Any model with one input and one output; of a ``VelocityGAN`` the generator.
            training_data: What it was trained on, in words or as a run's ``config.json`` has it.
            metrics: Scores, names and values.
            licence: Terms of the weights; only you know them.
        """
        import keras_seismic

        model = predicting_network(model)
        physical = isinstance(model, PhysicalUnitsModel)
        acquisition = model.acquisition if physical else None
        units = ["amplitude, as recorded"] * 2 if physical else ["normalised, about [-1, 1]"] * 2
        if physical and model.predicts_velocity:
            units[1] = "m/s"
        name = model.output_names[0]
        return cls(
            model=type(model.network if physical else model).__name__,
            task=_TASKS.get(name, f"{model.inputs[0].name} to {name}"),
            package_version=keras_seismic.__version__,
            keras_version=keras.__version__,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            parameters=model.count_params(),
            input=_tensor(model.inputs[0].name, model.inputs[0].shape, units[0]),
            output=_tensor(name, model.outputs[0].shape, units[1]),
            acquisition=None if acquisition is None else _plain(acquisition.get_config()),
            normalization=_normalization(model) if physical else None,
            training_data=training_data,
            metrics=metrics,
            licence=licence,
        )

    @classmethod
    def of_run(
        cls, model: keras.Model, path: str | os.PathLike, licence: str | None = None
    ) -> "ModelCard":
        """The card of a ``model.keras``, with what its run folder knows of its training.

        Args:
            model: The model that was loaded from there.
            path: The ``.keras`` file, beside which ``config.json`` and ``metrics.json`` may lie.
            licence: Terms of the weights.
        """
        config, metrics = (_beside(path, name) for name in ("config.json", "metrics.json"))
        arguments = (config or {}).get("arguments", {})
        training_data = {k: v for k, v in arguments.items() if k not in _PLACES} or None
        return cls.of(model, training_data, metrics, licence)

    @classmethod
    def read(cls, path: str | os.PathLike) -> "ModelCard | None":
        """The card of a model on disk.

        Args:
            path: A ``.keras``, ``.onnx`` or ``.tflite`` file or a SavedModel's version folder.

        Returns:
            Its card, or ``None`` if it has none, as models from elsewhere.

        Raises:
            ValueError: If the card or the file is damaged.
            ImportError: If it is a LiteRT model and ai-edge-litert is not installed.
        """
        path = Path(path)
        if path.suffix == ".keras":
            return cls.of_run(load_model(path), path)
        readers = {".onnx": _onnx_card, ".tflite": _litert_card}
        text = readers[path.suffix](path) if path.suffix in readers else None
        if (path / CARD).is_file():
            text = (path / CARD).read_text(encoding="utf-8")
        return cls.from_json(text) if text else None

    @property
    def predicts_velocity(self) -> bool:
        """Whether the output is a velocity in m/s."""
        return self.output["units"] == "m/s"

    def experiment(self) -> Acquisition | None:
        """The acquisition that the model was trained for."""
        return None if self.acquisition is None else Acquisition.from_config(self.acquisition)

    def to_json(self) -> str:
        """The card as text."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """The card that ``to_json`` wrote; fields of later versions are left out.

        Raises:
            ValueError: If the text is no card.
        """
        try:
            values = json.loads(text)
            known = {field.name for field in dataclasses.fields(cls)}
            return cls(**{name: value for name, value in values.items() if name in known})
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"expected a model card in JSON, received {text[:60]!r}") from error


def _tensor(name: str, shape: tuple, units: str) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "units": units, "dtype": "float32"}


def _normalization(model: PhysicalUnitsModel) -> dict[str, Any]:
    layers = {"input": model.input_normalization, "output": model.output_scaling}
    return {
        end: {"layer": type(layer).__name__}
        | {k: v for k, v in layer.get_config().items() if k not in ("name", "dtype", "trainable")}
        for end, layer in layers.items()
        if layer is not None
    }


def _beside(path: str | os.PathLike, name: str) -> dict[str, Any] | None:
    path = Path(path).with_name(name)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _onnx_card(path: Path) -> str | None:
    import onnx

    try:
        metadata = onnx.load(path, load_external_data=False).metadata_props
    except Exception as error:  # protobuf's own kind, which has changed its place before
        raise ValueError(f"{path}: is no ONNX model: {error}") from error
    return next((entry.value for entry in metadata if entry.key == METADATA_KEY), None)


def _litert_card(path: Path) -> str | None:
    import_litert()
    from ai_edge_litert.tools import flatbuffer_utils

    try:
        model = flatbuffer_utils.read_model(str(path))
    except Exception as error:  # whatever the reader stumbles over
        raise ValueError(f"{path}: is no LiteRT model: {error}") from error
    cards = [entry.buffer for entry in model.metadata or () if entry.name == METADATA_KEY.encode()]
    return bytes(model.buffers[cards[0]].data).decode() if cards else None


def _plain(value: Any) -> Any:
    """With lists in the place of tuples, as JSON gives them back."""
    return json.loads(json.dumps(value))
