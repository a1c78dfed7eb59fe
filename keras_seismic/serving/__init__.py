"""Serving: models on TensorFlow Serving, its configuration and a client.

Importing it needs neither gRPC nor tensorflow-serving-api.
"""

from keras_seismic.serving.client import Client
from keras_seismic.serving.commands import Commands
from keras_seismic.serving.configuration import IMAGE, Batching, write_configuration
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
from keras_seismic.serving.signatures import Metadata, Signature, TensorDescription
from keras_seismic.serving.transport import VersionStatus

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
