"""A served model of velocity and its spread: both kept to the client's promises."""

import numpy as np
import pytest

import keras_seismic as ks
from tests.serving.conftest import loopback
from tests.spread_models import stated_model


@pytest.fixture(scope="module")
def stated():
    return stated_model()


@pytest.fixture(scope="module")
def server(stated, tmp_path_factory):
    pytest.importorskip("grpc")
    pytest.importorskip("tensorflow_serving")
    from tests.serving.served_core import Core

    folder = tmp_path_factory.mktemp("stated")
    model, raw = stated
    ks.exporting.export_saved_model(model, folder / "stated", inputs=raw, warm_up=False)
    served = [ks.serving.ServedModel("stated", folder / "stated")]
    ks.serving.write_configuration(folder / "configuration", served)
    yield from loopback(Core(folder / "configuration" / "models.config"))


@pytest.fixture
def client(server):
    with ks.serving.Client(server.address, "stated") as client:
        yield client
    server.prediction.spoil = lambda response: response


def test_velocity_unless_the_spread_is_asked_for(stated, client):
    model, raw = stated
    expected = [np.asarray(output) for output in model(raw)]
    np.testing.assert_allclose(client.invert(raw), expected[0], atol=0.5)
    for batch_size in (8, 2):
        for received, right in zip(
            client.invert(raw, batch_size=batch_size, spread=True), expected, strict=True
        ):
            np.testing.assert_allclose(received, right, atol=0.5)
    openfwi = client.invert(raw[0].transpose(2, 0, 1), "openfwi", spread=True)
    for received, right in zip(openfwi, expected, strict=True):
        np.testing.assert_allclose(received, right[0].transpose(2, 0, 1), atol=0.5)
    assert set(client.predict(raw)) == {"velocity", "spread"}


@pytest.mark.parametrize("spread", [True, False])
def test_nothing_wrong_is_returned_even_if_only_the_spread_is(stated, server, client, spread):
    def nan(response):
        response.outputs["spread"].float_val[5] = np.nan
        return response

    def short(response):
        del response.outputs["spread"].float_val[-1]
        return response

    def missing(response):
        del response.outputs["spread"]
        return response

    for spoil, message in (
        (nan, "answer spread: .*not finite"),
        (short, "answer spread: expected 576 numbers"),
        (missing, "expected an answer with 'spread', 'velocity', received 'velocity'"),
    ):
        server.prediction.spoil = spoil
        with pytest.raises(ks.serving.ServerError, match=message):
            client.invert(stated[1], spread=spread)


def test_a_model_without_is_refused_by_name(stated, client):
    with pytest.raises(ks.serving.InvalidInputError, match="returns clean_section, but it is"):
        client.denoise(stated[1][..., 0])
