"""Geometry and timing: what stands where, what the wavelet is, and what is refused."""

import json

import numpy as np
import pytest

from keras_seismic.simulation import Acquisition, ricker

SMALL = {"width": 20, "dx": 10.0, "dt": 0.001, "nt": 100, "peak_frequency": 15.0}
ARGUMENTS = {
    "dx": 10.0,
    "dt": 0.001,
    "nt": 100,
    "peak_frequency": 15.0,
    "sources": ((0.0, 10.0),),
    "receivers": ((50.0, 10.0),),
}


def test_openfwi_geometry():
    acquisition = Acquisition.openfwi()
    assert (acquisition.dx, acquisition.dt, acquisition.nt) == (10.0, 0.001, 1000)
    assert acquisition.peak_frequency == 15.0
    assert acquisition.sources == tuple((10.0 * c, 10.0) for c in (0, 17, 34, 52, 69))
    assert acquisition.receivers == tuple((10.0 * c, 10.0) for c in range(70))
    assert (acquisition.boundary, acquisition.boundary_width) == ("openfwi", 120)
    assert Acquisition.openfwi("cpml").boundary_width == 20
    rows, columns = acquisition.grid_indices("sources", (70, 70))
    assert rows.tolist() == [1] * 5
    assert columns.tolist() == [0, 17, 34, 52, 69]


def test_surface_spreads_shots_from_edge_to_edge():
    acquisition = Acquisition.surface(shots=3, receiver_step=4, row=2, **SMALL | {"width": 21})
    assert acquisition.sources == ((0.0, 20.0), (100.0, 20.0), (200.0, 20.0))
    assert acquisition.receivers == tuple((40.0 * i, 20.0) for i in range(6))
    assert acquisition.gather_shape == (100, 6, 3)
    single = Acquisition.surface(shots=1, **SMALL | {"width": 21})
    assert single.sources == ((100.0, 10.0),)


def test_positions_of_any_depth_land_on_their_cells():
    acquisition = Acquisition(**ARGUMENTS | {"receivers": ((30.0, 70.0), (0.0, 0.0))})
    rows, columns = acquisition.grid_indices("receivers", (8, 4))
    assert rows.tolist() == [7, 0]
    assert columns.tolist() == [3, 0]


def test_a_streamer_follows_its_source():
    acquisition = Acquisition.streamer(offsets=(30.0, 50.0, 70.0), shots=3, **SMALL)
    assert acquisition.gather_shape == (100, 3, 3)
    assert [x for x, _ in acquisition.sources] == [70.0, 130.0, 190.0]  # 7 to 19 cells
    offset = acquisition.receiver_positions[..., 0] - acquisition.source_positions[:, :1]
    np.testing.assert_array_equal(offset, [[-30, -50, -70]] * 3)
    rows, columns = acquisition.grid_indices("receivers", (20, 20))
    assert (rows == 1).all()
    assert columns.tolist() == [[4, 2, 0], [10, 8, 6], [16, 14, 12]]
    split = Acquisition.streamer(offsets=(-20.0, 20.0), shots=2, **SMALL)
    assert [x for x, _ in split.sources] == [20.0, 170.0]
    with pytest.raises(ValueError, match=r"reaches 200 m behind .* model is 190 m wide"):
        Acquisition.streamer(offsets=(200.0,), **SMALL)
    with pytest.raises(ValueError, match=r"receivers\[1\]\[0\] at x=100 m"):
        acquisition.grid_indices("receivers", (20, 9))  # the first that is outside


def test_receivers_of_each_shot():
    """Equal ones are those of a spread; unequal ones are refused where a spread is needed."""
    pair = ARGUMENTS | {"sources": ((0.0, 10.0), (50.0, 10.0))}
    still = Acquisition(**pair | {"receivers": (((50.0, 10.0),),) * 2})
    assert still == Acquisition(**pair)
    assert hash(still) == hash(Acquisition(**pair))
    assert not still.receivers_move
    assert still.receiver_positions.tolist() == [[[50.0, 10.0]]] * 2
    assert still.fixed_receivers("a test") == ((50.0, 10.0),)
    moving = Acquisition(**pair | {"receivers": [[[50, 10]], [[70, 10]]]})
    assert moving.receivers_move
    with pytest.raises(ValueError, match=r"a test: expected receivers that stand still.*50 to 70"):
        moving.fixed_receivers("a test")
    with pytest.raises(ValueError, match=r"must be 2 lists .*, received 3 lists of 1"):
        Acquisition(**pair | {"receivers": [[[50, 10]], [[70, 10]], [[0, 0]]]})
    with pytest.raises(ValueError, match=r"2 lists of the same length.* 2 lists of 1 to 2"):
        Acquisition(**pair | {"receivers": [[[50, 10]], [[70, 10], [0, 0]]]})
    with pytest.raises(ValueError, match=r"receivers\[1\] must stand on grid points.*x=71 m"):
        Acquisition(**pair | {"receivers": [[[50, 10]], [[71, 10]]]})


def test_a_wavelet_of_ones_own():
    samples = ricker(12.0, 0.001, 300)
    acquisition = Acquisition(**ARGUMENTS | {"source_wavelet": samples, "peak_frequency": 0})
    np.testing.assert_array_equal(acquisition.wavelet, samples[:100])
    assert acquisition.highest_frequency == pytest.approx(2.5 * 12, rel=0.01)
    assert acquisition.peak_frequency == pytest.approx(12.8, rel=0.01)  # the mean, not the peak
    short = Acquisition(**ARGUMENTS | {"source_wavelet": (0.0, 1.0, -1.0)})
    assert short.wavelet[:4].tolist() == [0, 1, -1, 0]
    assert not short.wavelet[4:].any()
    assert short.peak_frequency == 15.0
    padded = Acquisition(**ARGUMENTS | {"source_wavelet": [0, 1, -1, 0, 0]})
    assert padded == short
    assert hash(padded) == hash(short)


@pytest.mark.parametrize("wavelet", [(0.0, 0.0), (1.0, float("nan")), ((1.0,), (2.0,)), ("a",)])
def test_wavelets_refused(wavelet):
    with pytest.raises(ValueError, match="source_wavelet must be finite samples"):
        Acquisition(**ARGUMENTS | {"source_wavelet": wavelet})


def test_new_fields_stay_out_of_old_configurations():
    """What was saved before there were free surfaces reads the same, and is written the same."""
    known = {"dx", "dt", "nt", "peak_frequency", "sources", "receivers", "boundary"}
    assert Acquisition(**ARGUMENTS).get_config().keys() == known | {"boundary_width"}
    marine = Acquisition.streamer(
        offsets=(30.0, 50.0), free_surface=True, source_wavelet=(1.0, -1.0), **SMALL
    )
    config = json.loads(json.dumps(marine.get_config()))
    assert config["free_surface"] is True
    assert Acquisition.from_config(config) == marine


def test_config_round_trip_through_json():
    acquisition = Acquisition.surface(boundary="cpml", boundary_width=12, **SMALL)
    config = json.loads(json.dumps(acquisition.get_config()))
    restored = Acquisition.from_config(config)
    assert restored == acquisition
    assert hash(restored) == hash(acquisition)
    assert restored != Acquisition.surface(boundary="cpml", boundary_width=13, **SMALL)


def test_numpy_numbers_become_plain_ones():
    numbers = {name: np.float64(ARGUMENTS[name]) for name in ("dx", "dt", "peak_frequency")}
    positions = {"sources": np.array([[0, 10]]), "receivers": np.array([[50.0, 10.0]])}
    acquisition = Acquisition(**ARGUMENTS | numbers | positions | {"nt": np.int64(100)})
    assert acquisition == Acquisition(**ARGUMENTS)
    assert json.loads(json.dumps(acquisition.get_config()))["dt"] == 0.001
    single = Acquisition(**ARGUMENTS | {"dx": np.float32(10)})
    assert json.dumps(single.get_config()) == json.dumps(Acquisition(**ARGUMENTS).get_config())


def test_positions_within_rounding_count_as_the_same():
    """0.1 * 3 is not 0.3: the same grid point, and so the same experiment."""
    near = Acquisition(
        **ARGUMENTS | {"dx": 0.1, "receivers": ((0.1 * 3, 0.1),), "sources": [[0, 0]]}
    )
    exact = Acquisition(**ARGUMENTS | {"dx": 0.1, "receivers": ((0.3, 0.1),), "sources": [[0, 0]]})
    assert near == exact
    assert hash(near) == hash(exact)


def test_wavelet_is_the_published_formula():
    nt, dt, frequency = 1000, 0.001, 15.0
    count = 2 * int(np.floor(np.floor(2.2 / frequency / dt) / 2)) + 1
    assert count == 147
    k = np.arange(count)
    a = (count // 2 - k) * frequency * dt * np.pi
    expected = np.zeros(nt)
    expected[:count] = (1 - 2 * a**2) * np.exp(-(a**2))
    np.testing.assert_allclose(Acquisition.openfwi().wavelet, expected, atol=1e-15)


@pytest.mark.parametrize(("frequency", "dt"), [(15.0, 0.001), (25.0, 0.002), (7.5, 0.0005)])
def test_wavelet_spectrum_peaks_at_its_frequency(frequency, dt):
    nt = 2**16
    wavelet = ricker(frequency, dt, nt)
    amplitude = np.abs(np.fft.rfft(wavelet))
    frequencies = np.fft.rfftfreq(nt, dt)
    assert frequencies[amplitude.argmax()] == pytest.approx(frequency, rel=0.002)
    # The whole spectrum is (f / f0)^2 exp(-(f / f0)^2), up to the cut-off tails' 2e-4.
    ratio = (frequencies / frequency) ** 2
    np.testing.assert_allclose(amplitude / amplitude.max(), ratio * np.exp(1 - ratio), atol=0.003)


def test_wavelet_is_causal_symmetric_and_cut():
    wavelet = ricker(15.0, 0.001, 200)
    np.testing.assert_allclose(wavelet[:147], wavelet[146::-1], atol=1e-12)
    assert wavelet[73] == 1
    assert (wavelet[147:] == 0).all()
    assert abs(wavelet[0]) < 2e-4
    np.testing.assert_array_equal(ricker(15.0, 0.001, 50), wavelet[:50])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dx": 0.0}, r"dx must be positive, received 0\.0"),
        ({"dx": float("nan")}, r"dx must be positive, received nan"),
        ({"dt": -0.001}, r"dt must be a sample interval of 1e-06 to 1 s, received -0\.001"),
        ({"peak_frequency": float("inf")}, r"peak_frequency must be positive, received inf"),
        ({"nt": 100.5}, r"nt must be a positive integer, received 100\.5"),
        ({"nt": 0}, r"nt must be a positive integer, received 0"),
        ({"nt": float("nan")}, r"nt must be a positive integer, received nan"),
        ({"nt": float("inf")}, r"nt must be a positive integer, received inf"),
        ({"nt": "many"}, r"nt must be a positive integer, received many"),
        ({"dx": "10"}, r"dx must be positive, received 10"),
        ({"boundary": "sponge"}, r"boundary must be one of .*cpml.*openfwi.*received 'sponge'"),
        (
            {"boundary_width": 2},
            r"boundary_width must be a whole number of at least 3 cells, received 2",
        ),
        ({"boundary_width": 10.5}, r"boundary_width must be a whole number.*received 10\.5"),
        (
            {"boundary_width": -20},
            r"boundary_width must be a whole number of at least 3 cells, received -20",
        ),
        ({"sources": ()}, r"sources is empty"),
        ({"receivers": []}, r"receivers is empty"),
        ({"sources": ((5.0, 10.0),)}, r"sources must stand on grid points.*dx=10 m.*x=5 m"),
        ({"receivers": ((0.0, 12.0),)}, r"receivers must stand on grid points.*depth=12 m"),
        ({"sources": ((float("nan"), 10.0),)}, r"sources must stand on grid points.*x=nan"),
        ({"sources": (10.0, 10.0)}, r"sources must be pairs \(x, depth\) in m, received 10\.0"),
        ({"receivers": ((1, 2, 3),)}, r"receivers must be pairs .* received \(1, 2, 3\)"),
        ({"dt": 0.05}, r"dt=0\.05 s leaves 3 samples .* use dt below 0\.0367 s"),
    ],
)
def test_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Acquisition(**ARGUMENTS | change)


@pytest.mark.parametrize(
    ("kind", "position", "message"),
    [
        ("sources", (200.0, 10.0), r"sources\[0\] at x=200 m, depth=10 m is outside.*x 0-190 m"),
        ("sources", (-10.0, 10.0), r"sources\[0\] at x=-10 m"),
        ("receivers", (0.0, 300.0), r"receivers\[0\] at x=0 m, depth=300 m.*depth 0-290 m"),
    ],
)
def test_position_outside_of_the_model(kind, position, message):
    acquisition = Acquisition(**ARGUMENTS | {kind: (position,)})
    with pytest.raises(ValueError, match=message):
        acquisition.grid_indices(kind, (30, 20))


@pytest.mark.parametrize(
    "arguments", [(0, 0.001, 10), (15, -0.001, 10), (15, 0.001, 0), (float("nan"), 0.001, 10)]
)
def test_wavelet_refuses(arguments):
    with pytest.raises(ValueError, match="must be positive, received peak_frequency="):
        ricker(*arguments)
