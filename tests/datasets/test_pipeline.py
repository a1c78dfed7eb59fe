"""The order of batches, both ways to run them, and the end of a program in between."""

import dataclasses
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.datasets.order import BatchOrder
from keras_seismic.datasets.pair_batches import BufferPool

SHOTS, NT, RECEIVERS, DEPTH, WIDTH = 5, 20, 7, 6, 7
TOTAL = 21


class InMemory(ks.datasets.Pairs):
    """The least that a kind of pairs is: velocity models that are each pair's number in m/s."""

    gather_shape, velocity_shape = (NT, RECEIVERS, SHOTS), (DEPTH, WIDTH)
    family, acquisition = "curvefault_a", None

    def __len__(self):
        return TOTAL

    def read(self, numbers, shots, gathers):
        for k, number in enumerate(numbers):
            random = np.random.default_rng(number)
            gathers[k] = random.normal(0, 10, (SHOTS, NT, RECEIVERS))[list(shots)]
        velocity = np.ones((len(numbers), DEPTH, WIDTH), np.float32)
        return velocity * (2000 + np.asarray(numbers, np.float32))[:, None, None]


@pytest.fixture
def pairs():
    return InMemory()


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
def test_workers_have_the_batches_of_one_between_them(count):
    size = 4
    whole = BatchOrder(np.arange(TOTAL), size)
    orders = [BatchOrder(np.arange(TOTAL), size, shard=(i, count)) for i in range(count)]
    for first in (0, 2):
        shares = [
            np.split(order.epoch(3, first), range(order.share, TOTAL, order.share))
            for order in orders
        ]
        joined = [np.concatenate(parts) for parts in zip(*shares, strict=False)]
        expected = whole.epoch(3, first)
        np.testing.assert_array_equal(np.concatenate(joined)[: len(expected)], expected)
    even = [dataclasses.replace(order, drop_remainder=True) for order in orders]
    assert {len(order) for order in even} == {TOTAL // size}
    assert {len(order.epoch(0)) for order in even} == {TOTAL // size * size // count}


def test_a_batch_that_workers_cannot_share_is_refused():
    with pytest.raises(ValueError, match="a multiple of 3 workers, received 4"):
        BatchOrder(np.arange(TOTAL), 4, shard=(0, 3))


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


EXIT = """
    import sys, time
    sys.path.insert(0, sys.argv[1])
    from test_pipeline import InMemory

    def slowly(function):
        def slow(*arguments):
            time.sleep(0.3)
            return function(*arguments)
        return slow

    InMemory.read = slowly(InMemory.read)
    dataset = InMemory().dataset(batch_size=1)
    iterator = iter(dataset.repeat())
    next(iterator)
    raise SystemExit("enough")
"""


def test_a_program_may_end_in_the_middle_of_an_epoch():
    """While batches are being read, Python would wait for TensorFlow, and that for Python."""
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(EXIT), str(Path(__file__).parent)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr[-3000:]
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
        ({"batch_size": 22, "drop_remainder": True}, "21 pairs make no whole batch"),
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
