"""What goes wrong says where, what was expected and received, and what to do."""

import contextlib
import http.server
import socket
import threading
import time

import numpy as np
import pytest

pytest.importorskip("grpc", reason="needs grpcio: pip install 'keras_seismic[serving]'")
pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks
from tests.serving.conftest import free_ports
from tests.serving.served_core import Refusal
from tests.serving.served_models import gathers


def with_nan():
    raw = gathers(2)
    raw[1, 5, 3, 0] = np.nan
    return raw


#: Inputs that are refused, with the words of the client and those of the server.
BAD_INPUTS = {
    "nan": (with_nan(), "1 of 2048 values are not finite .* index \\(1, 5, 3, 0\\)", "finite"),
    "shape": (gathers(1)[:, :-1], r"shape \(batch, 64, 8, 2\), received \(1, 63, 8, 2\)", "shape"),
    "rank": (gathers(1)[0], r"received \(64, 8, 2\)", "shape"),
    "type": (np.full((1, 64, 8, 2), "x"), "expected real numbers .*float32", "type|dtype|send"),
    "huge": (np.full((1, 64, 8, 2), 1e300), "not finite", "finite|float|double"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_INPUTS)
def test_the_client_refuses_before_it_sends(client, server, bad):
    raw, words, _ = BAD_INPUTS[bad]
    before = server.core and server.core.requests
    with pytest.raises(ks.serving.InvalidInputError, match=words) as error:
        client.predict(raw)
    assert isinstance(error.value, ValueError)
    for part in (client._target.address, "'inversion'", "'serving_default'", "shot_gather"):
        assert part in str(error.value)
    assert (server.core and server.core.requests) == before


@pytest.mark.parametrize("bad", ["nan", "shape", "rank"])
@pytest.mark.parametrize("signature", ["serving_default", "openfwi", "normalized"])
def test_the_graph_refuses_what_the_client_lets_through(client, bad, signature):
    raw, _, words = BAD_INPUTS[bad]
    raw = np.moveaxis(raw, -1, -3) if signature == "openfwi" else raw
    with pytest.raises(ks.serving.InvalidInputError, match=f"shot_gather: .*{words}") as error:
        client.predict({"shot_gather": raw}, signature, check=False)
    assert "node" not in str(error.value)  # of the graph


def test_the_server_refuses_another_type(server):
    with ks.serving.Client(server.addresses["grpc"], "inversion") as client:
        with pytest.raises(ks.serving.InvalidInputError, match="float but double is provided"):
            client.predict({"shot_gather": gathers(1).astype(np.float64)}, check=False)
        with pytest.raises(ks.serving.InvalidInputError, match="cannot send an array of <U"):
            client.predict({"shot_gather": BAD_INPUTS["type"][0]}, check=False)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"gather": gathers(1)}, r"expected the inputs \['shot_gather'\], received \['gather'\]"),
        (gathers(1)[:0], "at least one number"),
        (gathers(1) * 1j, "received complex"),
        ([[1.0, 2.0], [3.0]], "expected an array"),
    ],
)
def test_inputs_of_another_form(client, inputs, words):
    with pytest.raises(ks.serving.InvalidInputError, match=words):
        client.predict(inputs)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (gathers(1) * 1j, "cannot send an array of complex"),
        (np.array(["2020-01-01"], "M8[D]"), "cannot send an array of datetime64"),
        (np.array(["2020-01-01"], "M8[ns]"), "cannot send an array of datetime64"),
        (np.array([None]), "cannot send an array of object"),
        (np.array([b"a"]), "cannot send an array of .S1"),
        pytest.param(
            gathers(1).astype(np.longdouble),
            "cannot send an array of float128",
            marks=pytest.mark.skipif(np.finfo(np.longdouble).bits == 64, reason="is float64 here"),
        ),
        ([[1.0, 2.0], [3.0]], "shot_gather: expected an array"),
    ],
)
def test_what_no_message_can_hold_is_refused_unchecked(client, value, words):
    with pytest.raises(ks.serving.InvalidInputError, match=words):
        client.predict({"shot_gather": value}, check=False)


def test_lists_of_unequal_lengths(client):
    for method in (client.invert, client.denoise):
        with pytest.raises(ks.serving.InvalidInputError, match="expected an array"):
            method([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize("check", [True, False])
def test_an_absent_signature_is_told_with_those_that_are_there(client, check):
    with pytest.raises(ks.serving.SignatureNotFoundError, match="openfwi") as error:
        client.predict({"shot_gather": gathers(1)}, "classify", check=check)
    assert "'classify'" in str(error.value)


@pytest.mark.parametrize("check", [True, False])
def test_an_absent_model_version_or_label(server, protocol, check):
    for model, version, kind, words in (
        ("absent", None, "ModelNotFoundError", "no model of this name"),
        ("inversion", 9, "VersionNotFoundError", "1 AVAILABLE"),
        ("inversion", "best", "VersionNotFoundError", "label 'best'.*2 AVAILABLE"),
    ):
        address = server.addresses[protocol]
        with ks.serving.Client(address, model, version, protocol) as client:
            with pytest.raises(ks.serving.ModelNotFoundError, match=words) as error:
                client.predict({"shot_gather": gathers(1)}, check=check)
            assert type(error.value).__name__ == kind


def test_an_explanation_keeps_to_the_deadline(server, protocol, monkeypatch):
    if not server.core:
        pytest.skip("the real server cannot be slowed down")

    def slow(spec):
        time.sleep(3.0)
        raise Refusal("UNAVAILABLE", "too late")

    monkeypatch.setattr(server.core, "status", slow)
    address = server.addresses[protocol]
    with ks.serving.Client(address, "absent", protocol=protocol, timeout=0.5) as client:
        begin = time.monotonic()
        with pytest.raises(ks.serving.ModelNotFoundError, match="or not this version"):
            client.metadata()
        assert time.monotonic() - begin < 1.5


def test_too_large_for_the_client_and_for_the_server(server):
    small = ks.serving.Client(
        server.addresses["rest"], "inversion", protocol="rest", max_message_bytes=8192
    )
    with pytest.raises(ks.serving.MessageTooLargeError, match="not even one fits"):
        small.predict(gathers(2))
    address = server.addresses["grpc"]
    if server.bound:
        large = ks.serving.Client(address, "inversion")
        raw = gathers(server.bound // gathers(1).nbytes + 1)
        with pytest.raises(ks.serving.MessageTooLargeError, match=r"larger than max .*batch_size"):
            large.predict(raw, batch_size=None)
        assert large.predict(raw).shape == (len(raw), 16, 16, 1)


def test_nobody_there(protocol):
    (port,) = free_ports(1)
    client = ks.serving.Client(f"127.0.0.1:{port}", "inversion", protocol=protocol, timeout=5)
    begin = time.monotonic()
    with pytest.raises(ks.serving.ServerUnreachableError, match="Is the server running") as error:
        client.invert(gathers(1))
    assert isinstance(error.value, ConnectionError)
    assert f"127.0.0.1:{port}" in str(error.value)
    assert time.monotonic() - begin < 5
    with pytest.raises(ks.serving.ServerUnreachableError, match=r"not ready after 0\.3 s"):
        client.wait_until_ready(0.3, interval=0.1)


def test_the_other_protocols_port(server, protocol):
    other = server.addresses["rest" if protocol == "grpc" else "grpc"]
    client = ks.serving.Client(other, "inversion", protocol=protocol, timeout=5, retries=0)
    name = "gRPC" if protocol == "grpc" else "REST"
    with pytest.raises(ks.serving.ServingError, match=f"server's port for {name}"):
        client.invert(gathers(1))


def test_a_server_that_never_answers(protocol):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        client = ks.serving.Client(address, "inversion", protocol=protocol, timeout=0.5)
        begin = time.monotonic()
        with pytest.raises((ks.serving.DeadlineError, ks.serving.ServerUnreachableError)) as error:
            client.invert(gathers(1))
        assert time.monotonic() - begin < 3
        assert address in str(error.value)
        patient = ks.serving.Client(address, "inversion", protocol=protocol, timeout=60)
        with pytest.raises(ks.serving.ServingError, match=r"not ready after 0\.5 s"):
            patient.wait_until_ready(0.5, interval=0.2)
        assert time.monotonic() - begin < 5


def test_an_answer_larger_than_the_limit():
    class Talkative(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"model_version_status": []' + b" " * 10_000 + b"}")

    with listening(Talkative) as address:
        client = ks.serving.Client(address, "inversion", protocol="rest", max_message_bytes=8192)
        with pytest.raises(ks.serving.MessageTooLargeError, match="larger than 8192 bytes"):
            client.status()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n", b"HTTP/1.1"])
def test_a_server_that_answers_drop_by_drop(head):
    """A time-out of every read alone would wait for a minute here."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(head)
            try:
                for _ in range(600):
                    connection.sendall(b" ")
                    time.sleep(0.1)
            except OSError:
                connection.close()

        threading.Thread(target=drip, daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        client = ks.serving.Client(address, "inversion", protocol="rest", timeout=0.5)
        begin = time.monotonic()
        with pytest.raises(ks.serving.DeadlineError, match="no answer within"):
            client.metadata()
        assert time.monotonic() - begin < 3


def test_a_slow_model_meets_the_deadline(server, protocol):
    if not server.core:
        pytest.skip("the real server cannot be slowed down")
    address = server.addresses[protocol]
    with ks.serving.Client(address, "inversion", protocol=protocol, timeout=0.4) as client:
        client.metadata()
        server.core.delay = 1.0
        try:
            with pytest.raises(ks.serving.DeadlineError, match="Raise timeout") as error:
                client.invert(gathers(1))
        finally:
            server.core.delay = 0.0
    assert isinstance(error.value, TimeoutError)


def test_only_an_unavailable_server_is_asked_again(client, server):
    if not server.core:
        pytest.skip("the real server cannot be made unavailable")
    client.metadata()
    server.core.unavailable, before = 2, server.core.requests
    assert client.invert(gathers(1)).shape == (1, 16, 16, 1)
    assert server.core.requests - before == 3
    server.core.unavailable, before = 99, server.core.requests
    with pytest.raises(ks.serving.ServerUnreachableError, match="queue is full"):
        client.invert(gathers(1))
    assert server.core.requests - before == 4
    server.core.unavailable, before = 0, server.core.requests
    with pytest.raises(ks.serving.InvalidInputError):
        client.predict({"shot_gather": with_nan()}, check=False)
    assert server.core.requests - before == 1


def test_a_web_server_is_no_model_server():
    with listening(http.server.SimpleHTTPRequestHandler) as address:
        client = ks.serving.Client(address, "inversion", protocol="rest")
        with pytest.raises(ks.serving.ServerError, match="HTTP 404, not TensorFlow Serving's JSON"):
            client.metadata()


@contextlib.contextmanager
def listening(handler):
    """The address of a web server."""
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()


def test_a_closed_client_says_so(server, protocol):
    with ks.serving.Client(server.addresses[protocol], "inversion", protocol=protocol) as client:
        client.metadata()
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.invert(gathers(1))


def test_batch_sizes_and_names_are_checked(client):
    with pytest.raises(ValueError, match="batch_size must be 1 or more"):
        client.predict(gathers(1), batch_size=0)
    with pytest.raises(ValueError, match="must be named"):
        client.predict(gathers(1), check=False)
