"""Checkpoints of OpenFWI's code: the networks then compute what PyTorch's compute.

The checkpoints and outputs were recorded by ``tests/fixtures/openfwi_checkpoint_twin.py`` and
``tests/fixtures/inversion_net_twin.py``.
"""

import pathlib

import keras
import numpy as np
import pytest

from keras_seismic.convert import load_openfwi_checkpoint, read_torch_file
from keras_seismic.models import InversionNet, VelocityCritic, VelocityGAN

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
SEED = 30


@pytest.fixture(scope="module")
def record():
    with np.load(FIXTURES / "openfwi_checkpoint_twin.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def examples(record):
    """Gathers and velocities that the outputs were recorded for, channels last."""
    rng = np.random.default_rng(SEED)
    blocks = rng.random((4, 2, 20, 5)).repeat(8, axis=2).repeat(4, axis=3)
    gathers = (blocks + rng.random((4, 2, 160, 20)) - 1).astype(np.float32)
    velocity = 2 * rng.random((4, 1, 8, 8)).repeat(5, axis=2).repeat(3, axis=3) - 1
    velocity = velocity.astype(np.float32)
    sums = [array.sum(dtype=np.float64) for array in (gathers, velocity)]
    np.testing.assert_allclose(sums, record["sums"], rtol=1e-9)
    return np.moveaxis(gathers, 1, -1), np.moveaxis(velocity, 1, -1)


def small_network(**arguments):
    return InversionNet((160, 20, 2), (40, 24), filters=1, **{"dtype": "float64", **arguments})


def critic():
    return VelocityCritic((40, 24), filters=1, dtype="float64")


def adversarial():
    return VelocityGAN(small_network(), critic())


def assert_computes(network, x, expected):
    assert expected.std(axis=0).mean() > 0.05  # not the same for every input
    output = network.predict(x, verbose=0).reshape(np.moveaxis(expected, 1, -1).shape)
    np.testing.assert_allclose(output, np.moveaxis(expected, 1, -1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["modern", "legacy"])
def test_a_file_gives_the_output_of_pytorch(name, record, examples):
    network = small_network()
    load_openfwi_checkpoint(network, FIXTURES / f"openfwi_{name}.pth")
    assert_computes(network, examples[0], record[name])


def test_float32_and_paths_as_text(record, examples):
    network = small_network(dtype="float32")
    load_openfwi_checkpoint(network, str(FIXTURES / "openfwi_modern.pth"))
    output = network.predict(examples[0], verbose=0)
    np.testing.assert_allclose(output, np.moveaxis(record["modern"], 1, -1), rtol=0, atol=1e-4)


def test_both_networks_of_an_adversarial_checkpoint(record, examples):
    gan = adversarial()
    load_openfwi_checkpoint(gan, FIXTURES / "openfwi_gan.pth")
    assert_computes(gan.generator, examples[0], record["gan_generator"])
    assert_computes(gan.critic, examples[1], record["gan_critic"])
    # And each alone, of the same file.
    generator, alone = small_network(), critic()
    load_openfwi_checkpoint(generator, FIXTURES / "openfwi_gan.pth")
    load_openfwi_checkpoint(alone, FIXTURES / "openfwi_gan.pth")
    assert_computes(generator, examples[0], record["gan_generator"])
    assert_computes(alone, examples[1], record["gan_critic"])


def test_the_decoder_that_upsamples(record, examples):
    network = small_network(decoder="resize")
    load_openfwi_checkpoint(network, FIXTURES / "openfwi_resize.pth")
    assert_computes(network, examples[0], record["resize"])
    with pytest.raises(ValueError, match=r"deconv2_1\.Resi.*weight: expected shape \(16, 8, 4, 4"):
        load_openfwi_checkpoint(small_network(), FIXTURES / "openfwi_resize.pth")


class Tensor:
    """As much of PyTorch's tensor as says that it must be brought to NumPy."""

    def __init__(self, array):
        self.array, self.ndim = array, array.ndim

    def __array__(self, *arguments, **options):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad")

    def detach(self):
        return self

    cpu = double = detach

    def numpy(self):
        return self.array.astype("float64")


def renamed(state, prefix="", legacy=False):
    """The state dictionary as other versions of OpenFWI's code call it."""
    names = {}
    for key in state:
        block = key.split(".")[0]
        kind = "Conv2DwithBN"
        if block == "deconv6":
            kind = "Conv2DwithBN_Tanh"
        elif block.startswith("deconv") and block.endswith("_1"):
            kind = "Deconv2DwithBN"
        names[key] = prefix + (key.replace("layers", kind) if legacy else key)
    return {names[key]: array for key, array in state.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "module.module."])
@pytest.mark.parametrize("legacy", [False, True])
def test_all_names_of_keys(wide, prefix, legacy):
    state, _ = wide
    network = InversionNet(filters=2)
    load_openfwi_checkpoint(network, {"model": renamed(state, prefix, legacy), "args": None})
    for name, block in (("encoder_3b", "convblock3_2"), ("vector", "convblock8"),
                        ("decoder_1b", "deconv1_2"), ("head", "deconv6")):  # fmt: skip
        layer = network.get_layer(f"{name}_convolution")
        expected = state[f"{block}.layers.0.weight"]
        np.testing.assert_array_equal(layer.kernel.numpy().transpose(3, 2, 0, 1), expected)
        statistics = network.get_layer(f"{name}_batch_norm").moving_variance
        np.testing.assert_array_equal(statistics, state[f"{block}.layers.1.running_var"])


@pytest.mark.parametrize("wrap", [np.asarray, np.ndarray.tolist, Tensor])
def test_the_recorded_twin_from_a_plain_state_dictionary(wide, wrap):
    state, expected = wide
    network = InversionNet(filters=2, dtype="float64")
    load_openfwi_checkpoint(network, {key: wrap(array) for key, array in state.items()})
    rng = np.random.default_rng(20)
    blocks = rng.random((4, 5, 50, 7)).repeat(20, axis=2).repeat(10, axis=3)
    gathers = (2 * (blocks + rng.random((4, 5, 1000, 70))) - 2).astype(np.float32)
    assert_computes(network, np.moveaxis(gathers, 1, -1), expected)


def test_everything_that_does_not_fit_is_listed_and_nothing_changes():
    state = dict(read_torch_file(FIXTURES / "openfwi_modern.pth")["model"])
    del state["convblock2_1.layers.0.weight"]
    del state["deconv6.layers.1.running_mean"]
    state["convblock9.layers.0.weight"] = np.zeros((1, 1, 1, 1), "float32")
    state["optimizer"] = 3
    state[7] = np.zeros(2)
    state["convblock8.layers.0.weight"] = np.zeros((16, 8, 2, 2), "float32")
    state["convblock8.layers.1.bias"] = np.full(16, np.nan)
    state["convblock7_1.layers.0.bias"] = np.array(["a"] * 8)
    state["module.convblock1.layers.0.bias"] = np.zeros(1)
    network = small_network()
    before = network.get_weights()
    with pytest.raises(ValueError, match="stays as it was; 9 of its arrays") as error:
        load_openfwi_checkpoint(network, state)
    for line in (
        "missing: convblock2_1, weight of the convolution, (2, 1, 3, 1)",
        "missing: deconv6, running_mean of the batch norm, (1,)",
        "unknown: convblock9.layers.0.weight",
        "unknown: optimizer",
        "unknown: 7",
        "convblock8.layers.0.weight: expected shape (16, 8, 2, 3), received (16, 8, 2, 2)",
        "convblock8.layers.1.bias: values that are not finite",
        "convblock7_1.layers.0.bias: expected shape (8,), received no array",
        "the same array twice: convblock1.layers.0.bias and module.convblock1.layers.0.bias",
    ):
        assert line in str(error.value)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_adversarial_model_changes_as_a_whole_or_not_at_all():
    checkpoint = read_torch_file(FIXTURES / "openfwi_gan.pth")
    del checkpoint["model_d"]["convblock5.layers.0.bias"]
    gan = adversarial()
    before = gan.generator.get_weights()
    with pytest.raises(ValueError, match="missing: convblock5, bias of the convolution"):
        load_openfwi_checkpoint(gan, checkpoint)
    for old, new in zip(before, gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_arrays_without_moving_statistics_are_told_apart():
    """A normalization without them is reported as such, not mistaken for a convolution."""
    state = read_torch_file(FIXTURES / "openfwi_modern.pth")["model"]
    kept = {k: v for k, v in state.items() if "running" not in k and "tracked" not in k}
    with pytest.raises(ValueError, match="50 of its arrays") as error:
        load_openfwi_checkpoint(small_network(), kept)
    assert "twice" not in str(error.value)


@pytest.mark.parametrize(
    ("make", "source", "message"),
    [
        (critic, {"model": {}}, "expected a state dictionary in 'model_d', received the keys"),
        (small_network, {"model": 3}, "expected a state dictionary in 'model'"),
        (adversarial, {"model": {}}, "a generator and a critic in 'model' and 'model_d'"),
        (small_network, ["a"], "expected a path, a checkpoint or a state dictionary"),
        (list, {}, "expected a Keras model, received list"),
        (small_network, {}, "150 of its arrays do not agree"),
        (lambda: keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="out")]), {},
         "has a layer 'out', which no OpenFWI network has"),
    ],
)  # fmt: skip
def test_other_sources_and_networks_are_refused(make, source, message):
    with pytest.raises(ValueError, match=message):
        load_openfwi_checkpoint(make(), source)


def test_a_list_in_a_file_is_refused(tmp_path):
    import pickle
    import zipfile

    with zipfile.ZipFile(tmp_path / "list.pth", "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps([1], 2))
    with pytest.raises(ValueError, match=r"list\.pth: expected a dictionary, received list"):
        load_openfwi_checkpoint(small_network(), tmp_path / "list.pth")
