"""A client of models on TensorFlow Serving."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from keras_seismic.serving.attempts import attempted, check_patience
from keras_seismic.serving.errors import InvalidInputError, ServingError, TransportError
from keras_seismic.serving.explanations import explained
from keras_seismic.serving.grpc_transport import GrpcTransport
from keras_seismic.serving.known_model import KnownModel
from keras_seismic.serving.rest_transport import RestTransport
from keras_seismic.serving.signatures import Metadata, as_array, described
from keras_seismic.serving.single_version import answers
from keras_seismic.serving.splitting import joined, split
from keras_seismic.serving.transport import DEFAULT_MESSAGE_BYTES, Target, Transport, VersionStatus

_Result = TypeVar("_Result")

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
        address: ``"host:port"``, ``"[::1]:port"``; gRPC also takes ``"unix:/path"``. By default
            the server's port is 8500 for gRPC and 8501 for REST.
        model: Name of the model on the server.
        version: Its number, or a label (``"stable"``); by default the newest that is served.
        protocol: ``"grpc"``, or ``"rest"``, which needs nothing but Python but takes seconds for
            large arrays, because it sends numbers as text.
        timeout: Seconds that a request may take, retries included; at most a day.
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
        FileNotFoundError: If there is no such PEM file.
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
        check_patience(timeout, retries)
        self.timeout, self.retries, self.protocol = timeout, retries, protocol
        self._target = Target(
            address, model, version, max_message_bytes, tls, credentials,
            tuple((headers or {}).items()), protocol,
        )  # fmt: skip
        self._transport = _TRANSPORTS[protocol](self._target)
        self._known = KnownModel(str(self._target), self.metadata)
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
        return self._only(gathers, 4, "velocity", signature, batch_size)

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
        sections = as_array(sections, f"{self._target}: sections")
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

        All of a result is by one version of the model, also where it takes several requests.

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
            known, named = self._known.checked(inputs, signature)
        elif isinstance(inputs, Mapping):
            where = f"{self._target}, signature {signature!r}"
            named = {name: as_array(a, f"{where}: {name}") for name, a in inputs.items()}
        else:
            raise ValueError("predict: with check=False the inputs must be named, {name: array}")

        def ask(part, version):
            send = functools.partial(self._transport.predict, part, signature, known, version)
            return self._call(send, signature)

        sizes = self._transport.message_bytes
        requests = list(split(named, known, batch_size, sizes, self._target))
        outputs = joined(answers(requests, ask, self._current, str(self._target)))
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
        found = self._known.signature(signature)
        if set(found.outputs) != {output}:
            raise InvalidInputError(
                f"{self._target}: expected a model that returns {output}, but it is {found}; call "
                "predict()"
            )
        batch = as_array(
            batch, f"{self._target}, signature {signature!r}: {next(iter(found.inputs))}"
        )
        if batch.ndim == rank - 1:
            return self.predict(batch[None], signature, batch_size)[0]
        return self.predict(batch, signature, batch_size)

    def _describe(self, timeout: float) -> Metadata:
        version, content = self._call(self._transport.metadata, timeout=timeout)
        metadata = Metadata(self._target.model, version, described(content))
        self._known.keep(metadata)
        return metadata

    def _current(self) -> int | None:
        """The version that answers now, where answers do not tell and it is not fixed."""
        if self._transport.tells_version or isinstance(self._target.version, int):
            return None
        return self.metadata().version

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
        try:
            return attempted(function, deadline, self.retries)
        except TransportError as error:
            self._known.keep(None)  # it may be that of another version
            raise explained(error, self._target, self._transport, deadline, signature) from error
