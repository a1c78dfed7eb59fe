"""Whatever a server answers, a client returns one finite result for each input or says why not."""

import os
import threading

import numpy as np
import pytest

pytest.importorskip("grpc", reason="needs grpcio: pip install 'keras_seismic[serving]'")
pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks
from tests.serving.malformed import MALFORMED, spoilt
from tests.serving.served_models import gathers


@pytest.fixture
def client(own_server):
    with ks.serving.Client(own_server.address, "inversion", retries=0) as client:
        client.invert(gathers(2))
        yield client


@pytest.mark.parametrize("as_fields", [True, False])
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_answer_is_refused(own_server, client, name, as_fields):
    own_server.prediction.as_fields = as_fields
    own_server.prediction.spoil = lambda response: spoilt(name, response)
    for ask in (client.invert, client.predict):
        with pytest.raises(ks.serving.ServerError, match=r"answer|depth") as error:
            ask(gathers(3))
        assert own_server.address in str(error.value)
        assert len(str(error.value)) < 500
    own_server.prediction.spoil = lambda response: response
    assert client.invert(gathers(3)).shape == (3, 16, 16, 1)


def described(signature_defs=None, **model_spec):
    """A ``GetModelMetadata`` of other content than the server's own."""

    def change(metadata):
        from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap

        signatures = SignatureDefMap()
        metadata.metadata["signature_def"].Unpack(signatures)
        for name, value in model_spec.items():
            setattr(metadata.model_spec, name, value)
        if signature_defs:
            signature_defs(signatures.signature_def)
        metadata.metadata["signature_def"].Pack(signatures)

    return change


def unpackable(metadata):
    metadata.metadata["signature_def"].value = b"\xff" * 20


def of_another_type(signatures):
    signatures["serving_default"].outputs["velocity"].dtype = 12345


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda metadata: metadata.metadata.clear(), "metadata is malformed: no signatures"),
        (unpackable, "metadata is malformed"),
        (described(of_another_type), "metadata is malformed"),
        (described(name="another"), "the answer is of model 'another'"),
    ],
)
def test_malformed_metadata_is_refused(own_server, monkeypatch, change, words):
    metadata = own_server.core.metadata

    def changed(spec):
        response = metadata(spec)
        change(response)
        return response

    monkeypatch.setattr(own_server.core, "metadata", changed)
    with ks.serving.Client(own_server.address, "inversion") as client:
        for ask in (client.metadata, lambda: client.invert(gathers(1))):
            with pytest.raises(ks.serving.ServerError, match=words):
                ask()


def test_an_answer_of_another_version_than_asked_for(own_server):
    def other(response):
        response.model_spec.version.value = 2
        return response

    own_server.prediction.spoil = other
    with (
        ks.serving.Client(own_server.address, "inversion", 1) as client,
        pytest.raises(ks.serving.ServerError, match="the answer is of version 2, not 1"),
    ):
        client.invert(gathers(1))


def test_sections_come_back_in_their_size(own_server, rng):
    own_server.core.predict = lambda *_: (7, {"clean_section": np.zeros((1, 28, 31, 1), "f4")})
    with ks.serving.Client(own_server.address, "denoiser") as client:
        section = rng.standard_normal((28, 30)).astype("f4")
        with pytest.raises(ks.serving.ServerError, match=r"\(1, 28, 30, 1\), received \(1, 28, 31"):
            client.denoise(section)


def test_an_answer_is_judged_by_the_version_that_gave_it(own_server):
    """The server loads a version of another output; the inputs are the same as before."""
    core, raw = own_server.core, gathers(2)
    with ks.serving.Client(own_server.address, "inversion") as client:
        assert client.predict(raw).shape == (2, 16, 16, 1)
        predict, metadata = core.predict, core.metadata

        def newer(spec, inputs):
            number, outputs = predict(spec, inputs)
            return number + 7, {"velocity": outputs["velocity"][:, :-1]}

        def described_anew(spec):
            number = spec.version.value - 7 if spec.HasField("version") else 2
            spec.version.value = number
            response = metadata(spec)
            response.model_spec.version.value = number + 7
            described(shallower)(response)
            return response

        def shallower(signatures):
            shape = signatures["serving_default"].outputs["velocity"].tensor_shape
            shape.dim[1].size = 15

        core.predict, core.metadata = newer, described_anew
        assert client.predict(raw).shape == (2, 15, 16, 1)


def resources():
    """Threads and open files (sockets among them) of this process."""
    return (
        threading.active_count(),
        len(os.listdir("/proc/self/fd")),
        len(os.listdir("/proc/self/task")),
    )


def test_a_thousand_calls_leave_no_threads_and_no_sockets(own_server, client):
    names = list(MALFORMED)

    def some(count):
        for i in range(count):
            name = names[i % len(names)]
            own_server.prediction.spoil = (
                (lambda response, name=name: spoilt(name, response)) if i % 3 == 0 else lambda r: r
            )
            try:
                client.invert(gathers(1))
            except ks.serving.ServerError:
                assert i % 3 == 0

    some(20)
    before = resources()
    some(1000)
    after = resources()
    # The server beside it has a pool that may grow to 16 threads; a leak would be of hundreds.
    assert all(a <= b + 50 for a, b in zip(after, before, strict=True)), (before, after)
