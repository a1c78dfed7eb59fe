"""InversionNet."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from tests.models.base import ModelTests


class TestInversionNet(ModelTests):
    model_class = ks.models.InversionNet
    arguments = {"gather_shape": (64, 12, 2), "velocity_shape": (32, 48), "filters": 2}
    published = {}
    parameters = 24_409_123
    odd = [
        {"gather_shape": (65, 13, 1), "velocity_shape": (17, 31)},
        {"gather_shape": (100, 1, 6), "velocity_shape": (1, 5), "filters": 1},
        {"gather_shape": (333, 40, 3), "velocity_shape": (94, 70)},
    ]
    units = (ks.layers.GatherNormalization(-27, 53), ks.layers.VelocityScaling(1500, 4500))
    refused = [
        ({"gather_shape": (1000, 70)}, "gather_shape must be 3 integers"),
        ({"gather_shape": (None, 70, 5)}, "None"),
        ({"gather_shape": (31, 70, 5)}, "at least 32"),
        ({"velocity_shape": (70, 0)}, r"received \(70, 0\)"),
        ({"velocity_shape": (70.5, 70)}, "70.5"),
        ({"filters": 0}, "filters"),
        ({"decoder": "unpooling"}, "decoder must be 'transposed' or 'resize', received 'unpool"),
        ({"variant": "book"}, "variant must be 'code' or 'paper', received 'book'"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), received 1.0"),
        ({"dropout": float("nan")}, "received nan"),
    ]

    def has_no_effect(self, weight):
        return weight.name == "bias"

    def test_sizes_follow_the_published_table(self):
        """Time x receivers of every encoder stage and of the decoder, from the paper's code."""
        model = ks.models.InversionNet(filters=1)
        sizes = [
            tuple(layer.output.shape[1:3])
            for layer in model.layers
            if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose)
        ]
        encoder = [(500, 70)] + [(250, 70)] * 2 + [(125, 70)] * 2 + [(63, 70)] * 2
        encoder += [(32, 35)] * 2 + [(16, 18)] * 2 + [(8, 9)] * 2 + [(1, 1)]
        decoder = [(n, n) for n in (5, 5, 10, 10, 20, 20, 40, 40, 80, 80)]
        assert sizes == [*encoder, *decoder, (70, 70)]

    def test_all_parameters(self):
        assert ks.models.InversionNet().count_params() == 24_417_765

    def test_output_is_centered(self):
        """The crop takes as much from each side: a constant map stays where it is."""
        model = ks.models.InversionNet((64, 8, 1), (70, 60), filters=1)
        cropping = model.get_layer("crop").cropping
        assert cropping == ((5, 5), (2, 2))

    def test_models_saved_before_there_were_variants_load(self):
        config = self.make().get_config()
        old = {k: v for k, v in config.items() if k not in ("decoder", "variant", "dropout")}
        model = ks.models.InversionNet.from_config(old)
        assert model.get_config() == config

    @pytest.mark.slow
    def test_learns_flat_layers_from_simulated_gathers(self, small_acquisition):
        """The job itself, small: better than the mean of the training models."""
        velocity = ks.simulation.sample_velocity("flatvel_a_v1", 160)[..., None]
        gathers = ks.simulation.simulate(velocity[..., 0], small_acquisition)
        normalization = ks.layers.GatherNormalization.openfwi("flatvel_a")
        scaling = ks.layers.VelocityScaling(1500, 4500)
        x, y = (np.asarray(v) for v in (normalization(gathers), scaling.inverse(velocity)))
        model = ks.models.InversionNet(small_acquisition.gather_shape, filters=4)
        model.compile(ks.training.adamw(4e-3, 30 * 16), "mean_absolute_error", jit_compile=False)
        model.fit(x[:128], y[:128], batch_size=8, epochs=30, verbose=0)
        predicted = scaling(model(x[128:])).numpy()
        error = np.abs(predicted - velocity[128:]).mean()
        baseline = np.abs(velocity[:128].mean(axis=0) - velocity[128:]).mean()
        assert error < 0.85 * baseline, (error, baseline)


class TestInversionNetVariant(ModelTests):
    """Whatever differs from the published network, at once."""

    model_class = ks.models.InversionNet
    arguments = {
        "gather_shape": (64, 12, 2),
        "velocity_shape": (32, 48),
        "filters": 2,
        "decoder": "resize",
        "variant": "paper",
        "dropout": 0.05,
    }
    published = {"decoder": "resize"}
    parameters = 18_996_259
    odd = [{"gather_shape": (101, 13, 6), "velocity_shape": (17, 31), "dropout": 0.5}]
    units = TestInversionNet.units

    def has_no_effect(self, weight):
        return weight.name == "bias"

    def test_the_paper_goes_on_with_narrow_convolutions_to_32_samples(self):
        """With 32 receivers the narrow ones end at a square map."""
        model = ks.models.InversionNet((1000, 32, 6), filters=1, variant="paper")
        narrow, square = [], []
        for layer in model.layers[: model.layers.index(model.get_layer("vector_convolution"))]:
            if isinstance(layer, keras.layers.Conv2D):
                kind = narrow if layer.kernel_size[1] == 1 else square
                kind.append((*layer.output.shape[1:3], layer.strides[0]))
        after_125 = narrow[narrow.index((125, 32, 1)) + 1 :]
        assert after_125 == [(63, 32, 2), (63, 32, 1), (32, 32, 2), (32, 32, 1)]
        assert square == [(16, 16, 2), (16, 16, 1), (8, 8, 2), (8, 8, 1)]
        assert model.get_layer("vector_convolution").kernel_size == (8, 8)

    def test_maps_are_resized_five_times_then_twice(self):
        model = ks.models.InversionNet(filters=1, decoder="resize")
        layers = [x for x in model.layers if isinstance(x, keras.layers.UpSampling2D)]
        assert [layer.size for layer in layers] == [(5, 5), (2, 2), (2, 2), (2, 2), (2, 2)]
        assert {layer.interpolation for layer in layers} == {"nearest"}

    def test_dropout_acts_in_training_alone(self):
        model = self.make(dropout=0.5)
        x, _ = self.example(model)
        np.testing.assert_array_equal(model(x), model(x))
        assert np.abs(model(x, training=True) - model(x, training=True)).max() > 1e-3
