"""A model server in Python for tests: TensorFlow Serving's protos and JSON on loopback ports.

It is a witness for the client where the real server is not installed, not a server for
anything else.
"""

import json
import re
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.served_core import Refusal

HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
    r"(?P<verb>:predict|/metadata)?"
)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Over gRPC."""

    def __init__(self, core, as_fields):
        self.core, self.as_fields = core, as_fields

    def Predict(self, request, context):
        def answer():
            self.core.headers = dict(context.invocation_metadata())
            inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
            number, outputs = self.core.predict(request.model_spec, inputs)
            response = predict_pb2.PredictResponse(model_spec=request.model_spec)
            response.model_spec.version.value = number  # in the place of a label
            for name, array in outputs.items():
                response.outputs[name].CopyFrom(self.proto(array))
            return response

        return answered(answer, context)

    def GetModelMetadata(self, request, context):
        return answered(lambda: self.core.metadata(request.model_spec)[0], context)

    def proto(self, array):
        proto = tf.make_tensor_proto(array)
        if self.as_fields:  # the real server's default
            numbers = np.frombuffer(proto.tensor_content, np.float32)
            proto.ClearField("tensor_content")
            proto.float_val.extend(numbers)
        return proto


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Over gRPC."""

    def __init__(self, core):
        self.core = core

    def GetModelStatus(self, request, context):
        return answered(lambda: self.core.status(request.model_spec), context)


class GrpcServer:
    """Serves from its making until ``stop``."""

    def __init__(self, core, max_message_bytes=2**31 - 1, as_fields=True, credentials=None):
        self.server = grpc.server(
            ThreadPoolExecutor(16),
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                ("grpc.so_reuseport", 0),
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(core, as_fields), self.server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(core), self.server)
        port = (
            self.server.add_insecure_port("127.0.0.1:0")
            if credentials is None
            else self.server.add_secure_port("127.0.0.1:0", credentials)
        )
        self.address = f"127.0.0.1:{port}"
        self.server.start()

    def stop(self):
        self.server.stop(0).wait()


class RestServer:
    """Serves from its making until ``stop``."""

    def __init__(self, core, context=None):
        handler = type("Handler", (RestHandler,), {"core": core})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class RestHandler(BaseHTTPRequestHandler):
    """One request."""

    core = None

    def do_GET(self):
        self.respond(None)

    def do_POST(self):
        self.core.headers = dict(self.headers)
        self.respond(self.rfile.read(int(self.headers["Content-Length"])))

    def respond(self, body):
        try:
            status, content = 200, self.answer(body)
        except Refusal as refusal:
            status, content = HTTP_STATUS.get(refusal.code, 500), {"error": refusal.message}
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def answer(self, body):
        found = PATH.fullmatch(self.path)
        if not found or (body is None) != (found["verb"] != ":predict"):
            raise Refusal("INVALID_ARGUMENT", f"Malformed request: {self.command} {self.path}")
        spec = model_pb2.ModelSpec(name=urllib.parse.unquote(found["name"]))
        if found["version"]:
            spec.version.value = int(found["version"])
        elif found["label"]:
            spec.version_label = urllib.parse.unquote(found["label"])
        if body is not None:
            return self.predict(spec, body)
        if found["verb"] is None:
            return json_format.MessageToDict(
                self.core.status(spec), preserving_proto_field_name=True
            )
        response, signatures = self.core.metadata(spec)
        return {
            "model_spec": {"name": spec.name, "version": str(response.model_spec.version.value)},
            "metadata": {
                "signature_def": json_format.MessageToDict(
                    signatures, preserving_proto_field_name=True
                )
            },
        }

    def predict(self, spec, body):
        try:
            content = json.loads(body)
        except ValueError as error:
            raise Refusal("INVALID_ARGUMENT", f"JSON Parse error: {error}") from error
        spec.signature_name = content.get("signature_name", "serving_default")
        version, _ = self.core.resolve(spec)
        if spec.signature_name not in version.signatures:
            raise Refusal(
                "INVALID_ARGUMENT",
                f'Serving signature name: "{spec.signature_name}" not found in signature def',
            )
        infos = version.signatures[spec.signature_name].inputs
        rows = content.get("instances")
        given = content["inputs"] if rows is None else rows
        if rows is not None and isinstance(rows[0], dict):
            given = {name: [row[name] for row in rows] for name in rows[0]}
        if not isinstance(given, dict):
            given = {next(iter(infos)): given}
        absent = set(infos) - set(given)  # asking a proto's map for a key would add it
        if absent:
            raise Refusal("INVALID_ARGUMENT", f"Missing named input: {sorted(absent)}")
        given = {name: given[name] for name in infos}
        arrays = {name: json_array(value, infos[name]) for name, value in given.items()}
        _, outputs = self.core.predict(spec, arrays)  # the real server does not say it either
        outputs = {name: array.tolist() for name, array in outputs.items()}
        only = next(iter(outputs.values())) if len(outputs) == 1 else outputs
        return {"outputs": only} if rows is None else {"predictions": only}


def json_array(value, info):
    """What JSON says, as the signature's type, or the server's refusal."""
    try:
        array = np.array(value)
    except ValueError as error:
        raise Refusal("INVALID_ARGUMENT", f"Encountered list at unexpected size: {error}") from None
    if array.dtype.kind not in "fiu":
        raise Refusal(
            "INVALID_ARGUMENT",
            f"JSON Value: {str(value)[:40]} is not of expected type: "
            f"{tf.as_dtype(info.dtype).name}",
        )
    return array.astype(tf.as_dtype(info.dtype).as_numpy_dtype)


def answered(function, context):
    """The function's result, or its refusal through the context."""
    try:
        return function()
    except Refusal as refusal:
        context.abort(grpc.StatusCode[refusal.code], refusal.message)
    except (TypeError, ValueError) as error:  # the proto holds no tensor
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Tensor proto parsing failed: {error}")
