"""A gRPC connection to one model on TensorFlow Serving, and its failures as errors."""

import contextlib
import importlib
import json
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.serving.arguments import (
    check_connection,
    check_security,
    checked_version,
)
from keras_seismic.serving.errors import (
    ADVICE,
    ModelNotFoundError,
    ServerError,
    ServingError,
    SignatureNotFoundError,
    VersionNotFoundError,
    classified,
    shortened,
)
from keras_seismic.serving.signatures import Metadata, VersionStatus, described

#: Limit of a message: about 45 gathers of OpenFWI's size. gRPC's own default is 4 MiB.
DEFAULT_MESSAGE_BYTES = 64 * 2**20

#: Seconds for the query that an error message depends on.
_PATIENCE = 5.0


class Connection:
    """Requests to one model; what gRPC reports is raised as a ``ServingError``.

    The arguments are those of ``Client``.
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | str | None,
        timeout: float,
        max_message_bytes: int,
        retries: int,
        tls: bool | str | Path,
        credentials: Any,
        headers: Mapping[str, str],
    ) -> None:
        check_connection(address, model, timeout, max_message_bytes, retries)
        check_security(tls, credentials, headers)
        self.model, self.version, self.timeout = model, checked_version(version), timeout
        self.max_message_bytes = max_message_bytes
        self._name = f"{address}, model {model!r}" + (
            f" label {version!r}" if isinstance(version, str)
            else "" if version is None else f" version {version}"
        )  # fmt: skip
        self._apis = apis = _import_apis()
        self._headers = [(name.lower(), value) for name, value in headers.items()]
        options = _options(max_message_bytes, retries, address)
        if tls:
            roots = None if tls is True else Path(str(tls)).read_bytes()
            credentials = apis.grpc.ssl_channel_credentials(roots)
        self._channel = (
            apis.grpc.insecure_channel(address, options)
            if credentials is None
            else apis.grpc.secure_channel(address, credentials, options)
        )
        self._closed = False
        self._prediction = apis.prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = apis.model_service_pb2_grpc.ModelServiceStub(self._channel)

    def __str__(self) -> str:
        return self._name

    def predict(
        self, inputs: Mapping[str, np.ndarray], signature: str, version: int | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """Run a signature, of a given version in place of the connection's.

        Returns:
            The version that answered, and the outputs by name, as ``TensorProto`` messages that
            nobody has checked yet.
        """
        request = self._apis.predict_pb2.PredictRequest(model_spec=self._spec(version))
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(self._apis.tensorflow.make_tensor_proto(array))
        with self._explained(signature):
            response = self._prediction.Predict(
                request, timeout=self.timeout, metadata=self._headers
            )
        self._check_asked(response.model_spec, version)
        answered = response.model_spec.signature_name
        if answered not in ("", signature):
            raise ServerError(
                f"{self}, signature {signature!r}: the answer is of signature {answered[:60]!r}"
            )
        return response.model_spec.version.value, response.outputs

    def metadata(self, timeout: float | None = None, version: int | None = None) -> Metadata:
        """The version that the server answers with, or a given one, and its signatures."""
        with self._explained():
            return self._ask_metadata(self.timeout if timeout is None else timeout, version)

    def status(self) -> list[VersionStatus]:
        """Every version of the model that the server knows, whatever the connection's version."""
        with self._explained():
            return self._ask_status(self.timeout)

    def close(self) -> None:
        """Close the channel."""
        self._closed = True
        self._channel.close()

    def _spec(self, version: int | None = None) -> Any:
        spec = self._apis.model_pb2.ModelSpec(name=self.model)
        chosen = self.version if version is None else version
        if isinstance(chosen, str):
            spec.version_label = chosen
        elif chosen is not None:
            spec.version.value = chosen
        return spec

    def _check_asked(self, answered: Any, version: int | None = None) -> None:
        """Refuse an answer of another model, or of another version than was asked for."""
        asked = self.version if version is None else version
        number = answered.version.value
        if answered.name not in ("", self.model):
            raise ServerError(f"{self}: the answer is of model {answered.name[:60]!r}")
        if isinstance(asked, int) and number != asked:
            raise ServerError(f"{self}: the answer is of version {number}, not {asked}")

    def _ask_metadata(self, timeout: float, version: int | None = None) -> Metadata:
        api = self._apis.get_model_metadata_pb2
        response = self._prediction.GetModelMetadata(
            api.GetModelMetadataRequest(
                model_spec=self._spec(version), metadata_field=["signature_def"]
            ),
            timeout=timeout,
            metadata=self._headers,
        )
        self._check_asked(response.model_spec, version)
        signatures = api.SignatureDefMap()
        try:
            if not response.metadata["signature_def"].Unpack(signatures):
                raise ValueError("no signatures are in it")
            known = described(signatures.signature_def)
        except (self._apis.message.DecodeError, ValueError) as error:
            raise ServerError(f"{self}: the server's metadata is malformed: {error}") from error
        return Metadata(self.model, response.model_spec.version.value, known)

    def _ask_status(self, timeout: float) -> list[VersionStatus]:
        api = self._apis.get_model_status_pb2
        request = api.GetModelStatusRequest(model_spec={"name": self.model})
        response = self._models.GetModelStatus(request, timeout=timeout, metadata=self._headers)
        name = api.ModelVersionStatus.State.Name
        try:
            return [
                VersionStatus(v.version, name(v.state), shortened(v.status.error_message))
                for v in response.model_version_status
            ]
        except ValueError as error:
            raise ServerError(f"{self}: the server's status is malformed: {error}") from error

    @contextlib.contextmanager
    def _explained(self, signature: str | None = None) -> Iterator[None]:
        """Raise what gRPC reports as an error that says where, what and what to do next."""
        if self._closed:
            raise RuntimeError(f"{self}: the client is closed")
        try:
            yield
        except self._apis.grpc.RpcError as error:
            code, said = error.code().name, error.details() or "no reason given"
            raise self._error(classified(code, said), code, shortened(said), signature) from error

    def _error(
        self, kind: type[ServingError], code: str, said: str, signature: str | None
    ) -> ServingError:
        where = str(self) + ("" if signature is None else f", signature {signature!r}")
        if issubclass(kind, ModelNotFoundError):
            return self._absent(where, said)
        if kind is ServerError:
            said = f"{code}: {said}"
        if kind is SignatureNotFoundError:
            with contextlib.suppress(self._apis.grpc.RpcError, ServerError):
                names = sorted(self._ask_metadata(_PATIENCE).signatures)
                said = f"{said.rstrip('.')}; the model has {', '.join(names)}"
        return kind(f"{where}: {said.rstrip('.')}. {ADVICE.get(kind, '')}".rstrip())

    def _absent(self, where: str, said: str) -> ServingError:
        """The error for a missing model or a missing version, whichever it is."""
        versions: list[VersionStatus] = []
        with contextlib.suppress(self._apis.grpc.RpcError, ServerError):
            versions = self._ask_status(_PATIENCE)
        if not versions:
            return ModelNotFoundError(
                f"{where}: the server has no model of this name, or not this version ({said}). Is "
                "it in the server's models.config?"
            )
        return VersionNotFoundError(
            f"{where}: not available ({said}); the server has these versions of the model: "
            f"{', '.join(map(str, versions))}. Choose one that is AVAILABLE, or call "
            "wait_until_ready() while one loads."
        )


def _import_apis() -> Any:
    """grpc, tensorflow and the modules used of tensorflow-serving-api, by name."""
    services = ("prediction_service_pb2_grpc", "model_service_pb2_grpc")
    messages = ("model_pb2", "predict_pb2", "get_model_metadata_pb2", "get_model_status_pb2")
    paths = ["grpc", "tensorflow", "google.protobuf.message"]
    paths += [f"tensorflow_serving.apis.{name}" for name in (*services, *messages)]
    try:
        modules = {path.rpartition(".")[2]: importlib.import_module(path) for path in paths}
    except ImportError as error:
        raise ImportError(
            "Client: needs grpcio and tensorflow-serving-api: pip install 'keras_seismic[serving]'"
        ) from error
    return types.SimpleNamespace(**modules)


def _options(max_message_bytes: int, retries: int, address: str) -> list[tuple[str, int | str]]:
    """How gRPC connects, repeats and limits requests."""
    options: list[tuple[str, int | str]] = [
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_receive_message_length", max_message_bytes),
        # By default it waits a second before it connects again, longer than all retries take.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
        # Otherwise clients in one process share a connection, and with it the limits above.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if retries:
        policy = {
            "maxAttempts": retries + 1,
            "initialBackoff": "0.1s",
            "maxBackoff": "2s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        config = {"methodConfig": [{"name": [{}], "retryPolicy": policy}]}
        options.append(("grpc.service_config", json.dumps(config)))
        # Requests that do not fit in this buffer, by default 256 KiB, are never repeated.
        options.append(("grpc.per_rpc_retry_buffer_size", max_message_bytes))
    else:
        options.append(("grpc.enable_retries", 0))
    if address.startswith(("unix:", "localhost:", "127.", "[::1]:")):
        options.append(("grpc.enable_http_proxy", 0))  # a proxy cannot reach these
    return options
