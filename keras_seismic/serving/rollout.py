"""What a running server will not take when its configuration is replaced."""

from collections.abc import Sequence

from keras_seismic.serving.model_folders import ServedModel


def early_labels(old: str, models: Sequence[ServedModel]) -> list[str]:
    """Labels that move to versions which a server on the old configuration has not loaded.

    A label in use may only move to a version that is loaded already, lest requests for it fail
    while the version loads. The server refuses the whole new file then, and says so in its log
    only.

    Args:
        old: The text of ``models.config`` that is replaced.
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
        return []  # no configuration that a server would run on
    before = {config.name: config for config in proto.model_config_list.config}
    sentences = []
    for model in models:
        config = before.get(model.name, model_server_config_pb2.ModelConfig())
        for label, number in model.labels.items():
            if config.version_labels.get(label, number) == number or number in _loaded(
                config.model_version_policy, model.available
            ):
                continue
            steps = ",".join(map(str, sorted({config.version_labels[label], number})))
            sentences.append(
                f"{model.name}: a running server refuses to move the label {label!r} to version "
                f"{number} before it has loaded it. Write two configurations: first --versions "
                f"{steps} with the labels as they were, then, once it is loaded, this one."
            )
    return sentences


def _loaded(policy, available: Sequence[int]) -> Sequence[int]:
    """The versions that a policy loads, of those on disk."""
    if policy.HasField("specific"):
        return list(policy.specific.versions)
    if policy.HasField("all"):
        return available
    return available[-(policy.latest.num_versions or 1) :]
