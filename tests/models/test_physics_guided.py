"""``DataMisfit`` and ``PhysicsGuidedModel``: the loss they add, its gradient, saving."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_seismic as ks
from keras_seismic.models import DataMisfit, PhysicsGuidedModel, predicting_network

SHAPE = (16, 16)
UNITS = ks.layers.GatherNormalization(-27, 53), ks.layers.VelocityScaling(1500, 4500)


@pytest.fixture(scope="module")
def acquisition():
    return ks.simulation.Acquisition.surface(
        width=16, dx=10.0, dt=0.001, nt=160, peak_frequency=15.0, shots=2, boundary="cpml",
        boundary_width=8,
    )  # fmt: skip


@pytest.fixture(scope="module")
def observed(acquisition):
    """Two models in [-1, 1], and the normalized gathers of the first."""
    velocity = np.full((2, *SHAPE, 1), -0.5, np.float32)
    velocity[0, 6:] = 0.1
    velocity[1, :, 9:] = 0.3
    gathers = ks.simulation.simulate(np.array(UNITS[1](velocity))[..., 0], acquisition)
    return velocity, np.array(UNITS[0](gathers))


def misfit_of(layer, velocity, gathers):
    assert layer(velocity, gathers) is velocity
    (loss,) = layer.losses
    return float(loss)


def test_its_terms(acquisition, observed):
    velocity, gathers = observed
    both = np.stack([gathers[0], gathers[0]])  # what the first model explains

    def misfit(transport, variation):
        layer = DataMisfit(acquisition, *UNITS, 3.0, transport, variation)
        return misfit_of(layer, ops.convert_to_tensor(velocity), both)

    assert misfit(0, 0) == pytest.approx(3 * np.abs(gathers - both).mean(), rel=1e-4)
    amplitude = np.abs(UNITS[0].inverse(gathers))
    amplitude = np.log1p(amplitude)  # as the normalization weighs it
    arrived = np.cumsum(amplitude, axis=1) / amplitude.sum(axis=1, keepdims=True)
    moved = np.abs(arrived - arrived[:1]).mean()
    assert misfit(2, 0) - misfit(0, 0) == pytest.approx(3 * 2 * moved, rel=1e-3)
    # One step of 0.6 between two of 16 rows, and one of 0.8 between columns, of a range of 2.
    variation = np.mean([0.6 / 2 / 15, 0.8 / 2 / 15])
    assert misfit(0, 5) - misfit(0, 0) == pytest.approx(3 * 5 * variation, rel=1e-3)


def test_transport_shows_the_way_over_more_than_half_a_period():
    """Direct waves of ever faster rock: their difference saturates, how far they moved does not."""
    acquisition = ks.simulation.Acquisition.surface(
        width=60, dx=10.0, dt=0.001, nt=400, peak_frequency=15.0, shots=1, source_columns=(0,),
        receiver_step=8, boundary="cpml",
    )  # fmt: skip
    unit = np.ones((1, 16, 60, 1), np.float32)
    velocities = np.array([2000.0, 3000.0, 3600.0])
    gathers = ks.simulation.simulate(2000 * unit[..., 0], acquisition)
    gathers = UNITS[0](gathers)

    def rise(weight, transport):
        layer = DataMisfit(acquisition, *UNITS, weight, transport, 0.0)
        start, middle, end = (
            misfit_of(layer, UNITS[1].inverse(v * unit), gathers) for v in velocities
        )
        assert start < 1e-3 * middle
        return (end - middle) / middle

    assert rise(1e-3, 1e3) > 2 * rise(1.0, 0.0)


def test_the_gradient_passes_outside_the_range(acquisition, observed):
    import tensorflow as tf

    _, gathers = observed
    layer = DataMisfit(acquisition, *UNITS, velocity_range=(1800.0, 4200.0))
    inside, outside = np.full((2, 2, *SHAPE, 1), -0.8, np.float32)  # 1800 m/s
    outside[:, 2:5] = -1.0
    found = []
    for velocity in (inside, outside):
        velocity = tf.constant(velocity)
        with tf.GradientTape() as tape:
            tape.watch(velocity)
            layer(velocity, gathers)
            (loss,) = layer.losses
        found.append((float(loss), tape.gradient(loss, velocity).numpy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-4 * np.abs(found[0][1]).max())
    assert np.abs(found[1][1][:, 2:5]).max() > 0


def test_saved_and_loaded_it_goes_on(acquisition, observed, tmp_path):
    velocity, gathers = observed
    network = ks.models.InversionNet(acquisition.gather_shape, SHAPE, filters=1)
    model = PhysicsGuidedModel(network, DataMisfit(acquisition, *UNITS, 0.5, variation=0.1))
    model.compile(keras.optimizers.Adam(1e-3), "mean_absolute_error", run_eagerly=True)
    assert model.train_on_batch(gathers, velocity) > 0
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.run_eagerly = True
    assert loaded.misfit.acquisition == acquisition
    assert loaded.misfit.weights_of_terms == model.misfit.weights_of_terms
    predicted = [m.predict(gathers, verbose=0) for m in (model, loaded)]
    np.testing.assert_allclose(*predicted, atol=1e-6)
    losses = [m.train_on_batch(gathers, velocity) for m in (model, loaded)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert predicting_network(loaded) is loaded.network
    unsupervised = PhysicsGuidedModel(loaded.network, DataMisfit(acquisition, *UNITS))
    unsupervised.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    assert unsupervised.train_on_batch(gathers) > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": -1.0}, "weight must not be negative, received -1"),
        ({"transport": np.nan}, "transport must not be negative, received nan"),
        ({"variation": np.inf}, "variation must not be negative, received inf"),
        ({"velocity_range": (1500.0, 7000.0)}, "unstable, .* 7000 m/s"),
        ({"velocity_range": (0.0, 4500.0)}, "positive"),
    ],
)
def test_bad_input_is_refused(acquisition, changes, message):
    with pytest.raises(ValueError, match=message):
        DataMisfit(acquisition, *UNITS, **changes)(
            np.zeros((1, *SHAPE, 1)), np.zeros((1, *acquisition.gather_shape))
        )
