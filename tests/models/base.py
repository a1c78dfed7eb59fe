"""The checks that every model passes: subclass ``ModelTests`` and say how to make the model."""

import copy

import keras
import numpy as np
import pytest
from keras import ops

import keras_seismic as ks
from benchmarks.runtimes import RUNTIMES, Case, differences, settled


def trainable_parameters(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


class ModelTests:
    """Checks of a network from normalized input to normalized output.

    A subclass sets the attributes and inherits the tests.
    """

    #: Class of the model, and arguments that make a small one.
    model_class: type
    arguments: dict = {}
    #: Arguments at the published size, and the trainable parameters there.
    published: dict = {}
    parameters: int
    #: Arguments with awkward sizes.
    odd: list = [{}]
    #: Shape of an example where the model takes any.
    any_shape: tuple = ()
    #: Input normalization and output scaling to export with.
    units: tuple = ()
    #: Layers with weights that compute in float32 whatever the policy.
    float32_layers: tuple = ()
    #: What runs its exports.
    runtimes: tuple = RUNTIMES
    #: Of the inputs to exported networks, where those of raw gathers are too large.
    amplitude: float = 1.0
    #: Bad arguments and a word of the message.
    refused: list = []

    def make(self, **arguments):
        return self.model_class(**{**self.arguments, **arguments})

    def shape(self, model):
        """Of one example."""
        return self.any_shape or model.input_shape[1:]

    def example(self, model, batch=2):
        """Input and a target that the model can reach."""
        rng = np.random.default_rng(batch)
        x = rng.uniform(-1, 1, (batch, *self.shape(model))).astype("float32")
        y = rng.uniform(-0.8, 0.8, (batch, *model(x[:1]).shape[1:])).astype("float32")
        # Blocks, not salt and pepper: what networks are made to say.
        y[:] = y.mean(axis=2, keepdims=True)
        return x, y

    def compiled(self, model, eagerly=True):
        # A few steps are quickest without tracing, many without XLA's compiler.
        model.compile(
            keras.optimizers.AdamW(5e-3),
            "mean_absolute_error",
            run_eagerly=eagerly,
            jit_compile=False,
        )
        return model

    @pytest.fixture(scope="class")
    def fitted(self, request):
        """A model trained on one batch, the batch, and the losses on the way."""
        keras.utils.set_random_seed(0)
        tests = request.cls()
        model = tests.compiled(tests.make(), eagerly=False)
        x, y = tests.example(model)
        return model, x, [float(model.train_on_batch(x, y)) for _ in range(60)]

    def test_published_parameter_count(self):
        with keras.StatelessScope(initialize_variables=False):  # nothing but shapes
            model = self.model_class(**self.published)
        assert trainable_parameters(model) == self.parameters

    def test_config_round_trip(self):
        model = self.make()
        copied = self.model_class.from_config(copy.deepcopy(model.get_config()))
        assert copied.get_config() == model.get_config()
        copied.set_weights(model.get_weights())
        x, _ = self.example(model)
        np.testing.assert_array_equal(copied(x), model(x))

    def test_clone_has_the_same_layers(self):
        model = self.make()
        cloned = keras.models.clone_model(model)
        assert [layer.name for layer in cloned.layers] == [layer.name for layer in model.layers]
        assert cloned.count_params() == model.count_params()

    def test_training_goes_on_after_saving_as_if_never_saved(self, tmp_path):
        model = self.compiled(self.make())
        x, y = self.example(model)
        model.train_on_batch(x, y)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert type(loaded) is self.model_class
        np.testing.assert_array_equal(loaded(x), model(x))
        for network in (model, loaded):
            network.train_on_batch(x, y)
        for ours, theirs in zip(model.weights, loaded.weights, strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)

    def test_every_weight_receives_a_gradient(self):
        import tensorflow as tf

        model = self.make()
        x, y = self.example(model)
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(model(x, training=True) - y))
        gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
        for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
            assert gradient is not None, weight.path
            assert np.isfinite(gradient).all(), weight.path
            if not self.has_no_effect(weight):
                assert np.abs(gradient).max() > 0, weight.path

    def has_no_effect(self, weight):
        """Weights that cannot matter: a bias is taken out again by batch normalization."""
        return False

    def test_one_batch_can_be_overfitted(self, fitted):
        _, _, losses = fitted
        assert losses[-1] < 0.5 * losses[0], losses[::10]

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
    def test_mixed_precision_and_its_memory(self, policy, tmp_path):
        keras.config.set_dtype_policy(policy)
        model = self.make()
        keras.config.set_dtype_policy("float32")
        x, _ = self.example(model)
        y = model(x)
        assert keras.backend.standardize_dtype(y.dtype) == "float32"
        weighted = [
            layer
            for layer in model.layers
            if layer.weights and layer.name not in self.float32_layers
        ]
        assert {layer.compute_dtype for layer in weighted} == {policy.removeprefix("mixed_")}
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert loaded.get_config()["dtype"] == policy
        np.testing.assert_array_equal(loaded(x), y)

    def test_float16_scales_its_loss(self, tmp_path):
        """Also where only this network is in mixed precision, and after loading."""
        model = self.make(dtype="mixed_float16")
        model.compile("sgd", "mean_absolute_error", run_eagerly=True)
        x, y = self.example(model)
        model.train_on_batch(x, y)
        model.save(tmp_path / "model.keras")
        for network in (model, keras.models.load_model(tmp_path / "model.keras")):
            assert isinstance(network.optimizer, keras.optimizers.LossScaleOptimizer)
            assert not isinstance(
                network.optimizer.inner_optimizer, keras.optimizers.LossScaleOptimizer
            )
        plain = self.make()
        plain.compile("sgd", "mean_absolute_error")
        assert not isinstance(plain.optimizer, keras.optimizers.LossScaleOptimizer)

    def test_float32_copy_of_a_mixed_model(self):
        model = self.make(dtype="mixed_bfloat16")
        x, _ = self.example(model)
        exact = ks.models.in_float32(model)
        assert {layer.compute_dtype for layer in exact.layers} == {"float32"}
        np.testing.assert_allclose(exact(x), model(x), atol=0.05)
        assert ks.models.in_float32(exact) is exact

    def test_odd_sizes_and_single_examples(self):
        for arguments in self.odd:
            model = self.make(**arguments)
            x, y = self.example(model, batch=1)
            assert np.isfinite(model(x)).all()
            assert np.isfinite(self.compiled(model).train_on_batch(x, y))

    def varied(self, seed=0):
        """A model as it is exported, with inputs, whose output varies from cell to cell.

        Untrained: a network after a few steps of training may well predict one map for all inputs.
        Amplitudes differ between examples and within them, and batch normalization takes over most
        of the statistics of what it gets, so that variation reaches the output whatever the seed.
        """
        keras.utils.set_random_seed(seed)
        model = self.make()
        shape = self.shape(model)
        rng = np.random.default_rng(seed)
        # Coarse patterns, which an encoder does not average away as it does noise.
        cells = [-(-n // 3) for n in shape[:2]]
        coarse = np.kron(rng.uniform(-20, 40, (12, 3, 3, 1)), np.ones((1, *cells, 1)))
        coarse = coarse[:, : shape[0], : shape[1]].reshape(12, *shape[:2], *[1] * (len(shape) - 2))
        raw = self.amplitude * (coarse + 4 * rng.standard_normal((12, *shape)))
        if self.units:
            model = ks.models.with_physical_units(model, *self.units)
        raw = raw.astype("float32")
        for _ in range(3):  # by then they are those of the batch
            settled(model, raw)
        return Case(model, raw[:3])

    def test_exports_compute_the_same(self, tmp_path):
        """As .keras, SavedModel (also in C), ONNX and LiteRT, in batches of 1 and 3."""
        case = self.varied()
        expected = np.asarray(case.model(case.inputs, training=False))
        extent = np.ptp(expected)
        # Otherwise nothing would be compared: neither examples nor cells may be alike.
        assert expected.std(axis=0).mean() > 0.005 * extent
        if expected[0].size > 1:
            assert expected.reshape(3, -1).std(axis=1).mean() > 0.005 * extent
        found = differences(case, tmp_path)
        case.model.save(tmp_path / "model.keras")
        found[".keras"] = ks.exporting.check_parity(
            case.model, tmp_path / "model.keras", case.inputs, verbose=False
        )
        scale = 1 if case.in_m_s else np.abs(expected).max()
        for runtime in (".keras", *self.runtimes):
            assert isinstance(found[runtime], float), f"{runtime}: {found[runtime]}"
            assert found[runtime] * scale <= 1e-3 * extent, runtime

    def test_bad_arguments_are_refused(self):
        for arguments, word in self.refused:
            with pytest.raises(ValueError, match=word):
                self.model_class(**arguments)
