"""A client of models on TensorFlow Serving."""

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.serving.answers import checked_outputs
from keras_seismic.serving.connection import DEFAULT_MESSAGE_BYTES, Connection
from keras_seismic.serving.errors import (
    DeadlineError,
    InvalidInputError,
    ModelNotFoundError,
    ServerError,
    ServingError,
    SignatureNotFoundError,
)
from keras_seismic.serving.signatures import (
    Arrays,
    Metadata,
    Signature,
    VersionStatus,
    as_array,
    checked_inputs,
    find_signature,
    split,
)


class Client:
    """Sends arrays to a model on TensorFlow Serving over gRPC and returns its predictions.

    Arrays are checked against the model's own description before they are sent, and answers
    before they are returned: each input has one result, finite, in the described type and shape.
    Arrays are split into requests that the server can take, and every request has a deadline.
    Many threads may share a client.

    Args:
        address: ``"host:port"``, ``"[::1]:port"`` or ``"unix:/path"``; the server's gRPC port is
            8500 by default.
        model: Name of the model on the server.
        version: A version number, or a label (``"stable"``); by default the newest being served.
        timeout: Seconds that a request may take, retries included; at most a day.
        max_message_bytes: Limit of a request and of an answer.
        retries: How often, from 0 to 4, a request is repeated while the server is unavailable,
            at growing intervals from 0.1 s. Nothing else is repeated.
        tls: ``True`` to encrypt and trust the system's certificates, or the path of a PEM file
            with the certificates to trust.
        credentials: ``grpc.ChannelCredentials`` in place of ``tls``, for example with a
            client certificate.
        headers: Sent with every request, such as ``{"authorization": "Bearer ..."}``; never shown
            in an error.

    Raises:
        ValueError: If an argument is not possible.
        FileNotFoundError: If there is no such PEM file.
        ImportError: If gRPC or tensorflow-serving-api is not installed.

    Example:
        >>> with Client("127.0.0.1:8500", "inversion") as client:  # doctest: +SKIP
        ...     velocity = client.invert(gathers)  # (batch, depth, width, 1), m/s
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | str | None = None,
        timeout: float = 30.0,
        max_message_bytes: int = DEFAULT_MESSAGE_BYTES,
        retries: int = 3,
        tls: bool | str | Path = False,
        credentials: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._connection = Connection(
            address, model, version, timeout, max_message_bytes, retries, tls, credentials,
            headers or {},
        )  # fmt: skip
        self._known: Metadata | None = None

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._connection})"

    def close(self) -> None:
        """Close the connection; the client cannot be used afterwards."""
        self._connection.close()

    def invert(
        self, gathers: np.ndarray, signature: str = "serving_default",
        batch_size: int | None = 8, spread: bool = False,
    ) -> Any:  # fmt: skip
        """Velocity from shot gathers, raw amplitudes to m/s.

        Args:
            gathers: ``(batch, time, receivers, shots)``, or one example without the first axis;
                ``(batch, shots, time, receivers)`` for the signature ``"openfwi"``.
            signature: The one to run.
            batch_size: As for ``predict``.
            spread: Return velocity and its spread (see ``ks.invert``).

        Returns:
            ``(batch, depth, width, 1)`` in m/s, without the first axis for one example; or two.

        Raises:
            ServingError: As for ``predict``; or if the model does not predict what is wanted.
        """
        gathers = as_array(gathers, f"{self._connection}: gathers")
        single = gathers.ndim == 3
        batch = gathers[None] if single else gathers
        wanted = ("velocity", "spread")[: 1 + spread]
        answer = self._predicted(batch, signature, batch_size, wanted)
        found = tuple(answer[name][0] if single else answer[name] for name in wanted)
        return found if spread else found[0]

    def denoise(self, sections: np.ndarray, batch_size: int | None = 8) -> np.ndarray:
        """Sections without their noise, at the amplitudes they came with.

        Args:
            sections: ``(batch, time, traces, 1)``, or one section ``(time, traces)``.
            batch_size: As for ``predict``.

        Returns:
            The same shape.

        Raises:
            ServingError: As for ``predict``; or if the model is not a denoiser.
        """
        sections = as_array(sections, f"{self._connection}: sections")
        single = sections.ndim == 2
        batch = sections[None, ..., None] if single else sections
        output = "clean_section"
        clean = self._predicted(batch, "serving_default", batch_size, (output,))[output]
        if clean.shape != batch.shape:
            raise ServerError(
                f"{self._connection}: expected sections of shape {batch.shape}, received "
                f"{clean.shape}"
            )
        return clean[0, ..., 0] if single else clean

    def predict(
        self,
        inputs: np.ndarray | Arrays,
        signature: str = "serving_default",
        batch_size: int | None = 8,
    ) -> Any:
        """Run a signature of the model.

        One version of the model gives the whole result, even if that takes several requests.

        Args:
            inputs: Arrays by the signature's names, or one array if it has one input. Real
                numbers of any type, converted to the signature's.
            signature: Its name.
            batch_size: Examples in a request, fewer where they would exceed
                ``max_message_bytes``; ``None`` sends all at once or refuses.

        Returns:
            The output's array if there is one output, else a dictionary by name.

        Raises:
            InvalidInputError: If the inputs are not what the signature takes, or not finite.
            MessageTooLargeError: If one example is too large, or all with ``batch_size=None``.
            ModelNotFoundError, VersionNotFoundError, SignatureNotFoundError: If there is none.
            ServerUnreachableError, DeadlineError, ServerError: If the server fails, or answers
                anything but one finite result for each input. All of these are
                ``ServingError``, and ValueError, ConnectionError, TimeoutError or RuntimeError.
        """
        outputs = self._predicted(inputs, signature, batch_size)
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def metadata(self) -> Metadata:
        """The version being served and its signatures, asked for anew.

        Raises:
            ServingError: If the server, the model or the version is not there.
        """
        return self._described()

    def status(self) -> list[VersionStatus]:
        """Every version of the model that the server knows, and whether it can be used.

        Raises:
            ServingError: If the server or the model is not there.
        """
        return self._connection.status()

    def wait_until_ready(self, timeout: float = 60.0, interval: float = 0.5) -> Metadata:
        """Wait until the server has loaded the model, in the version of this client.

        Args:
            timeout: Seconds to wait at most.
            interval: Seconds between two attempts.

        Raises:
            ServingError: The last reason why it was not ready, with the state of its versions.
        """
        deadline = time.monotonic() + timeout
        reason: ServingError | None = None
        while True:
            remaining = max(deadline - time.monotonic(), interval)
            try:
                return self._described(min(self._connection.timeout, remaining))
            except ServingError as error:
                # The last attempt may be cut short, which says less than those before it.
                if reason is None or not isinstance(error, DeadlineError):
                    reason = error
            if time.monotonic() + interval > deadline:
                raise type(reason)(f"not ready after {timeout:.3g} s: {reason}") from reason
            time.sleep(interval)

    def _predicted(
        self,
        inputs: np.ndarray | Arrays,
        name: str,
        batch_size: int | None,
        wanted: Collection[str] = (),
    ) -> dict[str, np.ndarray]:
        """The outputs of a signature by their names: those that are wanted, perhaps a spread."""
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"predict: batch_size must be 1 or more, received {batch_size}")
        signature, named = self._prepared(inputs, name, wanted)
        limit = self._connection.max_message_bytes
        parts = split(named, signature, batch_size, limit, str(self._connection))
        try:
            answers = self._answers(parts, signature)
        except ServingError:
            self._known = None  # the server may have changed to another version
            raise
        return {
            key: np.concatenate([a[key] for a in answers]) if len(answers) > 1 else array
            for key, array in answers[0].items()
        }

    def _described(self, timeout: float | None = None, version: int | None = None) -> Metadata:
        self._known = metadata = self._connection.metadata(timeout, version)
        return metadata

    def _prepared(
        self, inputs: np.ndarray | Arrays, name: str, wanted: Collection[str]
    ) -> tuple[Signature, dict[str, np.ndarray]]:
        """A signature, and the inputs in its types; refused only by a fresh description."""
        known = self._known  # another thread may forget it
        try:
            return self._checked(known or self._described(), inputs, name, wanted)
        except (InvalidInputError, SignatureNotFoundError):
            if known is None:
                raise
        return self._checked(self._described(), inputs, name, wanted)

    def _checked(
        self, metadata: Metadata, inputs: np.ndarray | Arrays, name: str, wanted: Collection[str]
    ) -> tuple[Signature, dict[str, np.ndarray]]:
        where = str(self._connection)
        signature = find_signature(metadata.signatures, name, where)
        if wanted and set(signature.outputs) not in ({*wanted}, {*wanted, "spread"}):
            raise InvalidInputError(
                f"{where}: expected a model that returns {' and '.join(wanted)}, but it is "
                f"{signature}; call predict()"
            )
        return signature, checked_inputs(signature, inputs, f"{where}, signature {name!r}")

    def _answers(self, parts: list[Arrays], signature: Signature) -> list[dict[str, np.ndarray]]:
        """The outputs for each part, all by one version and as its description has them.

        If the server changes to another version between two parts, all of them are asked for
        once more, of that version.
        """
        answers: list[Mapping[str, Any]] = []
        first = None
        for part in parts:
            version, outputs = self._connection.predict(part, signature.name)
            if answers and version != first:
                answers = self._again(parts, signature.name, version)
                break
            first = version
            answers.append(outputs)
        known = self._known
        if known is None or known.version != version:
            known = self._described(version=version)
            signature = find_signature(known.signatures, signature.name, str(self._connection))
        where = f"{self._connection}, signature {signature.name!r}"
        return [
            checked_outputs(answer, signature, len(next(iter(part.values()))), where)
            for part, answer in zip(parts, answers, strict=True)
        ]

    def _again(self, parts: list[Arrays], signature: str, version: int) -> list[Mapping[str, Any]]:
        try:
            return [self._connection.predict(part, signature, version)[1] for part in parts]
        except ModelNotFoundError as error:
            raise ServerError(
                f"{self._connection}: the server changed the model's version during a call of "
                f"{len(parts)} requests, and again when they were repeated for version {version}; "
                f"call again, or ask for a version or label that stays loaded. Last: {error}"
            ) from error
