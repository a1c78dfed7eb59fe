"""The inside of a model server for tests: models by name and version, and their refusals.

It reads the real server's ``models.config``, loads SavedModels into sessions as it does, and
refuses with its codes and words.
"""

import copy
import threading
from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
)
from tensorflow_serving.config import model_server_config_pb2


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
    """What is served.

    Attributes:
        gate: Predictions wait until it is set.
        unavailable: How many of the next predictions to refuse as unavailable.
        requests: Predictions asked for, refused ones included.
        headers: Of the last of them.
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
        self.reset()

    def reset(self):
        self.unavailable, self.requests, self.headers = 0, 0, {}
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.Lock()

    def copy(self):
        """Another core of the same loaded versions, for a test to change."""
        core = copy.copy(self)
        core.models = {name: dict(versions) for name, versions in self.models.items()}
        core.labels = {name: dict(labels) for name, labels in self.labels.items()}
        core.reset()
        return core

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
        """The version that answers, and its outputs."""
        with self.lock:
            self.requests += 1
            refused = self.unavailable > 0
            self.unavailable -= refused
        if refused:
            raise Refusal("UNAVAILABLE", "The batch scheduling queue is full")
        self.gate.wait(60)
        version, number = self.resolve(spec)
        return number, version.run(spec.signature_name or "serving_default", inputs)

    def metadata(self, spec):
        version, number = self.resolve(spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = number
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=version.signatures)
        response.metadata["signature_def"].Pack(signatures)
        return response

    def status(self, spec):
        if not self.models.get(spec.name):
            raise Refusal("NOT_FOUND", f"Could not find any versions of model {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for number in sorted(self.models[spec.name], reverse=True):
            available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
            response.model_version_status.add(version=number, state=available)
        return response


def error_code(error):
    """The canonical name of a TensorFlow error's code."""
    (code,) = (c for c in grpc.StatusCode if c.value[0] == error.error_code)
    return code.name
