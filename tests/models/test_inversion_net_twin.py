"""InversionNet against the published table, and against a PyTorch twin built from it.

The twin's weights, outputs and gradients are recorded in
``tests/fixtures/inversion_net_twin.npz`` by the program of the same name.
"""

import pathlib

import keras
import numpy as np
import pytest

from keras_seismic.models import InversionNet

FIXTURE = pathlib.Path(__file__).parents[1] / "fixtures" / "inversion_net_twin.npz"

#: The published table: channels, kernel, strides, then the map (time or depth by width).
#: "T" marks a transposed convolution.
TABLE = [
    ("", 32, (7, 1), (2, 1), (500, 70)),
    ("", 64, (3, 1), (2, 1), (250, 70)),
    ("", 64, (3, 1), (1, 1), (250, 70)),
    ("", 64, (3, 1), (2, 1), (125, 70)),
    ("", 64, (3, 1), (1, 1), (125, 70)),
    ("", 128, (3, 1), (2, 1), (63, 70)),
    ("", 128, (3, 1), (1, 1), (63, 70)),
    ("", 128, (3, 3), (2, 2), (32, 35)),
    ("", 128, (3, 3), (1, 1), (32, 35)),
    ("", 256, (3, 3), (2, 2), (16, 18)),
    ("", 256, (3, 3), (1, 1), (16, 18)),
    ("", 256, (3, 3), (2, 2), (8, 9)),
    ("", 256, (3, 3), (1, 1), (8, 9)),
    ("", 512, (8, 9), (1, 1), (1, 1)),
    ("T", 512, (5, 5), None, (5, 5)),  # any stride: its input is one cell
    ("", 512, (3, 3), (1, 1), (5, 5)),
    ("T", 256, (4, 4), (2, 2), (10, 10)),
    ("", 256, (3, 3), (1, 1), (10, 10)),
    ("T", 128, (4, 4), (2, 2), (20, 20)),
    ("", 128, (3, 3), (1, 1), (20, 20)),
    ("T", 64, (4, 4), (2, 2), (40, 40)),
    ("", 64, (3, 3), (1, 1), (40, 40)),
    ("T", 32, (4, 4), (2, 2), (80, 80)),
    ("", 32, (3, 3), (1, 1), (80, 80)),
    ("", 1, (3, 3), (1, 1), (70, 70)),
]


def convolutions(model):
    kinds = keras.layers.Conv2D | keras.layers.Conv2DTranspose
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def batch_normalizations(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.fixture(scope="module")
def record():
    with np.load(FIXTURE, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def examples(record):
    """Gathers and velocities, made as the twin's program makes them, channels last."""
    rng = np.random.default_rng(20)
    blocks = rng.random((4, 5, 50, 7)).repeat(20, axis=2).repeat(10, axis=3)
    gathers = (2 * (blocks + rng.random((4, 5, 1000, 70))) - 2).astype(np.float32)
    velocity = (2 * rng.random((4, 1, 70, 70)) - 1).astype(np.float32)
    # If NumPy's generator ever changes, this says so, and not a failing parity.
    np.testing.assert_allclose(gathers.sum(dtype=np.float64), record["sum_of_gathers"], rtol=1e-9)
    np.testing.assert_allclose(velocity.sum(dtype=np.float64), record["sum_of_velocity"], rtol=1e-9)
    return np.moveaxis(gathers, 1, -1), np.moveaxis(velocity, 1, -1)


def twin_positions(record):
    """The twin's blocks in order: its state dictionary counts them (and one crop)."""
    return sorted({int(name.split("/")[1].split(".")[0]) for name in record if "before/" in name})


def with_twins_weights(record, dtype):
    """A narrow InversionNet that carries the twin's weights."""
    model = InversionNet(filters=2, dtype=dtype)
    positions = twin_positions(record)
    assert len(positions) == len(convolutions(model)) == len(batch_normalizations(model)) == 25
    for i, convolution, normalization in layers_in_order(model, record):
        # (out, in, h, w) of a convolution to (h, w, in, out), and (in, out, h, w) of a
        # transposed one to (h, w, out, in): the same permutation.
        kernel = record[f"before/{i}.0.weight"].transpose(2, 3, 1, 0)
        convolution.set_weights([kernel, record[f"before/{i}.0.bias"]])
        statistics = ("weight", "bias", "running_mean", "running_var")
        normalization.set_weights([record[f"before/{i}.1.{name}"] for name in statistics])
    return model


def layers_in_order(model, record):
    return zip(
        twin_positions(record), convolutions(model), batch_normalizations(model), strict=True
    )


# Computed in float32, 25 layers of rounding are seen; in float64 nothing hides.
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-6), ("float32", 1e-4)])
def test_output_equals_the_twin_in_inference(record, examples, dtype, tolerance):
    expected = record["evaluated"].transpose(0, 2, 3, 1)
    # The comparison would be empty if the network gave the same for every input.
    assert expected.std(axis=0).mean() > 0.1
    output = with_twins_weights(record, dtype).predict(examples[0], verbose=0)
    np.testing.assert_allclose(output, expected, rtol=0, atol=tolerance)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="uses a gradient tape")
def test_training_step_equals_the_twin(record, examples):
    """Output with batch statistics, loss, all gradients, and the moving statistics left behind."""
    import tensorflow as tf

    # In float32 the gradient cannot be compared closely: rounding moves some activations
    # across the kink of the LeakyReLU, and the first layers' gradients by half a per cent.
    model = with_twins_weights(record, "float64")
    gathers, velocity = examples
    with tf.GradientTape() as tape:
        output = model(gathers, training=True)
        loss = tf.reduce_mean(tf.abs(output - velocity))
    variables = model.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    norm = {v.path: float(tf.norm(g)) for v, g in zip(variables, gradients, strict=True)}

    expected = record["trained"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(loss, record["loss"], rtol=1e-6)
    assert len(norm) == 100
    for i, convolution, normalization in layers_in_order(model, record):
        for name, variable in (
            ("0.weight", convolution.kernel),
            ("1.weight", normalization.gamma),
            ("1.bias", normalization.beta),
        ):
            twin = record[f"gradient_norm/{i}.{name}"]
            np.testing.assert_allclose(norm[variable.path], twin, rtol=1e-4, err_msg=variable.path)
        # Batch normalisation removes what a bias before it adds: its gradient is zero.
        assert norm[convolution.bias.path] < 1e-6 * norm[convolution.kernel.path]
        assert record[f"gradient_norm/{i}.0.bias"] < 1e-12

        np.testing.assert_allclose(
            normalization.moving_mean, record[f"after/{i}.1.running_mean"], rtol=1e-5, atol=1e-6
        )
        # PyTorch keeps the unbiased variance, Keras the biased one.
        cells = len(gathers) * np.prod(normalization.output.shape[1:3])
        before, after = (record[f"{when}/{i}.1.running_var"] for when in ("before", "after"))
        biased = 0.9 * before + (after - 0.9 * before) * (cells - 1) / cells
        np.testing.assert_allclose(normalization.moving_variance, biased, rtol=1e-5)


def test_layers_and_parameters_of_the_published_table():
    model = InversionNet()
    rows = []
    for layer in convolutions(model):
        kind = "T" if isinstance(layer, keras.layers.Conv2DTranspose) else ""
        strides = None if kind and layer.input.shape[1:3] == (1, 1) else layer.strides
        rows.append((kind, layer.filters, layer.kernel_size, strides, layer.output.shape[1:3]))
        assert layer.use_bias
    assert rows == TABLE
    assert sum(variable.value.shape.num_elements() for variable in model.trainable_variables) == (
        24_409_123
    )
    assert model.count_params() == 24_417_765


def test_every_convolution_is_normalised_then_activated():
    """Convolution, batch normalisation (PyTorch's constants), activation: 24 leaky and one tanh."""
    model = InversionNet(filters=1)
    kinds = keras.layers.Conv2D | keras.layers.Conv2DTranspose
    computing = [
        layer
        for layer in model.layers
        if not isinstance(
            layer, keras.layers.InputLayer | keras.layers.ZeroPadding2D | keras.layers.Cropping2D
        )
    ]
    assert len(computing) == 75
    for position, (convolution, normalization, activation) in enumerate(
        zip(computing[::3], computing[1::3], computing[2::3], strict=True)
    ):
        assert isinstance(convolution, kinds)
        assert convolution.activation is keras.activations.linear
        assert isinstance(normalization, keras.layers.BatchNormalization)
        assert (normalization.epsilon, normalization.momentum) == (1e-5, 0.9)
        if position < 24:
            assert isinstance(activation, keras.layers.LeakyReLU)
            assert activation.negative_slope == pytest.approx(0.2)
        else:
            assert activation.activation is keras.activations.tanh
    crop = model.get_layer("crop")
    assert crop.cropping == ((5, 5), (5, 5))
