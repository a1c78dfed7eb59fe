"""What a client cannot be made with is said when it is made, and no password with it."""

import re
import traceback

import pytest

pytest.importorskip("grpc", reason="needs grpcio: pip install 'keras_seismic[serving]'")
pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"address": "http://127.0.0.1:8501"}, "no http://"),
        ({"address": "127.0.0.1"}, "host:port"),
        ({"version": -1}, "version number or a label"),
        ({"version": "12"}, "version number or a label"),
        ({"version": True}, "version number or a label"),
        ({"address": "127.0.0.1:99999"}, "port from 1 to 65535"),
        ({"address": "127.0.0.1:0"}, "port from 1 to 65535"),
        ({"address": "::1:8500"}, "brackets"),
        ({"address": "::1"}, "brackets"),
        ({"address": "[localhost]:8500"}, "host:port"),
        ({"address": "user@host:8500"}, "host:port"),
        ({"address": "host:٨"}, "host:port"),
        ({"address": 8500}, "expected an address"),
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
        ({"retries": -1}, "retries from 0 to 4"),
        ({"retries": 5}, "the most that gRPC makes"),
        ({"model": ""}, "a model's name"),
        ({"tls": True, "credentials": object()}, "either tls or credentials"),
        ({"max_message_bytes": 2**31}, "protocol buffers"),
    ],
)
def test_arguments_that_cannot_be(arguments, words):
    with pytest.raises(ValueError, match=words):
        ks.serving.Client(**({"address": "127.0.0.1:8500", "model": "inversion"} | arguments))


@pytest.mark.parametrize("address", ["[::1]:8500", "unix:/tmp/server", "model-server.local:65535"])
def test_addresses_that_can_be(address):
    """They are taken, and named when nobody answers there."""
    with (
        ks.serving.Client(address, "inversion", 2**63 - 1, timeout=0.3, retries=0) as client,
        pytest.raises((ConnectionError, TimeoutError), match=re.escape(address)),
    ):
        client.metadata()


def test_the_longest_deadline_is_kept(server):
    with ks.serving.Client(server.address, "inversion", timeout=86400) as client:
        assert client.metadata().version == 2


def test_a_file_of_certificates_that_is_not_there():
    with pytest.raises(FileNotFoundError, match=r"/nowhere\.pem"):
        ks.serving.Client("127.0.0.1:8500", "inversion", tls="/nowhere.pem")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer secret\nword"},
        {"authorization": "Bearer secret\u2028"},
        {"authorization": b"secret"},
        {"Bearer secret": "authorization"},
    ],
)
def test_passwords_are_in_no_error(headers):
    with pytest.raises(ValueError, match="not shown here") as error:
        ks.serving.Client("127.0.0.1:8500", "inversion", headers=headers)
    assert "secret" not in str(error.value)
    assert error.value.__context__ is None


def test_passwords_are_in_no_representation_and_no_failure(closed_port):
    password = "open " + "sesame"  # not in one piece in the source, which a traceback shows
    client = ks.serving.Client(
        f"127.0.0.1:{closed_port}", "inversion", headers={"authorization": password}, retries=0
    )
    with pytest.raises(ks.serving.ServerUnreachableError) as error:
        client.metadata()
    shown = "".join(traceback.format_exception(error.value))
    assert str(closed_port) in shown
    for thing in (client, client._connection):
        shown += repr(thing) + str(thing)
    assert password not in shown
