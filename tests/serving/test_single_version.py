"""A result that takes several requests is by one version, also if the server changes between."""

import numpy as np
import pytest

pytest.importorskip("grpc", reason="needs grpcio: pip install 'keras_seismic[serving]'")
pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks
from tests.serving.served_models import gathers


@pytest.fixture
def changing(own_server):
    """A server of version 1 whose ``after`` says what happens after the n-th prediction."""
    core = own_server.core
    versions = core.models["inversion"]
    core.models["inversion"] = {1: versions[1]}
    core.after, predict = {}, core.predict

    def counted(spec, inputs):
        result = predict(spec, inputs)
        core.after.pop(core.requests, lambda: None)()
        return result

    core.predict = counted
    return own_server.address, core, versions


def serving(core, versions, *numbers):
    def change():
        core.models["inversion"] = {number: versions[number] for number in numbers}

    return change


@pytest.mark.parametrize("left", [(2,), (1, 2)])
def test_a_new_version_in_the_middle_of_a_call(changing, exported, left):
    address, core, versions = changing
    raw = gathers(4)
    right = {n: np.asarray(model(raw)) for n, model in exported.inversion.items()}
    assert np.abs(right[1] - right[2]).max(axis=(1, 2, 3)).min() > 50, "versions look the same"
    core.after[2] = serving(core, versions, *left)
    with ks.serving.Client(address, "inversion") as client:
        velocity = client.invert(raw, batch_size=1)
        np.testing.assert_allclose(velocity, right[2], atol=0.5)
        np.testing.assert_allclose(client.invert(raw, batch_size=1), right[2], atol=0.5)


def test_a_label_that_moves_in_the_middle_of_a_call(changing, exported):
    address, core, versions = changing
    serving(core, versions, 1, 2)()
    raw = gathers(3)
    core.after[2] = lambda: core.labels["inversion"].update(canary=1)
    with ks.serving.Client(address, "inversion", "canary") as client:
        velocity = client.invert(raw, batch_size=1)
    np.testing.assert_allclose(velocity, exported.inversion[1](raw), atol=0.5)


def test_a_server_that_changes_again_and_again(changing):
    address, core, versions = changing
    core.after = {1: serving(core, versions, 2), 3: serving(core, versions, 1)}
    client = ks.serving.Client(address, "inversion")
    with pytest.raises(ks.serving.ServerError, match="changed the model's version during"):
        client.invert(gathers(4), batch_size=1)


def test_a_fixed_version_that_goes_is_not_replaced(changing):
    address, core, versions = changing
    core.after[1] = serving(core, versions, 2)
    client = ks.serving.Client(address, "inversion", 1)
    with pytest.raises(ks.serving.VersionNotFoundError, match=r"version 1.*2 AVAILABLE"):
        client.invert(gathers(4), batch_size=1)


def test_what_fits_in_one_request_is_asked_once(changing):
    address, core, _ = changing
    with ks.serving.Client(address, "inversion") as client:
        client.invert(gathers(4))
        assert core.requests == 1
        client.invert(gathers(4), batch_size=2)
        assert core.requests == 3
