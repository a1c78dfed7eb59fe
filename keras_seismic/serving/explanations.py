"""From a failed request to an error that says where, what and what to do next."""

import re
import time

from keras_seismic.serving.errors import (
    DeadlineError,
    InvalidInputError,
    MessageTooLargeError,
    ModelNotFoundError,
    ServerError,
    ServerUnreachableError,
    ServingError,
    SignatureNotFoundError,
    TransportError,
    VersionNotFoundError,
    classified,
)
from keras_seismic.serving.signatures import described
from keras_seismic.serving.transport import Target, Transport

#: What is heard where the other protocol is spoken.
_OTHER_PROTOCOL = re.compile(
    r"http1|HTTP/1|http2|settings frame|BadStatusLine|RemoteDisconnected|parsing"
)
_PORTS = {"grpc": "gRPC (usually 8500)", "rest": "REST (usually 8501)"}

#: Seconds for the questions that an explanation needs, at most, and at least where the
#: deadline has passed.
_PATIENCE, _FLOOR = 5.0, 0.2


def explained(
    error: TransportError, target: Target, transport: Transport, deadline: float,
    signature: str | None = None,
) -> ServingError:  # fmt: skip
    """The error that users see for what a transport reports.

    Args:
        error: The report.
        target: Where the request went.
        transport: Asked for the versions or signatures that there are, if one is absent.
        deadline: Until when it may ask, in the time of ``time.monotonic``.
        signature: The one that was to run, if any.
    """
    kind, where = classified(error), str(target)
    patience = min(max(deadline - time.monotonic(), _FLOOR), _PATIENCE)
    where += "" if signature is None else f", signature {signature!r}"
    if kind in (ModelNotFoundError, VersionNotFoundError):
        return _absent(where, error, transport, patience)
    said = error.detail or "no reason given"
    if kind is ServerError:
        said = f"{error.code}: {said}"
    if kind is SignatureNotFoundError:
        said += _signature_names(transport, patience)
    return kind(f"{where}: {said.rstrip('.')}. {_advice(kind, error, target.protocol)}".rstrip())


def _advice(kind: type[ServingError], error: TransportError, protocol: str) -> str:
    port = f"port for {_PORTS[protocol]}"
    if kind is not InvalidInputError and _OTHER_PROTOCOL.search(error.detail):
        return f"Is this the server's {port}?"
    return {
        ServerUnreachableError: f"Is the server running, and is this its {port}? If it is still "
        "starting, call wait_until_ready().",
        DeadlineError: "Raise timeout, or send fewer examples in a request (batch_size); if only "
        "the first requests are slow, export the model with warm-up requests.",
        MessageTooLargeError: "Send fewer examples in a request (batch_size), or raise "
        "max_message_bytes of the client and the limit of the server.",
        InvalidInputError: "metadata() describes the inputs that the model takes.",
        ServerError: "The server's log says more.",
    }.get(kind, "")


def _absent(
    where: str, error: TransportError, transport: Transport, patience: float
) -> ServingError:
    """Whether it is the model or its version that the server does not have."""
    try:
        versions = transport.status(patience)
    except TransportError as unknown:
        if unknown.code != "NOT_FOUND":
            return ModelNotFoundError(
                f"{where}: the server has no model of this name, or not this version "
                f"({error.detail}); asked which it has, it gave no answer ({unknown.detail})"
            )
        versions = []
    if not versions:
        return ModelNotFoundError(
            f"{where}: the server has no model of this name ({error.detail}). Is it in the "
            "server's models.config?"
        )
    listed = ", ".join(map(str, versions))
    return VersionNotFoundError(
        f"{where}: not available ({error.detail}); of this model the server has: {listed}. "
        "Choose a version that is AVAILABLE, or call wait_until_ready() while one loads."
    )


def _signature_names(transport: Transport, patience: float) -> str:
    try:
        names = sorted(described(transport.metadata(patience)[1]))
    except TransportError:
        return ""
    return f"; the model has {', '.join(names)}"
