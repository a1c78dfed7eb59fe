"""Requests that TensorFlow Serving answers before its users' own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

#: Where TensorFlow Serving looks for them, next to ``saved_model.pb``.
WARM_UP = Path("assets.extra", "tf_serving_warmup_requests")


def write_warm_up(version: Path, examples: Mapping[str, tuple[str, np.ndarray]]) -> Path:
    """Write one request for each signature of a SavedModel.

    The first call of a signature takes far longer than later ones; a server that replays these
    requests at startup spares its users the wait.

    Args:
        version: The SavedModel's folder.
        examples: By the signatures' names, the name of its input and one example ``(1, ...)``.

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
        for signature, (argument, example) in examples.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = signature
            request.inputs[argument].CopyFrom(tf.make_tensor_proto(np.ascontiguousarray(example)))
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())
    return path


def import_serving_protos() -> tuple[Any, Any]:
    """The modules of a request's and of a request log's messages.

    Raises:
        ImportError: If tensorflow-serving-api is not installed.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise ImportError(
            "warm-up requests need tensorflow-serving-api: pip install 'keras_seismic[serving]'"
        ) from error
    return predict_pb2, prediction_log_pb2


def has_serving_protos() -> bool:
    """Whether tensorflow-serving-api is installed."""
    try:
        import_serving_protos()
    except ImportError:
        return False
    return True
