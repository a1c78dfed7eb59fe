"""FCNVMB against PyTorch twins built from its description."""

import keras
import numpy as np
import pytest

from keras_seismic.models import FCNVMB
from tests.models import twins

#: How the recorded twins grow their maps, and whether their encoder is batch-normalized.
TWINS = {
    "deconv": {"use_deconv": True, "batch_norm": True},
    "bilinear": {"use_deconv": False, "batch_norm": False},
}


@pytest.fixture(scope="module", params=TWINS)
def twin(request):
    """Arguments, record and examples."""
    record = twins.read_record(f"fcnvmb_{request.param}")
    return TWINS[request.param], record, twins.examples("fcnvmb", record)


def with_twins_weights(arguments, record, examples, dtype):
    gathers, velocity = (array.shape[1:] for array in examples)
    model = FCNVMB(gathers, velocity[:2], filters=2, dtype=dtype, **arguments)
    return twins.lay_in(model, record)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-6), ("float32", 1e-5)])
def test_output_equals_the_twin_in_inference(twin, dtype, tolerance):
    arguments, record, examples = twin
    expected = record["evaluated"].transpose(0, 2, 3, 1)
    # The comparison would be empty if the network gave the same for every input.
    assert expected.std(axis=0).mean() > 0.1
    output = with_twins_weights(arguments, record, examples, dtype)(examples[0])
    np.testing.assert_allclose(output, expected, rtol=0, atol=tolerance)


def test_training_step_equals_the_twin(twin):
    arguments, record, examples = twin
    model = with_twins_weights(arguments, record, examples, "float64")
    output, loss, gradients = twins.loss_and_gradients(model, *examples, keras.ops.square)
    expected = record["trained"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(loss, record["loss"], rtol=1e-6)
    assert len(gradients) == (82 if arguments["batch_norm"] else 62)
    twins.assert_gradients_equal(model, gradients, record)
    twins.assert_moving_statistics_equal(model, record, len(examples[0]))


@pytest.mark.parametrize("other", [{"crop_offset": 0}, {"skip": "before_pooling"}])
def test_another_crop_or_skip_is_another_network(other):
    """The twin distinguishes the published peculiarities from the textbook version."""
    record = twins.read_record("fcnvmb_deconv")
    examples = twins.examples("fcnvmb", record)
    model = with_twins_weights(TWINS["deconv"] | other, record, examples, "float32")
    expected = record["evaluated"].transpose(0, 2, 3, 1)
    assert np.abs(model(examples[0]) - expected).max() > 0.1
