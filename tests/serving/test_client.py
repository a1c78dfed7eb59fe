"""The client against a server: every right question gets the Keras model's answer."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("grpc", reason="needs grpcio: pip install 'keras_seismic[serving]'")
pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks
from tests.serving.conftest import MODEL_SERVER, SERVERS
from tests.serving.loopback import GrpcServer
from tests.serving.served_models import gathers


def test_the_real_server_took_part():
    if MODEL_SERVER is None:
        pytest.skip("tensorflow_model_server is not on the PATH; only its stand-in was tested")
    assert "binary" in SERVERS


def expected(model, raw):
    velocity = np.asarray(model(raw))
    assert velocity.std() > 50, "a constant answer would prove nothing"
    return velocity


def test_velocity_is_the_keras_models(client, exported):
    raw = gathers(3)
    velocity = client.invert(raw)
    assert velocity.dtype == np.float32
    np.testing.assert_allclose(velocity, expected(exported.inversion[2], raw), atol=0.5)
    assert client.invert(raw[1]).shape == (16, 16, 1)
    np.testing.assert_allclose(client.invert(raw[1]), velocity[1], atol=0.01)


def test_other_types_of_numbers_are_converted(client, exported):
    raw = np.round(gathers(2)).astype(np.int16)
    right = expected(exported.inversion[2], raw.astype(np.float32))
    np.testing.assert_allclose(client.invert(raw), right, atol=0.5)
    np.testing.assert_allclose(client.invert(raw.astype(np.float64)), right, atol=0.5)
    np.testing.assert_allclose(client.invert(np.asfortranarray(raw)), right, atol=0.5)


def test_versions_and_labels(server, exported):
    raw = gathers(1)
    for version, number in ((None, 2), (1, 1), (2, 2), ("stable", 1), ("canary", 2)):
        address = server.address
        with ks.serving.Client(address, "inversion", version) as client:
            right = expected(exported.inversion[number], raw)
            np.testing.assert_allclose(client.invert(raw), right, atol=0.5)
            assert client.metadata().version == number


def test_the_openfwi_and_the_normalized_signature(client, exported):
    raw = gathers(2)
    right = expected(exported.inversion[2], raw)
    received = client.invert(raw.transpose(0, 3, 1, 2), signature="openfwi")
    np.testing.assert_allclose(received, right.transpose(0, 3, 1, 2), atol=0.5)
    model = exported.inversion[2]
    x = np.asarray(model.input_normalization(raw))
    named = client.predict(x, signature="normalized")
    np.testing.assert_allclose(model.output_scaling(named), right, atol=0.5)


def test_many_examples_are_split_and_come_back_in_order(client, server, exported):
    raw = gathers(21)
    before = server.core and server.core.requests
    velocity = client.invert(raw, batch_size=5)
    np.testing.assert_allclose(velocity, expected(exported.inversion[2], raw), atol=0.5)
    if server.core:
        assert server.core.requests - before == 5


def test_requests_are_kept_below_the_limit(server, exported):
    raw = gathers(9)
    client = ks.serving.Client(server.address, "inversion", max_message_bytes=30_000)
    right = expected(exported.inversion[2], raw)
    np.testing.assert_allclose(client.predict(raw, batch_size=9), right, atol=0.5)
    with pytest.raises(ks.serving.MessageTooLargeError, match=r"9 examples .* (\d+) fit: pass"):
        client.predict(raw, batch_size=None)


def test_sections_of_any_size(server, exported, rng):
    address = server.address
    with ks.serving.Client(address, "denoiser") as client:
        for shape in ((28, 30), (2, 33, 20, 1)):
            section = rng.standard_normal(shape).astype("float32")
            batch = section if section.ndim == 4 else section[None, ..., None]
            right = np.asarray(exported.denoiser(batch)).reshape(shape)
            received = client.denoise(section)
            np.testing.assert_allclose(received, right, atol=1e-4 * np.abs(right).max())
        with pytest.raises(ks.serving.InvalidInputError, match="returns velocity, but it is"):
            client.invert(gathers(1))


def test_metadata_describes_the_signatures(client):
    metadata = client.metadata()
    assert set(metadata.signatures) >= {"serving_default", "openfwi", "normalized"}
    assert "shot_gather float32 (batch, 64, 8, 2) -> velocity float32" in str(metadata)
    assert metadata.signatures["openfwi"].inputs["shot_gather"].shape == (None, 2, 64, 8)


def test_status_lists_the_versions(client):
    states = {version.version: version.state for version in client.status()}
    assert states == {1: "AVAILABLE", 2: "AVAILABLE"}
    assert client.wait_until_ready(5).version == 2


@pytest.mark.parametrize("as_fields", [True, False])
def test_answers_as_bytes_and_as_numbers(loaded, exported, as_fields):
    server = GrpcServer(loaded.copy(), as_fields=as_fields)
    raw = np.resize(gathers(50), (4200, *gathers(1).shape[1:]))
    assert 4200 * 16 * 16 * 4 > 2**22, "more than gRPC's own limit in one answer"
    with ks.serving.Client(server.address, "inversion") as client:
        velocity = client.invert(raw, batch_size=None)
    np.testing.assert_allclose(velocity[:50], expected(exported.inversion[2], raw[:50]), atol=0.5)
    np.testing.assert_allclose(velocity[50:100], velocity[:50], atol=0.01)
    server.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Key and self-signed certificate of 127.0.0.1."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "key.pem", folder / "certificate.pem"


def test_encrypted_and_only_to_whom_it_trusts(loaded, certificate, exported):
    import grpc

    chain = certificate[1]
    core, pair = loaded.copy(), tuple(path.read_bytes() for path in certificate)
    server = GrpcServer(core, credentials=grpc.ssl_server_credentials([pair]))
    headers = {"Authorization": "Bearer of tidings"}
    raw = gathers(1)
    with ks.serving.Client(server.address, "inversion", tls=str(chain), headers=headers) as client:
        right = expected(exported.inversion[2], raw)
        np.testing.assert_allclose(client.invert(raw), right, atol=0.5)
    assert core.headers["authorization"] == "Bearer of tidings"
    for tls in (False, True):  # unencrypted; the system's authorities do not know it
        client = ks.serving.Client(server.address, "inversion", tls=tls, retries=0)
        with pytest.raises(ks.serving.ServerUnreachableError, match="Is"):
            client.metadata()
    server.stop()


def test_another_version_on_the_server_is_noticed(own_server, rng):
    """Also where no request has failed, and by the methods that want one certain output."""
    core, section = own_server.core, rng.standard_normal((1, 30, 30, 1))
    before = core.models["inversion"]
    with ks.serving.Client(own_server.address, "inversion") as client:
        client.invert(gathers(1))
        core.models["inversion"] = {9: core.models["denoiser"][7]}
        assert client.predict(section).shape == section.shape
        assert client.metadata().version == 9
        core.models["inversion"] = before
        assert client.invert(gathers(1)).shape == (1, 16, 16, 1)
        core.models["inversion"] = {9: core.models["denoiser"][7]}
        assert client.denoise(section).shape == section.shape
        with pytest.raises(ks.serving.InvalidInputError, match="returns velocity, but it is"):
            client.invert(gathers(1))
        core.models["inversion"] = before
        with pytest.raises(ks.serving.InvalidInputError, match="metadata"):
            client.predict(section)


@pytest.mark.parametrize("name", ["grpc", "tensorflow_serving.apis"])
def test_a_missing_library_is_said_with_the_way_to_get_it(name, monkeypatch):
    for module in [m for m in sys.modules if m.startswith("tensorflow_serving.apis.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install 'keras_seismic\[serving\]'"):
        ks.serving.Client("127.0.0.1:8500", "inversion")
