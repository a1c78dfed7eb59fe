"""What a client needs of a way to the server: gRPC and REST provide it."""

import dataclasses
import re
import ssl
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from keras_seismic.serving.signatures import Signature

#: Bytes of a message besides its numbers: names, shapes, the model's specification.
OVERHEAD = 4096

#: Limit of a message: about 45 gathers of OpenFWI's size. gRPC's own default is 4 MiB.
DEFAULT_MESSAGE_BYTES = 64 * 2**20


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a model is served, and how to get there.

    Attributes:
        address: ``"host:port"``, for gRPC also ``"unix:/path"``.
        model: Its name on the server.
        version: A number, a label, or ``None`` for the newest that is served.
        max_message_bytes: Limit of a request and of an answer.
        tls: As for ``Client``.
        credentials: As for ``Client``.
        headers: As for ``Client``.
    """

    address: str
    model: str
    version: int | str | None
    max_message_bytes: int
    tls: bool | str = False
    credentials: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"unix:.+|[^/\s]+:\d+", str(self.address)):
            raise ValueError(
                "Client: expected an address like '127.0.0.1:8500' (host:port, no http://), "
                f"received {self.address!r}"
            )
        if not re.fullmatch(r"[^/:]+", str(self.model)):
            raise ValueError(
                f"Client: expected a model's name without / and :, received {self.model!r}"
            )
        version = "1" if self.version is None else str(self.version)
        form = r"[^/:]*[^/:\d][^/:]*" if isinstance(self.version, str) else r"\d+"
        if not re.fullmatch(form, version):
            raise ValueError(
                "Client: expected a version number or a label as version, received "
                f"{self.version!r}"
            )
        if not 2 * OVERHEAD <= self.max_message_bytes < 2**31:
            raise ValueError(
                f"Client: expected max_message_bytes from {2 * OVERHEAD} to 2**31 - 1, the limit "
                f"of protocol buffers, received {self.max_message_bytes}"
            )

    def __str__(self) -> str:
        version = "" if self.version is None else (
            f" label {self.version!r}" if isinstance(self.version, str)
            else f" version {self.version}"
        )  # fmt: skip
        return f"{self.address}, model {self.model!r}{version}"


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """One version of a model on the server.

    Attributes:
        version: Its number.
        state: ``START``, ``LOADING``, ``AVAILABLE``, ``UNLOADING`` or ``END`` (unloaded, or
            failed to load).
        message: Why it failed, else empty.
    """

    version: int
    state: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.version} {self.state}" + (f" ({self.message})" if self.message else "")


class Transport(Protocol):
    """Requests to one model. Every method raises ``TransportError`` and nothing else."""

    def predict(
        self, inputs: Mapping[str, np.ndarray], signature: str, known: Signature | None,
        timeout: float,
    ) -> dict[str, np.ndarray]:  # fmt: skip
        """Run a signature; ``known`` is its description, if the caller has one."""

    def metadata(self, timeout: float) -> tuple[int | None, dict]:
        """The version that answered, and its signatures in JSON's form."""

    def status(self, timeout: float) -> list[VersionStatus]:
        """Every version of the model that the server knows, whatever the target's version."""

    def message_bytes(self, array: np.ndarray) -> int:
        """What an array takes in a message, at most."""

    def close(self) -> None:
        """Give up the connection."""


def ssl_context(tls: bool | str) -> ssl.SSLContext:
    """For REST: the system's certificates, or those of a PEM file."""
    return ssl.create_default_context(cafile=None if tls is True else str(tls))
