"""Pairs of several families as one."""

import numpy as np
import pytest

import keras_seismic as ks

FAMILIES = ("flatvel_a", "curvefault_b", "style_a")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    acquisition = ks.simulation.Acquisition.surface(
        width=70, dx=10.0, dt=0.001, nt=80, peak_frequency=15.0, shots=2, receiver_step=10,
        boundary="cpml",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("mixed")
    return [
        ks.datasets.SimulatedPairs(family, count, acquisition, cache_dir=folder, keep_every=2)
        for family, count in zip(FAMILIES, (3, 4, 2), strict=True)
    ]


@pytest.fixture(scope="module")
def mixed(parts):
    return ks.datasets.MixedPairs(parts).prepare(progress=False)


def test_they_are_the_parts_one_after_the_other(parts, mixed):
    assert len(mixed) == 9
    expected = [np.concatenate(arrays) for arrays in zip(*(p[:] for p in parts), strict=True)]
    for received, wanted in zip(mixed[:], expected, strict=True):
        np.testing.assert_array_equal(received, wanted)
    order = [8, 0, 5, 2, 3]
    for received, wanted in zip(mixed[order], expected, strict=True):
        np.testing.assert_array_equal(received, wanted[order])
    families = [mixed.family_of(number) for number in range(9)]
    assert families == [FAMILIES[0]] * 3 + [FAMILIES[1]] * 4 + [FAMILIES[2]] * 2
    np.testing.assert_allclose(mixed.mean_velocity(), expected[1].mean(axis=0), rtol=1e-5)


def test_every_pair_is_in_every_epoch(mixed):
    velocity = [np.concatenate([y for _, y in mixed.dataset(batch_size=4)]) for _ in range(2)]
    sums = [np.sort(v.sum(axis=(1, 2, 3))) for v in velocity]
    np.testing.assert_array_equal(*sums)
    learning, held_out = mixed.held_out(0.3)
    assert sorted([*learning, *held_out]) == list(range(9))


def test_the_normalization_holds_all_families(parts, mixed):
    layers = [part.input_normalization for part in parts]
    received = mixed.input_normalization
    assert received.data_min == min(layer.data_min for layer in layers)
    assert received.data_max == max(layer.data_max for layer in layers)
    assert mixed.family is None


def test_only_pairs_of_one_geometry(parts):
    other = ks.datasets.SimulatedPairs("salt", 1, parts[0].acquisition)
    with pytest.raises(ValueError, match=r"of one gather_shape, received \(40, 7, 2\) in "):
        ks.datasets.MixedPairs([parts[0], other])
    with pytest.raises(ValueError, match="expected pairs, received none"):
        ks.datasets.MixedPairs([])
