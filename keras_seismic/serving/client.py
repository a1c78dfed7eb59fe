"""A client of models on TensorFlow Serving."""

import functools
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from keras_seismic.serving.errors import (
    InvalidInputError,
    ServingError,
    SignatureNotFoundError,
    TransportError,
)
from keras_seismic.serving.explanations import explained
from keras_seismic.serving.grpc_transport import GrpcTransport
from keras_seismic.serving.rest_transport import RestTransport
from keras_seismic.serving.signatures import (
    Metadata,
    Signature,
    checked_inputs,
    described,
    find_signature,
)
from keras_seismic.serving.splitting import split
from keras_seismic.serving.transport import (
    DEFAULT_MESSAGE_BYTES,
    Target,
    Transport,
    VersionStatus,
)

_Result = TypeVar("_Result")

#: A description of the model that is older than this many seconds is asked for again before
#: inputs are refused by it: the server may have loaded another version.
_TRUSTED_AGE = 5.0

_TRANSPORTS: dict[str, Callable[[Target], Transport]] = {
    "grpc": GrpcTransport,
    "rest": RestTransport,
}


class Client:
    """Sends arrays to a model on TensorFlow Serving and returns what it predicts.

    Arrays are checked against the model's own description before they are sent, split into
    requests that the server can take, and every request has a deadline. A client may be used
    by many threads at once.

    Args:
        address: ``"host:port"``; gRPC also takes ``"unix:/path"``. By default the server's
            port is 8500 for gRPC and 8501 for REST.
        model: Name of the model on the server.
        version: Its number, or a label (``"stable"``); by default the newest that is served.
        protocol: ``"grpc"``, or ``"rest"``, which needs nothing but Python but takes seconds for
            large arrays, because it sends numbers as text.
        timeout: Seconds that a request may take, retries included.
        max_message_bytes: Limit of a request and of an answer.
        retries: How often a request is sent again while the server is unavailable, at
            growing intervals. Nothing else is retried.
        tls: ``True`` to encrypt and trust the system's certificates, or the path of a PEM file
            with those to trust.
        credentials: ``grpc.ChannelCredentials`` in the place of ``tls``, such as with a
            certificate of the client.
        headers: Sent with every request, such as ``{"authorization": "Bearer ..."}``.

    Raises:
        ValueError: If an argument is not possible.
        ImportError: If gRPC is wanted and not installed.

    Example:
        >>> with Client("127.0.0.1:8500", "inversion") as client:  # doctest: +SKIP
        ...     velocity = client.invert(gathers)  # (batch, depth, width, 1), m/s
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | str | None = None,
        protocol: str = "grpc",
        timeout: float = 30.0,
        max_message_bytes: int = DEFAULT_MESSAGE_BYTES,
        retries: int = 3,
        tls: bool | str = False,
        credentials: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if protocol not in _TRANSPORTS:
            raise ValueError(f"Client: expected protocol 'grpc' or 'rest', received {protocol!r}")
        if credentials is not None and (tls or protocol == "rest"):
            raise ValueError("Client: credentials are for gRPC, and in the place of tls")
        if not timeout > 0 or retries < 0:
            raise ValueError(
                f"Client: expected timeout > 0 and retries >= 0, received {timeout} and {retries}"
            )
        self.timeout, self.retries, self.protocol = timeout, retries, protocol
        self._target = Target(
            address, model, version, max_message_bytes, tls, credentials,
            tuple((headers or {}).items()),
        )  # fmt: skip
        self._transport = _TRANSPORTS[protocol](self._target)
        self._lock = threading.Lock()
        self._known: tuple[float, Metadata] | None = None
        self._closed = False

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._target}, {self.protocol})"

    def close(self) -> None:
        """Give up the connection; the client cannot be used afterwards."""
        self._closed = True
        self._transport.close()

    def invert(
        self, gathers: np.ndarray, signature: str = "serving_default", batch_size: int | None = 8
    ) -> np.ndarray:
        """Velocity from shot gathers, raw amplitudes to m/s.

        Args:
            gathers: ``(batch, time, receivers, shots)``, or one example without the first axis;
                ``(batch, shots, time, receivers)`` for the signature ``"openfwi"``.
            signature: The one to run.
            batch_size: As for ``predict``.

        Returns:
            ``(batch, depth, width, 1)`` in m/s, without the first axis for one example.

        Raises:
            ServingError: As for ``predict``; or if the model does not predict velocity.
        """
        return self._only(np.asarray(gathers), 4, "velocity", signature, batch_size)

    def denoise(self, sections: np.ndarray, batch_size: int | None = 8) -> np.ndarray:
        """Sections without their noise, in the amplitudes that they came with.

        Args:
            sections: ``(batch, time, traces, 1)``, or one section ``(time, traces)``.
            batch_size: As for ``predict``.

        Returns:
            The same shape.

        Raises:
            ServingError: As for ``predict``; or if the model is no denoiser.
        """
        sections = np.asarray(sections)
        single = sections.ndim == 2
        batch = sections[None, ..., None] if single else sections
        clean = self._only(batch, 4, "clean_section", "serving_default", batch_size)
        return clean[0, ..., 0] if single else clean

    def predict(
        self,
        inputs: np.ndarray | Mapping[str, np.ndarray],
        signature: str = "serving_default",
        batch_size: int | None = 8,
        check: bool = True,
    ) -> Any:
        """Run a signature of the model.

        Args:
            inputs: Arrays by the signature's names, or one array if it has one input. Real
                numbers of any type, converted to the signature's.
            signature: Its name.
            batch_size: Examples in a request, fewer where they would exceed
                ``max_message_bytes``; ``None`` sends all at once or refuses.
            check: Check the inputs against the model's description first. Without, they are
                sent as they are (named, in their own types) and the server judges.

        Returns:
            The output's array if there is one output, else a dictionary by name.

        Raises:
            InvalidInputError: If the inputs are not what the signature takes, or not finite.
            MessageTooLargeError: If one example is too large, or all with ``batch_size=None``.
            ModelNotFoundError, VersionNotFoundError, SignatureNotFoundError: If there is none.
            ServerUnreachableError, DeadlineError, ServerError: If the server fails. All of
                these are ``ServingError``, and ValueError, ConnectionError, TimeoutError or
                RuntimeError.
        """
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"predict: batch_size must be 1 or more, received {batch_size}")
        known = None
        if check:
            known, named = self._checked(inputs, signature)
        elif isinstance(inputs, Mapping):
            named = {name: np.asarray(array) for name, array in inputs.items()}
        else:
            raise ValueError("predict: with check=False the inputs must be named, {name: array}")
        parts = [
            self._call(
                functools.partial(self._transport.predict, part, signature, known), signature
            )
            for part in split(named, known, batch_size, self._transport.message_bytes, self._target)
        ]
        outputs = {
            name: np.concatenate([part[name] for part in parts]) if len(parts) > 1 else array
            for name, array in parts[0].items()
        }
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def metadata(self) -> Metadata:
        """The version that is served and its signatures, asked for anew.

        Raises:
            ServingError: If the server, the model or the version is not there.
        """
        return self._describe(self.timeout)

    def status(self) -> list[VersionStatus]:
        """Every version of the model that the server knows, and whether it can be used.

        Raises:
            ServingError: If the server or the model is not there.
        """
        return self._call(self._transport.status)

    def wait_until_ready(self, timeout: float = 60.0, interval: float = 0.5) -> Metadata:
        """Wait until the server has loaded the model, in the version of this client.

        Args:
            timeout: Seconds to wait at most.
            interval: Seconds between two attempts.

        Raises:
            ServingError: The last reason why it was not ready, with the state of its versions.
        """
        deadline = time.monotonic() + timeout
        while True:
            remaining = max(deadline - time.monotonic(), interval)
            try:
                return self._describe(min(self.timeout, remaining))
            except ServingError as error:
                if time.monotonic() + interval > deadline:
                    raise type(error)(f"not ready after {timeout:.3g} s: {error}") from error
            time.sleep(interval)

    def _only(self, batch, rank, output, signature, batch_size) -> np.ndarray:
        """The output of that name, for a batch or one example without the first axis."""
        found = find_signature(self._metadata().signatures, signature, str(self._target))
        if set(found.outputs) != {output}:
            raise InvalidInputError(
                f"{self._target}: expected a model that returns {output}, but it is {found}; call "
                "predict()"
            )
        if batch.ndim == rank - 1:
            return self.predict(batch[None], signature, batch_size)[0]
        return self.predict(batch, signature, batch_size)

    def _describe(self, timeout: float) -> Metadata:
        version, content = self._call(self._transport.metadata, timeout=timeout)
        metadata = Metadata(self._target.model, version, described(content))
        with self._lock:
            self._known = (time.monotonic(), metadata)
        return metadata

    def _metadata(self, age: float = float("inf")) -> Metadata:
        """The model's description, anew if the known one is older than that."""
        with self._lock:
            known = self._known
        if known is not None and time.monotonic() - known[0] < age:
            return known[1]
        return self.metadata()

    def _checked(self, inputs, name: str) -> tuple[Signature, dict[str, np.ndarray]]:
        """The signature and the inputs in its types."""
        where = f"{self._target}, signature {name!r}"
        for age in (float("inf"), _TRUSTED_AGE):
            metadata = self._metadata(age)
            try:
                signature = find_signature(metadata.signatures, name, str(self._target))
                return signature, checked_inputs(signature, inputs, where)
            except (InvalidInputError, SignatureNotFoundError) as error:
                problem = error
        raise problem

    def _call(
        self,
        function: Callable[[float], _Result],
        signature: str | None = None,
        timeout: float | None = None,
    ) -> _Result:
        """Call the transport, again while the server is unavailable and there is time."""
        if self._closed:
            raise RuntimeError(f"{self._target}: the client is closed")
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        delay = 0.1
        for attempt in range(self.retries + 1):
            try:
                return function(max(deadline - time.monotonic(), 1e-3))
            except TransportError as error:
                # Some randomness, lest many clients come back in the same moment.
                pause = delay * random.uniform(0.5, 1.0)
                late = time.monotonic() + pause > deadline
                if error.code != "UNAVAILABLE" or attempt == self.retries or late:
                    with self._lock:
                        self._known = None  # it may be that of another version
                    raise explained(
                        error, self._target, self._transport, self.protocol, signature
                    ) from error
            time.sleep(pause)
            delay *= 2
        raise AssertionError("unreachable")
