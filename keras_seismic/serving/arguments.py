"""Checks of what a client is made with."""

import operator
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Bytes of a message besides its numbers: names, shapes, the model's specification.
OVERHEAD = 4096

#: Seconds, a day: gRPC counts deadlines in integers, which much more would overflow.
_LONGEST = 86400.0

#: gRPC makes five attempts at most.
_MOST_RETRIES = 4

_ADDRESS = r"unix:.+|(?:\[[0-9a-fA-F:.]+\]|[^/\s:\[\]@?#]+):([0-9]{1,5})"


def check_connection(
    address: Any, model: Any, timeout: Any, max_message_bytes: int, retries: Any
) -> None:
    """Refuse an address, name, deadline, limit or number of retries that cannot be.

    Raises:
        ValueError: Naming the argument, what was expected and what was received.
    """
    found = re.fullmatch(_ADDRESS, address) if isinstance(address, str) else None
    if found is None or not 1 <= int(found[1] or 1) < 2**16:
        raise ValueError(
            "Client: expected an address like '127.0.0.1:8500' (host:port, no http://, a port from "
            f"1 to 65535; an IPv6 address in brackets, '[::1]:8500'), received {address!r}"
        )
    if not isinstance(model, str) or not model:
        raise ValueError(f"Client: expected a model's name, received {model!r}")
    if isinstance(timeout, str) or not 0 < timeout <= _LONGEST:
        raise ValueError(
            f"Client: expected timeout > 0 and at most {_LONGEST:.0f} s, received {timeout!r}"
        )
    if not 2 * OVERHEAD <= max_message_bytes < 2**31:
        raise ValueError(
            f"Client: expected max_message_bytes from {2 * OVERHEAD} to 2**31 - 1, the limit of "
            f"protocol buffers, received {max_message_bytes}"
        )
    if not hasattr(retries, "__index__") or not 0 <= retries <= _MOST_RETRIES:
        raise ValueError(
            f"Client: expected a whole number of retries from 0 to {_MOST_RETRIES}, which is the "
            f"most that gRPC makes, received {retries!r}"
        )


def check_security(tls: Any, credentials: Any, headers: Mapping[str, str]) -> None:
    """Refuse certificates and headers that cannot be; gRPC's own errors show the headers.

    Raises:
        ValueError: Without the values of headers.
    """
    if not isinstance(tls, bool) and (not isinstance(tls, str | Path) or not str(tls)):
        raise ValueError(
            "Client: expected tls True, False (not encrypted) or the path of a PEM file, received "
            f"{tls!r}"
        )
    if credentials is not None and tls:
        raise ValueError("Client: pass either tls or credentials, not both")
    for header in headers.items():
        if not all(isinstance(part, str) for part in header) or not (
            re.fullmatch(r"[A-Za-z0-9_.-]+", header[0]) and re.fullmatch(r"[ -~]*", header[1])
        ):
            raise ValueError(
                "Client: expected headers with names of letters, digits, _ . and -, and one line "
                "of ASCII text each (they are not shown here)"
            )


def checked_version(version: Any) -> int | str | None:
    """A version number as an integer; a label or nothing as it is."""
    if version is None or (isinstance(version, str) and version and not version.isdecimal()):
        return version
    return version_number(version, "Client, version (a version number or a label)")


def version_number(value: Any, where: str) -> int:
    """A version number as an integer.

    Raises:
        ValueError: If it is none that TensorFlow Serving has.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or not 0 <= value < 2**63:
        raise ValueError(
            f"{where}: expected a version number from 0 to 2**63 - 1, received {value!r} "
            f"({type(value).__name__})"
        )
    return operator.index(value)
