"""The files that TensorFlow Serving starts from, and the commands that start it."""

import dataclasses
import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from keras_seismic.files import placed
from keras_seismic.serving.connection import DEFAULT_MESSAGE_BYTES
from keras_seismic.serving.model_folders import ServedModel, models_config, read_signatures
from keras_seismic.serving.signatures import Signature

#: The release that belongs to the protos that the client is tested with.
IMAGE = "tensorflow/serving:2.21.0"

MODELS, BATCHING, MONITORING, COMPOSE = (
    "models.config",
    "batching_parameters.txt",
    "monitoring.config",
    "compose.yaml",
)

_METRICS = "/monitoring/prometheus/metrics"

#: The server runs as many batches at once as it has cores; when 100 wait, it is unavailable.
_BATCHING = Template("""\
max_batch_size { value: $size }
batch_timeout_micros { value: $micros }
max_enqueued_batches { value: 100 }
""")

_MONITORING = f'prometheus_config {{ enable: true path: "{_METRICS}" }}\n'

#: The values are JSON, which YAML reads.
_COMPOSE = Template("""\
# Written by keras_seismic. The ports are reachable from this machine only.
services:
  serving:
    image: "$image"
    command:$command
    ports:$ports
    volumes:$volumes
    security_opt: ["no-new-privileges:true"]
    restart: unless-stopped
""")

_CLIENT = Template("""\
import keras_seismic as ks
with ks.serving.Client("127.0.0.1:$port", "$name"$options) as client:
    client.wait_until_ready()
    result = client.predict($given)  # $signature""")

_SHOWN = Template("""\
Start the server with Docker (reachable from this machine only, models read-only):
  docker compose --file $compose up
or with the binary, which listens on every network interface, so keep it behind a firewall:
  $binary
Then, in Python:
$client""")


@dataclasses.dataclass(frozen=True)
class Batching:
    """How the server merges requests that arrive at the same time into one batch.

    Merged requests fail together: one that the graph refuses fails those merged with it. So
    batching is off by default; the client's own checks keep such requests away.

    Args:
        max_batch_size: Examples in a batch; larger requests are refused.
        batch_timeout: Seconds to wait for further requests before a batch is run.
    """

    max_batch_size: int = 32
    batch_timeout: float = 0.005

    def __post_init__(self) -> None:
        if self.max_batch_size < 1 or not 0 <= self.batch_timeout < 60:
            raise ValueError(
                "Batching: expected a size of at least 1 and a time-out from 0 to 60 s, received "
                f"{self}"
            )


@dataclasses.dataclass(frozen=True)
class Commands:
    """How to start a server on a written configuration and use it; ``print`` shows it.

    Attributes:
        folder: Holds the configuration; ``docker compose --file FOLDER/compose.yaml up`` starts it.
        binary: The arguments of the command that starts the server's binary instead.
        client: Lines of Python that use the first model, by its first label if it has one.
        checks: Shell commands that ask for the server's state and metrics over REST.
    """

    folder: Path
    binary: tuple[str, ...]
    client: str
    checks: tuple[str, ...]

    def __str__(self) -> str:
        shown = _SHOWN.substitute(
            compose=shlex.quote(str(self.folder / COMPOSE)),
            binary=" \\\n    ".join(map(shlex.quote, self.binary)),
            client="\n".join(f"  {line}" for line in self.client.splitlines()),
        )
        checks = ["Is it up?", *(f"  {check}" for check in self.checks)] if self.checks else []
        return "\n".join([shown, *checks])


def write_configuration(
    folder: str | os.PathLike[str],
    models: Sequence[ServedModel],
    port: int = 8500,
    rest_port: int | None = 8501,
    batching: Batching | None = None,
    monitoring: bool = True,
    image: str = IMAGE,
    max_message_bytes: int = DEFAULT_MESSAGE_BYTES,
    overwrite: bool = False,
) -> Commands:
    """Write a folder that TensorFlow Serving can start from.

    It holds ``models.config``, ``monitoring.config``, ``compose.yaml`` and, with batching,
    ``batching_parameters.txt``. Everything is checked before anything is written. Paths are
    absolute, and the same inside and outside a container, so that one ``models.config`` works for
    both.

    Args:
        folder: To write to.
        models: What to serve, under different names.
        port: For gRPC.
        rest_port: For REST and monitoring; ``None`` for neither.
        batching: Merge requests; by default the server does not.
        monitoring: Serve metrics for Prometheus at ``/monitoring/prometheus/metrics``.
        image: Docker image with its release: a moving tag such as ``latest`` is refused.
        max_message_bytes: Largest request and answer over gRPC.
        overwrite: Replace these files if they exist.

    Returns:
        The commands that start the server; printing it shows them.

    Raises:
        ValueError: If an argument is invalid, two models share a name, or batching is requested
            for a model of inputs of any size, which cannot be merged.
        FileExistsError: If a file exists and ``overwrite`` is false.
        NotADirectoryError: If the folder, or one above it, is a file.
        FileNotFoundError: If a model is not complete.

    Example:
        >>> models = [ServedModel("inversion", "models/inversion")]  # doctest: +SKIP
        >>> print(write_configuration("serving", models))  # doctest: +SKIP
    """
    folder = Path(folder).resolve()
    _check(models, port, rest_port, image, max_message_bytes)
    signatures, *_ = [_signatures(model, batching is not None) for model in models]
    limit = f"grpc.max_receive_message_length={max_message_bytes}"
    arguments = [
        f"--model_config_file={folder / MODELS}",
        "--model_config_file_poll_wait_seconds=30",
        f"--grpc_channel_arguments={limit},{limit.replace('receive', 'send')}",
    ]
    contents = {}
    if any(model.labels for model in models):
        # No version is loaded yet when the server first reads the labels.
        arguments.append("--allow_version_labels_for_unavailable_models=true")
    if batching is not None:
        micros = round(batching.batch_timeout * 1e6)
        contents[BATCHING] = _BATCHING.substitute(size=batching.max_batch_size, micros=micros)
        arguments += [
            "--enable_batching=true", f"--batching_parameters_file={folder / BATCHING}"
        ]  # fmt: skip
    checks = []
    if rest_port is not None:
        checks.append(f"curl http://127.0.0.1:{rest_port}/v1/models/{models[0].name}")
        if monitoring:
            contents[MONITORING] = _MONITORING
            arguments.append(f"--monitoring_config_file={folder / MONITORING}")
            checks.append(f"curl http://127.0.0.1:{rest_port}{_METRICS}")
    ports = {8500: port} if rest_port is None else {8500: port, 8501: rest_port}
    contents[COMPOSE] = _compose(folder, models, image, arguments, ports)
    contents[MODELS] = models_config(models)  # last: a running server reads it at any moment
    _write(folder, contents, overwrite)
    return Commands(
        folder,
        ("tensorflow_model_server", f"--port={port}", f"--rest_api_port={rest_port or 0}",
         *arguments),
        _client(models[0], signatures, port, max_message_bytes),
        tuple(checks),
    )  # fmt: skip


def _compose(
    folder: Path,
    models: Sequence[ServedModel],
    image: str,
    arguments: Sequence[str],
    ports: Mapping[int, int],
) -> str:
    """``compose.yaml``; the image's start script sets the container's own ports.

    The configuration's folder is mounted, not its files: the container would not see a file that is
    replaced by another of the same name.
    """
    mounted = dict.fromkeys((folder, *(model.base_path for model in models)))
    volumes = [
        {"type": "bind", "source": str(path), "target": str(path), "read_only": True,
         "bind": {"create_host_path": False}}
        for path in mounted
    ]  # fmt: skip

    def listed(values: Sequence[object]) -> str:
        lines = (f"\n      - {json.dumps(value, ensure_ascii=False)}" for value in values)
        return "".join(lines).replace("$", "$$")  # compose would look for a variable

    return _COMPOSE.substitute(
        image=image,
        command=listed(arguments),
        ports=listed([f"127.0.0.1:{outer}:{inner}" for inner, outer in ports.items()]),
        volumes=listed(volumes),
    )


def _client(
    model: ServedModel, signatures: Mapping[str, Signature], port: int, max_message_bytes: int
) -> str:
    options = "".join(f', version="{label}"' for label in list(model.labels)[:1])
    if max_message_bytes != DEFAULT_MESSAGE_BYTES:
        options += f", max_message_bytes={max_message_bytes}"
    signature = signatures["serving_default"]
    given = next(iter(signature.inputs))
    return _CLIENT.substitute(
        port=port, name=model.name, options=options, given=given, signature=signature
    )


def _check(
    models: Sequence[ServedModel],
    port: int,
    rest_port: int | None,
    image: str,
    max_message_bytes: int,
) -> None:
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
    # Docker itself checks the rest of its form.
    if not isinstance(image, str) or not re.fullmatch(
        r"[A-Za-z0-9][\w./:-]*(:(?!latest)\w[\w.-]*|@sha256:[0-9a-f]{64})", image
    ):
        raise ValueError(
            "write_configuration: expected an image (registry, name) with its release, such as "
            f"{IMAGE}, received {image!r}"
        )
    if not 2**16 <= max_message_bytes < 2**31:
        raise ValueError(
            "write_configuration: expected max_message_bytes from 65536 to 2**31 - 1, received "
            f"{max_message_bytes}"
        )


def _signatures(model: ServedModel, batched: bool) -> dict[str, Signature]:
    """The signatures of the version that answers by default."""
    signatures = read_signatures(model.newest)
    if "serving_default" not in signatures:
        raise ValueError(
            f"{model.newest}: expected a signature serving_default, found "
            f"{', '.join(signatures) or 'none'}"
        )
    for signature in signatures.values() if batched else ():
        for tensor in signature.inputs.values():
            if tensor.shape is None or None in tensor.shape[1:]:
                raise ValueError(
                    f"{model.name}: batching merges inputs of one shape only, but {signature}; "
                    "serve it without batching, or from another server"
                )
    return signatures


def _write(folder: Path, contents: Mapping[str, str], overwrite: bool) -> None:
    """All files, or none if one may not be replaced."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise NotADirectoryError(
            f"{there}: is a file; expected a folder to write the configuration to"
        )
    existing = [name for name in contents if (folder / name).exists()]
    if existing and not overwrite:
        raise FileExistsError(
            f"{folder}: {', '.join(existing)} exist{'s' * (len(existing) == 1)} already; choose "
            "another folder, or pass overwrite=True to replace them"
        )
    for name, text in contents.items():
        with placed(folder / name, overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for name in {BATCHING, MONITORING} - set(contents):
        if overwrite:
            (folder / name).unlink(missing_ok=True)  # of an earlier configuration
