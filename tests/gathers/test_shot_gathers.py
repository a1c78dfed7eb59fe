"""Pre-stack lines to shot gathers on a regular receiver grid."""

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.io.segy.trace_headers import word_byte
from tests.segy_files import patched, write_line

SHOTS, RECEIVERS, SAMPLES = 4, 12, 30
SOURCE_X = 5000.0 + 25.0 * np.arange(SHOTS)
FIXED_X = 4900.0 + 12.5 * np.arange(RECEIVERS)
MOVING_X = (100.0 + 12.5 * np.arange(RECEIVERS))[:, None] + SOURCE_X


@pytest.fixture
def gathers(rng):
    return rng.standard_normal((SAMPLES, RECEIVERS, SHOTS)).astype("float32")


@pytest.mark.parametrize("name", ["a.segy", "a.su"])
@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(("spread", "x"), [("fixed", FIXED_X), ("moving", MOVING_X)])
def test_regular_lines_come_back_exactly(tmp_path, gathers, rng, name, endian, spread, x):
    path = write_line(tmp_path / name, gathers, SOURCE_X, x, endian=endian, order=rng)
    line = ks.gathers.read_shot_gathers(path)
    np.testing.assert_array_equal(line.amplitude, gathers)
    np.testing.assert_array_equal(line.gathers[2], gathers[..., 2])
    np.testing.assert_allclose(line.source_x, SOURCE_X)
    np.testing.assert_allclose(line.receiver_x, np.broadcast_to(np.reshape(x, (RECEIVERS, -1)),
                                                                (RECEIVERS, SHOTS)))  # fmt: skip
    np.testing.assert_allclose(line.offset, line.receiver_x - SOURCE_X)
    assert line.dt == pytest.approx(0.001)
    assert line.start == 0
    assert (line.grid.spread, line.grid.spacing) == (spread, 12.5)
    assert line.grid.shot_numbers.tolist() == [101, 102, 103, 104]
    assert line.grid.irregularities() == []
    assert str(line.grid) == (
        f"4 shots, x 5000 to 5075 m; 12 receivers 12.5 m apart, {spread} spread; regular"
    )


def test_whole_metres_stand_for_a_spacing_of_half_ones(tmp_path, gathers):
    path = write_line(tmp_path / "a.segy", gathers, SOURCE_X, FIXED_X, scalar=0)
    line = ks.gathers.read_shot_gathers(path)
    assert line.grid.spacing == pytest.approx(12.5, abs=0.06)
    assert line.grid.off_grid < 0.6
    np.testing.assert_array_equal(line.amplitude, gathers)


@pytest.mark.parametrize("scalar", [-10, -100, 0, 10])
def test_the_coordinate_scalar(tmp_path, gathers, scalar):
    source_x, x = np.arange(SHOTS) * 100.0, np.arange(RECEIVERS) * 20.0
    path = write_line(tmp_path / "a.segy", gathers, source_x, x, scalar=scalar)
    line = ks.gathers.read_shot_gathers(path)
    np.testing.assert_allclose(line.source_x, source_x)
    np.testing.assert_allclose(line.receiver_x[:, 0], x)


def test_words_of_the_users_own(tmp_path, gathers):
    """Shots by energy source point, receivers by channel, x by words nobody would guess."""
    path = write_line(
        tmp_path / "a.segy", gathers, SOURCE_X * 0, FIXED_X * 0,
        words=lambda s, r: {9: 1, 17: 7 - s, 181: 100 * s, 13: r + 1},
    )  # fmt: skip
    line = ks.gathers.read_shot_gathers(
        path, shot_word="EnergySourcePoint", source_word=181, source_unit=0.25,
        receiver_word="tracf", receiver_unit=12.5, spread="fixed",
    )  # fmt: skip
    np.testing.assert_array_equal(line.amplitude, gathers[..., ::-1])
    np.testing.assert_allclose(line.source_x, [75, 50, 25, 0])
    np.testing.assert_allclose(line.receiver_x[:, 0], 12.5 * np.arange(1, RECEIVERS + 1))


def test_offsets_instead_of_receiver_coordinates(tmp_path, gathers):
    x = (100.0 + 25.0 * np.arange(RECEIVERS))[:, None] + SOURCE_X
    path = write_line(tmp_path / "a.segy", gathers, SOURCE_X, x, words=lambda s, r: {81: 0})
    line = ks.gathers.read_shot_gathers(path, receiver_word="offset")
    np.testing.assert_allclose(line.receiver_x, x)
    np.testing.assert_array_equal(line.amplitude, gathers)


def test_a_line_across_the_map(tmp_path, gathers):
    """x along a line at 30 degrees, from pairs of coordinates; then a crooked one."""
    direction = np.cos(np.pi / 6), np.sin(np.pi / 6)

    def words(s, r, bend=0.0):
        along_s, along_r = SOURCE_X[s] - 4900, FIXED_X[r] - 4900
        return {
            73: round(100 * (7e5 + along_s * direction[0])),
            77: round(100 * (1e6 + along_s * direction[1])),
            81: round(100 * (7e5 + along_r * direction[0])),
            85: round(100 * (1e6 + along_r * direction[1] + bend * (r == 5))),
        }

    pairs = {"source_word": ("SourceX", "SourceY"), "receiver_word": ("GroupX", "GroupY")}
    path = write_line(tmp_path / "a.segy", gathers, SOURCE_X, FIXED_X, scalar=-100, words=words)
    line = ks.gathers.read_shot_gathers(path, **pairs)
    np.testing.assert_allclose(line.receiver_x[:, 0], FIXED_X - 4900, atol=0.02)
    np.testing.assert_allclose(line.source_x, SOURCE_X - 4900, atol=0.02)
    np.testing.assert_array_equal(line.amplitude, gathers)
    bent = write_line(tmp_path / "b.segy", gathers, SOURCE_X, FIXED_X, scalar=-100,
                      words=lambda s, r: words(s, r, 30.0))  # fmt: skip
    line = ks.gathers.read_shot_gathers(bent, irregular="nearest", **pairs)
    assert "beside a straight line" in str(line.grid)


def test_feet_become_metres(tmp_path, gathers):
    path = write_line(tmp_path / "a.segy", gathers, SOURCE_X, FIXED_X, binary={3255: 2})
    line = ks.gathers.read_shot_gathers(path)
    np.testing.assert_allclose(line.receiver_x[:, 0], 0.3048 * FIXED_X, atol=1e-3)


def test_one_shot_and_recording_delay(tmp_path, gathers):
    path = write_line(tmp_path / "a.segy", gathers[..., :1], SOURCE_X, FIXED_X,
                      words=lambda s, r: {109: 40})  # fmt: skip
    line = ks.gathers.read_shot_gathers(path)
    np.testing.assert_array_equal(line.amplitude, gathers[..., :1])
    assert line.start == pytest.approx(0.040)


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (lambda s, r: {109: 0, 215: r % 2}, 0.0),
        (lambda s, r: {109: 40, 215: r % 2}, 0.040),
        (lambda s, r: {109: 0, 215: (0, -10, 10)[s % 3]}, 0.0),
        (lambda s, r: {109: (40, 4, 400)[r % 3], 215: (1, 10, -10)[r % 3]}, 0.040),
    ],
)
def test_recording_delays_count_with_their_scalars(tmp_path, gathers, words, start):
    line = ks.gathers.read_shot_gathers(
        write_line(tmp_path / "a.segy", gathers, SOURCE_X, FIXED_X, words=words)
    )
    assert line.start == pytest.approx(start)


HOLES = np.ones((RECEIVERS, SHOTS), bool)
HOLES[4, 1] = HOLES[7:9, 2] = False


def test_missing_receivers_are_reported_then_refused_or_filled(tmp_path, gathers):
    path = write_line(tmp_path / "a.segy", gathers, SOURCE_X, FIXED_X, keep=HOLES)
    message = (
        "shots have from 10 to 12 traces; 3 of 48 receivers are missing, the first is receiver 5 "
        "of shot 102.*choose irregular"
    )
    with pytest.raises(ValueError, match=message):
        ks.gathers.read_shot_gathers(path)
    line = ks.gathers.read_shot_gathers(path, irregular="zero")
    np.testing.assert_array_equal(line.amplitude, gathers * HOLES)
    np.testing.assert_array_equal(line.dead, ~HOLES)
    np.testing.assert_array_equal(line.grid.missing, [[4, 102], [7, 103], [8, 103]])
    linear = ks.gathers.read_shot_gathers(path, irregular="interpolate").amplitude
    nearest = ks.gathers.read_shot_gathers(path, irregular="nearest").amplitude
    for result in (linear, nearest):
        np.testing.assert_array_equal(result[:, HOLES], gathers[:, HOLES])
    np.testing.assert_allclose(linear[:, 4, 1], gathers[:, [3, 5], 1].mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(
        linear[:, 7, 2], 2 / 3 * gathers[:, 6, 2] + 1 / 3 * gathers[:, 9, 2], atol=1e-6
    )
    np.testing.assert_array_equal(nearest[:, 7, 2], gathers[:, 6, 2])
    np.testing.assert_array_equal(nearest[:, 8, 2], gathers[:, 9, 2])
    with pytest.raises(ValueError, match=r"shot 103 has no traces about 2 of 12 .*max_gap="):
        ks.gathers.read_shot_gathers(path, irregular="interpolate", max_gap=2)


def test_nothing_is_invented_beyond_the_spread(tmp_path, gathers):
    """The last shot lacks its last four receivers: interpolation has nothing to go by."""
    keep = np.ones((RECEIVERS, SHOTS), bool)
    keep[8:, 3] = False
    path = write_line(tmp_path / "a.segy", gathers, SOURCE_X, FIXED_X, keep=keep)
    with pytest.raises(ValueError, match=r"shot 104 .* about 4 of 12 .* receiver 9 at x=5000 m"):
        ks.gathers.read_shot_gathers(path, irregular="interpolate")
    line = ks.gathers.read_shot_gathers(path, irregular="zero")
    assert (line.amplitude[:, 8:, 3] == 0).all()


def test_duplicates_are_averaged(tmp_path, gathers):
    x = FIXED_X.copy()
    x[6] = x[5]
    path = write_line(tmp_path / "a.segy", gathers, SOURCE_X, x)
    with pytest.raises(ValueError, match="4 traces share their receiver"):
        ks.gathers.read_shot_gathers(path)
    line = ks.gathers.read_shot_gathers(path, irregular="zero")
    assert line.grid.duplicates == SHOTS
    np.testing.assert_allclose(line.amplitude[:, 5], gathers[:, 5:7].mean(axis=1), atol=1e-6)
    assert (line.amplitude[:, 6] == 0).all()


def test_receivers_off_the_grid(tmp_path, rng):
    """A plane wave, linear across receivers, is what linear interpolation gives exactly."""
    x = FIXED_X + rng.uniform(-4, 4, RECEIVERS).round(1)
    x[[0, -1]] = FIXED_X[[0, -1]]
    wave = np.arange(SAMPLES)[:, None, None] + 0.1 * x[:, None] + np.zeros(SHOTS)
    path = write_line(tmp_path / "a.segy", wave, SOURCE_X, x)
    with pytest.raises(ValueError, match=r"irregular: receivers stand up to [34]\.\d+ m off a grid "
                       r"of 12\.\d+ m"):  # fmt: skip
        ks.gathers.read_shot_gathers(path)
    line = ks.gathers.read_shot_gathers(path, irregular="interpolate", receiver_spacing=12.5)
    expected = np.arange(SAMPLES)[:, None, None] + 0.1 * line.receiver_x
    inner = slice(1, -1)  # outer nodes may lie beyond the outer receivers
    np.testing.assert_allclose(line.amplitude[:, inner], expected[:, inner], rtol=2e-5)
    nearest = ks.gathers.read_shot_gathers(path, irregular="nearest").amplitude
    np.testing.assert_allclose(nearest, wave, rtol=1e-6)


def line_of(folder, gathers, **options):
    return write_line(folder / "bad.segy", gathers, SOURCE_X, FIXED_X, **options)


def poisoned(folder, gathers):
    gathers = gathers.copy()
    gathers[3, 2, 1] = np.nan
    return line_of(folder, gathers)


CHANNELS = {"shot_word": "tracf", "receiver_spacing": 12.5}

BAD = {
    "unknown word": (line_of, {"shot_word": "FieldRekord"}, "'FieldRekord'.*mean FieldRecord"),
    "su word misspelt": (line_of, {"receiver_word": "gxx"}, r"unknown .* 'gxx'.*did you mean"),
    "byte in a word": (line_of, {"source_word": 74}, "unknown trace header word 74"),
    "empty word": (line_of, {"receiver_word": "GroupY"}, "'GroupY' is 0 in every trace"),
    "three words": (line_of, {"source_word": (73, 77, 81)}, "one header word or a pair"),
    "pair and single": (line_of, {"source_word": (73, 77)}, "both one header word or both a pair"),
    "option": (line_of, {"irregular": "guess"}, "irregular must be 'refuse', .* received 'guess'"),
    "spread": (line_of, {"spread": "both"}, "spread must be .* received 'both'"),
    "spacing": (line_of, {"receiver_spacing": -1.0}, "receiver_spacing must be positive"),
    "not one source": (line_of, CHANNELS, "of shot 1 have sources 75 m apart"),
    "dt in ms": (line_of, {"dt": 4.0}, r"dt must be a sample interval .* received 4\.0"),
    "no dt": (lambda f, g: line_of(f, g, dt_us=0), {}, "headers state none; pass dt="),
    "two dt": (lambda f, g: line_of(f, g, binary={3217: 2000}), {}, "state 1000 us, 2000 us; pass"),
    "degrees": (lambda f, g: line_of(f, g, words=lambda s, r: {89: 3}), {}, "in decimal degrees"),
    "delays": (lambda f, g: line_of(f, g, words=lambda s, r: {109: r}), {}, "from 0 to 11 ms"),
    "delay scalars": (
        lambda f, g: line_of(f, g, words=lambda s, r: {109: 40, 215: -1 if r else -10}), {},
        "from 4 to 40 ms",
    ),
    "not finite": (poisoned, {}, r"trace 15: 1 of 30 values are not finite"),
    "no grid": (line_of, {"receiver_spacing": 0.1}, "do not make a receiver grid"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("ignore::keras_seismic.io.HeaderWarning")
def test_bad_lines_are_refused(tmp_path, gathers, case):
    make, options, message = BAD[case]
    path = make(tmp_path, gathers)
    with pytest.raises(ValueError, match=message):
        ks.gathers.read_shot_gathers(path, **options)


@pytest.mark.filterwarnings("ignore::keras_seismic.io.HeaderWarning")
def test_what_headers_leave_open_can_be_said(tmp_path, gathers):
    path = line_of(tmp_path, gathers, dt_us=0, words=lambda s, r: {89: 3})
    line = ks.gathers.read_shot_gathers(path, dt=0.002, source_unit=0.1, receiver_unit=0.1)
    assert line.dt == 0.002
    np.testing.assert_allclose(line.receiver_x[:, 0], FIXED_X)
    path = line_of(tmp_path, gathers, binary={3217: 2000})
    assert ks.gathers.read_shot_gathers(path, dt=0.002).dt == 0.002


def test_a_cut_line_is_refused(tmp_path, gathers):
    path = line_of(tmp_path, gathers)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="truncated"):
        ks.gathers.read_shot_gathers(path)
    patched(path, 3224, b"\x00\x63")
    with pytest.raises(ValueError, match="no sample format code"):
        ks.gathers.read_shot_gathers(path)


def test_the_field_stack_is_no_line_of_shots(data_folder):
    with pytest.raises(ValueError, match="decimal degrees"):
        ks.gathers.read_shot_gathers(data_folder / "field_line_namss_88-22-V.segy")


def test_words_have_names_of_both_formats():
    assert [word_byte(w) for w in ("FieldRecord", "fldr", 9, "SX", "groupx", "ns", "dt")] == [
        9, 9, 9, 73, 81, 115, 117,
    ]  # fmt: skip
