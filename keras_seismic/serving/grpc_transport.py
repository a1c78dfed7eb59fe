"""Requests over gRPC: tensors travel as bytes, the quick way for large arrays."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_seismic.serving.errors import TransportError
from keras_seismic.serving.signatures import DTYPES, Signature
from keras_seismic.serving.transport import Target, VersionStatus

_INSTALL = "a gRPC client of TensorFlow Serving needs {}: pip install 'keras_seismic[serving]'"


class GrpcTransport:
    """TensorFlow Serving's prediction and model services.

    Args:
        target: Where and what.

    Raises:
        ImportError: If grpcio or tensorflow-serving-api is not installed.
    """

    tells_version = True

    def __init__(self, target: Target) -> None:
        self._grpc = _import_grpc()
        self._apis = _import_apis()
        self._target = target
        self._headers = [(name.lower(), value) for name, value in target.headers]
        self._channel = _channel(self._grpc, target)
        self._prediction = self._apis.prediction_service.PredictionServiceStub(self._channel)
        self._models = self._apis.model_service.ModelServiceStub(self._channel)

    def predict(
        self, inputs: Mapping[str, np.ndarray], signature: str, known: Signature | None,
        version: int | None, timeout: float,
    ) -> tuple[int | None, dict[str, np.ndarray]]:  # fmt: skip
        """Run a signature."""
        request = self._apis.predict.PredictRequest()
        self._specify(request.model_spec)
        if version is not None:
            request.model_spec.version.value = version  # in the place of a label
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tensor_proto(array))
        response = self._call(self._prediction.Predict, request, timeout)
        spec = response.model_spec
        answered = spec.version.value if spec.HasField("version") else None
        return answered, {name: array_of(proto) for name, proto in response.outputs.items()}

    def metadata(self, timeout: float) -> tuple[int | None, dict]:
        """The version that answered, and its signatures in JSON's form."""
        from google.protobuf import json_format

        request = self._apis.metadata.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._specify(request.model_spec)
        response = self._call(self._prediction.GetModelMetadata, request, timeout)
        signatures = self._apis.metadata.SignatureDefMap()
        if not response.metadata["signature_def"].Unpack(signatures):
            raise TransportError("INTERNAL", "the server's metadata holds no signatures")
        content = json_format.MessageToDict(signatures, preserving_proto_field_name=True)
        return response.model_spec.version.value, content.get("signature_def", {})

    def status(self, timeout: float) -> list[VersionStatus]:
        """Every version of the model that the server knows."""
        request = self._apis.status.GetModelStatusRequest()
        request.model_spec.name = self._target.model
        response = self._call(self._models.GetModelStatus, request, timeout)
        states = self._apis.status.ModelVersionStatus.State
        return [
            VersionStatus(v.version, states.Name(v.state), v.status.error_message)
            for v in response.model_version_status
        ]

    def message_bytes(self, array: np.ndarray) -> int:
        """What an array takes in a message."""
        return array.nbytes

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _specify(self, model_spec) -> None:
        model_spec.name = self._target.model
        if isinstance(self._target.version, str):
            model_spec.version_label = self._target.version
        elif self._target.version is not None:
            model_spec.version.value = self._target.version

    def _call(self, method, request, timeout: float):
        try:
            return method(request, timeout=timeout, metadata=self._headers)
        except self._grpc.RpcError as error:
            raise TransportError(error.code().name, error.details() or "") from error


def tensor_proto(array: np.ndarray):
    """An array as a ``TensorProto`` that holds its bytes.

    Args:
        array: Of one of the types in ``DTYPES``.

    Raises:
        TransportError: If its type is another.
    """
    from tensorflow.core.framework import tensor_pb2, types_pb2

    names = {dtype: name for name, dtype in DTYPES.items()}
    if array.dtype not in names:
        raise TransportError("INVALID_ARGUMENT", f"cannot send an array of {array.dtype}")
    proto = tensor_pb2.TensorProto(
        dtype=types_pb2.DataType.Value(names[array.dtype]),
        # The wire's order of bytes is the little-endian one, whatever the machine's.
        tensor_content=array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(),
    )
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def array_of(proto) -> np.ndarray:
    """The array in a ``TensorProto``, in whichever of its fields the numbers are.

    Servers choose between bytes (``tensor_content``) and a list of numbers (``float_val``).
    """
    import tensorflow as tf

    try:
        return tf.make_ndarray(proto)
    except (TypeError, ValueError) as error:
        raise TransportError("INTERNAL", f"the answer holds no tensor: {error}") from error


def _channel(grpc, target: Target):
    options = [
        ("grpc.max_send_message_length", target.max_message_bytes),
        ("grpc.max_receive_message_length", target.max_message_bytes),
        # The default of a second between attempts to connect is longer than our retries.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
        # Channels of one process would share a connection, and with it those limits.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if _is_local(target.address):
        options.append(("grpc.enable_http_proxy", 0))
    credentials = target.credentials
    if credentials is None and target.tls:
        roots = None if target.tls is True else Path(target.tls).read_bytes()
        credentials = grpc.ssl_channel_credentials(roots)
    if credentials is None:
        return grpc.insecure_channel(target.address, options)
    return grpc.secure_channel(target.address, credentials, options)


def _is_local(address: str) -> bool:
    """A proxy cannot reach these, but gRPC asks one if the environment names it."""
    return address.startswith(("unix:", "localhost:", "127.", "[::1]:"))


def _import_grpc():
    try:
        import grpc
    except ImportError as error:
        raise ImportError(_INSTALL.format("grpcio")) from error
    return grpc


class _Apis:
    """The modules of tensorflow-serving-api that are used, by shorter names."""

    def __init__(self) -> None:
        from tensorflow_serving.apis import (
            get_model_metadata_pb2,
            get_model_status_pb2,
            model_service_pb2_grpc,
            predict_pb2,
            prediction_service_pb2_grpc,
        )

        self.predict = predict_pb2
        self.metadata = get_model_metadata_pb2
        self.status = get_model_status_pb2
        self.prediction_service = prediction_service_pb2_grpc
        self.model_service = model_service_pb2_grpc


def _import_apis() -> _Apis:
    try:
        return _Apis()
    except ImportError as error:
        raise ImportError(
            _INSTALL.format("tensorflow-serving-api (and TensorFlow)") + "; protocol='rest' does "
            "without"
        ) from error
