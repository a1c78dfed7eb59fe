"""Keras networks that carry a PyTorch twin's recorded weights, and comparisons with its record.

The records in ``tests/fixtures/*_twin.npz`` are made by the programs beside them.
"""

import pathlib

import keras
import numpy as np

from tests.fixtures.twin_inputs import fcnvmb_inputs, inversion_net_inputs

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
INPUTS = {"inversion_net": inversion_net_inputs, "fcnvmb": fcnvmb_inputs}

#: The optimizer of the twins' two steps.
ADAMW = {"learning_rate": 1e-3, "weight_decay": 0.1, "epsilon": 1e-8}


def read_record(name):
    """The record of one twin, such as ``fcnvmb_deconv``."""
    with np.load(FIXTURES / f"{name}_twin.npz", allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def examples(network, record):
    """Gathers and velocities as the twin had them, channels last."""
    arrays = INPUTS[network]()
    for array, name in zip(arrays, ("gathers", "velocity"), strict=True):
        # If NumPy's generator ever changes, this says so, and not a failing parity.
        total = array.sum(dtype=np.float64)
        np.testing.assert_allclose(total, record[f"sum_of_{name}"], rtol=1e-9)
    return tuple(np.moveaxis(array, 1, -1) for array in arrays)


def convolutions(model):
    kinds = keras.layers.Conv2D | keras.layers.Conv2DTranspose
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def batch_normalizations(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def recorded_layers(model, record):
    """Each layer with weights, and its name in the record: both in the order of the network."""
    names = list(dict.fromkeys(
        name.removeprefix("before/").rpartition(".")[0]
        for name in record
        if name.startswith("before/")
    ))  # fmt: skip
    for kind, dimensions in ((convolutions, 4), (batch_normalizations, 1)):
        of_kind = [name for name in names if record[f"before/{name}.weight"].ndim == dimensions]
        yield from zip(of_kind, kind(model), strict=True)


def lay_in(model, record):
    """Give a model the twin's weights."""
    for name, layer in recorded_layers(model, record):
        weight, bias = (record[f"before/{name}.{kind}"] for kind in ("weight", "bias"))
        if weight.ndim == 4:
            # (out, in, h, w) of a convolution to (h, w, in, out), and (in, out, h, w) of a
            # transposed one to (h, w, out, in): the same permutation.
            layer.set_weights([weight.transpose(2, 3, 1, 0), bias])
        else:
            statistics = [record[f"before/{name}.running_{kind}"] for kind in ("mean", "var")]
            layer.set_weights([weight, bias, *statistics])
    return model


def recorded_variables(model, record):
    """Each trainable variable, the name of its layer and its own name in the record."""
    for name, layer in recorded_layers(model, record):
        for kind, variable in zip(("weight", "bias"), layer.trainable_variables, strict=True):
            yield name, f"{name}.{kind}", variable


def some_entries(array):
    """The entries that the record keeps of a tensor, from Keras' layout of it."""
    array = np.asarray(array)
    flat = (array.transpose(3, 2, 0, 1) if array.ndim == 4 else array).ravel()
    return flat[:: max(1, len(flat) // 250)]


def loss_and_gradients(model, gathers, velocity, loss):
    """Output with batch statistics, loss, and gradients by variable path."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        output = model(gathers, training=True)
        value = tf.reduce_mean(loss(output - velocity))
    variables = model.trainable_variables
    gradients = tape.gradient(value, [variable.value for variable in variables])
    return output, value, {v.path: g.numpy() for v, g in zip(variables, gradients, strict=True)}


def assert_gradients_equal(model, gradients, record, tolerance=1e-4):
    """Norms and the recorded entries, relative to the layer's largest.

    Not to the tensor's own: where a gradient is a sum whose terms cancel, as that of the first
    gamma, TensorFlow's LeakyReLU shows, which keeps its slope in float32.
    """
    without_effect = biases_without_effect(model)
    for layer, name, variable in recorded_variables(model, record):
        norm = max(record[f"gradient_norm/{layer}.{kind}"] for kind in ("weight", "bias"))
        gradient = gradients[variable.path]
        # Batch normalization removes what a bias before it adds: its gradient is zero.
        allowed = (1e-6 if variable.path in without_effect else tolerance) * norm
        expected = record[f"gradient_norm/{name}"]
        assert abs(np.linalg.norm(gradient) - expected) <= allowed, name
        expected = record[f"gradient/{name}"]
        np.testing.assert_allclose(
            some_entries(gradient), expected, rtol=0, atol=allowed, err_msg=name
        )


def assert_changes_equal(model, before, record):
    """What two optimizer steps of 1e-3 changed, to a few percent of a step.

    The optimizer divides gradients by their size, also those that are small by cancellation.
    Without the decay, which takes 2e-4 of a weight, it would be seen.
    """
    for _, name, variable in recorded_variables(model, record):
        change = some_entries(variable.numpy() - before[variable.path])
        np.testing.assert_allclose(
            change, record[f"change/{name}"], rtol=0, atol=3e-5, err_msg=name
        )


def biases_without_effect(model):
    """Paths of the convolutions' biases that a batch normalization follows."""
    normalized = {x.name.removesuffix("_batch_norm") for x in batch_normalizations(model)}
    return {
        layer.bias.path
        for layer in convolutions(model)
        if layer.name.removesuffix("_convolution").removesuffix("_transposed") in normalized
    }


def assert_moving_statistics_equal(model, record, batch):
    """Moving statistics after one training step."""
    for name, normalization in recorded_layers(model, record):
        if not isinstance(normalization, keras.layers.BatchNormalization):
            continue
        np.testing.assert_allclose(
            normalization.moving_mean, record[f"after/{name}.running_mean"], rtol=1e-5, atol=1e-6
        )
        # PyTorch keeps the unbiased variance, Keras the biased one.
        cells = batch * np.prod(normalization.output.shape[1:3])
        before, after = (record[f"{when}/{name}.running_var"] for when in ("before", "after"))
        biased = 0.9 * before + (after - 0.9 * before) * (cells - 1) / cells
        np.testing.assert_allclose(normalization.moving_variance, biased, rtol=1e-5)
