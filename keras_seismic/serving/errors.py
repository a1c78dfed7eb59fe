"""What can go wrong between a client and a model server, each with its own class."""

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
    """The inputs are not what the signature takes; the client or the model refused them."""


class MessageTooLargeError(ServingError, ValueError):
    """A request or an answer is larger than the client or the server allows."""


class ServerError(ServingError, RuntimeError):
    """The server failed, or it is not TensorFlow Serving."""


#: What the server says if it has the model but not the signature or the label.
_SIGNATURE_ABSENT = re.compile(r"[Ss]erving signature key.*not found")
_LABEL_ABSENT = re.compile(r"[Uu]nrecognized servable version label|[Mm]odel labels does not init")
_MESSAGE_TOO_LARGE = re.compile(r"message.*larger than|too large", re.IGNORECASE)

_KINDS: dict[str, type[ServingError]] = {
    "UNAVAILABLE": ServerUnreachableError,
    "DEADLINE_EXCEEDED": DeadlineError,
    "NOT_FOUND": ModelNotFoundError,
    "INVALID_ARGUMENT": InvalidInputError,
    "FAILED_PRECONDITION": InvalidInputError,
    "OUT_OF_RANGE": InvalidInputError,
}

#: What to do about it.
ADVICE: dict[type[ServingError], str] = {
    ServerUnreachableError: "Is the server running, and is this its gRPC port (usually 8500; 8501 "
    "is REST)? If it is still starting, call wait_until_ready().",
    DeadlineError: "Raise timeout, or send fewer examples in a request (batch_size). If only the "
    "first requests are slow, export the model with warm-up requests. If there is never an "
    "answer, is this the server's gRPC port (usually 8500)?",
    MessageTooLargeError: "Send fewer examples in a request (batch_size), or raise "
    "max_message_bytes of the client and the limit of the server.",
    InvalidInputError: "metadata() describes the inputs that the model takes.",
    ServerError: "The server's log says more.",
}


def classified(code: str, detail: str) -> type[ServingError]:
    """The class of error that a failed request belongs to.

    Args:
        code: gRPC's status code.
        detail: The server's message.

    Returns:
        A subclass of ``ServingError``; ``ModelNotFoundError`` also if only the version is
        missing, which the server's message does not distinguish.

    Example:
        >>> classified("UNAVAILABLE", "connection refused").__name__
        'ServerUnreachableError'
    """
    if _SIGNATURE_ABSENT.search(detail):
        return SignatureNotFoundError
    if _LABEL_ABSENT.search(detail):
        return VersionNotFoundError
    if code == "RESOURCE_EXHAUSTED" and _MESSAGE_TOO_LARGE.search(detail):
        return MessageTooLargeError  # else the server is out of memory or threads
    return _KINDS.get(code, ServerError)


def shortened(detail: str, length: int = 500) -> str:
    """The server's message without the graph nodes that TensorFlow appends.

    Example:
        >>> shortened("assertion failed: [shot_gather: finite] [[{{node Assert}}]]")
        'shot_gather: finite'
    """
    text = re.split(r"\n|\s*\[\[\{?\{?node|\s*\[Op:", detail.strip(), maxsplit=1)[0].strip()
    asserted = re.fullmatch(r"assertion failed: \[(.*?)\](?: \[(.*)\])?", text)
    if asserted:
        text = " ".join(part for part in asserted.groups() if part)
    return text if len(text) <= length else text[: length - 1] + "…"
