"""Models on TensorFlow Serving: the server's configuration, and a client.

Only making a ``Client`` needs gRPC and tensorflow-serving-api.
"""

from keras_seismic.serving.client import Client
from keras_seismic.serving.configuration import IMAGE, Batching, Commands, write_configuration
from keras_seismic.serving.errors import (
    DeadlineError,
    InvalidInputError,
    MessageTooLargeError,
    ModelNotFoundError,
    ServerError,
    ServerUnreachableError,
    ServingError,
    SignatureNotFoundError,
    VersionNotFoundError,
)
from keras_seismic.serving.model_folders import ServedModel, parse_models, read_signatures
from keras_seismic.serving.signatures import (
    Metadata,
    Signature,
    TensorDescription,
    VersionStatus,
)

__all__ = [
    "IMAGE",
    "Batching",
    "Client",
    "Commands",
    "DeadlineError",
    "InvalidInputError",
    "MessageTooLargeError",
    "Metadata",
    "ModelNotFoundError",
    "ServedModel",
    "ServerError",
    "ServerUnreachableError",
    "ServingError",
    "Signature",
    "SignatureNotFoundError",
    "TensorDescription",
    "VersionNotFoundError",
    "VersionStatus",
    "parse_models",
    "read_signatures",
    "write_configuration",
]
