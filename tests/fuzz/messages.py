"""A model server's messages: damaged on the wire, or made malformed, and the client's answer."""

import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import keras_seismic as ks
from tests.fuzz.kinds import BrokenPromise, Kind, Refusal

GATHERS = np.ones((2, 6, 3, 2), np.float32)
VELOCITY = np.linspace(1500, 4500, 2 * 4 * 5, dtype=np.float32).reshape(2, 4, 5, 1)
MODEL = "inversion"


def make(folder: Path) -> None:
    """The three right messages, numbers as bytes and one by one, and malformed answers."""
    import tensorflow as tf
    from tensorflow.core.protobuf import meta_graph_pb2
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        get_model_status_pb2,
        predict_pb2,
    )

    from tests.serving.malformed import MALFORMED, spoilt

    signature = meta_graph_pb2.SignatureDef()
    for infos, name, array in (
        (signature.inputs, "shot_gather", GATHERS), (signature.outputs, "velocity", VELOCITY)
    ):  # fmt: skip
        infos[name].dtype = tf.float32.as_datatype_enum
        infos[name].tensor_shape.CopyFrom(tf.TensorShape([None, *array.shape[1:]]).as_proto())
    metadata = get_model_metadata_pb2.GetModelMetadataResponse()
    metadata.model_spec.name = MODEL
    metadata.model_spec.version.value = 1
    signatures = get_model_metadata_pb2.SignatureDefMap()
    signatures.signature_def["serving_default"].CopyFrom(signature)
    metadata.metadata["signature_def"].Pack(signatures)
    status = get_model_status_pb2.GetModelStatusResponse()
    status.model_version_status.add(version=1, state=30)
    answer = predict_pb2.PredictResponse()
    answer.model_spec.CopyFrom(metadata.model_spec)
    answer.model_spec.signature_name = "serving_default"
    answer.outputs["velocity"].CopyFrom(tf.make_tensor_proto(VELOCITY))
    fields = predict_pb2.PredictResponse()
    fields.CopyFrom(answer)
    fields.outputs["velocity"].ClearField("tensor_content")
    fields.outputs["velocity"].float_val.extend(VELOCITY.ravel().tolist())
    answers = {"bytes": answer, "numbers": fields}
    answers |= {f"bomb {name}": spoilt(name, answer) for name in MALFORMED}
    for name, one in answers.items():
        (folder / name).mkdir()
        (folder / name / "metadata").write_bytes(metadata.SerializeToString())
        (folder / name / "status").write_bytes(status.SerializeToString())
        (folder / name / "answer").write_bytes(one.SerializeToString())


class Server:
    """Sends the bytes of a folder, whatever they are."""

    def __init__(self) -> None:
        import grpc

        self.folder = Path()
        self.server = grpc.server(ThreadPoolExecutor(2))
        served = {
            "PredictionService": {"Predict": "answer", "GetModelMetadata": "metadata"},
            "ModelService": {"GetModelStatus": "status"},
        }
        for service, methods in served.items():
            handlers = {
                method: grpc.unary_unary_rpc_method_handler(self.sender(name))
                for method, name in methods.items()
            }
            self.server.add_generic_rpc_handlers(
                [grpc.method_handlers_generic_handler(f"tensorflow.serving.{service}", handlers)]
            )
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def sender(self, name: str):
        return lambda request, context: (self.folder / name).read_bytes()


@functools.cache
def _server() -> Server:
    return Server()


def ask(path: Path) -> None:
    """One finite result for each input in the signature's shape and type, or a refusal."""
    server = _server()
    server.folder = path
    with ks.serving.Client(server.address, MODEL, retries=0, timeout=30) as client:
        try:
            client.status()
            velocity = client.invert(GATHERS)
        except ks.serving.ServingError as error:
            if server.address not in str(error):
                raise BrokenPromise(f"the server is not named: {error}") from error
            raise Refusal(f"{type(error).__name__}: {error}") from error
    if not (
        isinstance(velocity, np.ndarray)
        and velocity.dtype == np.float32
        and velocity.shape == VELOCITY.shape
        and np.isfinite(velocity).all()
    ):
        raise BrokenPromise(f"{velocity.dtype} {velocity.shape} was returned")


KINDS = (Kind("serving answers", "", make, {"Client.invert": ask}),)
