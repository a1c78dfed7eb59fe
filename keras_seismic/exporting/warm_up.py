"""Requests that TensorFlow Serving plays to a model before it takes others."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_seismic.exporting.signatures import Signature

#: Where TensorFlow Serving looks for them, beside ``saved_model.pb``.
WARM_UP = Path("assets.extra", "tf_serving_warmup_requests")


def write_warm_up(version: Path, signatures: Sequence[Signature], inputs: np.ndarray) -> Path:
    """Write one request for each signature of a SavedModel.

    The first call of a signature takes far longer than later ones; a server that plays these
    spares its first users that.

    Args:
        version: The SavedModel's folder.
        signatures: Its signatures.
        inputs: One example, ``(1, ...)``, as ``serving_default`` takes it.

    Returns:
        The file.

    Raises:
        ImportError: If tensorflow-serving-api is not installed.
    """
    predict_pb2, prediction_log_pb2 = import_serving_protos()
    import tensorflow as tf

    path = version / WARM_UP
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in signatures:
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = signature.name
            tensor = tf.make_tensor_proto(np.ascontiguousarray(signature.example(inputs)))
            request.inputs[signature.input_spec.name].CopyFrom(tensor)
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())
    return path


def import_serving_protos():
    """The messages of a request and of a log of requests, or an error that says how to get them."""
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise ImportError(
            "warm-up requests need tensorflow-serving-api: pip install 'keras_seismic[serving]'"
        ) from error
    return predict_pb2, prediction_log_pb2
