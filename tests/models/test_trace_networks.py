"""MLP and TraceRNN: traces to traces."""

import numpy as np
import pytest

import keras_seismic as ks
from tests.models.base import ModelTests


class TraceTests(ModelTests):
    def example(self, model, batch=2):
        rng = np.random.default_rng(batch)
        x = rng.uniform(-1, 1, (batch, *self.shape(model))).astype("float32")
        return x, np.repeat(0.5 * x, model(x).shape[-1], axis=-1)


class TestMLP(TraceTests):
    model_class = ks.models.MLP
    arguments = {"samples": 24, "units": (16, 12)}
    parameters = 256 * 512 + 512 + 512 * 512 + 512 + 512 * 256 + 256
    odd = [{"units": (5,)}, {"features": 2}, {"dropout": 0.5}]
    refused = [({"units": ()}, "units"), ({"samples": 0}, "samples")]


class TestTraceRNN(TraceTests):
    model_class = ks.models.TraceRNN
    arguments = {"units": 6, "depth": 1}
    # Four gates in two directions, of what comes in, what was before, and a bias.
    parameters = 8 * 32 * (1 + 32 + 1) + 8 * 32 * (64 + 32 + 1) + 64 + 1
    any_shape = (20, 1)
    float32_layers = ("output",)
    # LiteRT has no loops over traces of any length; its exporter says so.
    runtimes = ("SavedModel", "C API", "ONNX Runtime")
    amplitude = 0.05
    odd = [{"cell": "gru", "depth": 2}, {"cell": "simple", "bidirectional": False}, {"features": 2}]
    refused = [({"cell": "rnn"}, "cell"), ({"units": 0}, "units")]


@pytest.mark.parametrize(("bidirectional", "reaches"), [(False, False), (True, True)])
def test_what_comes_later_matters_in_both_directions_only(bidirectional, reaches):
    model = ks.models.TraceRNN("simple", units=4, depth=1, bidirectional=bidirectional)
    trace = np.random.default_rng(0).uniform(-1, 1, (1, 12, 1)).astype("float32")
    changed = trace.copy()
    changed[0, 8] += 1
    difference = np.abs(np.asarray(model(trace)) - np.asarray(model(changed)))[0, :, 0]
    assert difference[8:].max() > 1e-3
    assert (difference[:8].max() > 1e-4) == reaches
