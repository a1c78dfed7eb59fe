"""Batches of OpenFWI's pairs: values, order, shards, going on, and both ways to run them."""

import os
import subprocess
import sys
import textwrap
import threading

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.datasets.pair_batches import BufferPool
from keras_seismic.datasets.order import BatchOrder

SHOTS, NT, RECEIVERS, DEPTH, WIDTH = 5, 20, 70, 6, 70
COUNTS = (7, 5, 9)
TOTAL = sum(COUNTS)


def arrays():
    """Gathers as in the files, and velocity models that are each pair's number in m/s."""
    random = np.random.default_rng(0)
    gathers = random.normal(0, 10, (TOTAL, SHOTS, NT, RECEIVERS)).astype("float32")
    velocity = np.ones((TOTAL, 1, DEPTH, WIDTH), "float32") * (2000 + np.arange(TOTAL))[
        :, None, None, None
    ].astype("float32")
    return gathers, velocity


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "CurveFault_A"
    folder.mkdir()
    start = 0
    for i, count in enumerate(COUNTS):
        for name, array in zip(("seis", "vel"), arrays(), strict=True):
            np.save(folder / f"{name}2_1_{i}.npy", array[start : start + count])
        start += count
    return folder


@pytest.fixture
def acquisition():
    return ks.simulation.Acquisition.surface(
        width=WIDTH, dx=10.0, dt=0.001, nt=NT, peak_frequency=15.0,
        source_columns=(0, 17, 34, 52, 69),
    )  # fmt: skip


@pytest.fixture
def pairs(folder, acquisition):
    return ks.datasets.OpenFWIPairs(folder, acquisition=acquisition)


def collected(dataset):
    return [tuple(np.array(part) for part in batch) for batch in dataset]


def numbers(batches):
    """Which pairs the batches hold, from their velocity."""
    scaling = ks.layers.VelocityScaling(1500, 4500)
    velocity = [np.array(scaling(y))[:, 0, 0, 0] for _, y in batches]
    return [np.rint(v - 2000).astype(int).tolist() for v in velocity]


def together(batches):
    return [number for batch in numbers(batches) for number in batch]


def assert_equal_batches(received, expected, **tolerance):
    assert len(received) == len(expected) > 0
    for one, other in zip(received, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, **({"rtol": 0, "atol": 0} | tolerance))


def test_values_are_those_of_the_files_normalized(pairs):
    """The published transforms in NumPy, float64: logarithm and linear scaling."""
    gathers, velocity = arrays()
    low, high = -np.log1p(26.48), np.log1p(52.32)  # CurveFault-A
    expected = np.sign(gathers) * np.log1p(np.abs(gathers.astype("float64")))
    expected = np.moveaxis((expected - low) / (high - low) * 2 - 1, 1, -1)
    for ratio in (1, 3):
        batches = collected(pairs.dataset(batch_size=8, shuffle=False, sample_ratio=ratio))
        assert [len(x) for x, _ in batches] == [8, 8, 5]
        x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        np.testing.assert_allclose(x, expected[:, ::ratio], atol=2e-6)
        np.testing.assert_allclose(y[..., 0], velocity[:, 0] / 1500 - 2, atol=1e-6)
    raw, model = pairs[np.array([20, 0, 6])]
    np.testing.assert_array_equal(raw, np.moveaxis(gathers[[20, 0, 6]], 1, -1))
    np.testing.assert_array_equal(model[..., 0], velocity[[20, 0, 6], 0])
    np.testing.assert_allclose(pairs.mean_velocity([1, 3]), 2002)


def test_dataset_says_what_it_gives(pairs):
    dataset = pairs.dataset(batch_size=4, sample_ratio=2, drop_remainder=True)
    assert len(dataset) == 5
    shapes = [tuple(spec.shape) for spec in dataset.element_spec]
    assert shapes == [(4, 10, RECEIVERS, SHOTS), (4, DEPTH, WIDTH, 1)]
    assert len(pairs.dataset(batch_size=4)) == 6
    assert len(pairs) == TOTAL


def test_own_layers_take_the_place_of_the_family(pairs):
    normalization, scaling = keras.layers.Rescaling(0.5, 1.0), ks.layers.VelocityScaling()
    (x, y), *_ = collected(pairs.dataset(normalization, scaling, 2, False, part=[3, 4]))
    gathers, velocity = pairs[[3, 4]]
    np.testing.assert_allclose(x, 0.5 * gathers + 1, rtol=1e-6)
    np.testing.assert_array_equal(y, velocity)


def test_some_shots_only(pairs):
    (x, _), *_ = collected(pairs.dataset(batch_size=3, shuffle=False, shots=(4, 0, 1)))
    (every, _), *_ = collected(pairs.dataset(batch_size=3, shuffle=False))
    np.testing.assert_array_equal(x, every[..., [4, 0, 1]])


# Order


def test_every_epoch_has_every_pair_once_in_another_order(pairs):
    dataset = pairs.dataset(batch_size=7, seed=3)
    epochs = [together(collected(dataset)) for _ in range(3)]
    assert all(sorted(epoch) == list(range(TOTAL)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    # Another batch size or number of threads is no reason for another order; another seed is.
    again = pairs.dataset(batch_size=5, seed=3, parallel=1)
    assert [together(collected(again)) for _ in range(2)] == epochs[:2]
    assert together(collected(pairs.dataset(batch_size=7, seed=4))) != epochs[0]


def test_shuffling_is_uniform_across_files():
    """Each place is taken by each pair equally often: the chi-square of 5000 epochs of 8."""
    order = BatchOrder(np.arange(8), batch_size=3, seed=1)
    counts = np.zeros((8, 8))
    for epoch in range(5000):
        counts[np.arange(8), order.epoch(epoch)] += 1
    chi_square = ((counts - 625) ** 2 / 625).sum()
    assert chi_square < 85.4  # 49 degrees of freedom, one in a thousand


def test_without_shuffling_the_part_is_in_its_own_order(pairs):
    dataset = pairs.dataset(batch_size=3, shuffle=False, part=[20, 3, 3, 11])
    assert numbers(collected(dataset)) == [[20, 3, 3], [11]]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_shards_are_a_partition_and_stay_the_same(count):
    shards = [BatchOrder(np.arange(TOTAL), 4, shard=(i, count)) for i in range(count)]
    epochs = [[shard.epoch(epoch).tolist() for shard in shards] for epoch in range(2)]
    assert sorted(number for shard in epochs[0] for number in shard) == list(range(TOTAL))
    for first, second in zip(*epochs, strict=True):
        assert set(first) == set(second)
        assert first != second
    even = [BatchOrder(np.arange(TOTAL), 2, shard=s.shard, drop_remainder=True) for s in shards]
    assert {len(shard) for shard in even} == {TOTAL // count // 2}
    assert {len(shard.epoch(0)) for shard in even} == {TOTAL // count // 2 * 2}


def test_a_dataset_reads_its_shard(pairs):
    for i in range(2):
        dataset = pairs.dataset(batch_size=7, shard=(i, 2))
        assert sorted(together(collected(dataset))) == list(range(i, TOTAL, 2))


def test_held_out_pairs_come_from_everywhere_and_are_not_trained_on(pairs):
    training, held_out = pairs.held_out(0.3, seed=1)
    assert sorted([*training, *held_out]) == list(range(TOTAL))
    assert len(held_out) == 6
    assert {np.searchsorted(np.cumsum(COUNTS), n, side="right") for n in held_out} == {0, 1, 2}
    np.testing.assert_array_equal(pairs.held_out(0.3, seed=1)[1], held_out)


def test_published_validation_files_are_held_out(folder, tmp_path):
    for name in ("seis", "vel"):
        for old, new in ((0, 0), (1, 31), (2, 32)):
            (tmp_path / f"{name}4_1_{new}.npy").symlink_to(folder / f"{name}2_1_{old}.npy")
    training, held_out = ks.datasets.OpenFWIPairs(tmp_path).held_out(0.3)
    assert sorted(training) == list(range(12))
    assert sorted(held_out) == list(range(12, 21))


# Going on in mid-epoch

AUGMENTATION = {
    "amplitude": (0.5, 2.0), "noise_db": (0.0, 20.0), "missing_traces": 0.3, "time_shift": 0.003,
}  # fmt: skip


@pytest.mark.parametrize("start", [(0, 0), (0, 2), (1, 5), (2, 0)])
def test_a_pipeline_goes_on_where_another_stopped(pairs, start):
    augmentation = ks.datasets.GatherAugmentation(**AUGMENTATION)
    options = {"batch_size": 4, "seed": 9, "augmentation": augmentation}
    uninterrupted = collected(pairs.dataset(**options).repeat(3))
    resumed = pairs.dataset(**options, start=start)
    rest = uninterrupted[6 * start[0] + start[1] :]
    assert_equal_batches(collected(resumed.repeat(3 - start[0])), rest)
    sequence = pairs.pydataset(**options, start=start)
    received = []
    for _ in range(3 - start[0]):
        received += [sequence[i] for i in range(len(sequence))]
        sequence.on_epoch_end()
    assert_equal_batches(received, rest, atol=1e-6)


def small_network():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((NT, RECEIVERS, SHOTS))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Reshape((1, 1, 1))(keras.layers.Dense(1)(x))
    network = keras.Model(inputs, outputs)
    network.compile("sgd", "mse", jit_compile=False)
    return network


@pytest.mark.parametrize("kind", ["dataset", "pydataset"])
def test_training_sees_one_epoch_after_the_other(pairs, monkeypatch, kind):
    """Keras makes more iterators than it uses; the epochs are 0, 1, 2 all the same."""
    epochs = []
    original = BatchOrder.epoch

    def noted(self, epoch, first=0):
        epochs.append((epoch, first))
        return original(self, epoch, first)

    monkeypatch.setattr(BatchOrder, "epoch", noted)
    data = getattr(pairs, kind)(batch_size=4)
    validation = getattr(pairs, kind)(batch_size=8, shuffle=False)
    options = {"epochs": 3, "shuffle": False, "verbose": 0}
    small_network().fit(data, validation_data=validation, **options)
    assert set(epochs) == {(0, 0), (1, 0), (2, 0)}
    if kind == "dataset":
        assert len(epochs) == 6  # training and validation
    else:
        assert (data.epoch, validation.epoch) == (3, 3)


def test_a_training_resumed_in_mid_epoch_ends_with_the_same_weights(pairs):
    options = {"batch_size": 4, "seed": 2, "drop_remainder": True}  # five batches an epoch
    whole = small_network()
    whole.fit(pairs.dataset(**options).repeat(), steps_per_epoch=5, epochs=2, verbose=0)
    parts = small_network()
    parts.fit(pairs.dataset(**options).take(3), verbose=0)
    parts.fit(pairs.dataset(**options, start=(0, 3)).repeat(), steps_per_epoch=7, verbose=0)
    for one, other in zip(parts.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# Without TensorFlow


def test_sequence_is_the_dataset(pairs):
    options = {"batch_size": 4, "seed": 7, "sample_ratio": 2}
    sequence, dataset = pairs.pydataset(**options), pairs.dataset(**options)
    for _ in range(2):
        made = [sequence[i] for i in range(len(sequence))]
        assert_equal_batches(made, collected(dataset), atol=1e-6)
        sequence.on_epoch_end()
    assert sequence.epoch == 2
    sequence.on_epoch_end()  # nothing of this epoch was read
    assert sequence.epoch == 2
    first, last = sequence[0], sequence[5]  # in any order
    np.testing.assert_array_equal(sequence[5][0], last[0])
    np.testing.assert_array_equal(sequence[0][0], first[0])
    with pytest.raises(IndexError, match="batch 6 of 6"):
        sequence[6]


JAX = """
    import sys

    class Blocked:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "tensorflow":
                raise ImportError("tensorflow is blocked in this test")

    sys.meta_path.insert(0, Blocked())
    import pickle
    import keras
    import numpy as np
    import keras_seismic as ks

    pairs = ks.datasets.OpenFWIPairs(sys.argv[1])
    augmentation = ks.datasets.GatherAugmentation(amplitude=(0.5, 2.0), missing_traces=0.3,
                                              low_cut=keras.layers.Rescaling(0.1))
    sequence = pairs.pydataset(batch_size=4, seed=5, augmentation=augmentation)
    made = []
    for epoch in range(2):
        made += [sequence[i] for i in range(len(sequence))]
        sequence.on_epoch_end()
    np.savez(sys.argv[2], **{f"{i}_{k}": part for i, batch in enumerate(made) for k, part in
                             enumerate(batch)})
    copy = pickle.loads(pickle.dumps(pairs.pydataset(batch_size=4, seed=5)))
    network = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1),
                                keras.layers.Reshape((1, 1, 1))])
    network.compile("sgd", "mae")
    history = network.fit(copy, epochs=2, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all() and copy.epoch == 2
    assert "tensorflow" not in sys.modules
"""


def test_jax_without_tensorflow_gets_the_same_batches(pairs, folder, tmp_path):
    pytest.importorskip("jax", reason="the JAX backend needs jax: pip install 'keras_seismic[jax]'")
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(JAX), str(folder), str(tmp_path / "made.npz")],
        env=os.environ | {"KERAS_BACKEND": "jax"}, check=True, timeout=300,
    )  # fmt: skip
    augmentation = ks.datasets.GatherAugmentation(
        amplitude=(0.5, 2.0), missing_traces=0.3, low_cut=keras.layers.Rescaling(0.1)
    )
    expected = collected(pairs.dataset(batch_size=4, seed=5, augmentation=augmentation).repeat(2))
    with np.load(tmp_path / "made.npz", allow_pickle=False) as made:
        received = [(made[f"{i}_0"], made[f"{i}_1"]) for i in range(len(made) // 2)]
    assert_equal_batches(received, expected, atol=2e-6)


EXIT = """
    import sys, time
    import keras_seismic as ks
    from keras_seismic.datasets.pair_batches import PairBatches as Batches

    read = Batches._read

    def slow(*arguments):
        time.sleep(0.3)
        return read(*arguments)

    Batches._read = slow
    iterator = iter(ks.datasets.OpenFWIPairs(sys.argv[1]).dataset(batch_size=1).repeat())
    next(iterator)
    raise SystemExit("enough")
"""


def test_a_program_may_end_in_the_middle_of_an_epoch(folder):
    """While batches are being read, Python would wait for TensorFlow, and that for Python."""
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(EXIT), str(folder)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "enough" in ended.stderr


# Memory


def test_buffers_come_back_when_their_last_view_is_gone():
    pool = BufferPool(limit=2)
    first = pool.empty((4, 100))
    address, view = first.ctypes.data, first[1:, ::2]
    del first
    assert pool.empty((4, 100)).ctypes.data != address
    del view
    assert address in {pool.empty((4, 100)).ctypes.data, pool.empty((4, 100)).ctypes.data}
    big = pool.empty((1000, 1000))
    big[:] = 1
    assert big.dtype == np.float32
    assert big.ctypes.data % 64 == 0


def test_batches_are_not_overwritten_by_later_ones(pairs):
    """Every batch of three epochs is kept, and compared when all are made."""
    made = list(pairs.dataset(batch_size=4).repeat(3))
    kept = [pairs.pydataset(batch_size=4)[i] for i in range(6)]
    for _ in range(3):
        list(pairs.dataset(batch_size=4))
    assert_equal_batches(made[:6], kept, atol=1e-6)
    threads = threading.active_count()
    sequence = pairs.pydataset(batch_size=4)
    assert sequence[0] is not None
    assert threading.active_count() <= threads + 2


# Bad arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"seed": -1}, "seed must not be negative"),
        ({"shard": (2, 2)}, "shard must be"),
        ({"shard": (-1, 2)}, "shard must be"),
        ({"batch_size": 22, "drop_remainder": True}, "21 pairs for 1 workers make no whole batch"),
        ({"part": []}, "0 pairs"),
        ({"sample_ratio": 0}, "sample_ratio must be between 1 and the 20"),
        ({"sample_ratio": 21}, "sample_ratio must be between 1 and the 20"),
        ({"shots": ()}, "different numbers from 0 to 4"),
        ({"shots": (0, 5)}, "different numbers from 0 to 4"),
        ({"shots": (1, 1)}, "different numbers from 0 to 4"),
        ({"start": (0, 2)}, r"a batch from 0 to 1, received \(0, 2\)"),
        ({"start": (-1, 0)}, "start must be"),
    ],
)
@pytest.mark.parametrize("kind", ["dataset", "pydataset"])
def test_bad_arguments(pairs, kind, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(pairs, kind)(**options)


def test_bad_numbers(pairs):
    with pytest.raises(TypeError, match="index by a slice"):
        pairs[3]
    with pytest.raises(IndexError):
        pairs.dataset(part=[21])
    for fraction in (0, 1, -0.1):
        with pytest.raises(ValueError, match="expected a fraction between 0 and 1"):
            pairs.held_out(fraction)
