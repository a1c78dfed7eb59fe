"""What a client cannot be made with is said when it is made, and no password with it."""

import re

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
        ({"address": "127.0.0.1:99999"}, "port from 1 to 65535"),
        ({"address": "127.0.0.1:0"}, "port from 1 to 65535"),
        ({"address": "::1:8500"}, "brackets"),
        ({"address": "::1"}, "brackets"),
        ({"address": "[localhost]:8500"}, "host:port"),
        ({"address": "user@host:8500"}, "host:port"),
        ({"address": "host:٨"}, "host:port"),
        ({"address": 8500}, "expected an address"),
        ({"address": "unix:/tmp/server", "protocol": "rest"}, "only gRPC"),
        ({"version": 2**63}, r"0 to 2\*\*63 - 1"),
        ({"version": 1.5}, "version number or a label"),
        ({"timeout": 0}, "timeout > 0"),
        ({"timeout": float("nan")}, "timeout > 0"),
        ({"timeout": float("inf")}, "at most 86400 s"),
        ({"timeout": 1e10}, "at most 86400 s"),
        ({"timeout": "3"}, "timeout > 0"),
        ({"retries": 1.5}, "whole number"),
        ({"tls": ""}, "PEM file"),
        ({"tls": None}, "PEM file"),
        ({"retries": -1}, "retries >= 0"),
        ({"max_message_bytes": 2**31}, "protocol buffers"),
        ({"protocol": "rest", "credentials": object()}, "credentials are for gRPC"),
    ],
)
def test_arguments_that_cannot_be(arguments, words):
    given = {"address": "127.0.0.1:8500", "model": "inversion"} | arguments
    for protocol in ("grpc", "rest"):
        with pytest.raises(ValueError, match=words):
            ks.serving.Client(**({"protocol": protocol} | given))


@pytest.mark.parametrize("address", ["[::1]:8500", "unix:/tmp/server", "model-server.local:65535"])
def test_addresses_that_can_be(address):
    """They are taken, and named when nobody answers there."""
    with (
        ks.serving.Client(address, "inversion", 2**63 - 1, timeout=0.3, retries=0) as client,
        pytest.raises((ConnectionError, TimeoutError), match=re.escape(address)),
    ):
        client.metadata()


def test_the_longest_deadline_is_kept(server, protocol):
    with ks.serving.Client(
        server.addresses[protocol], "inversion", protocol=protocol, timeout=86400
    ) as client:
        assert client.metadata().version == 2


def test_a_file_of_certificates_that_is_not_there(protocol):
    with pytest.raises(FileNotFoundError, match=r"'/nowhere\.pem': no such PEM file"):
        ks.serving.Client("127.0.0.1:8500", "inversion", protocol=protocol, tls="/nowhere.pem")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer secret\nword"},
        {"authorization": "Bearer secret\u2028"},
        {"authorization": b"secret"},
        {"Bearer secret": "authorization"},
    ],
)
def test_passwords_are_in_no_error(headers, protocol):
    with pytest.raises(ValueError, match="not shown here") as error:
        ks.serving.Client("127.0.0.1:8500", "inversion", protocol=protocol, headers=headers)
    assert "secret" not in str(error.value)
    assert error.value.__context__ is None


def test_passwords_are_in_no_representation(protocol):
    client = ks.serving.Client(
        "127.0.0.1:8500", "inversion", protocol=protocol, headers={"authorization": "secret"}
    )
    for thing in (client, client._target):
        assert "secret" not in repr(thing) + str(thing)
    assert dict(client._target.headers) == {"authorization": "secret"}
