"""How to start TensorFlow Serving on a written configuration, and how to use it."""

import dataclasses
import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from keras_seismic.serving.model_folders import ServedModel
from keras_seismic.serving.signatures import Signature
from keras_seismic.serving.transport import DEFAULT_MESSAGE_BYTES

#: In the container; its image's start script sets them.
_INNER_PORT, _INNER_REST_PORT = 8500, 8501


@dataclasses.dataclass(frozen=True)
class Commands:
    """What starts the server, made by ``write_configuration``.

    Attributes:
        folder: With the configuration.
        models: What is served.
        port: For gRPC.
        rest_port: For REST, or ``None``.
        image: Docker's.
        max_message_bytes: Largest request over gRPC.
        reload_seconds: How often ``models.config`` is read again.
        batching: Whether there are batching parameters.
        monitoring: Whether metrics are served.
        signatures: Of the newest version of each model, by the models' names.
        warnings: What a running server will not do with this configuration.
    """

    folder: Path
    models: tuple[ServedModel, ...]
    port: int
    rest_port: int | None
    image: str
    max_message_bytes: int
    reload_seconds: int
    batching: bool
    monitoring: bool
    signatures: Mapping[str, Mapping[str, Signature]]
    warnings: tuple[str, ...] = ()

    @property
    def docker(self) -> tuple[str, ...]:
        """``docker run``: reachable from this machine only, nothing writable."""
        ports = [part for pair in self.published for part in ("--publish", pair)]
        mounts = [
            part
            for path in self.mounted
            for part in ("--mount", f"type=bind,source={path},target={path},readonly")
        ]
        return ("docker", "run", "--rm", *ports, *mounts, self.image, *self.arguments)

    @property
    def binary(self) -> tuple[str, ...]:
        """The server's binary. It listens on every interface; it has no option against it."""
        ports = (f"--port={self.port}", f"--rest_api_port={self.rest_port or 0}")
        return ("tensorflow_model_server", *ports, *self.arguments)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What both have in common."""
        limits = (
            f"grpc.max_receive_message_length={self.max_message_bytes},"
            f"grpc.max_send_message_length={self.max_message_bytes}"
        )
        arguments = [
            f"--model_config_file={self.folder / 'models.config'}",
            f"--model_config_file_poll_wait_seconds={self.reload_seconds}",
            f"--grpc_channel_arguments={limits}",
        ]
        if any(model.labels for model in self.models):
            # No version is loaded yet when the server first reads the labels.
            arguments.append("--allow_version_labels_for_unavailable_models=true")
        if self.batching:
            arguments.append("--enable_batching=true")
            arguments.append(
                f"--batching_parameters_file={self.folder / 'batching_parameters.txt'}"
            )
        if self.monitoring:
            arguments.append(f"--monitoring_config_file={self.folder / 'monitoring.config'}")
        return tuple(arguments)

    @property
    def published(self) -> tuple[str, ...]:
        """Ports of the container, on the loopback interface."""
        grpc = f"127.0.0.1:{self.port}:{_INNER_PORT}"
        rest = f"127.0.0.1:{self.rest_port}:{_INNER_REST_PORT}"
        return (grpc,) if self.rest_port is None else (grpc, rest)

    @property
    def mounted(self) -> tuple[Path, ...]:
        """Folders that the container reads.

        The configuration's folder and not its files: a file that is replaced by another one of
        its name would stay the old one in the container.
        """
        return tuple(dict.fromkeys((self.folder, *(model.base_path for model in self.models))))

    @property
    def client(self) -> str:
        """Python lines that use the first model, by its first label if it has labels."""
        name = self.models[0].name
        options = "".join(f', version="{label}"' for label in list(self.models[0].labels)[:1])
        if self.max_message_bytes != DEFAULT_MESSAGE_BYTES:
            options += f", max_message_bytes={self.max_message_bytes}"
        (given, *_) = self.signatures[name]["serving_default"].inputs.values()
        returned = ", ".join(map(str, self.signatures[name]["serving_default"].outputs.values()))
        return (
            "import keras_seismic as ks\n"
            f'with ks.serving.Client("127.0.0.1:{self.port}", "{name}"{options}) as client:\n'
            "    client.wait_until_ready()\n"
            f"    result = client.predict({given.name})  # {given} -> {returned}"
        )

    def __str__(self) -> str:
        lines = [
            "Start the server with Docker (this machine only, read-only):",
            f"  docker compose --file {shlex.quote(str(self.folder / 'compose.yaml'))} up",
            "or, the same in one command:",
            _in_lines(self.docker),
            "or the binary; it listens on every network interface, so keep a firewall before it:",
            _in_lines(self.binary),
            "Then, in Python:",
            *("  " + line for line in self.client.splitlines()),
        ]
        if self.rest_port is not None:
            url = f"http://127.0.0.1:{self.rest_port}"
            lines.append(f"Is it up?  curl {url}/v1/models/{self.models[0].name}")
            if self.monitoring:
                lines.append(f"Metrics:   curl {url}/monitoring/prometheus/metrics")
        lines += [f"Warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)


def compose_file(commands: Commands) -> str:
    """The same as ``docker run`` for ``docker compose``.

    Its strings are JSON's, which YAML reads; a dollar sign is doubled, or compose would look for
    a variable.
    """

    def quoted(text: object) -> str:
        return json.dumps(str(text).replace("$", "$$"), ensure_ascii=False)

    volumes = "".join(
        "      - type: bind\n"
        f"        source: {quoted(path)}\n"
        f"        target: {quoted(path)}\n"
        "        read_only: true\n"
        "        bind:\n"
        "          create_host_path: false\n"
        for path in commands.mounted
    )
    return (
        "# Written by python -m export.serving, which replaces it with --overwrite.\n"
        "services:\n"
        "  serving:\n"
        f"    image: {quoted(commands.image)}\n"
        "    command:\n"
        + "".join(f"      - {quoted(argument)}\n" for argument in commands.arguments)
        + "    ports:\n"
        + "".join(f"      - {quoted(port)}\n" for port in commands.published)
        + f"    volumes:\n{volumes}"
        + "    security_opt:\n      - no-new-privileges:true\n"
        + "    restart: unless-stopped\n"
    )


def _in_lines(command: tuple[str, ...]) -> str:
    """A shell command, an argument (with its value) a line."""
    words = [shlex.quote(word) for word in command]
    lines, i = [], 0
    while i < len(words):
        pair = words[i] in ("--publish", "--mount", "docker")
        lines.append(" ".join(words[i : i + 1 + pair]))
        i += 1 + pair
    return "  " + " \\\n    ".join(lines)
