"""The files that TensorFlow Serving is started with, and the commands that start it."""

import dataclasses
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from keras_seismic.files import placed
from keras_seismic.serving.commands import Commands, compose_file
from keras_seismic.serving.model_folders import ServedModel, check_path, read_signatures
from keras_seismic.serving.rollout import early_labels
from keras_seismic.serving.signatures import Signature
from keras_seismic.serving.transport import DEFAULT_MESSAGE_BYTES

#: The release that belongs to the protos that the client is tested with.
IMAGE = "tensorflow/serving:2.21.0"

#: Docker's form of a name, with a release or digest: anything else might be an option to it.
_IMAGE = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?/)?"
    r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*"
    r"(?=[:@])(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@sha256:[0-9a-f]{64})?"
)

MODELS, BATCHING, MONITORING, COMPOSE = (
    "models.config",
    "batching_parameters.txt",
    "monitoring.config",
    "compose.yaml",
)


@dataclasses.dataclass(frozen=True)
class Batching:
    """How the server merges requests that come at the same time into one batch.

    Merged requests fail together: one that the graph refuses takes those merged with it along.
    So it is off by default; the client's own checks keep such requests away.

    Args:
        max_batch_size: Examples in a batch; larger requests are refused.
        batch_timeout: Seconds to wait for further requests before a batch is run.
        threads: Batches that run at the same time, by default as many as there are processors.
        max_enqueued_batches: Batches that may wait; further requests are told to come again.
    """

    max_batch_size: int = 32
    batch_timeout: float = 0.005
    threads: int = dataclasses.field(default_factory=lambda: os.cpu_count() or 1)
    max_enqueued_batches: int = 100

    def __post_init__(self) -> None:
        sizes = (self.max_batch_size, self.threads, self.max_enqueued_batches)
        if min(sizes) < 1 or not 0 <= self.batch_timeout < 60:
            raise ValueError(
                "Batching: expected sizes of at least 1 and a time-out from 0 to 60 s, received "
                f"{self}"
            )


def write_configuration(
    folder: str | os.PathLike,
    models: Sequence[ServedModel],
    port: int = 8500,
    rest_port: int | None = 8501,
    batching: Batching | None = None,
    monitoring: bool = True,
    image: str = IMAGE,
    max_message_bytes: int = DEFAULT_MESSAGE_BYTES,
    reload_seconds: int = 30,
    overwrite: bool = False,
) -> Commands:
    """Write a folder to start TensorFlow Serving with.

    It holds ``models.config``, ``monitoring.config``, ``compose.yaml`` and, with batching,
    ``batching_parameters.txt``. Everything is checked before anything is written. The paths in
    it are absolute, and the same inside and outside of a container, so that one file serves both.

    Args:
        folder: To write to.
        models: What to serve, each by another name.
        port: For gRPC.
        rest_port: For REST and monitoring; ``None`` for neither.
        batching: Merge requests; by default the server does not.
        monitoring: Serve metrics for Prometheus at ``/monitoring/prometheus/metrics``.
        image: Docker's, with its release: a moving tag such as ``latest`` is refused.
        max_message_bytes: Largest request that the server takes over gRPC.
        reload_seconds: How often the server reads ``models.config`` again, for new labels.
        overwrite: Replace these files if they are there.

    Returns:
        The commands, which start the server; printing it shows them.

    Raises:
        ValueError: If an argument is not possible, two models have one name, or batching is wanted
            for a model of inputs of any size, which cannot be merged.
        FileExistsError: If a file is there and ``overwrite`` is false.
        NotADirectoryError: If the folder, or one above it, is a file.
        FileNotFoundError: If a model is not complete.

    Example:
        >>> models = [ServedModel("inversion", "models/inversion")]  # doctest: +SKIP
        >>> print(write_configuration("serving", models))  # doctest: +SKIP
    """
    folder = Path(folder).resolve()
    check_path(folder)
    _check_folder(folder)
    _check(models, port, rest_port, image, max_message_bytes, reload_seconds)
    signatures = {model.name: _served(model) for model in models}
    if batching is not None:
        for model in models:
            _check_batchable(model, signatures[model.name])
    monitoring = monitoring and rest_port is not None
    commands = Commands(
        folder, tuple(models), port, rest_port, image, max_message_bytes, reload_seconds,
        batching is not None, monitoring, signatures, _warnings(folder / MODELS, models),
    )  # fmt: skip
    contents = {COMPOSE: compose_file(commands)}
    if monitoring:
        contents[MONITORING] = monitoring_config()
    if batching is not None:
        contents[BATCHING] = batching_parameters(batching)
    contents[MODELS] = models_config(models)  # last: a running server reads it at any moment
    _write(folder, contents, overwrite)
    return commands


def models_config(models: Sequence[ServedModel]) -> str:
    """``ModelServerConfig`` in protobuf's text form."""
    return "model_config_list {\n" + "".join(map(_model, models)) + "}\n"


def monitoring_config() -> str:
    """``MonitoringConfig`` in protobuf's text form."""
    return 'prometheus_config {\n  enable: true\n  path: "/monitoring/prometheus/metrics"\n}\n'


def batching_parameters(batching: Batching) -> str:
    """``BatchingParameters`` in protobuf's text form."""
    values = {
        "max_batch_size": batching.max_batch_size,
        "batch_timeout_micros": round(batching.batch_timeout * 1e6),
        "num_batch_threads": batching.threads,
        "max_enqueued_batches": batching.max_enqueued_batches,
    }
    return "".join(f"{name} {{ value: {value} }}\n" for name, value in values.items())


def _model(model: ServedModel) -> str:
    if not isinstance(model.versions, str):
        numbers = "".join(f"        versions: {n}\n" for n in model.loaded)
        policy = f"      specific {{\n{numbers}      }}\n"
    elif model.versions == "all":
        policy = "      all { }\n"
    else:
        number = model.versions.partition("=")[2] or "1"
        policy = f"      latest {{ num_versions: {number} }}\n"
    labels = "".join(
        f"    version_labels {{ key: {_quoted(label)} value: {number} }}\n"
        for label, number in model.labels.items()
    )
    return (
        "  config {\n"
        f"    name: {_quoted(model.name)}\n"
        f"    base_path: {_quoted(str(model.base_path))}\n"
        '    model_platform: "tensorflow"\n'
        f"    model_version_policy {{\n{policy}    }}\n"
        f"{labels}  }}\n"
    )


def _quoted(text: str) -> str:
    """A string of protobuf's text form; what JSON escapes, ServedModel refuses."""
    return json.dumps(text, ensure_ascii=False)


def _check_folder(folder: Path) -> None:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise NotADirectoryError(
            f"{there}: is a file; expected a folder to write the configuration to"
        )


def _check(models, port, rest_port, image, max_message_bytes, reload_seconds) -> None:
    names = [model.name for model in models]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"write_configuration: expected one or more models of different names, received {names}"
        )
    ports = [port] if rest_port is None else [port, rest_port]
    if not all(1 <= number < 2**16 for number in ports) or len(set(ports)) < len(ports):
        raise ValueError(
            f"write_configuration: expected different ports from 1 to 65535, received {ports}"
        )
    form = _IMAGE.fullmatch(image) if isinstance(image, str) else None
    if form is None or (form["tag"] or "").startswith("latest"):
        raise ValueError(
            "write_configuration: expected an image (registry, name) with its release, such as "
            f"{IMAGE}, received {image!r}"
        )
    if not 2**16 <= max_message_bytes < 2**31:
        raise ValueError(
            "write_configuration: expected max_message_bytes from 65536 to 2**31 - 1, received "
            f"{max_message_bytes}"
        )
    if reload_seconds < 1:
        raise ValueError(f"write_configuration: reload_seconds must be 1 or more: {reload_seconds}")


def _served(model: ServedModel) -> dict[str, Signature]:
    """The signatures of the version that answers by default."""
    signatures = read_signatures(model.newest)
    if "serving_default" not in signatures:
        raise ValueError(
            f"{model.newest}: expected a signature serving_default, found "
            f"{', '.join(sorted(signatures)) or 'none'}"
        )
    return signatures


def _check_batchable(model: ServedModel, signatures) -> None:
    for signature in signatures.values():
        for tensor in signature.inputs.values():
            if tensor.shape is None or None in tensor.shape[1:]:
                raise ValueError(
                    f"{model.name}: batching merges inputs of one shape only, but {signature}; "
                    "serve it without batching, or from another server"
                )


def _warnings(path: Path, models: Sequence[ServedModel]) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    return tuple(early_labels(path.read_text(encoding="utf-8", errors="replace"), models))


def _write(folder: Path, contents: dict[str, str], overwrite: bool) -> None:
    """All files, each under a temporary name first; none if one may not be replaced."""
    there = [name for name in contents if (folder / name).exists()]
    if there and not overwrite:
        raise FileExistsError(
            f"{folder}: {', '.join(there)} exist{'s' * (len(there) == 1)} already; choose another "
            "folder or pass overwrite=True"
        )
    for name, text in contents.items():
        with placed(folder / name, overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for name in {BATCHING, MONITORING} - set(contents):
        if overwrite:
            (folder / name).unlink(missing_ok=True)  # of an earlier configuration
