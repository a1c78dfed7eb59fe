"""A client of models on TensorFlow Serving."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.serving.connection import DEFAULT_MESSAGE_BYTES, OVERHEAD, Connection
from keras_seismic.serving.errors import (
    DeadlineError,
    InvalidInputError,
    MessageTooLargeError,
    ModelNotFoundError,
    ServerError,
    ServingError,
    SignatureNotFoundError,
)
from keras_seismic.serving.signatures import (
    Metadata,
    Signature,
    VersionStatus,
    as_array,
    checked_inputs,
    find_signature,
)

Arrays = Mapping[str, np.ndarray]

#: Before inputs are refused, a description of the model older than this many seconds is asked
#: for again: the server may have loaded another version.
TRUSTED_AGE = 5.0


class Client:
    """Sends arrays to a model on TensorFlow Serving over gRPC and returns its predictions.

    Arrays are checked against the model's own description before they are sent, split into
    requests that the server can take, and every request has a deadline. Many threads may share
    a client.

    Args:
        address: ``"host:port"``, ``"[::1]:port"`` or ``"unix:/path"``; the server's gRPC port is
            8500 by default.
        model: Name of the model on the server.
        version: A version number, or a label (``"stable"``); by default the newest being served.
        timeout: Seconds that a request may take, including retries; at most a day.
        max_message_bytes: Limit of a request and of an answer.
        retries: How many times, 0 to 4, a request is repeated while the server is unavailable,
            at growing intervals from 0.1 s. Nothing else is repeated.
        tls: ``True`` to encrypt and trust the system's certificates, or the path of a PEM file
            with the certificates to trust.
        credentials: ``grpc.ChannelCredentials`` in place of ``tls``, for example with a
            client certificate.
        headers: Sent with every request, such as ``{"authorization": "Bearer ..."}``; never shown
            in an error.

    Raises:
        ValueError: If an argument is invalid.
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
        self._known: tuple[float, Metadata] | None = None

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
        return self._only(gathers, "velocity", signature, batch_size)

    def denoise(self, sections: np.ndarray, batch_size: int | None = 8) -> np.ndarray:
        """Sections without their noise, at their original amplitudes.

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
        clean = self._only(batch, "clean_section", "serving_default", batch_size)
        return clean[0, ..., 0] if single else clean

    def predict(
        self,
        inputs: np.ndarray | Arrays,
        signature: str = "serving_default",
        batch_size: int | None = 8,
        check: bool = True,
    ) -> Any:
        """Run a signature of the model.

        A single version of the model computes the whole result, even over several requests.

        Args:
            inputs: Arrays by the signature's names, or one array if it has one input. Real
                numbers of any type, converted to the signature's.
            signature: Its name.
            batch_size: Examples in a request, fewer where they would exceed
                ``max_message_bytes``; ``None`` sends all at once or refuses.
            check: Check the inputs against the model's description first. Otherwise they are
                sent as they are (named, in their own types), and only the server checks them.

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
            where = f"{self._connection}, signature {signature!r}"
            named = {name: as_array(a, f"{where}: {name}") for name, a in inputs.items()}
        else:
            raise ValueError("predict: with check=False the inputs must be named, {name: array}")
        limit = self._connection.max_message_bytes
        parts = _split(named, known, batch_size, limit, str(self._connection))
        try:
            answers = self._answers(parts, signature)
        except ServingError:
            self._known = None  # the server may have changed to another version
            raise
        outputs = {name: np.concatenate([a[name] for a in answers]) if len(answers) > 1 else array
                   for name, array in answers[0].items()}  # fmt: skip
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def metadata(self) -> Metadata:
        """The version being served and its signatures, freshly requested.

        Raises:
            ServingError: If the server, the model or the version is missing.
        """
        return self._described()

    def status(self) -> list[VersionStatus]:
        """Every version of the model that the server knows, and whether it can be used.

        Raises:
            ServingError: If the server or the model is missing.
        """
        return self._connection.status()

    def wait_until_ready(self, timeout: float = 60.0, interval: float = 0.5) -> Metadata:
        """Wait until the server has loaded the model, in the version of this client.

        Args:
            timeout: Most seconds to wait.
            interval: Seconds between attempts.

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

    def _only(
        self, batch: np.ndarray, output: str, signature: str, batch_size: int | None
    ) -> np.ndarray:
        """The output with this name, for a batch or for one example without the first axis."""
        metadata = self._known[1] if self._known else self._described()
        found = find_signature(metadata.signatures, signature, str(self._connection))
        if set(found.outputs) != {output}:
            raise InvalidInputError(
                f"{self._connection}: expected a model that returns {output}, but it is {found}; "
                "call predict()"
            )
        where = f"{self._connection}, signature {signature!r}: {next(iter(found.inputs))}"
        batch = as_array(batch, where)
        single = batch.ndim == 3
        result: np.ndarray = self.predict(batch[None] if single else batch, signature, batch_size)
        return result[0] if single else result

    def _described(self, timeout: float | None = None) -> Metadata:
        metadata = self._connection.metadata(timeout)
        self._known = (time.monotonic(), metadata)
        return metadata

    def _checked(
        self, inputs: np.ndarray | Arrays, name: str
    ) -> tuple[Signature, dict[str, np.ndarray]]:
        """A signature and the inputs in its types; refused only by a recent description."""
        where = str(self._connection)
        for age in (float("inf"), TRUSTED_AGE):
            known = self._known
            recent = known is not None and time.monotonic() - known[0] < age
            metadata = known[1] if known and recent else self._described()
            try:
                signature = find_signature(metadata.signatures, name, where)
                return signature, checked_inputs(signature, inputs, f"{where}, signature {name!r}")
            except (InvalidInputError, SignatureNotFoundError) as error:
                problem = error
        raise problem

    def _answers(self, parts: list[Arrays], signature: str) -> list[Arrays]:
        """The outputs for each part, all from one version.

        If the server changes to another version between two parts, all of them are asked for
        once more, of that version.
        """
        answers: list[Arrays] = []
        first = None
        for part in parts:
            version, outputs = self._connection.predict(part, signature)
            if answers and version != first:
                break
            first = version
            answers.append(outputs)
        else:
            return answers
        try:
            return [self._connection.predict(part, signature, version)[1] for part in parts]
        except ModelNotFoundError as error:
            raise ServerError(
                f"{self._connection}: the server changed the model's version during a call of "
                f"{len(parts)} requests, and again when they were repeated for version {version}; "
                f"call again, or ask for a version or label that stays loaded. Last: {error}"
            ) from error


def _split(
    inputs: Arrays, signature: Signature | None, batch_size: int | None, limit: int, where: str
) -> list[Arrays]:
    """The inputs in parts that may be sent, in order.

    Without a signature, or if one of its inputs or outputs has no free first axis, there is one
    part.
    """
    splits = (
        signature is not None
        and all(t.batched for t in signature.inputs.values())
        and all(t.batched or t.shape is None for t in signature.outputs.values())
    )
    count = len(next(iter(inputs.values()))) if splits else 1
    total = sum(array.nbytes for array in inputs.values())
    fitting = (limit - OVERHEAD) * count // max(total, 1)
    if fitting < 1 or (batch_size is None and fitting < count):
        raise MessageTooLargeError(
            f"{where}: {count} example{'s' * (count > 1)} in one request would take {total} "
            f"bytes, the limit is {limit}; "
            + (f"{fitting} fit: pass batch_size={fitting}" if fitting else
               "not even one fits: raise max_message_bytes, here and on the server")
        )  # fmt: skip
    step = count if batch_size is None else min(batch_size, fitting)
    if not splits or step >= count:
        return [inputs]
    return [
        {name: array[first : first + step] for name, array in inputs.items()}
        for first in range(0, count, step)
    ]
