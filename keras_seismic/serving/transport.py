"""What a client needs of a way to the server: gRPC and REST provide it."""

import dataclasses
import operator
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from keras_seismic.serving.addresses import check_address
from keras_seismic.serving.signatures import Signature

#: Bytes of a message besides its numbers: names, shapes, the model's specification.
OVERHEAD = 4096

#: Limit of a message: about 45 gathers of OpenFWI's size. gRPC's own default is 4 MiB.
DEFAULT_MESSAGE_BYTES = 64 * 2**20

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[ -~]*")


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
        headers: As for ``Client``; not shown, for there are passwords in them.
        protocol: ``"grpc"`` or ``"rest"``.
    """

    address: str
    model: str
    version: int | str | None
    max_message_bytes: int
    tls: bool | str = False
    credentials: Any = None
    headers: tuple[tuple[str, str], ...] = dataclasses.field(default=(), repr=False)
    protocol: str = "grpc"

    def __post_init__(self) -> None:
        if self.protocol not in ("grpc", "rest"):
            raise ValueError(
                f"Client: expected protocol 'grpc' or 'rest', received {self.protocol!r}"
            )
        check_address(self.address, self.protocol)
        if not re.fullmatch(r"[^/:]+", str(self.model)):
            raise ValueError(
                f"Client: expected a model's name without / and :, received {self.model!r}"
            )
        object.__setattr__(self, "version", _version(self.version))
        if not 2 * OVERHEAD <= self.max_message_bytes < 2**31:
            raise ValueError(
                f"Client: expected max_message_bytes from {2 * OVERHEAD} to 2**31 - 1, the limit "
                f"of protocol buffers, received {self.max_message_bytes}"
            )
        _check_tls(self.tls)
        if self.credentials is not None and (self.tls or self.protocol == "rest"):
            raise ValueError("Client: credentials are for gRPC, and in the place of tls")
        _check_headers(self.headers)

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
    """Requests to one model. Every method raises ``TransportError`` and nothing else.

    Attributes:
        tells_version: Whether ``predict`` knows which version answered.
    """

    tells_version: bool

    def predict(
        self, inputs: Mapping[str, np.ndarray], signature: str, known: Signature | None,
        version: int | None, timeout: float,
    ) -> tuple[int | None, dict[str, np.ndarray]]:  # fmt: skip
        """Run a signature: the version that answered, as far as it is known, and the outputs.

        ``known`` is the signature's description, if the caller has one; ``version`` is asked in
        the place of the target's.
        """

    def metadata(self, timeout: float) -> tuple[int | None, dict]:
        """The version that answered, and its signatures in JSON's form."""

    def status(self, timeout: float) -> list[VersionStatus]:
        """Every version of the model that the server knows, whatever the target's version."""

    def message_bytes(self, array: np.ndarray) -> int:
        """What an array takes in a message, at most."""

    def close(self) -> None:
        """Give up the connection."""


def _version(version: int | str | None) -> int | str | None:
    """A version number as an integer, a label or nothing as it is."""
    if version is None or (
        isinstance(version, str) and re.fullmatch(r"[^/:]*[^/:\d][^/:]*", version)
    ):
        return version
    if not isinstance(version, str | bool) and hasattr(version, "__index__"):
        number = operator.index(version)
        if 0 <= number < 2**63:
            return number
    raise ValueError(
        "Client: expected a version number or a label as version (numbers from 0 to 2**63 - 1), "
        f"received {version!r}"
    )


def _check_tls(tls: bool | str) -> None:
    if isinstance(tls, bool):
        return
    if not tls or not isinstance(tls, str | Path):
        raise ValueError(
            "Client: expected tls True, False (not encrypted) or the path of a PEM file, received "
            f"{tls!r}"
        )
    if not Path(tls).is_file():
        raise FileNotFoundError(f"Client: tls={str(tls)!r}: no such PEM file")


def _check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    """Refuse headers here, for the libraries' own errors show what is in them."""
    for position, (name, value) in enumerate(headers):
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ValueError(
                f"Client: expected letters, digits and - as the name of header {position} "
                "(names and values are not shown here)"
            )
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(
                f"Client: expected one line of ASCII text as the header {name!r}, received "
                f"{type(value).__name__} of another form (values are not shown here)"
            )


def ssl_context(tls: bool | str) -> ssl.SSLContext:
    """For REST: the system's certificates, or those of a PEM file."""
    return ssl.create_default_context(cafile=None if tls is True else str(tls))
