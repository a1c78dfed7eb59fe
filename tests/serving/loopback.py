"""A model server in Python for tests: TensorFlow Serving's protos on a loopback port.

It stands in for the real server where that is not installed, and is good for nothing else.
"""

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.served_core import Refusal


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predictions and metadata."""

    def __init__(self, core, as_fields):
        self.core, self.as_fields = core, as_fields
        self.spoil = lambda response: response

    def Predict(self, request, context):
        def answer():
            self.core.headers = dict(context.invocation_metadata())
            inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
            number, outputs = self.core.predict(request.model_spec, inputs)
            response = predict_pb2.PredictResponse(model_spec=request.model_spec)
            response.model_spec.version.value = number  # in the place of a label
            for name, array in outputs.items():
                response.outputs[name].CopyFrom(self.proto(array))
            return self.spoil(response)

        return answered(answer, context)

    def GetModelMetadata(self, request, context):
        return answered(lambda: self.core.metadata(request.model_spec), context)

    def proto(self, array):
        proto = tf.make_tensor_proto(array)
        if self.as_fields:  # the real server's default
            numbers = np.frombuffer(proto.tensor_content, np.float32)
            proto.ClearField("tensor_content")
            proto.float_val.extend(numbers)
        return proto


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """The versions of a model."""

    def __init__(self, core):
        self.core = core

    def GetModelStatus(self, request, context):
        return answered(lambda: self.core.status(request.model_spec), context)


class GrpcServer:
    """Serves from its making until ``stop``; ``prediction.spoil`` may change its answers."""

    def __init__(self, core, max_message_bytes=2**31 - 1, as_fields=True, credentials=None):
        self.server = grpc.server(
            ThreadPoolExecutor(16),
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                ("grpc.so_reuseport", 0),
            ],
        )
        self.prediction = PredictionService(core, as_fields)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            self.prediction, self.server
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


def unchecked(client, inputs, signature="serving_default"):
    """What the server answers to arrays that the client has not checked."""
    return client._connection.predict(inputs, signature)[1]


def answered(function, context):
    """The function's result, or its refusal through the context."""
    try:
        return function()
    except Refusal as refusal:
        context.abort(grpc.StatusCode[refusal.code], refusal.message)
    except (TypeError, ValueError) as error:  # the proto holds no tensor
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Tensor proto parsing failed: {error}")
