"""What every kind of pairs can do: the same pairs, simulated and in four kinds of files."""

import os
import pickle
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import keras_seismic as ks

COUNT, NT, RECEIVERS, SHOTS, CELLS = 11, 40, 16, 3, 32
FAMILY = "curvefault_a"
ACQUISITION = ks.simulation.Acquisition.surface(
    width=CELLS, dx=10.0, dt=0.001, nt=NT, peak_frequency=15.0, shots=SHOTS, receiver_step=2,
    boundary="cpml",
)  # fmt: skip


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The same pairs as every kind of source."""
    root = tmp_path_factory.mktemp("pairs")
    simulated = ks.datasets.SimulatedPairs(
        FAMILY, COUNT, ACQUISITION, 4, root / "cache", (CELLS, CELLS)
    ).prepare(progress=False)
    ks.datasets.write_openfwi(root / "openfwi", simulated, samples_per_file=4, progress=False)
    made = {"simulated": simulated.folder, "openfwi": root / "openfwi"}
    try:
        made["fcnvmb"] = write_mat(root / "fcnvmb", simulated)
        made |= {name: write_tfds(root / name, name) for name in ("tfrecord", "array_record")}
    except ImportError:  # the kinds that need more packages are skipped
        pass
    return made


def write_mat(folder, pairs):
    import scipy.io

    folder.mkdir()
    for i, (gathers, velocity) in enumerate(zip(*pairs[:], strict=True), start=1):
        scipy.io.savemat(folder / f"georec{i}.mat", {"Rec": gathers})
        scipy.io.savemat(folder / f"vmodel{i}.mat", {"vmodel": velocity[..., 0]})
    return folder


def write_tfds(folder, file_format):
    from keras_seismic.datasets.tfds import SimulatedVelocity, SimulatedVelocityConfig

    config = SimulatedVelocityConfig(
        name="mine", family=FAMILY, acquisition=ACQUISITION, splits={"train": COUNT}, seed=4,
        shape=(CELLS, CELLS),
    )  # fmt: skip
    builder = SimulatedVelocity(config=config, data_dir=folder, file_format=file_format)
    builder.download_and_prepare()
    return builder.data_path


OPTIONS = {
    "fcnvmb": {
        "gather_shape": (NT, RECEIVERS, SHOTS),
        "velocity_shape": (CELLS, CELLS),
        "check_orientation": False,
        "acquisition": ACQUISITION,
        "family": FAMILY,
    },
}
KINDS = {
    "simulated": ks.datasets.SimulatedPairs,
    "openfwi": ks.datasets.OpenFWIPairs,
    "fcnvmb": ks.datasets.FCNVMBPairs,
    "tfrecord": ks.datasets.TFDSPairs,
    "array_record": ks.datasets.TFDSPairs,
}


def collected(dataset):
    return [tuple(np.array(part) for part in batch) for batch in dataset]


def assert_equal_batches(received, expected, **tolerance):
    assert len(received) == len(expected) > 0
    for one, other in zip(received, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, **({"rtol": 0, "atol": 0} | tolerance))


@pytest.mark.parametrize("kind", ["simulated", "openfwi"])
def test_pairs_that_were_read_go_to_other_processes(kind, sources):
    pairs = ks.datasets.open_pairs(sources[kind])
    expected = pairs[:2]
    received = pickle.loads(pickle.dumps(pairs))[:2]
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
class TestPairs:
    @pytest.fixture
    def pairs(self, kind, sources):
        if kind not in sources:
            pytest.skip("needs scipy, TFDS or ArrayRecord: pip install 'keras_seismic[mat]'")
        pairs = ks.datasets.open_pairs(sources[kind], **OPTIONS.get(kind, {}))
        assert type(pairs) is KINDS[kind]
        assert isinstance(pairs, ks.datasets.Pairs)
        return pairs

    @pytest.fixture(scope="class")
    def expected(self):
        """The pairs without any files; TFDS has an order of its own."""
        velocity = ks.simulation.sample_velocity(FAMILY, COUNT, 4, (CELLS, CELLS))
        gathers = ks.simulation.simulate(velocity, ACQUISITION, progress=False)
        return gathers, velocity[..., None]

    def test_reading(self, pairs, kind, expected):
        assert len(pairs.prepare(progress=False)) == COUNT
        assert (pairs.gather_shape, pairs.velocity_shape) == ((NT, RECEIVERS, SHOTS), (CELLS,) * 2)
        assert (pairs.family, pairs.acquisition) == (FAMILY, ACQUISITION)
        gathers, velocity = pairs[:]
        assert gathers.dtype == velocity.dtype == np.float32
        order = np.arange(COUNT)
        if KINDS[kind] is ks.datasets.TFDSPairs:
            order = [int(np.argmin(abs(expected[1] - v).max(axis=(1, 2, 3)))) for v in velocity]
            assert sorted(order) == list(range(COUNT))
        np.testing.assert_array_equal(gathers, expected[0][order])
        np.testing.assert_array_equal(velocity, expected[1][order])
        some = pairs[np.array([5, 0, 10, 5])]
        np.testing.assert_array_equal(some[0], gathers[[5, 0, 10, 5]])
        np.testing.assert_array_equal(some[1], velocity[[5, 0, 10, 5]])
        np.testing.assert_array_equal(pairs[-2:][0], gathers[-2:])
        np.testing.assert_allclose(pairs.mean_velocity(), velocity.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(
            pairs.mean_velocity([1, 3]), velocity[[1, 3]].mean(axis=0), rtol=1e-6
        )
        with pytest.raises(TypeError, match="index by a slice"):
            pairs[3]
        with pytest.raises(IndexError):
            pairs[[COUNT]]
        with pytest.raises(ValueError, match=r"part=\[\] chooses no pair"):
            pairs.mean_velocity([])

    def test_batches_are_normalized(self, pairs):
        """The published transforms in NumPy, float64: logarithm and linear scaling."""
        gathers, velocity = pairs[:]
        low, high = -np.log1p(26.48), np.log1p(52.32)  # CurveFault-A
        expected = np.sign(gathers) * np.log1p(np.abs(gathers.astype("float64")))
        expected = (expected - low) / (high - low) * 2 - 1
        dataset = pairs.dataset(batch_size=4, shuffle=False, sample_ratio=3, shots=(2, 0))
        assert [tuple(spec.shape[1:]) for spec in dataset.element_spec] == [
            (14, RECEIVERS, 2), (CELLS, CELLS, 1)
        ]  # fmt: skip
        batches = collected(dataset)
        assert [len(x) for x, _ in batches] == [4, 4, 3]
        x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        np.testing.assert_allclose(x, expected[:, ::3][..., [2, 0]], atol=2e-6)
        np.testing.assert_allclose(y, velocity / 1500 - 2, atol=1e-6)

    def test_going_on_in_mid_epoch_on_either_pipeline(self, pairs):
        augmentation = ks.datasets.GatherAugmentation(
            amplitude=(0.5, 2.0), noise_db=(0.0, 20.0), missing_traces=0.3, time_shift=0.003
        )
        options = {"batch_size": 4, "seed": (9, 1), "augmentation": augmentation}
        uninterrupted = collected(pairs.dataset(**options).repeat(3))
        epochs = [np.concatenate([y for _, y in uninterrupted[3 * i : 3 * i + 3]]) for i in (0, 1)]
        assert not np.array_equal(*epochs)
        np.testing.assert_array_equal(*(np.sort(y, axis=0) for y in epochs))
        resumed = collected(pairs.dataset(**options, start=(1, 2), parallel=1).repeat(2))
        assert_equal_batches(resumed, uninterrupted[5:])
        sequence = pairs.pydataset(**options, start=(1, 2))
        received = []
        for _ in range(2):
            received += [sequence[i] for i in range(len(sequence))]
            sequence.on_epoch_end()
        assert_equal_batches(received, uninterrupted[5:], atol=1e-6)

    def test_shards_and_parts(self, pairs):
        """Two workers have all of a part between them, in batches of the same number."""
        part = [8, 1, 6, 3, 4, 9, 2]
        options = {"batch_size": 2, "part": part, "output_scaling": ks.layers.VelocityScaling()}
        shards = [collected(pairs.dataset(**options, shard=(i, 2))) for i in range(2)]
        velocity = [np.concatenate([y for _, y in shard]) for shard in shards]
        assert [len(y) for y in velocity] == [4, 3]
        expected = np.concatenate([y for _, y in collected(pairs.dataset(**options))])
        for shard, some in zip(velocity, (expected[::2], expected[1::2]), strict=True):
            np.testing.assert_array_equal(shard, some)
        even = [pairs.pydataset(**options, shard=(i, 2), drop_remainder=True) for i in range(2)]
        assert [len(sequence) for sequence in even] == [3, 3]
        assert len(pairs.dataset(**options, drop_remainder=True)) == 3

    def test_held_out_pairs_are_not_trained_on(self, pairs):
        training, held_out = pairs.held_out(0.3, seed=1)
        assert len(held_out) == 3
        assert sorted([*training, *held_out]) == list(range(COUNT))
        np.testing.assert_array_equal(pairs.held_out(0.3, seed=1)[1], held_out)
        assert not np.array_equal(pairs.held_out(0.3, seed=2)[1], held_out)
        with pytest.raises(ValueError, match="a fraction between 0 and 1"):
            pairs.held_out(1.0)


JAX = """
    import sys

    class Blocked:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "tensorflow":
                raise ImportError("tensorflow is blocked in this test")

    sys.meta_path.insert(0, Blocked())
    import keras
    import numpy as np
    import keras_seismic as ks

    augmentation = ks.datasets.GatherAugmentation(amplitude=(0.5, 2.0), missing_traces=0.3,
                                                  low_cut=keras.layers.Rescaling(0.1))
    made = {}
    for name, folder in zip(("simulated", "openfwi"), sys.argv[2:], strict=True):
        pairs = ks.datasets.open_pairs(folder)
        sequence = pairs.pydataset(batch_size=4, seed=5, augmentation=augmentation)
        for number in range(2 * len(sequence)):
            x, y = sequence[number % len(sequence)]
            made |= {f"{name}_x{number}": x, f"{name}_y{number}": y}
            if number % len(sequence) == len(sequence) - 1:
                sequence.on_epoch_end()
    np.savez(sys.argv[1], **made)
    network = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1),
                                keras.layers.Reshape((1, 1, 1))])
    network.compile("sgd", "mae")
    sequence = pairs.pydataset(batch_size=4, seed=5)
    history = network.fit(sequence, epochs=2, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all() and sequence.epoch == 2
    assert "tensorflow" not in sys.modules
    sys.meta_path.pop(0)
    try:
        pairs.dataset()
    except RuntimeError as error:
        assert "tf.data needs Keras on TensorFlow, found jax" in str(error)
"""


def test_jax_without_tensorflow_gets_the_same_batches(sources, tmp_path):
    pytest.importorskip("jax", reason="the JAX backend needs jax: pip install 'keras_seismic[jax]'")
    folders = [str(sources[name]) for name in ("simulated", "openfwi")]
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(JAX), str(tmp_path / "made.npz"), *folders],
        env=os.environ | {"KERAS_BACKEND": "jax"}, check=True, timeout=300,
    )  # fmt: skip
    augmentation = ks.datasets.GatherAugmentation(
        amplitude=(0.5, 2.0), missing_traces=0.3, low_cut=keras.layers.Rescaling(0.1)
    )
    pairs = ks.datasets.open_pairs(folders[0])
    expected = collected(pairs.dataset(batch_size=4, seed=5, augmentation=augmentation).repeat(2))
    with np.load(tmp_path / "made.npz", allow_pickle=False) as made:
        for name in ("simulated", "openfwi"):
            received = [(made[f"{name}_x{i}"], made[f"{name}_y{i}"]) for i in range(len(expected))]
            assert_equal_batches(received, expected, atol=2e-6)


# Opening


def test_what_cannot_be_opened_is_said(tmp_path, sources):
    with pytest.raises(FileNotFoundError, match="absent: no such file or folder"):
        ks.datasets.open_pairs(tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        FileNotFoundError, match=r"OpenFWI.*georec1\.mat.*dataset_info\.json.*param"
    ):
        ks.datasets.open_pairs(tmp_path)
    with pytest.raises(ValueError, match="holds pairs of curvefault_a, not of flatvel_a"):
        ks.datasets.open_pairs(sources["simulated"], family="flatvel_a")
    np.save(tmp_path / "data1.npy", np.zeros((3, 5, 100, 70), "float32"))
    with pytest.raises(FileNotFoundError, match=r"model1\.npy is missing"):
        ks.datasets.open_pairs(tmp_path)
    (tmp_path / "list.txt").write_text("data1.npy\n")
    assert ks.datasets.open_pairs(tmp_path / "list.txt").velocity_shape is None
