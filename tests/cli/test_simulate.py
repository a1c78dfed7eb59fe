"""``keras-seismic simulate``: gathers of the library, in the formats of the field."""

import numpy as np
import pytest
from PIL import Image

import keras_seismic as ks
from keras_seismic.cli.main import main
from keras_seismic.simulation import Acquisition
from tests.segy_files import write_line, write_segy

FAST = ["--samples=100", "--shots=2", "--boundary=cpml"]


def simulate(*words):
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *map(str, words)])
    return ended.value


@pytest.fixture
def velocity(tmp_path):
    model = np.linspace(1800, 3000, 24, dtype="float32")[:, None].repeat(20, axis=1)
    np.save(tmp_path / "velocity.npy", model)
    return model


def test_gathers_are_those_of_the_library(tmp_path, velocity, capsys):
    paths = tmp_path / "velocity.npy", tmp_path / "gathers.npy"
    words = [*FAST, "--receiver-step=4", "--dx=12.5"]
    assert simulate(*paths, *words).code == 0
    assert "(1, 100, 5, 2)" in capsys.readouterr().out
    acquisition = Acquisition.surface(
        width=20, dx=12.5, dt=0.001, nt=100, peak_frequency=15.0, shots=2, receiver_step=4,
        boundary="cpml",
    )  # fmt: skip
    expected = ks.simulation.simulate(velocity[None], acquisition)
    np.testing.assert_allclose(np.load(paths[1]), expected, rtol=1e-6)
    assert "exists already" in str(simulate(*paths, *words))
    assert simulate(*paths, *words, "--overwrite").code == 0


def test_the_defaults_are_openfwis_experiment():
    surface = Acquisition.surface(width=70, dx=10.0, dt=0.001, nt=1000, peak_frequency=15.0)
    assert surface == Acquisition.openfwi()


def test_a_marine_line_from_segy_to_segy_with_snapshots(tmp_path, velocity):
    """The cell size is the file's, the wavelet, depth and surface are as asked for."""
    write_segy(tmp_path / "model.segy", velocity.T, dt_us=12_500, code=5)
    paths = tmp_path / "model.segy", tmp_path / "line.segy"
    words = ["--streamer", "50", "100", "25", "--depth", "25", "--free-surface"]
    shown = "--snapshots", tmp_path / "waves.npy"
    kind = "--wavelet=ormsby=2,6,20,30"
    assert simulate(*paths, *FAST, *words, kind, *shown).code == 0
    acquisition = Acquisition.streamer(
        width=20, dx=12.5, dt=0.001, nt=100, peak_frequency=0, shots=2, row=2,
        offsets=(50.0, 75.0, 100.0), free_surface=True, boundary="cpml",
        source_wavelet=ks.simulation.ormsby((2, 6, 20, 30), 0.001),
    )  # fmt: skip
    expected = ks.simulation.simulate(velocity[None], acquisition)[0]
    read = ks.gathers.read_shot_gathers(paths[1])
    np.testing.assert_allclose(read.amplitude, expected[:, ::-1], rtol=1e-5, atol=1e-12)
    np.testing.assert_array_equal(read.source_x, acquisition.source_positions[:, 0])
    fields = np.load(tmp_path / "waves.npy")
    np.testing.assert_allclose(
        fields, ks.simulation.wave_field(velocity, acquisition, shot=1, every=1), rtol=1e-6
    )


def test_a_wavelet_from_a_file_and_an_animation(tmp_path, velocity):
    wavelet = ks.simulation.ricker(20.0, 0.001, 150)
    np.save(tmp_path / "wavelet.npy", wavelet)
    paths = tmp_path / "velocity.npy", tmp_path / "gathers.npy"
    words = ["--wavelet", tmp_path / "wavelet.npy", "--snapshots", tmp_path / "waves.gif"]
    short = ["--samples=40", *FAST[1:]]
    assert simulate(*paths, *short, *words).code == 0
    acquisition = Acquisition.surface(
        width=20, dx=10.0, dt=0.001, nt=40, peak_frequency=0, shots=2, boundary="cpml",
        source_wavelet=wavelet,
    )  # fmt: skip
    expected = ks.simulation.simulate(velocity[None], acquisition)
    np.testing.assert_allclose(np.load(paths[1]), expected, rtol=1e-6)
    with Image.open(tmp_path / "waves.gif") as animation:
        assert animation.n_frames > 20  # equal ones are joined


def test_a_line_like_another(tmp_path, velocity, capsys):
    """Positions from a line's headers, brought onto the grid, give a line of the same geometry."""
    source_x, receiver_x = np.array([102.0, 149]), np.array([[40.0, 89], [61, 110], [80, 129]])
    paths = tmp_path / "velocity.npy", tmp_path / "line.segy"
    write_line(tmp_path / "field.segy", np.ones((9, 3, 2)), source_x, receiver_x)
    words = ["--like", tmp_path / "field.segy", "--origin=-1", "--samples=50", "--boundary=cpml"]
    assert simulate(*paths, *words).code == 0
    assert "moved by up to 3 m onto the grid" in capsys.readouterr().out
    read = ks.gathers.read_shot_gathers(paths[1])
    assert read.source_x.tolist() == [100, 150]
    assert read.receiver_x.tolist() == [[40, 90], [60, 110], [80, 130]]


@pytest.mark.filterwarnings("ignore::keras_seismic.simulation.DispersionWarning")
def test_cells_too_large_for_the_wavelet_if_asked(tmp_path, velocity):
    words = ["--frequency=30", "--snapshots", tmp_path / "waves.npy", *FAST]
    paths = tmp_path / "velocity.npy", tmp_path / "gathers.npy"
    assert "lower dx to" in str(simulate(*paths, *words))
    assert simulate(*paths, *words, "--allow-dispersion").code == 0
    assert np.load(tmp_path / "waves.npy").shape == (100, 24, 20)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--wavelet=spike"], "wavelet: expected ormsby=F1,F2,F3,F4 or klauder"),
        (["--wavelet=ormsby=1,2,3"], "in Hz and s, received 'ormsby=1,2,3'"),
        (["--wavelet=klauder=1,2,x"], "in Hz and s, received 'klauder=1,2,x'"),
        (["--wavelet=absent.npy"], "absent.npy: no such file"),
        (["--depth=12"], "--depth 12: expected a multiple of the cell size, 10 m"),
        (["--depth=0", "--free-surface"], "at depth 0, where a free surface"),
        (["--depth=400"], "is outside the velocity model"),
        (["--streamer", "50", "500", "10"], "reaches 500 m behind the source"),
        (["--streamer", "50", "100", "-10"], "offsets must be a list of distances"),
        (["--dt=0.01"], "unstable"),
        (["--frequency=90"], "lower dx to"),
        (["--snapshots=waves.png"], "written as another .gif or .npy file"),
        (["--overwrite", "--snapshots=velocity.npy"], "is the input file"),
    ],
)
def test_bad_options_are_refused_with_nothing_written(
    tmp_path, velocity, monkeypatch, words, message
):
    monkeypatch.chdir(tmp_path)
    assert message in str(simulate("velocity.npy", "gathers.npy", *FAST, *words))
    assert [path.name for path in tmp_path.iterdir()] == ["velocity.npy"]


def test_bad_files_are_refused_with_nothing_written(tmp_path):
    np.save(tmp_path / "slow.npy", np.full((20, 20), 3.0))
    for output, message in (("a.npy", "km/s"), ("a.txt", "expected a .npy, .segy or .sgy file")):
        model = np.full((20, 20), 3.0 if output == "a.npy" else 3000.0)
        np.save(tmp_path / "slow.npy", model)
        assert message in str(simulate(tmp_path / "slow.npy", tmp_path / output))
    assert "no such" in str(simulate(tmp_path / "absent.npy", tmp_path / "a.npy"))
    assert [p.name for p in tmp_path.iterdir()] == ["slow.npy"]
