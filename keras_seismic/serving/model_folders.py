"""Folders of numbered model versions, and ``models.config``, which tells a server of them."""

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template

from keras_seismic.files import versions as versions_in
from keras_seismic.inference.digests import check_digest
from keras_seismic.serving.arguments import version_number
from keras_seismic.serving.signatures import Signature, described

#: A ModelConfig in protobuf's text form, whose strings may be written as in JSON.
_MODEL = Template("""\
  config {
    name: "$name"
    base_path: $path
    model_platform: "tensorflow"
    model_version_policy { $policy }
$labels  }
""")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


@dataclasses.dataclass(frozen=True)
class ServedModel:
    """A model to serve: a name, its versions on disk, and which of them to load.

    Args:
        name: What clients call it: letters, digits, ``_``, ``.`` and ``-``.
        base_path: The folder with one folder per version, ``1``, ``2`` ...
        versions: ``"latest"``, ``"latest=2"`` for the two newest, ``"all"``, or the numbers to
            load. By default the labeled versions, or the newest if there are no labels.
        labels: Names of versions, such as ``{"stable": 1, "canary": 2}``, that clients can ask for
            and that can be moved without their noticing.

    Raises:
        ValueError: If a name, label or version is invalid.
        FileNotFoundError: If there is no such folder, no version in it, or no model in a version
            that is to be loaded.

    Example:
        >>> ServedModel("inversion", "models/inversion", labels={"stable": 1})  # doctest: +SKIP
    """

    name: str
    base_path: Path
    versions: str | Sequence[int] = ""
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                "ServedModel: expected a name of letters, digits, _ . and -, received "
                f"{self.name!r}"
            )
        object.__setattr__(self, "base_path", Path(self.base_path).resolve())
        labels = {}
        for label, number in self.labels.items():
            if not isinstance(label, str) or not _LABEL.fullmatch(label):
                raise ValueError(
                    f"{self.name}: expected a label that begins with a letter and holds letters, "
                    f"digits, _ . and -, received {label!r}"
                )
            labels[label] = version_number(number, f"{self.name}, label {label!r}")
        object.__setattr__(self, "labels", labels)
        versions = self.versions or (tuple(sorted(set(labels.values()))) or "latest")
        if not isinstance(versions, str):
            given = versions if isinstance(versions, Iterable) else (versions,)
            versions = tuple(version_number(n, f"{self.name}, versions") for n in given)
        object.__setattr__(self, "versions", versions)
        loaded = self.loaded
        for label, number in labels.items():
            if number not in loaded:
                raise ValueError(
                    f"{self.name}: the label {label!r} names version {number}, but the server "
                    f"would load {', '.join(map(str, loaded))}; add it to the versions"
                )

    @property
    def available(self) -> tuple[int, ...]:
        """The versions on disk."""
        base = self.base_path
        if not base.is_dir():
            raise FileNotFoundError(f"{base}: no such folder of model versions")
        numbers = versions_in(base)
        if not numbers:
            hint = (
                f"it is a version itself: pass {base.parent}"
                if (base / "saved_model.pb").is_file()
                else f"export one with: keras-seismic export saved-model MODEL {base}"
            )
            raise FileNotFoundError(
                f"{base}: expected folders of versions (1, 2, ...), found none; {hint}"
            )
        return tuple(numbers)

    @property
    def loaded(self) -> tuple[int, ...]:
        """The versions that a server would load now.

        Raises:
            FileNotFoundError: If one of them is missing or incomplete.
            ValueError: If ``versions`` is not one of the possible values.
        """
        available = self.available
        if isinstance(self.versions, str):
            number = re.fullmatch(r"all|latest(?:=([1-9][0-9]{0,8}))?", self.versions)
            if not number:
                raise ValueError(
                    f"{self.name}: expected versions 'latest', 'latest=2', 'all' or a tuple of "
                    f"numbers such as (1, 3), received {self.versions!r}"
                )
            chosen = available if self.versions == "all" else available[-int(number[1] or 1) :]
        else:
            chosen = tuple(sorted(set(self.versions)))
            for version in set(chosen) - set(available):
                raise FileNotFoundError(
                    f"{self.base_path / str(version)}: no such version of {self.name}; there are "
                    f"{', '.join(map(str, available))}"
                )
        for version in chosen:
            _check_version_folder(self.base_path / str(version))
        return chosen

    @property
    def newest(self) -> Path:
        """The folder of the highest version that is loaded, which answers by default."""
        return self.base_path / str(self.loaded[-1])


def models_config(models: Iterable[ServedModel]) -> str:
    """``ModelServerConfig`` in protobuf's text form."""
    return "model_config_list {\n" + "".join(map(_model, models)) + "}\n"


def _model(model: ServedModel) -> str:
    if not isinstance(model.versions, str):
        policy = f"specific {{ versions: {list(model.loaded)} }}"
    elif model.versions == "all":
        policy = "all { }"
    else:
        policy = f"latest {{ num_versions: {model.versions.partition('=')[2] or 1} }}"
    labels = "".join(
        f'    version_labels {{ key: "{label}" value: {number} }}\n'
        for label, number in model.labels.items()
    )
    path = json.dumps(str(model.base_path), ensure_ascii=False)
    return _MODEL.substitute(name=model.name, path=path, policy=policy, labels=labels)


def _check_version_folder(folder: Path) -> None:
    """Refuse a version folder that a server could not load, or that has changed."""
    model = folder / "saved_model.pb"
    if not model.is_file():
        raise FileNotFoundError(f"{model}: no such file; the version is no SavedModel")
    weights = folder / "variables" / "variables.index"
    if not weights.is_file():
        raise FileNotFoundError(f"{weights}: no such file; the SavedModel is incomplete")
    base = folder.parent.resolve()
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(base):
            raise ValueError(
                f"{path}: is a link to {path.resolve()}, outside of {base}, which alone is mounted "
                "in the server's container; copy the version there"
            )
    check_digest(folder)


def read_signatures(folder: str | os.PathLike[str]) -> dict[str, Signature]:
    """The signatures of a SavedModel folder, from its protobuf; the model is not loaded.

    Args:
        folder: The folder with ``saved_model.pb``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a SavedModel that can be served.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = Path(folder) / "saved_model.pb"
    proto = saved_model_pb2.SavedModel()
    try:
        proto.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(f"{path}: is no SavedModel: {error}") from error
    for graph in proto.meta_graphs:
        if "serve" in graph.meta_info_def.tags:
            return described(graph.signature_def)
    raise ValueError(f"{path}: holds no graph for serving (tag 'serve')")


def parse_models(
    models: Sequence[str], labels: Sequence[str] = (), versions: Sequence[str] = ()
) -> list[ServedModel]:
    """Models from the words of a command line.

    Args:
        models: ``NAME=BASE_PATH``, or ``BASE_PATH``, whose last part is then the name.
        labels: ``[NAME:]LABEL=VERSION``; the name may be left out with one model.
        versions: ``[NAME:]VERSIONS``, one of ``latest``, ``latest=2``, ``all`` or ``1,3``.

    Raises:
        ValueError: If a word is malformed, or names an unknown model or one twice.
        FileNotFoundError: As for ``ServedModel``.
    """
    paths: dict[str, str] = {}
    for word in models:
        name, equals, path = word.partition("=")
        if not equals or os.sep in name:  # a path may hold =
            name, path = Path(word).resolve().name, word
        if name in paths:
            raise ValueError(f"models: two are called {name!r}; pass NAME=BASE_PATH")
        paths[name] = path
    labeled: dict[str, dict[str, int]] = {name: {} for name in paths}
    for word in labels:
        name, rest = _of_model(word, list(paths))
        label, _, number = rest.partition("=")
        if not label or not number.isdecimal() or label in labeled[name]:
            raise ValueError(
                f"labels: expected [NAME:]LABEL=VERSION, each label once, received {word!r}"
            )
        labeled[name][label] = int(number)
    chosen: dict[str, str | tuple[int, ...]] = {}
    for word in versions:
        name, rest = _of_model(word, list(paths))
        if not rest or name in chosen:
            raise ValueError(f"versions: expected one [NAME:]VERSIONS a model, received {word!r}")
        numbers = re.fullmatch(r"\d+(,\d+)*", rest)
        chosen[name] = tuple(map(int, rest.split(","))) if numbers else rest
    return [
        ServedModel(name, Path(path), chosen.get(name, ""), labeled[name])
        for name, path in paths.items()
    ]


def _of_model(word: str, names: list[str]) -> tuple[str, str]:
    """The model that a word refers to, and the rest of the word."""
    name, colon, rest = word.rpartition(":")
    if not colon and len(names) == 1:
        return names[0], rest
    if name not in names:
        raise ValueError(
            f"{word!r}: expected NAME:{rest or '...'} with the name of a model, one of "
            f"{', '.join(names)}"
        )
    return name, rest
