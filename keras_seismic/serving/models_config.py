"""``models.config``, which tells TensorFlow Serving what to serve."""

import json
from collections.abc import Sequence
from string import Template
from typing import Any

from keras_seismic.serving.model_folders import ServedModel

#: A ModelConfig in protobuf's text form, whose strings may be written as in JSON.
_MODEL = Template("""\
  config {
    name: "$name"
    base_path: $path
    model_platform: "tensorflow"
    model_version_policy { $policy }
$labels  }
""")


def models_config(models: Sequence[ServedModel]) -> str:
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


def early_labels(old: str, models: Sequence[ServedModel]) -> list[str]:
    """Labels that move to versions which a server on the old configuration has not loaded.

    The server refuses the whole new file then, and says so only in its log.

    Args:
        old: The text of the ``models.config`` being replaced.
        models: The models of the new one.

    Returns:
        A sentence for each such label; none where tensorflow-serving-api, which can read the old
        file, is not installed.
    """
    try:
        from google.protobuf import text_format
        from tensorflow_serving.config import model_server_config_pb2
    except ImportError:
        return []
    try:
        proto = text_format.Parse(old, model_server_config_pb2.ModelServerConfig())
    except text_format.ParseError:
        return []  # no server runs on it
    before = {config.name: config for config in proto.model_config_list.config}
    sentences = []
    for model in models:
        if model.name not in before:
            continue
        labels = before[model.name].version_labels
        loaded = _loaded(before[model.name].model_version_policy, model.available)
        for label, number in model.labels.items():
            if labels.get(label, number) != number and number not in loaded:
                sentences.append(
                    f"{model.name}: a running server refuses to move the label {label!r} to "
                    f"version {number} before it has loaded it. First write a configuration with "
                    f"versions {','.join(map(str, sorted((labels[label], number))))} and the "
                    "labels as they were; once the version is loaded, write this one."
                )
    return sentences


def _loaded(policy: Any, available: Sequence[int]) -> Sequence[int]:
    """The versions that a policy loads, of those on disk."""
    if policy.HasField("specific"):
        return list(policy.specific.versions)
    if policy.HasField("all"):
        return available
    return available[-(policy.latest.num_versions or 1) :]
