"""What can go wrong between a client and a model server, each by a class of its own."""

import re


class ServingError(Exception):
    """Any failure of a request to a model server; each kind is a subclass."""


class ServerUnreachableError(ServingError, ConnectionError):
    """No server answers at the address, or it went away."""


class DeadlineError(ServingError, TimeoutError):
    """The server did not answer in time."""


class ModelNotFoundError(ServingError, ValueError):
    """The server has no model of this name."""


class VersionNotFoundError(ModelNotFoundError):
    """The server has the model, but not this version or label."""


class SignatureNotFoundError(ServingError, ValueError):
    """The model has no signature of this name."""


class InvalidInputError(ServingError, ValueError):
    """The inputs are not what the signature takes: refused by the client or by the model."""


class MessageTooLargeError(ServingError, ValueError):
    """A request or an answer is larger than the client or the server allows."""


class ServerError(ServingError, RuntimeError):
    """The server failed, or what answers is no TensorFlow Serving."""


class TransportError(Exception):
    """What a transport reports: a canonical gRPC code and the server's words.

    The client turns it into one of the errors above; users do not see it.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = shortened(detail)


#: What the server says if it has the model but not the signature: over gRPC, over REST.
_SIGNATURE_ABSENT = re.compile(r"[Ss]erving signature (key|name).*not found")
_LABEL_ABSENT = re.compile(r"[Uu]nrecognized servable version label|[Mm]odel labels does not init")
_MESSAGE_TOO_LARGE = re.compile(r"(message|request|body).*larger than|too large", re.IGNORECASE)


def classified(error: TransportError) -> type[ServingError]:
    """The class of error that a failure belongs to.

    Args:
        error: From a transport.

    Returns:
        A subclass of ``ServingError``; ``ModelNotFoundError`` also where it is the version
        that is absent, which the server's words do not tell.

    Example:
        >>> classified(TransportError("UNAVAILABLE", "connection refused")).__name__
        'ServerUnreachableError'
    """
    code, detail = error.code, error.detail
    if _SIGNATURE_ABSENT.search(detail):
        return SignatureNotFoundError
    if _LABEL_ABSENT.search(detail):
        return VersionNotFoundError
    if code == "RESOURCE_EXHAUSTED" and not _MESSAGE_TOO_LARGE.search(detail):
        return ServerError  # out of memory or threads
    return {
        "UNAVAILABLE": ServerUnreachableError,
        "DEADLINE_EXCEEDED": DeadlineError,
        "NOT_FOUND": ModelNotFoundError,
        "INVALID_ARGUMENT": InvalidInputError,
        "FAILED_PRECONDITION": InvalidInputError,
        "OUT_OF_RANGE": InvalidInputError,
        "RESOURCE_EXHAUSTED": MessageTooLargeError,
    }.get(code, ServerError)


def shortened(detail: str, length: int = 500) -> str:
    """The server's words without the graph nodes that TensorFlow lists behind them."""
    text = re.split(r"\n|\s*\[\[\{?\{?node|\s*\[Op:", detail.strip(), maxsplit=1)[0].strip()
    asserted = re.fullmatch(r"assertion failed: \[(.*?)\](?: \[(.*)\])?", text)
    if asserted:
        text = " ".join(part for part in asserted.groups() if part)
    return text if len(text) <= length else text[: length - 1] + "…"
