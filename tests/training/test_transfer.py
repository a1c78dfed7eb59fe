"""Freezing, new heads and rates by layer: what a step of training changes and what not."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.models import ConvDenoiser, InversionNet
from keras_seismic.training import (
    LayerwiseAdamW,
    encoder_multipliers,
    encoder_stages,
    freeze_encoder,
    reset_head,
)


def small_network():
    return InversionNet((64, 8, 1), (16, 16), filters=1)


@pytest.fixture
def batch(rng):
    x = rng.uniform(-1, 1, (4, 64, 8, 1)).astype("float32")
    return x, rng.uniform(-1, 1, (4, 16, 16, 1)).astype("float32")


def compiled(network, optimizer=None):
    optimizer = optimizer or keras.optimizers.AdamW(1e-2)
    network.compile(optimizer, "mae", jit_compile=False, run_eagerly=True)
    return network


def changed_layers(network, x, y):
    """Names of the layers that a step of training changes, moving statistics included."""
    before = {layer.name: layer.get_weights() for layer in network.layers if layer.weights}
    network.train_on_batch(x, y)
    return {
        name
        for name, weights in before.items()
        if any(
            np.any(old != new)
            for old, new in zip(weights, network.get_layer(name).get_weights(), strict=True)
        )
    }


def weighted(network):
    return [layer.name for layer in network.layers if layer.weights]


def test_stages_are_the_encoders_from_the_data_inwards():
    stages = [[layer.name for layer in stage] for stage in encoder_stages(small_network())]
    assert stages[0] == ["encoder_1_convolution", "encoder_1_batch_norm"]
    assert [stage[-1] for stage in stages[1:]] == [
        *(f"encoder_{stage}b_batch_norm" for stage in range(2, 8)),
        "vector_batch_norm",
    ]
    assert [len(stage) for stage in stages] == [2, 4, 4, 4, 4, 4, 4, 2]


def test_a_frozen_encoder_stays_and_the_rest_is_trained(batch):
    network = small_network()
    remaining = freeze_encoder(network)
    network = compiled(network)
    rest = [name for name in weighted(network) if not name.startswith(("encoder", "vector"))]
    assert remaining == sum(
        int(np.prod(w.shape)) for name in rest for w in network.get_layer(name).trainable_weights
    )
    assert len(rest) == 22
    assert changed_layers(network, *batch) == set(rest)


def test_frozen_batch_normalization_uses_its_moving_statistics(batch):
    network = small_network()
    encoder = keras.Model(network.input, network.get_layer("vector_activation").output)
    x, _ = batch
    trained = np.asarray(encoder(x, training=True))  # which also moves the statistics
    inference = np.asarray(encoder(x, training=False))
    assert np.abs(trained - inference).max() > 1e-2
    freeze_encoder(network)
    np.testing.assert_array_equal(encoder(x, training=True), inference)


@pytest.mark.parametrize("depth", [0, 3])
def test_a_depth_freezes_the_first_stages_only(batch, depth):
    network = small_network()
    freeze_encoder(network)
    freeze_encoder(network, depth)
    frozen = [layer.name for stage in encoder_stages(network)[:depth] for layer in stage]
    assert set(weighted(network)) - changed_layers(compiled(network), *batch) == set(frozen)


@pytest.mark.parametrize("depth", [-1, 9])
def test_a_depth_that_the_encoder_has_not_is_refused(depth):
    network = small_network()
    with pytest.raises(ValueError, match=f"has 8 encoder stages.*received {depth}"):
        freeze_encoder(network, depth)
    assert all(layer.trainable for layer in network.layers)


def test_training_with_a_frozen_encoder_goes_on_after_saving(tmp_path, batch):
    """The file remembers what was frozen, without which the optimizer's state would be lost."""
    network = small_network()
    freeze_encoder(network, 5)
    compiled(network, ks.training.adamw(1e-2, 9, multipliers=encoder_multipliers(network, 0.5)))
    network.train_on_batch(*batch)
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.iterations == 1
    assert [w.path for w in loaded.trainable_weights] == [w.path for w in network.trainable_weights]
    for candidate in (network, loaded):
        for _ in range(2):
            candidate.train_on_batch(*batch)
    for ours, theirs in zip(network.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
    # Without the optimizer it is a network like any other.
    plain = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert len(plain.trainable_weights) == 100
    np.testing.assert_array_equal(plain(batch[0]).shape, network(batch[0]).shape)


def test_a_reset_head_is_new_and_nothing_else_is(batch):
    network = compiled(small_network())
    network.train_on_batch(*batch)
    before = {name: network.get_layer(name).get_weights() for name in weighted(network)}
    assert reset_head(network) == ["head_convolution", "head_batch_norm"]
    for name, weights in before.items():
        for old, new in zip(weights, network.get_layer(name).get_weights(), strict=True):
            assert np.array_equal(old, new) == (not name.startswith("head")), name
    gamma, beta, mean, variance = network.get_layer("head_batch_norm").get_weights()
    assert (gamma, beta, mean, variance) == (1, 0, 0, 1)
    kernel = network.get_layer("head_convolution").kernel.numpy()
    reset_head(network)
    assert np.all(kernel != network.get_layer("head_convolution").kernel.numpy())
    # Glorot's initialization, which the layer was made with: within sqrt(6 / (fan in + fan out)).
    assert 0.1 < np.abs(kernel).max() <= np.sqrt(6 / (9 + 9))


def test_a_reset_head_follows_the_seed():
    kernels = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        network = small_network()
        reset_head(network)
        kernels.append(network.get_layer("head_convolution").kernel.numpy())
    np.testing.assert_array_equal(*kernels)


def test_without_a_head_by_name_the_last_layer_is_it():
    network = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="a"), keras.layers.Dense(1, name="b"),
         keras.layers.ReLU(name="c")]
    )  # fmt: skip
    assert reset_head(network) == ["b"]


def test_the_encoder_learns_more_slowly(batch):
    """One step of a tenth of the rate, in the encoder, and of the whole rate elsewhere."""
    network, whole = small_network(), small_network()
    whole.set_weights(network.get_weights())
    start = network.get_weights()
    multipliers = encoder_multipliers(network, 0.1)
    assert len(multipliers) == 28
    compiled(network, LayerwiseAdamW(1e-2, 0.0, multipliers)).train_on_batch(*batch)
    compiled(whole, keras.optimizers.Adam(1e-2)).train_on_batch(*batch)
    for weight, ours, theirs, before in zip(
        network.weights, network.get_weights(), whole.get_weights(), start, strict=True
    ):
        fraction = 0.1 if weight.path.split("/")[0] in multipliers else 1.0
        if weight.trainable:
            np.testing.assert_allclose(ours - before, fraction * (theirs - before), atol=2e-7)


def test_frozen_layers_have_no_multiplier():
    network = small_network()
    freeze_encoder(network, 6)
    assert {name.split("_c")[0].split("_b")[0] for name in encoder_multipliers(network, 2.0)} == {
        "encoder_7a", "encoder_7b", "vector"
    }  # fmt: skip


class Declared(keras.Model):
    """A network with names of its own."""

    encoder_stages = (("stem",), ("block_1", "block_2"))
    head_layers = ("classifier",)

    def __init__(self):
        x = inputs = keras.Input((3,))
        for name in ("stem", "block_1", "block_2", "block_10", "classifier", "after"):
            x = keras.layers.Dense(3, name=name)(x)
        super().__init__(inputs, x)


def test_a_network_can_say_what_its_encoder_and_head_are():
    network = Declared()
    stages = [[layer.name for layer in stage] for stage in encoder_stages(network)]
    assert stages == [["stem"], ["block_1", "block_2"]]
    assert reset_head(network) == ["classifier"]
    network.encoder_stages = (("stem",), ("blocks",))
    with pytest.raises(ValueError, match=r"names .*blocks.*no layer with weights"):
        encoder_stages(network)
    network.head_layers = ("missing",)
    with pytest.raises(ValueError, match=r"head_layers names .*missing"):
        reset_head(network)


def test_a_network_without_an_encoder_is_refused():
    with pytest.raises(ValueError, match="has no layers called encoder_1"):
        freeze_encoder(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]))


def test_other_networks_of_this_package():
    network = ConvDenoiser(num_filters=2)
    assert [[layer.name for layer in stage] for stage in encoder_stages(network)] == [
        ["encoder_1"], ["encoder_2"]
    ]  # fmt: skip
    assert reset_head(network) == ["head"]
