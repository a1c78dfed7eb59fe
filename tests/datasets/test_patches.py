"""Patches of sections."""

import numpy as np
import pytest

import keras_seismic as ks


@pytest.fixture
def section(rng):
    x = rng.standard_normal((90, 70)).astype("float32") * 1e5
    x[:, :25] = 0  # dead traces
    return x


def test_normalize_section_is_the_stated_definition(section):
    limit = np.percentile(np.abs(section[section != 0]), 99)
    expected = np.clip(section, -limit, limit) / limit
    np.testing.assert_allclose(
        ks.datasets.normalize_section(section), expected, rtol=1e-5, atol=1e-6
    )


def test_patches_avoid_dead_traces(section):
    rows, columns = ks.datasets.patch_positions(section, 28, 500)
    for row, column in zip(rows, columns, strict=True):
        patch = section[row : row + 28, column : column + 28]
        assert patch.shape == (28, 28)
        assert (patch != 0).mean() >= 0.5
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) > 300
    np.testing.assert_array_equal(rows, ks.datasets.patch_positions(section, 28, 500)[0])


@pytest.mark.parametrize("patch_size", [28, 32, 40])
@pytest.mark.parametrize(
    "normalization",
    [
        ks.layers.SectionNormalization("maximum"),
        ks.layers.SectionNormalization("percentile", 99.5),
        ks.layers.SectionNormalization("range"),
    ],
    ids=lambda n: n.mode,
)
def test_patches_are_cut_from_the_normalized_noisy_section(section, patch_size, normalization):
    """Noisy patches are what serving would see; target and input share one scale."""
    patches = ks.datasets.NoisyPatches(
        [section, section], patch_size, 20, 0.0, normalization, seed=3
    )
    noisy, target = patches[:20]
    assert noisy.shape == target.shape == (20, patch_size, patch_size, 1)
    clean = ks.datasets.normalize_section(section)
    whole = ks.noise.add_white_noise(clean, 0.0, seed=(3, 0, 0))[None, ..., None]
    served = np.asarray(normalization(whole))[0, ..., 0]
    rows, columns = ks.datasets.patch_positions(clean, patch_size, 10, seed=3)
    size = patch_size
    for patch, row, column in zip(noisy[:10, ..., 0], rows, columns, strict=True):
        np.testing.assert_array_equal(patch, served[row : row + size, column : column + size])
    restored = np.asarray(normalization.restore(target[:10], np.repeat(whole, 10, axis=0)))
    for patch, row, column in zip(restored[..., 0], rows, columns, strict=True):
        expected = clean[row : row + size, column : column + size]
        np.testing.assert_allclose(patch, expected, atol=1e-5)


def test_sections_by_weight(section):
    """Three times the patches of the second section; other sections, other noise."""
    a, b = np.abs(section), -np.abs(section)
    _, clean = ks.datasets.NoisyPatches([a, b], 28, 80, 10.0, weights=[1, 3])[:]
    signs = np.sign(clean.sum(axis=(1, 2, 3)))
    assert (signs == 1).sum() == 20
    assert (signs == -1).sum() == 60
    # Equal weights are what no weights are.
    for x, y in zip(
        ks.datasets.NoisyPatches([a, b], 28, 7)[:],
        ks.datasets.NoisyPatches([a, b], 28, 7, weights=[2, 2])[:],
        strict=True,
    ):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("noise", ["hum", ["white", ("missing", 0.3)], ks.noise.Noise("swell", -3)])
def test_any_noise(section, noise):
    """Patches of the section with that noise, each section at its own sample interval."""
    exact = ks.layers.SectionNormalization("maximum")
    patches = ks.datasets.NoisyPatches(
        [section, section], 40, 20, 3.0, exact, seed=2, noise=noise, dt=[0.004, 0.002]
    )
    noisy, _ = patches.read(np.arange(20), epoch=5)
    clean = ks.datasets.normalize_section(section)
    for i, dt in enumerate((0.004, 0.002)):
        whole = ks.noise.add_noise(clean, noise, 3.0, dt, seed=(2, 5, i))
        rows, columns = ks.datasets.patch_positions(clean, 40, 10, seed=2 + i)
        expected = whole[rows[0] : rows[0] + 40, columns[0] : columns[0] + 40]
        np.testing.assert_allclose(noisy[10 * i, ..., 0], expected / np.abs(whole).max(), rtol=1e-5)


def test_epochs_have_new_noise_and_runs_are_repeatable(section):
    def epochs():
        dataset = ks.datasets.NoisyPatches([section], count=50, seed=1).dataset(batch_size=20)
        assert len(dataset) == 3
        return [
            [np.concatenate(x) for x in zip(*dataset.as_numpy_iterator(), strict=True)]
            for _ in range(2)
        ]

    first, second = epochs(), epochs()
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
    assert first[0][0].shape == (50, 28, 28, 1)
    noise = [x - y for x, y in first]
    assert not np.allclose(np.sort(noise[0].ravel()), np.sort(noise[1].ravel()))


def test_validation_is_the_same_in_every_epoch(section):
    dataset = ks.datasets.NoisyPatches([section], count=10).dataset(shuffle=False)
    a, b = (next(iter(dataset))[0].numpy() for _ in range(2))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "kind", [ks.datasets.NoisyPatches, ks.datasets.BlindSpotPatches], ids=lambda k: k.__name__
)
def test_a_resumed_training_sees_what_the_uninterrupted_one_would_have(section, kind):
    def collected(start, shuffle=True):
        dataset = kind([section], count=10, seed=1).dataset(4, shuffle, start=start)
        assert start[1] or len(dataset) == 3
        return [batch for _ in range(2) for batch in dataset.as_numpy_iterator()]

    whole = collected((0, 0))
    for start, expected in (((1, 0), whole[3:]), ((0, 2), whole[2:]), ((1, 1), whole[4:])):
        resumed = collected(start)[: len(expected)]
        assert len(resumed) == len(expected)
        for one, other in zip(resumed, expected, strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)
    # For validation every epoch is the first.
    for one, other in zip(collected((5, 2), False)[:1], collected((0, 0), False)[2:3], strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    for start in ((-1, 0), (0, 3), (0, -1)):
        with pytest.raises(ValueError, match="a batch from 0 to 2, received"):
            collected(start)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sections": []}, "at least one section"),
        ({"sections": [np.ones((20, 20))]}, "smaller than a patch"),
        ({"sections": [np.ones((60, 60))]}, "constant"),
        ({"sections": [np.eye(60) * np.arange(60)]}, "live"),
        ({"sections": [np.ones((60, 60))] * 3, "count": 2}, "count=2"),
        ({"sections": [np.ones((60, 60))], "patch_size": 0}, "patch_size=0"),
        ({"sections": [np.eye(60) + 1], "noise": "rain"}, "received 'rain'"),
        ({"sections": [np.eye(60) + 1], "noise": "hum"}, "pass dt in s"),
        ({"sections": [np.eye(60) + 1], "noise": "hum", "dt": 0.05}, "received 50 Hz"),
        ({"sections": [np.eye(60) + 1], "dt": [0.1, 0.2]}, "one dt or 1.*received 2"),
        ({"sections": [np.eye(60) + 1] * 2, "weights": [1]}, "expected 2 positive weights"),
        ({"sections": [np.eye(60) + 1] * 2, "weights": [1, 0]}, r"received \[1, 0\]"),
        ({"sections": [np.eye(60) + 1] * 2, "weights": [1, 99], "count": 9}, "section 0 gets none"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        ks.datasets.NoisyPatches(**arguments)
