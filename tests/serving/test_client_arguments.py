"""What a client cannot be made with is said when it is made, and no password with it."""

import pytest

pytest.importorskip("grpc", reason="needs grpcio: pip install 'keras_seismic[serving]'")
pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"address": "http://127.0.0.1:8501"}, "no http://"),
        ({"address": "127.0.0.1"}, "host:port"),
        ({"model": "a/b"}, "name without / and :"),
        ({"version": -1}, "version number or a label"),
        ({"version": "12"}, "version number or a label"),
        ({"version": True}, "version number or a label"),
        ({"protocol": "soap"}, "'grpc' or 'rest'"),
        ({"timeout": 0}, "timeout > 0"),
        ({"retries": -1}, "retries >= 0"),
        ({"max_message_bytes": 2**31}, "protocol buffers"),
        ({"protocol": "rest", "credentials": object()}, "credentials are for gRPC"),
    ],
)
def test_arguments_that_cannot_be(arguments, words):
    with pytest.raises(ValueError, match=words):
        ks.serving.Client(**({"address": "127.0.0.1:8500", "model": "inversion"} | arguments))
