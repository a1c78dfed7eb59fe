"""A model server in Python for tests: TensorFlow Serving's protos and JSON on loopback ports.

It reads the same ``models.config``, loads SavedModels into sessions as the real server does, and
answers with its codes and words. It is a witness for the client where the real one is not
installed, not a server for anything else.
"""

import json
import re
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format, text_format
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

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


class Refusal(Exception):
    """A canonical code and the server's words."""

    def __init__(self, code, message):
        super().__init__(code, message)
        self.code, self.message = code, message


class LoadedVersion:
    """A SavedModel in a session."""

    def __init__(self, folder):
        self.graph = tf.Graph()
        self.session = tf.compat.v1.Session(graph=self.graph)
        with self.graph.as_default():
            meta = tf.compat.v1.saved_model.load(self.session, ["serve"], str(folder))
        self.signatures = dict(meta.signature_def)
        self.callables = {}
        self.lock = threading.Lock()

    def signature(self, name):
        if name not in self.signatures:
            raise Refusal("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
        return self.signatures[name]

    def run(self, name, inputs):
        """Outputs by name; TensorFlow's own errors become refusals."""
        signature = self.signature(name)
        if set(inputs) != set(signature.inputs):
            raise Refusal("INVALID_ARGUMENT", "input size does not match signature")
        for i, (key, info) in enumerate(signature.inputs.items()):
            received = tf.as_dtype(inputs[key].dtype).as_datatype_enum
            if received != info.dtype:
                expected, received = (
                    types_pb2.DataType.Name(dtype).removeprefix("DT_").lower()
                    for dtype in (info.dtype, received)
                )
                raise Refusal(
                    "INVALID_ARGUMENT",
                    f"Expects arg[{i}] to be {expected} but {received} is provided",
                )
        with self.lock:
            if name not in self.callables:
                # Session.run would compare shapes before TensorFlow's runtime sees them, which
                # a model server does not.
                options = config_pb2.CallableOptions(
                    feed=[info.name for info in signature.inputs.values()],
                    fetch=[info.name for info in signature.outputs.values()],
                )
                self.callables[name] = self.session._make_callable_from_options(options)
            function = self.callables[name]
        try:
            arrays = function(*(inputs[key] for key in signature.inputs))
            return dict(zip(signature.outputs, arrays, strict=True))
        except tf.errors.OpError as error:
            raise Refusal(error_code(error), error.message) from error


class Core:
    """What both protocols serve.

    Attributes:
        delay: Seconds to wait before every prediction.
        unavailable: How many of the next predictions to refuse as unavailable.
        requests: Predictions asked for, refused ones included.
    """

    def __init__(self, config):
        proto = text_format.Parse(
            Path(config).read_text(), model_server_config_pb2.ModelServerConfig()
        )
        self.models, self.labels = {}, {}
        for model in proto.model_config_list.config:
            assert model.model_platform == "tensorflow"
            base = Path(model.base_path)
            numbers = sorted(int(p.name) for p in base.iterdir() if p.name.isdigit())
            policy = model.model_version_policy
            if policy.HasField("specific"):
                numbers = [n for n in numbers if n in policy.specific.versions]
            elif not policy.HasField("all"):
                numbers = numbers[-(policy.latest.num_versions or 1) :]
            self.models[model.name] = {n: LoadedVersion(base / str(n)) for n in numbers}
            self.labels[model.name] = dict(model.version_labels)
            assert set(self.labels[model.name].values()) <= set(numbers), "label of no version"
        self.delay, self.unavailable, self.requests = 0.0, 0, 0
        self.lock = threading.Lock()

    def resolve(self, spec):
        """The version that a ModelSpec means, and its number."""
        versions = self.models.get(spec.name, {})
        number = max(versions, default=None)
        request = f"Latest({spec.name})"
        if spec.HasField("version"):
            number = spec.version.value
            request = f"Specific({spec.name}, {number})"
        elif spec.version_label:
            number = self.labels.get(spec.name, {}).get(spec.version_label)
            if number is None:
                raise Refusal(
                    "INVALID_ARGUMENT", f"Unrecognized servable version label: {spec.version_label}"
                )
        if number not in versions:
            raise Refusal("NOT_FOUND", f"Servable not found for request: {request}")
        return versions[number], number

    def predict(self, spec, inputs):
        with self.lock:
            self.requests += 1
            refused = self.unavailable > 0
            self.unavailable -= refused
        if refused:
            raise Refusal("UNAVAILABLE", "The batch scheduling queue is full")
        time.sleep(self.delay)
        version, _ = self.resolve(spec)
        return version.run(spec.signature_name or "serving_default", inputs)

    def metadata(self, spec):
        version, number = self.resolve(spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = number
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=version.signatures)
        response.metadata["signature_def"].Pack(signatures)
        return response, signatures

    def status(self, spec):
        if not self.models.get(spec.name):
            raise Refusal("NOT_FOUND", f"Could not find any versions of model {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for number in sorted(self.models[spec.name], reverse=True):
            available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
            response.model_version_status.add(version=number, state=available)
        return response


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Over gRPC."""

    def __init__(self, core, as_fields):
        self.core, self.as_fields = core, as_fields

    def Predict(self, request, context):
        def answer():
            inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
            response = predict_pb2.PredictResponse(model_spec=request.model_spec)
            for name, array in self.core.predict(request.model_spec, inputs).items():
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

    def __init__(self, core, max_message_bytes=2**31 - 1, as_fields=True):
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
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def stop(self):
        self.server.stop(0).wait()


class RestServer:
    """Serves from its making until ``stop``."""

    def __init__(self, core):
        handler = type("Handler", (RestHandler,), {"core": core})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
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
        arrays = {name: json_array(value, infos[name]) for name, value in given.items()}
        outputs = {name: a.tolist() for name, a in self.core.predict(spec, arrays).items()}
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


def error_code(error):
    """The canonical name of a TensorFlow error's code."""
    (code,) = (c for c in grpc.StatusCode if c.value[0] == error.error_code)
    return code.name
