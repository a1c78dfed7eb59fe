"""Addresses of servers, refused before anything is sent if they cannot be one."""

import contextlib
import ipaddress
import re

_HOST = re.compile(r"[^/\s:\[\]@?#]+")


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of an address.

    Args:
        address: ``"host:port"``; an IPv6 address stands in brackets.

    Returns:
        The host, without brackets, and the port.

    Raises:
        ValueError: If it has another form, or no port from 1 to 65535.

    Example:
        >>> host_and_port("[::1]:8500")
        ('::1', 8500)
    """
    host, colon, port = address.rpartition(":")
    number = int(port) if re.fullmatch(r"[0-9]{1,5}", port) else None
    if number is not None and not 1 <= number < 2**16:
        raise ValueError(f"Client: expected a port from 1 to 65535, received {address!r}")
    if number is None or not colon or not _is_host(host):
        bare = _is_ipv6(address) or _is_ipv6(host)
        raise ValueError(
            "Client: expected an address like '127.0.0.1:8500' (host:port, no http://"
            + ("; an IPv6 address in brackets, '[::1]:8500'" if bare else "")
            + f"), received {address!r}"
        )
    return host.strip("[]"), number


def check_address(address: str, protocol: str) -> None:
    """Refuse an address that a protocol cannot reach.

    Args:
        address: ``"host:port"``, for gRPC also ``"unix:/path"``.
        protocol: ``"grpc"`` or ``"rest"``.

    Raises:
        ValueError: If it is not possible.
    """
    if not isinstance(address, str):
        raise ValueError(f"Client: expected an address like '127.0.0.1:8500', received {address!r}")
    if not re.fullmatch(r"unix:.+", address):
        host_and_port(address)
    elif protocol != "grpc":
        raise ValueError(
            f"Client: only gRPC can be spoken over a socket file, received {address!r} for "
            f"protocol {protocol!r}; expected host:port"
        )


def _is_host(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        return _is_ipv6(host[1:-1])
    return _HOST.fullmatch(host) is not None


def _is_ipv6(host: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.IPv6Address(host)
        return True
    return False
