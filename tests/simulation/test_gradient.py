"""``AcousticModeling`` and its gradient, against differences, autodiff and deepwave."""

import dataclasses
import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from keras import ops

from keras_seismic.simulation import AcousticModeling, Acquisition, simulate
from keras_seismic.simulation.boundaries import BOUNDARIES, boundary_cells
from keras_seismic.simulation.time_loop import differentiable_loop

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="takes gradients by tf.GradientTape"
)

SHAPE = (14, 12)


def small(boundary="cpml", **changes):
    """A fast experiment in which waves reach every edge and come back."""
    arguments = {"width": 12, "dx": 10.0, "dt": 0.001, "nt": 90, "peak_frequency": 25.0, "shots": 2}
    return Acquisition.surface(boundary=boundary, boundary_width=5, **arguments | changes)


def moving(boundary):
    """Under a free surface, receivers of each shot's own, two of them in one place."""
    still = small(boundary, free_surface=True)
    each = (still.receivers[:4], (*still.receivers[6:9], still.receivers[8]))
    return dataclasses.replace(still, receivers=each)


@pytest.fixture
def arguments(rng):
    """Two models, wavelets that differ from shot to shot, and amplitudes; float64."""
    velocity = rng.uniform(1800, 3200, (2, *SHAPE))
    velocity[:, 4, 7], velocity[:, 9, 3] = 1700, 3300  # stay slowest and fastest when all change
    wavelet = small().wavelet * np.array([[1.0], [0.6]])
    return [velocity, wavelet, np.array([1.0, 1.7])]


def value_and_gradients(function, arguments, weights):
    import tensorflow as tf

    tensors = [tf.constant(x) for x in arguments]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = tf.reduce_sum(function(*tensors) * weights)
    return float(value), [g.numpy() for g in tape.gradient(value, tensors)]


def direction(velocity, rng):
    """A random change of all cells but the slowest and fastest, which the boundary reads."""
    change = rng.normal(size=velocity.shape)
    for one, model in zip(change, velocity, strict=True):
        one.flat[[model.argmin(), model.argmax()]] = 0
    return change


@pytest.mark.parametrize("acquisition", [small("openfwi"), moving("cpml")], ids=["closed", "free"])
def test_taylor(acquisition, arguments, rng):
    """What the gradient leaves of a change is of second order, over three decades of its size."""
    function = differentiable_loop(acquisition, SHAPE, "tensorflow")
    weights = rng.normal(size=(2, *acquisition.gather_shape))
    before, gradients = value_and_gradients(function, arguments, weights)
    velocity, *source = arguments
    change = direction(velocity, rng)
    expected = np.sum(gradients[0] * change)
    sizes = 10.0 ** -np.arange(4)  # m/s
    left = [
        abs(
            np.sum(function(velocity + h * change, *source).numpy() * weights)
            - before
            - h * expected
        )
        for h in sizes
    ]
    slopes = np.diff(np.log10(left)) / np.diff(np.log10(sizes))
    np.testing.assert_allclose(slopes, 2, atol=0.05)
    # Gathers are linear in the source.
    for number in (1, 2):
        change = rng.normal(size=arguments[number].shape)
        changed = list(arguments)
        changed[number] = changed[number] + change
        after = np.sum(function(*changed).numpy() * weights)
        assert after - before == pytest.approx(np.sum(gradients[number] * change), rel=1e-9)


@pytest.mark.parametrize("acquisition", [small("cpml"), moving("openfwi")], ids=["closed", "free"])
def test_autodiff_of_the_steps_gives_the_same(acquisition, arguments, rng):
    """A short record, step by step in plain operations that TensorFlow differentiates."""
    import tensorflow as tf

    acquisition = dataclasses.replace(acquisition, nt=40)
    arguments[1] = arguments[1][:, 20:60]
    weights = rng.normal(size=(2, *acquisition.gather_shape))
    loop = differentiable_loop(acquisition, SHAPE, "tensorflow")
    value, gradients = value_and_gradients(loop, arguments, weights)

    padding = boundary_cells(acquisition)
    rows, columns = acquisition.grid_indices("sources", SHAPE)
    to_rows, to_columns = acquisition.grid_indices("receivers", SHAPE)
    scheme, top, left = BOUNDARIES[acquisition.boundary], padding[0][0], padding[1][0]
    padded = np.pad(arguments[0], ((0, 0), *padding), mode="edge")
    coefficients = [tf.constant(c) for c in scheme.coefficients(padded, acquisition)]
    nearest = [
        np.arange(-before, n + after).clip(0, n - 1)
        for n, (before, after) in zip(SHAPE, padding, strict=True)
    ]

    def step_by_step(velocity, wavelet, amplitudes):
        extended = tf.gather(tf.gather(velocity, nearest[0], axis=1), nearest[1], axis=2)
        courant = (extended * acquisition.dt / acquisition.dx) ** 2
        used = [courant[:, None], *coefficients[1:]]
        state = scheme.initial_state(tf.zeros((2, 2, *padded.shape[1:]), tf.float64))
        at_source = tf.stack(
            [velocity[:, r, c] for r, c in zip(rows, columns, strict=True)], axis=1
        )
        strength = (at_source * acquisition.dt) ** 2 * amplitudes
        spot = np.zeros((1, 2, *padded.shape[1:]))
        spot[0, [0, 1], rows + top, columns + left] = 1
        record = []
        for t in range(acquisition.nt):
            (after, *rest), _ = scheme.step(state, used, acquisition.free_surface)
            state = (after + (strength * wavelet[:, t])[:, :, None, None] * spot, *rest)
            shots = np.arange(2)[:, None], to_rows + top, to_columns + left
            cells = np.stack(np.broadcast_arrays(*shots), axis=-1)
            by_shot = tf.transpose(state[0], (1, 2, 3, 0))
            record.append(tf.transpose(tf.gather_nd(by_shot, cells), (2, 1, 0)))
        return tf.stack(record, axis=1)

    again, expected = value_and_gradients(step_by_step, arguments, weights)
    assert value == pytest.approx(again, rel=1e-10)
    for gradient, witness in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, witness, atol=1e-10 * np.abs(witness).max())
    # The edges count for the cells that repeat them.
    inner = np.abs(gradients[0][:, 2:-2, 2:-2]).mean()
    assert np.abs(gradients[0][:, :, 0]).mean() > inner


DEEPWAVE = """
    import deepwave, numpy as np, torch

    given = np.load(FOLDER + "/given.npz")
    wavelet = torch.tensor(given["wavelet"]).tile(2, 1, 1)

    def gathers(velocity):
        return deepwave.scalar(
            velocity, 10.0, 0.001, source_amplitudes=wavelet, accuracy=4, pml_freq=15.0,
            max_vel=2500.0,
            source_locations=torch.tensor(given["sources"])[:, None],
            receiver_locations=torch.tensor(given["receivers"]).tile(2, 1, 1),
        )[-1]

    observed = gathers(torch.tensor(given["true"]))
    velocity = torch.tensor(given["start"], requires_grad=True)
    (torch.sum((gathers(velocity) - observed) ** 2) / 2).backward()
    np.savez(FOLDER + "/found.npz", gathers=observed.numpy(), gradient=velocity.grad.numpy())
"""


def in_another_process(code, folder, values, backend="tensorflow"):
    """Code that finds arrays in a folder and leaves others there; PyTorch needs its own process."""
    np.savez(folder / "given.npz", **values)
    code = f"FOLDER = {str(folder)!r}\n" + textwrap.dedent(code)
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)
    return np.load(folder / "found.npz")


@pytest.mark.slow  # loads PyTorch
@pytest.mark.skipif(not find_spec("deepwave"), reason="needs deepwave: pip install deepwave")
def test_deepwave_agrees_inside(tmp_path):
    """Another code of the same orders, whose gathers have another factor."""
    acquisition = Acquisition.surface(
        width=50, dx=10.0, dt=0.001, nt=450, peak_frequency=15.0, shots=2, source_columns=(12, 40),
        receiver_step=3, boundary="cpml",
    )  # fmt: skip
    true, start = np.full((2, 40, 50), 2200.0, np.float32)
    true[18:24, 20:28] = 2500.0
    gathers = simulate(true[None], acquisition)
    import tensorflow as tf

    layer = AcousticModeling(acquisition)
    velocity = tf.constant(start[None, ..., None])
    with tf.GradientTape() as tape:
        tape.watch(velocity)
        misfit = tf.reduce_sum((layer(velocity) - gathers) ** 2) / 2
    gradient = tape.gradient(misfit, velocity).numpy()[0, ..., 0]
    places = {
        kind: np.stack(acquisition.grid_indices(kind, (40, 50)), axis=-1)
        for kind in ("sources", "receivers")
    }
    values = {"true": true, "start": start, "wavelet": acquisition.wavelet.astype(np.float32)}
    peer = in_another_process(DEEPWAVE, tmp_path, values | places)
    factor = np.sum(gathers[0].T * peer["gathers"]) / np.sum(peer["gathers"] ** 2)
    inside = np.s_[4:-2, 2:-2]  # below the sources
    ours, witness = gradient[inside], factor**2 * peer["gradient"][inside]
    assert np.linalg.norm(ours - witness) < 0.02 * np.linalg.norm(witness)


JAX = """
    import jax, numpy as np
    import keras_seismic as ks

    given = np.load(FOLDER + "/given.npz")
    acquisition = ks.simulation.Acquisition.surface(
        width=12, dx=10.0, dt=0.001, nt=90, peak_frequency=25.0, shots=2, boundary="cpml",
        boundary_width=5,
    )
    found = {}
    for method in ("ops", "compiled"):
        layer = ks.simulation.AcousticModeling(acquisition, method)

        def value(velocity, amplitudes):
            gathers = layer(velocity, amplitudes=amplitudes)
            return (gathers * given["weights"]).sum(), gathers

        differentiate = jax.jit(jax.grad(value, (0, 1), has_aux=True))
        (velocity, amplitudes), gathers = differentiate(given["velocity"], given["amplitudes"])
        for name, array in (("v", velocity), ("a", amplitudes), ("g", gathers)):
            found[name + method] = array
    np.savez(FOLDER + "/found.npz", **found)
"""


def test_backends_and_methods_agree(tmp_path, arguments, rng):
    pytest.importorskip("jax")
    acquisition = small()
    velocity, _, amplitudes = (x.astype(np.float32) for x in arguments)
    weights = rng.normal(size=(2, *acquisition.gather_shape)).astype(np.float32)
    values = {"velocity": velocity[..., None], "weights": weights, "amplitudes": amplitudes}
    found = dict(in_another_process(JAX, tmp_path, values, "jax"))
    layer = AcousticModeling(acquisition, "compiled")

    def gathers(velocity, amplitudes):
        return layer(velocity, amplitudes=amplitudes)

    expected = {"g": gathers(velocity[..., None], amplitudes).numpy()}
    given = velocity[..., None], amplitudes
    expected["v"], expected["a"] = value_and_gradients(gathers, given, weights)[1]
    layer = AcousticModeling(acquisition, "ops")
    found["gtf"] = gathers(*given).numpy()
    found["vtf"], found["atf"] = value_and_gradients(gathers, given, weights)[1]
    assert len(found) == 9
    for name, array in found.items():
        scale = np.abs(expected[name[0]]).max()
        np.testing.assert_allclose(array, expected[name[0]], rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("method", ["auto", "ops"])
def test_the_layer_is_the_simulation(method, arguments):
    velocity = arguments[0].astype(np.float32)
    acquisition = small(peak_frequency=17.0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    layer = AcousticModeling(acquisition, method)
    gathers = layer(velocity[..., None])
    assert gathers.shape == layer.compute_output_shape((2, *SHAPE, 1))
    assert gathers.dtype == "float32"
    expected = simulate(velocity, acquisition)
    np.testing.assert_allclose(gathers, expected, atol=1e-5 * np.abs(expected).max())


def test_saved_with_its_acquisition(tmp_path):
    inputs = keras.Input((*SHAPE, 1))
    acquisition = small(receiver_step=2, free_surface=True)
    model = keras.Model(inputs, AcousticModeling(acquisition, method="ops")(inputs))
    assert model.output_shape == (None, *acquisition.gather_shape)
    model.save(tmp_path / "modeling.keras")
    layer = keras.models.load_model(tmp_path / "modeling.keras").layers[-1]
    assert (layer.acquisition, layer.method) == (acquisition, "ops")


@keras.saving.register_keras_serializable(package="test_gradient")
class _Velocity(keras.layers.Layer):
    """2 x 3 velocities as weights, the same for every example."""

    def build(self, shape):
        self.pixels = self.add_weight(shape=(1, 2, 3, 1), initializer="zeros")

    def call(self, inputs):
        fine = ops.repeat(ops.repeat(ops.tanh(self.pixels), 7, axis=1), 4, axis=2)
        return ops.zeros_like(inputs[:, :1, :1, :1]) + 2400.0 + 400.0 * fine


@pytest.mark.parametrize("method", ["auto", pytest.param("ops", marks=pytest.mark.slow)])
def test_fit_through_the_layer_recovers_a_velocity_model(method):
    """The last batch is smaller, so that the number of models is not known in advance."""
    acquisition = small(source_columns=(0, 6, 11), nt=120, peak_frequency=20.0)
    true = np.kron([[2400.0, 2300.0, 2500.0], [2450.0, 2600.0, 2300.0]], np.ones((7, 4)))[None]
    gathers = np.tile(simulate(true, acquisition), (3, 1, 1, 1))
    inputs = keras.Input(acquisition.gather_shape)
    velocity = _Velocity()
    model = keras.Model(inputs, AcousticModeling(acquisition, method)(velocity(inputs)))
    model.compile(keras.optimizers.Adam(0.05), "mean_squared_error")
    losses = model.fit(gathers, gathers, batch_size=2, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.01 * losses[0]
    found = ops.convert_to_numpy(velocity(gathers[:1]))[0, ..., 0]
    assert np.abs(found - true[0]).max() < 0.1 * np.abs(true[0] - 2400).max()


def test_bad_input_is_refused():
    with pytest.raises(
        ValueError, match=r"method must be 'auto', 'compiled' or 'ops', received 'fast'"
    ):
        AcousticModeling(small(), method="fast")
    with pytest.raises(ValueError, match=r"sources.*outside the velocity model"):
        AcousticModeling(small())(np.full((1, 14, 8, 1), 2000.0))
    for wrong in (0.0, np.nan, 7000.0):
        velocity = np.full((1, *SHAPE, 1), 2000.0)
        velocity[0, 3, 3] = wrong
        with pytest.raises(ValueError, match=r"above 0 and up to .* 6120 m/s"):
            AcousticModeling(small(), method="compiled")(velocity)
