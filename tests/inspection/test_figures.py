"""Figures of inspections: whatever an array holds, something is drawn or it is left out."""

import io

import matplotlib.image
import numpy as np
import pytest

import keras_seismic as ks

RNG = np.random.default_rng(0)


def velocity():
    return ks.simulation.sample_velocity("curvevel_a", 3, 0, shape=(40, 50))


def drawn(report):
    """The pixels of the figure at a low resolution."""
    stream = io.BytesIO()
    ks.inspection.plot_inspection(report).savefig(stream, dpi=25)
    stream.seek(0)
    return matplotlib.image.imread(stream)[..., :3]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(40.0),
        np.ones((30, 30)),
        np.zeros((30, 30)),
        np.full((30, 30), np.nan),
        RNG.standard_normal((50, 1)),
        RNG.standard_normal((2, 3)),
        RNG.standard_normal((40, 9, 9)),
        RNG.standard_normal((9, 40, 9, 1)),
        RNG.standard_normal((2, 2, 2, 2, 20)),
        np.where(np.eye(60) > 0, np.inf, RNG.standard_normal((60, 60))),
        np.linspace(1500, 4000, 50),
        velocity(),
        velocity()[:, None] / 1000,
        np.where(np.eye(40) > 0, np.nan, 2000.0),
    ],
    ids=lambda a: "x".join(map(str, a.shape)),
)
def test_whatever_can_be_drawn_is_drawn(tmp_path, array):
    np.save(tmp_path / "a.npy", array.astype("f4"))
    report = ks.inspection.inspect(tmp_path / "a.npy")
    if np.isfinite(array).any():
        assert drawn(report).std() > 0
    else:
        with pytest.raises(ValueError, match="nothing that a figure could show"):
            ks.inspection.plot_inspection(report)


@pytest.mark.parametrize(
    "name", ["field_line_namss_88-22-V.segy", "field_stack_3d.npy", "marmousi2_vp_10m.npy"]
)
def test_real_data(data_folder, name):
    pixels = drawn(ks.inspection.inspect(data_folder / name))
    assert pixels.std() > 0.1  # an image, not only white paper


def test_the_arrays_of_an_archive_share_a_figure(tmp_path):
    gathers = np.diff(RNG.standard_normal((2, 65, 18, 3)), axis=1)
    np.savez(tmp_path / "a.npz", gathers=gathers, velocity=velocity(), trace=gathers[0, :, 0, 0])
    three = drawn(ks.inspection.inspect(tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", velocity=velocity())
    assert len(three) == 3 * len(drawn(ks.inspection.inspect(tmp_path / "b.npz")))
