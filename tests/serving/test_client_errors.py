"""What goes wrong says where, what was expected and received, and what to do."""

import http.server
import socket
import threading
import time

import numpy as np
import pytest

pytest.importorskip("grpc", reason="needs grpcio: pip install 'keras_seismic[serving]'")
pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks
from keras_seismic.serving import connection
from tests.serving.conftest import BOUND
from tests.serving.loopback import unchecked
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
    for part in (server.address, "'inversion'", "'serving_default'", "shot_gather"):
        assert part in str(error.value)
    assert (server.core and server.core.requests) == before


@pytest.mark.parametrize("bad", ["nan", "shape", "rank"])
@pytest.mark.parametrize("signature", ["serving_default", "openfwi", "normalized"])
def test_the_graph_refuses_what_the_client_lets_through(client, bad, signature):
    raw, _, words = BAD_INPUTS[bad]
    raw = np.moveaxis(raw, -1, -3) if signature == "openfwi" else raw
    with pytest.raises(ks.serving.InvalidInputError, match=f"shot_gather: .*{words}") as error:
        unchecked(client, {"shot_gather": raw}, signature)
    assert "node" not in str(error.value)  # of the graph


def test_the_server_refuses_another_type(server):
    with (
        ks.serving.Client(server.address, "inversion") as client,
        pytest.raises(ks.serving.InvalidInputError, match="float but double is provided"),
    ):
        unchecked(client, {"shot_gather": gathers(1).astype(np.float64)})


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


def test_lists_of_unequal_lengths(client):
    for method in (client.invert, client.denoise):
        with pytest.raises(ks.serving.InvalidInputError, match="expected an array"):
            method([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize("ask", [ks.serving.Client.predict, unchecked])
def test_an_absent_signature_is_told_with_those_that_are_there(client, ask):
    with pytest.raises(ks.serving.SignatureNotFoundError, match="openfwi") as error:
        ask(client, {"shot_gather": gathers(1)}, "classify")
    assert "'classify'" in str(error.value)


@pytest.mark.parametrize("ask", [ks.serving.Client.predict, unchecked])
def test_an_absent_model_version_or_label(server, ask):
    for model, version, kind, words in (
        ("absent", None, "ModelNotFoundError", "no model of this name"),
        ("inversion", 9, "VersionNotFoundError", "1 AVAILABLE"),
        ("inversion", "best", "VersionNotFoundError", "label 'best'.*2 AVAILABLE"),
    ):
        with ks.serving.Client(server.address, model, version) as client:
            with pytest.raises(ks.serving.ModelNotFoundError, match=words) as error:
                ask(client, {"shot_gather": gathers(1)})
            assert type(error.value).__name__ == kind


def test_an_explanation_has_a_deadline_of_its_own(own_server, monkeypatch):
    finished, status = threading.Event(), own_server.core.status

    def slow(spec):
        finished.wait(60)
        return status(spec)

    monkeypatch.setattr(own_server.core, "status", slow)
    monkeypatch.setattr(connection, "_PATIENCE", 0.5)
    client = ks.serving.Client(own_server.address, "inversion", 9)
    with pytest.raises(ks.serving.ModelNotFoundError, match="or not this version"):
        client.metadata()
    finished.set()


def test_too_large_for_the_client_and_for_the_server(server):
    small = ks.serving.Client(server.address, "denoiser", max_message_bytes=8192)
    with pytest.raises(ks.serving.MessageTooLargeError, match="not even one fits"):
        small.denoise(np.ones((64, 64)))
    large = ks.serving.Client(server.address, "inversion")
    raw = gathers(BOUND // gathers(1).nbytes + 1)
    with pytest.raises(ks.serving.MessageTooLargeError, match=r"larger than max .*batch_size"):
        large.predict(raw, batch_size=None)
    assert large.predict(raw).shape == (len(raw), 16, 16, 1)


def test_an_answer_larger_than_the_limit(own_server):
    own_server.core.predict = lambda *_: (2, {"velocity": np.zeros((1, 64, 64, 1), "f4")})
    client = ks.serving.Client(own_server.address, "inversion", max_message_bytes=8192)
    with pytest.raises(ks.serving.MessageTooLargeError, match=r"larger than max .* raise max_mess"):
        client.predict(gathers(1))


def test_nobody_there(closed_port):
    client = ks.serving.Client(f"127.0.0.1:{closed_port}", "inversion")
    with pytest.raises(ks.serving.ServerUnreachableError, match="Is the server running") as error:
        client.invert(gathers(1))
    assert isinstance(error.value, ConnectionError)
    assert f"127.0.0.1:{closed_port}" in str(error.value)
    hasty = ks.serving.Client(f"127.0.0.1:{closed_port}", "inversion", retries=0)
    with pytest.raises(ks.serving.ServerUnreachableError, match=r"not ready after 0\.3 s"):
        hasty.wait_until_ready(0.3, interval=0.1)


class Rest(http.server.BaseHTTPRequestHandler):
    """Speaks HTTP/1.1, as the server's REST port does, and takes its time."""

    def handle(self):
        time.sleep(0.3)
        super().handle()


def test_the_rest_port():
    """gRPC must not give up connecting before the answer is there: there is no 100 ms limit."""
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    threading.Thread(target=web.serve_forever, daemon=True, args=(0.05,)).start()
    client = ks.serving.Client(f"127.0.0.1:{web.server_port}", "inversion", retries=0)
    with pytest.raises(ks.serving.ServerUnreachableError, match=r"HTTP.*8501 is REST"):
        client.invert(gathers(1))
    web.shutdown()
    web.server_close()


def test_a_server_that_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        client = ks.serving.Client(address, "inversion", timeout=0.5)
        with pytest.raises(ks.serving.DeadlineError, match="gRPC port") as error:
            client.invert(gathers(1))
        assert address in str(error.value)
        patient = ks.serving.Client(address, "inversion", timeout=86400)
        with pytest.raises(ks.serving.DeadlineError, match=r"not ready after 0\.5 s"):
            patient.wait_until_ready(0.5, interval=0.2)


def test_a_slow_model_meets_the_deadline(own_server):
    own_server.core.gate.clear()
    client = ks.serving.Client(own_server.address, "inversion", timeout=0.5)
    with pytest.raises(ks.serving.DeadlineError, match="Raise timeout") as error:
        client.predict(gathers(1))
    own_server.core.gate.set()
    assert isinstance(error.value, TimeoutError)


def test_only_an_unavailable_server_is_asked_again(own_server):
    core = own_server.core
    with ks.serving.Client(own_server.address, "inversion") as client:
        core.unavailable = 2
        raw = gathers(100)
        assert raw.nbytes > 2**18, "what gRPC keeps by default to send it again"
        assert client.invert(raw, batch_size=None).shape == (100, 16, 16, 1)
        assert core.requests == 3
        core.unavailable, core.requests = 99, 0
        with pytest.raises(ks.serving.ServerUnreachableError, match="queue is full"):
            client.invert(gathers(1))
        assert core.requests == 4
        core.unavailable, core.requests = 0, 0
        with pytest.raises(ks.serving.InvalidInputError):
            unchecked(client, {"shot_gather": with_nan()})
        assert core.requests == 1
    core.unavailable, core.requests = 99, 0
    client = ks.serving.Client(own_server.address, "inversion", retries=0)
    with pytest.raises(ks.serving.ServerUnreachableError, match="queue is full"):
        client.invert(gathers(1))
    assert core.requests == 1


def test_a_closed_client_says_so(server):
    with ks.serving.Client(server.address, "inversion") as client:
        client.metadata()
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.invert(gathers(1))


def test_batch_sizes_are_checked(client):
    with pytest.raises(ValueError, match="batch_size must be 1 or more"):
        client.predict(gathers(1), batch_size=0)
