"""InversionNet against the published table, and against PyTorch twins built from it."""

import keras
import numpy as np
import pytest

from keras_seismic.models import InversionNet
from tests.models import twins
from tests.models.twins import convolutions

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


#: With float64 nothing hides; computed in float32, 25 layers of rounding are seen.
PRECISIONS = [("float64", 1e-5), ("float32", 1e-4)]


@pytest.fixture(scope="module", params=["transposed", "resize"])
def decoder(request):
    return request.param


@pytest.fixture(scope="module")
def record(decoder):
    names = {"transposed": "inversion_net", "resize": "inversion_net_resize"}
    return twins.read_record(names[decoder])


@pytest.fixture(scope="module")
def examples(record):
    return twins.examples("inversion_net", record)


def with_twins_weights(record, decoder, dtype):
    """A narrow InversionNet that carries the twin's weights."""
    return twins.lay_in(InversionNet(filters=2, decoder=decoder, dtype=dtype), record)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_output_equals_the_twin_in_inference(record, decoder, examples, dtype, tolerance):
    expected = record["evaluated"].transpose(0, 2, 3, 1)
    # The comparison would be empty if the network gave the same for every input.
    assert expected.std(axis=0).mean() > 0.1
    output = with_twins_weights(record, decoder, dtype)(examples[0])
    np.testing.assert_allclose(output, expected, rtol=0, atol=tolerance)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="uses a gradient tape")
def test_training_step_equals_the_twin(record, decoder, examples):
    """Output with batch statistics, loss, all gradients, and the moving statistics left behind."""
    # In float32 the gradient cannot be compared closely: rounding moves some activations
    # across the kink of the LeakyReLU, and the first layers' gradients by half a percent.
    model = with_twins_weights(record, decoder, "float64")
    output, loss, gradients = twins.loss_and_gradients(model, *examples, abs)
    expected = record["trained"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(loss, record["loss"], rtol=1e-6)
    assert len(gradients) == 100
    assert len(twins.biases_without_effect(model)) == 25
    twins.assert_gradients_equal(model, gradients, record)
    twins.assert_moving_statistics_equal(model, record, len(examples[0]))


def test_two_adamw_steps_equal_the_twin(record, decoder, examples):
    """Moments, bias correction and decay; the loss is a sum, as the twin's."""
    model = with_twins_weights(record, decoder, "float64")
    before = {v.path: v.numpy() for v in model.trainable_variables}

    def total(true, predicted):
        return keras.ops.sum(keras.ops.abs(predicted - true))

    model.compile(keras.optimizers.AdamW(**twins.ADAMW), total, run_eagerly=True)
    for _ in range(2):
        model.train_on_batch(*examples)
    twins.assert_changes_equal(model, before, record)


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


def test_every_convolution_is_normalized_then_activated():
    """Convolution, batch normalization (PyTorch's constants), activation: 24 leaky and one tanh."""
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
