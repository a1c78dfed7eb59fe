"""Requests over REST: JSON, readable by everything, slow for large arrays."""

import contextlib
import http.client
import json
import threading
import time
import urllib.parse
from collections.abc import Mapping
from socket import SHUT_RDWR

import numpy as np

from keras_seismic.serving.addresses import host_and_port
from keras_seismic.serving.errors import TransportError
from keras_seismic.serving.signatures import DTYPES, Signature
from keras_seismic.serving.transport import Target, VersionStatus, ssl_context

#: Of the codes that TensorFlow Serving answers with; 413 comes from proxies before it.
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestTransport:
    """TensorFlow Serving's HTTP interface, by the standard library alone.

    Every request has a connection of its own, so that threads need not share one.

    Args:
        target: Where and what.
    """

    tells_version = False

    def __init__(self, target: Target) -> None:
        self._target = target
        self._context = ssl_context(target.tls) if target.tls else None
        self._model = f"/v1/models/{urllib.parse.quote(target.model, safe='')}"
        self._version = ""
        if isinstance(target.version, str):
            self._version = f"/labels/{urllib.parse.quote(target.version, safe='')}"
        elif target.version is not None:
            self._version = f"/versions/{target.version}"

    def predict(
        self, inputs: Mapping[str, np.ndarray], signature: str, known: Signature | None,
        version: int | None, timeout: float,
    ) -> tuple[int | None, dict[str, np.ndarray]]:  # fmt: skip
        """Run a signature."""
        for array in inputs.values():
            _check_json(array)
        content = {
            "signature_name": signature,
            "inputs": {name: array.tolist() for name, array in inputs.items()},
        }
        asked = self._version if version is None else f"/versions/{version}"
        answer = self._request(f"{self._model}{asked}:predict", timeout, content)
        if "outputs" not in answer:
            raise TransportError("INTERNAL", "the answer holds no 'outputs'")
        outputs = answer["outputs"]
        if not isinstance(outputs, dict):  # the name of an only output is left out
            (name, *_) = known.outputs if known else ("outputs",)
            outputs = {name: outputs}
        return version, {name: _array(name, value, known) for name, value in outputs.items()}

    def metadata(self, timeout: float) -> tuple[int | None, dict]:
        """The version that answered, and its signatures in JSON's form."""
        answer = self._request(f"{self._model}{self._version}/metadata", timeout)
        try:
            signatures = answer["metadata"]["signature_def"]
            return int(answer["model_spec"]["version"]), signatures.get("signature_def", signatures)
        except (KeyError, TypeError, ValueError) as error:
            raise TransportError(
                "INTERNAL", f"the server's metadata holds no signatures ({error!r})"
            ) from error

    def status(self, timeout: float) -> list[VersionStatus]:
        """Every version of the model that the server knows."""
        answer = self._request(self._model, timeout)
        return [
            VersionStatus(
                int(v.get("version", 0)),
                v.get("state", "UNKNOWN"),
                v.get("status", {}).get("error_message", ""),
            )
            for v in answer.get("model_version_status", ())
        ]

    def message_bytes(self, array: np.ndarray) -> int:
        """What an array takes in a message, at most: 24 characters a number, and a comma."""
        return 26 * array.size

    def close(self) -> None:
        """Nothing is kept open."""

    def _request(self, path: str, timeout: float, content: dict | None = None) -> dict:
        body = None if content is None else json.dumps(content, separators=(",", ":")).encode()
        limit = self._target.max_message_bytes
        if body is not None and len(body) > limit:
            raise TransportError(
                "RESOURCE_EXHAUSTED", f"request of {len(body)} bytes larger than {limit}"
            )
        deadline = time.monotonic() + timeout
        try:
            status, answer = self._exchange(path, body, deadline)
        except TimeoutError as error:
            raise TransportError(
                "DEADLINE_EXCEEDED", f"no answer within {timeout:.3g} s"
            ) from error
        except http.client.HTTPException as error:
            raise TransportError("UNAVAILABLE", f"no HTTP/1 answer: {error!r}") from error
        except OSError as error:
            raise TransportError("UNAVAILABLE", str(error)) from error
        return _decoded(status, answer)

    def _exchange(self, path: str, body: bytes | None, deadline: float) -> tuple[int, bytes]:
        connection = self._connection(max(deadline - time.monotonic(), 1e-3))
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            with contextlib.suppress(OSError):
                socket.shutdown(SHUT_RDWR)

        try:
            connection.connect()
            # A socket's own time-out begins anew with every few bytes that arrive.
            socket = connection.sock
            timer = threading.Timer(max(deadline - time.monotonic(), 1e-3), expire)
            timer.daemon = True
            timer.start()
            try:
                headers = {"Content-Type": "application/json", "Connection": "close"}
                headers |= dict(self._target.headers)
                connection.request("GET" if body is None else "POST", path, body, headers)
                response = connection.getresponse()
                answer = self._read(response)
            except (http.client.HTTPException, OSError):
                if not expired.is_set():
                    raise
            finally:
                timer.cancel()
            if expired.is_set():
                raise TimeoutError
            return response.status, answer
        finally:
            connection.close()

    def _connection(self, patience: float) -> http.client.HTTPConnection:
        host, port = host_and_port(self._target.address)
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=patience)
        return http.client.HTTPSConnection(host, port, timeout=patience, context=self._context)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """The answer, or an error if it is larger than a message may be."""
        limit = self._target.max_message_bytes
        answer = response.read(limit + 1)
        if len(answer) > limit:
            raise TransportError(
                "RESOURCE_EXHAUSTED", f"the answer's message is larger than {limit} bytes"
            )
        return answer


def _decoded(status: int, answer: bytes) -> dict:
    """The JSON object of an answer; an error if the server says so."""
    try:
        content = json.loads(answer)
    except ValueError:
        content = None
    if status == 200 and isinstance(content, dict):
        return content
    if isinstance(content, dict) and "error" in content:
        raise TransportError(_CODES.get(status, "INTERNAL"), str(content["error"]))
    words = answer[:200].decode(errors="replace").strip()
    code = _CODES.get(status, "UNKNOWN")
    if code in ("INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED"):
        code = "UNKNOWN"  # TensorFlow Serving gives a reason; this is another server
    raise TransportError(code, f"HTTP {status}, not TensorFlow Serving's JSON: {words}")


def _check_json(array: np.ndarray) -> None:
    """Refuse what JSON has no form for; dates would even be sent as other numbers."""
    wide = array.dtype.kind == "f" and array.dtype.itemsize > 8
    if array.dtype.kind not in "fiubU" or wide:
        raise TransportError("INVALID_ARGUMENT", f"cannot send an array of {array.dtype} as JSON")


def _array(name: str, value, known: Signature | None) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TransportError("INTERNAL", f"the answer's {name} is no array: {error}") from error
    if known is not None and name in known.outputs:
        dtype = DTYPES.get(known.outputs[name].dtype)
    else:  # JSON knows only one kind of decimals
        dtype = np.dtype(np.float32) if array.dtype.kind == "f" else None
    return array if dtype is None else array.astype(dtype)
