"""TimeDepthUNet."""

import numpy as np
import pytest

import keras_seismic as ks
from tests.models.base import ModelTests


class TestTimeDepthUNet(ModelTests):
    model_class = ks.models.TimeDepthUNet
    arguments = {
        "gather_shape": (64, 12, 2), "velocity_shape": (20, 24), "filters": (4, 8), "groups": 2
    }  # fmt: skip
    published = {}
    parameters = 1_378_377
    odd = [
        {"gather_shape": (65, 13, 1), "velocity_shape": (17, 31)},
        {"gather_shape": (9, 1, 3), "velocity_shape": (1, 5)},
        {"gather_shape": (333, 7, 1), "velocity_shape": (9, 7), "filters": (2, 2, 2, 2)},
    ]
    float32_layers = ("velocity",)
    units = (ks.layers.GatherNormalization(-27, 53), ks.layers.VelocityScaling(1500, 4500))
    refused = [
        ({"gather_shape": (1000, 70)}, "gather_shape must be 3 integers"),
        ({"velocity_shape": (70, 0)}, r"received \(70, 0\)"),
        ({"filters": ()}, "filters"),
        ({"filters": (8, 9)}, r"multiples of groups=8, received \(8, 9\)"),
        ({"groups": 0}, "groups"),
    ]

    @pytest.mark.parametrize(("samples", "strided"), [(400, 1), (250, 2), (1000, 4)])
    def test_time_is_shortened_to_about_the_depth(self, samples, strided):
        model = ks.models.TimeDepthUNet((samples, 8, 1), (201 if samples == 400 else 70, 8), (8,))
        assert sum(layer.name.startswith("stem") for layer in model.layers) == 2 * strided

    def test_an_output_depends_on_its_own_gathers_alone(self):
        model = self.make()
        x, _ = self.example(model, batch=3)
        together, alone = model(x, training=True), model(x[:1], training=True)
        np.testing.assert_allclose(together[:1], alone, atol=1e-5)
