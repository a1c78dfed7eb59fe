"""Training by the misfit of gathers, without labels and beside them."""

import keras
import numpy as np
import pytest

import keras_seismic as ks

SHAPE = (30, 20)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    acquisition = ks.simulation.Acquisition.surface(
        width=20, dx=10.0, dt=0.001, nt=256, peak_frequency=15.0, shots=2, receiver_step=2,
        boundary="cpml", boundary_width=10,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("cache")
    pairs = ks.datasets.SimulatedPairs("flatvel_a", 32, acquisition, 0, folder, SHAPE)
    return pairs.prepare(progress=False)


def new_model(pairs, acquisition):
    """Two dense layers to a velocity for every two rows: quick, and enough for flat layers."""
    x = gathers = keras.Input(pairs.gather_shape)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D((8, 1))(x))
    x = keras.layers.Dense(32, "relu")(x)
    x = keras.layers.Dense(SHAPE[0] // 2, "tanh", kernel_initializer="zeros")(x)
    x = keras.layers.UpSampling2D((2, SHAPE[1]))(keras.layers.Reshape((-1, 1, 1))(x))
    network = keras.Model(gathers, x)
    scaling = ks.layers.VelocityScaling(1500, 4500)
    return ks.models.with_physical_units(network, pairs.input_normalization, scaling, acquisition)


def fit(pairs, folder, acquisition=None, **options):
    model = new_model(pairs, acquisition or pairs.acquisition)
    run = ks.training.RunFolder(folder / "run").create({})
    recipe = {"batch_size": 4, "learning_rate": 1e-2}
    return ks.training.fit_pairs(model, pairs, range(28), run, **recipe | options), run


def test_a_network_learns_velocity_from_gathers_alone(pairs, tmp_path):
    """Gathers explained better than by the mean of the true models, from none of them.

    With 30 epochs and three seeds the misfit became 0.34-0.39 of the mean's. The record of 0.26 s
    shows the upper third.
    """
    gathers, velocity = pairs[28:]
    before = np.abs(new_model(pairs, pairs.acquisition).predict(gathers, verbose=0) - velocity)
    model, run = fit(pairs, tmp_path, epochs=20, labels=False, physics=1.0)
    predicted = model.predict(gathers, verbose=0)
    mean = np.broadcast_to(pairs.mean_velocity(range(28)), velocity.shape)
    misfits = [
        ks.evaluation.data_misfit(v, gathers, pairs.acquisition, model.input_normalization)
        for v in (predicted, mean)
    ]
    assert misfits[0] < 0.7 * misfits[1]
    after = np.abs(predicted - velocity)
    assert after[:, :10].mean() < 0.8 * before[:, :10].mean()
    assert set(run.read_history()) >= {"loss", "val_loss", "val_velocity_mae_m_s"}


def test_labels_and_physics_together(pairs, tmp_path):
    """The loss is the sum of both; an untrained network has an error of about 0.5."""
    model, run = fit(pairs, tmp_path, epochs=1, physics=2.0)
    history = run.read_history()
    physics = history["val_loss"][0] - history["val_velocity_mae_m_s"][0] / 1500
    gathers, _ = pairs[:1]  # what is validated on
    misfit = ks.evaluation.data_misfit(
        model.predict(gathers, verbose=0), gathers, pairs.acquisition, model.input_normalization
    )
    assert physics == pytest.approx(2 * misfit, rel=1e-2)
    assert not isinstance(model.network, ks.models.PhysicsGuidedModel)


def test_bad_input_is_refused(pairs, tmp_path):
    with pytest.raises(ValueError, match="without labels, physics must be positive"):
        fit(pairs, tmp_path, epochs=1, labels=False)
    network = new_model(pairs, pairs.acquisition).network
    units = pairs.input_normalization, ks.layers.VelocityScaling(1500, 4500)
    without = ks.models.with_physical_units(network, *units)
    run = ks.training.RunFolder(tmp_path / "other").create({})
    with pytest.raises(ValueError, match="physics needs the acquisition"):
        ks.training.fit_pairs(
            without, pairs, range(4), run, epochs=1, batch_size=2, learning_rate=1e-3, physics=1.0
        )
