"""Overlapping windows: nothing is lost, nothing is seen twice, bad input is refused."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.inference.windows import blending
from tests.segy_files import headers_of, write_segy, write_su


@pytest.mark.parametrize("shape", [(1, 1), (3, 90), (64, 32), (65, 33), (200, 77), (127, 250)])
@pytest.mark.parametrize(
    ("window", "overlap"),
    [((64, 32), None), ((64, 32), (63, 31)), ((64, 32), 0), (17, (5, 16)), ((1, 1), (0, 0))],
)
def test_identity_returns_the_section(rng, shape, window, overlap):
    section = (rng.standard_normal(shape) * 10.0 ** rng.uniform(-3, 6, shape)).astype("float32")
    same = ks.inference.apply_in_windows(lambda x: x, section, window, overlap, 5, progress=False)
    assert same.shape == shape
    assert same.dtype == np.float32
    assert np.abs(same - section).max() <= 1e-6 * np.abs(section).max()


@pytest.mark.parametrize(("length", "window", "overlap"), [(100, 20, 7), (20, 20, 19), (41, 20, 0)])
def test_weights_sum_to_one_and_fall_smoothly(length, window, overlap):
    starts, weights = blending(length, window, overlap)
    total = np.zeros(length)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + window] += weight
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert weights.min() > 0
    assert starts[-1] + window == length
    if overlap == 7:  # no jump from one sample to the next larger than the ramp's steepest
        assert np.abs(np.diff(weights[1])).max() < np.pi / 2 / overlap + 1e-6
        assert weights[1, 0] < 0.02


def test_windows_arrive_in_batches_of_one_shape(rng):
    seen = []

    def function(windows):
        seen.append(windows.shape)
        return windows

    ks.inference.apply_in_windows(function, rng.standard_normal((100, 50)), (32, 16), 0, 3)
    assert {shape[1:] for shape in seen} == {(32, 16, 1)}
    assert [shape[0] for shape in seen] == [3] * 5 + [1]  # 4 x 4 windows


def test_a_network_gives_what_it_gives_on_the_whole_section(rng):
    """3 x 3 convolutions see 4 samples around: only seams differ from the whole."""
    network = ks.models.ConvDenoiser(num_filters=3)
    section = rng.uniform(-1, 1, (90, 80)).astype("float32")
    whole = keras.ops.convert_to_numpy(network(section[None, ..., None]))[0, ..., 0]
    windowed = ks.inference.apply_in_windows(network, section, 48, 24)
    assert np.abs(windowed - whole).max() < 0.05 * np.abs(whole).max()
    inner = np.s_[:18, :18]  # one window reaches there, and its edges are far
    np.testing.assert_allclose(windowed[inner], whole[inner], atol=1e-6)


def test_seams_are_blended():
    """Windows that disagree by a constant give a ramp, not a step."""
    count = iter(range(100))
    section = np.zeros((60, 8), "float32")
    result = ks.inference.apply_in_windows(
        lambda windows: windows + next(count), section, (40, 8), (20, 0), batch_size=1
    )
    np.testing.assert_allclose(result[:20], 0, atol=1e-6)
    np.testing.assert_allclose(result[40:], 1, atol=1e-6)
    ramp = np.sin(np.pi / 2 * (np.arange(20) + 0.5) / 20) ** 2
    np.testing.assert_allclose(result[20:40, 0], ramp, atol=1e-6)


def test_mixed_precision_comes_back_as_float32(rng):
    network = ks.models.ConvDenoiser(num_filters=2, dtype="mixed_bfloat16")
    result = ks.inference.apply_in_windows(network, rng.uniform(-1, 1, (40, 30)), 16)
    assert result.dtype == np.float32


SECTION = np.ones((40, 30), "float32")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"section": np.ones(5)}, r"\(time, traces\), received shape \(5,\)"),
        ({"section": np.ones((0, 5))}, r"received shape \(0, 5\)"),
        ({"section": np.full((4, 5), np.inf)}, "20 of 20 values are not finite"),
        ({"window": 0}, "window must be one or two whole numbers of at least 1, received 0"),
        ({"window": (8, 8, 1)}, r"received \(8, 8, 1\)"),
        ({"window": 8.5}, r"received 8\.5"),
        ({"overlap": -1}, "overlap must be .* at least 0, received -1"),
        ({"window": 8, "overlap": (2, 8)}, "smaller than the window, received 2 x 8 of 8 x 8"),
        ({"batch_size": 0}, "batch_size must be a positive integer, received 0"),
        ({"function": lambda x: x[:, :-1]}, r"must return the shape it is given, \(4, 8, 8, 1\)"),
        ({"function": lambda x: x * np.nan}, "what the function returned: 256 of 256 values"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        ks.inference.apply_in_windows(
            **({"function": lambda x: x, "section": SECTION, "window": 8} | arguments)
        )


@pytest.mark.parametrize(
    ("write", "suffix", "code"), [(write_segy, ".segy", 1), (write_segy, ".sgy", 5),
                                  (write_segy, ".segy", 3), (write_su, ".su", 5)]
)  # fmt: skip
def test_windowed_identity_keeps_a_file(rng, tmp_path, write, suffix, code):
    """All headers identical, samples within 1e-6 of the peak."""
    traces = np.rint(rng.standard_normal((60, 130)) * 500)
    options = {} if write is write_su else {"code": code}
    path = write(tmp_path / f"a{suffix}", traces, **options)
    section = ks.io.read_section(path)
    result = ks.inference.apply_in_windows(lambda x: x, section.amplitude, (50, 20), (11, 7))
    out = ks.io.write_section(tmp_path / f"b{suffix}", result, section, integers="round")
    start = 0 if suffix == ".su" else 3600
    size = 240 + 130 * (2 if code == 3 else 4)
    assert headers_of(path.read_bytes(), start, size) == headers_of(out.read_bytes(), start, size)
    read = ks.io.read_segy(out)[0]
    # IBM floats hold 21 to 24 bits, so that a last bit can cost as much again.
    bound = 2e-6 if code == 1 else 1e-6
    assert np.abs(read - section.amplitude).max() <= bound * np.abs(traces).max()
