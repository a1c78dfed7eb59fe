"""Blind-spot patches: what is masked, with what, and what the loss counts."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.datasets import BlindSpotPatches


@pytest.fixture
def section(rng):
    x = rng.standard_normal((90, 70)).astype("float32") * 1e5
    x[:, :10] = 0  # dead traces
    x[:30, 10:20] = 0  # a mute
    return x


def parts(section, **arguments):
    return BlindSpotPatches([section], count=60, **arguments)[:]


@pytest.mark.parametrize("patch_size", [28, 32, 40, 64])
def test_only_masked_samples_differ_and_count(section, patch_size):
    masked, target, weight = parts(section, patch_size=patch_size, pixel_fraction=0.05)
    assert masked.shape == target.shape == weight.shape == (60, patch_size, patch_size, 1)
    assert masked.dtype == target.dtype == weight.dtype == np.float32
    hit = weight > 0
    assert (hit.sum(axis=(1, 2, 3)) == round(0.05 * patch_size**2)).all()
    np.testing.assert_array_equal(masked[~hit], target[~hit])
    # Each replaced by another value: equal only where two neighbors are.
    assert (masked[hit] != target[hit]).mean() > 0.97
    assert (target[hit] != 0).all()
    np.testing.assert_allclose(weight.mean(axis=(1, 2, 3)), 1, rtol=1e-6)


def test_targets_are_the_section_as_the_served_network_sees_it(section):
    normalization = ks.layers.SectionNormalization("percentile", 99.5)
    _, target, _ = parts(section, patch_size=32, normalization=normalization, seed=4)
    served = np.asarray(normalization(section[None, ..., None]))[0, ..., 0]
    rows, columns = ks.datasets.patch_positions(section, 32, 60, seed=4)
    for patch, row, column in zip(target[..., 0], rows, columns, strict=True):
        np.testing.assert_array_equal(patch, served[row : row + 32, column : column + 32])


def test_values_come_from_neighbors_but_never_from_the_place_itself():
    """Every sample is a number of its own: where a value comes from can be read off."""
    size = 31
    section = 1 + np.arange(size * size, dtype="float32").reshape(size, size)
    patches = BlindSpotPatches(
        [section], size, 40, ks.layers.SectionNormalization("maximum"), pixel_fraction=0.3
    )
    masked, _, weight = patches[:40]
    source = np.rint(masked[..., 0] * size * size).astype(int) - 1
    row, column = np.divmod(source, size)
    hit = weight[..., 0] > 0
    down, across = (row - np.arange(size)[:, None])[hit], (column - np.arange(size))[hit]
    assert np.abs(down).max() == np.abs(across).max() == 2
    assert ((down != 0) | (across != 0)).all()
    # All 24 neighbors are used, none much more than the others.
    counts = np.unique(5 * down + across, return_counts=True)[1]
    assert len(counts) == 24
    assert counts.max() < 3 * counts.min()


@pytest.mark.parametrize("fill", ["neighbor", "zero"])
def test_whole_traces(fill):
    distinct = np.random.default_rng(3).permutation(90 * 70).reshape(90, 70) + 1.0
    masked, target, weight = parts(
        distinct,
        patch_size=40,
        normalization=ks.layers.SectionNormalization("maximum"),
        pixel_fraction=0.0,
        trace_fraction=0.1,
        trace_fill=fill,
    )
    hit = (weight > 0)[..., 0]
    assert (hit.all(axis=1).sum(axis=1) == 4).all()
    assert (hit.any(axis=1).sum(axis=1) == 4).all()
    if fill == "zero":
        assert not masked[hit].any()
    else:
        for x, y, traces in zip(masked[..., 0], target[..., 0], hit.any(axis=1), strict=True):
            for trace in np.flatnonzero(traces):
                assert not np.isin(x[:, trace], y[:, trace]).any()
                assert np.isin(x[:, trace], y[:, max(trace - 2, 0) : trace + 3]).all()


def test_zeros_are_no_targets(section):
    _, target, weight = parts(section, patch_size=40, pixel_fraction=0.02, trace_fraction=0.2)
    assert (target[weight > 0] != 0).all()
    np.testing.assert_allclose(weight.mean(axis=(1, 2, 3)), 1, rtol=1e-6)


def test_fit_counts_masked_samples_only(section):
    """Keras' loss is the mean over the masked samples: recomputed by hand."""
    network = ks.models.ConvDenoiser(4, 1)
    network.compile(keras.optimizers.SGD(0.0), "mean_squared_error", jit_compile=False)
    patches = BlindSpotPatches([section], 28, 12, pixel_fraction=0.1)
    history = network.fit(patches.dataset(12, shuffle=False), verbose=0).history["loss"]
    masked, target, weight = patches[:12]
    error = (np.asarray(network(masked)) - target) ** 2
    expected = np.mean([e[w > 0].mean() for e, w in zip(error, weight, strict=True)])
    assert history[0] == pytest.approx(expected, rel=1e-5)
    assert abs(error.mean() / expected - 1) > 0.01


def test_epochs_have_new_masks_whatever_the_batch_size(section):
    patches = BlindSpotPatches([section], 28, 30, seed=3)

    first, second = (patches.read(np.arange(30), epoch) for epoch in (1, 2))
    for a, b in zip(first, patches.read(np.arange(7, 30), 1), strict=True):
        np.testing.assert_array_equal(a[7:], b)
    assert (first[2] != second[2]).any()
    dataset = patches.dataset(batch_size=7)
    assert len(dataset) == 5
    first, second = (np.concatenate([x[0] for x in dataset.as_numpy_iterator()]) for _ in range(2))
    assert first.shape == second.shape == (30, 28, 28, 1)
    assert (first != second).any()


def test_the_noise_is_not_learned():
    """A line of plane waves in white noise: better than its input without ever a clean sample."""
    x = np.arange(96)
    clean = np.sin(2 * np.pi * (x[:, None] / 12 + x / 40)).astype("float32")
    noisy = ks.noise.add_white_noise(clean, 0.0, seed=1)
    normalization = ks.layers.SectionNormalization("maximum")
    network = ks.models.ConvDenoiser(8, 2)
    network.compile(keras.optimizers.Adam(5e-3), "mean_squared_error", jit_compile=False)
    patches = BlindSpotPatches([noisy], 32, 320, normalization)
    network.fit(patches.dataset(16), epochs=6, verbose=0)
    model = ks.models.with_physical_units(network, normalization)
    found = ks.inference.predict(model, noisy[None, ..., None])[0, ..., 0]
    scores = ks.evaluation.score_denoising(clean, noisy, found)
    assert scores["denoiser_snr_in_db"] == pytest.approx(0, abs=0.2)
    assert scores["denoiser_snr_out_db"] > 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sections": []}, "at least one section"),
        ({"patch_size": 2}, "3 or more, received 2"),
        ({"patch_size": 80}, "smaller than a patch"),
        ({"count": 0}, "count=0"),
        ({"pixel_fraction": 0.0}, "not both 0"),
        ({"pixel_fraction": 1.0}, "received 1.0 and 0.0"),
        ({"trace_fraction": -0.1}, "received 0.05 and -0.1"),
        ({"trace_fill": "mean"}, "received 'mean'"),
        ({"sections": [np.zeros((60, 60))]}, "all zero"),
        ({"sections": [np.full((60, 60), np.inf)]}, "not finite"),
        ({"sections": [np.eye(60)]}, "live"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        BlindSpotPatches(**({"sections": [np.ones((70, 70))]} | arguments))
