"""Pages of quality control show the numbers they are given."""

import numpy as np
import pytest

import keras_seismic as ks


@pytest.fixture
def section(rng):
    """Traces of 40 Hz at 4 ms with noise, the first ten dead."""
    time = 0.004 * np.arange(500)[:, None]
    amplitude = np.sin(2 * np.pi * 40 * time + rng.uniform(0, 6, 60))
    amplitude += 0.01 * rng.standard_normal((500, 60))
    amplitude[:, :10] = 0
    return amplitude


def panels(figure):
    """Axes by title, and their images."""
    found = {axes.get_title(): axes for part in figure.subfigs for axes in part.axes}
    return found, {title: axes.images[0] for title, axes in found.items() if axes.images}


def test_sections_share_one_scale_in_seconds(section):
    figure = ks.visualization.plot_quality(section, 0.25 * section, dt=0.004, title="line 7")
    _, images = panels(figure)
    np.testing.assert_allclose(images["removed"].get_array(), 0.75 * section)
    assert len({image.get_clim() for image in images.values()}) == 1
    assert list(images["after"].get_extent()) == [0, 60, 2, 0]
    assert figure.get_suptitle() == "line 7\nremoved 75.0 % of the RMS amplitude (-2.5 dB)"


@pytest.mark.parametrize(("dt", "peak"), [(0.004, 40), (None, 0.16)])
def test_spectra_in_decibels_of_the_largest_before(section, dt, peak):
    axes, _ = panels(ks.visualization.plot_quality(section, 0.5 * section, dt=dt))
    spectra = axes["mean amplitude spectra"]
    assert ("Hz" if dt else "cycles a sample") in spectra.get_xlabel()
    before, after, removed = (line.get_ydata() for line in spectra.lines)
    frequency = spectra.lines[0].get_xdata()
    assert before.max() == 0
    assert frequency[before.argmax()] == pytest.approx(peak, rel=0.02)
    np.testing.assert_allclose(before - after, 20 * np.log10(2), rtol=1e-6)
    np.testing.assert_allclose(removed, after)


def test_dead_traces_do_not_count(section):
    """Neither in the spectra nor in the mean similarity."""
    similarity = np.full(section.shape, 0.25)
    similarity[:, :10] = 1.0
    figure = ks.visualization.plot_quality(section, 0.5 * section, 0.004, similarity)
    axes, images = panels(figure)
    assert figure.get_suptitle().endswith("with what was kept 0.25")
    shown = images["local similarity of removed and after"]
    np.testing.assert_array_equal(shown.get_array()[:, 10:], similarity[:, 10:])
    assert shown.get_array().mask[:, :10].all()
    assert shown.get_clim() == (0, 1)
    alone, _ = panels(ks.visualization.plot_quality(section[:, 10:], 0.5 * section[:, 10:], 0.004))
    name = "mean amplitude spectra"
    for line, other in zip(axes[name].lines, alone[name].lines, strict=True):
        np.testing.assert_allclose(line.get_ydata(), other.get_ydata())


def test_nothing_there_and_nothing_removed(section, tmp_path):
    """Pages are drawn to the end."""
    zeros = np.zeros((40, 5))
    figure = ks.visualization.plot_quality(zeros, zeros, similarity=zeros)
    assert figure.get_suptitle().startswith("removed 0.0 %")
    figure.savefig(tmp_path / "zeros.png")
    figure = ks.visualization.plot_quality(section, section)
    assert figure.get_suptitle() == "removed 0.0 % of the RMS amplitude"
    figure.savefig(tmp_path / "same.png")


def test_a_volume(rng, tmp_path):
    """Lines under their numbers; dead ones are left out of curve, histogram and median."""
    before = rng.standard_normal((30, 20))
    removed = np.linspace(0.1, 0.3, 30)
    removed[:9] = np.nan
    figure = ks.visualization.plot_volume_quality(
        before, 0.9 * before, removed, lines=1000 + 2 * np.arange(30), time=0.8
    )
    axes, images = panels(figure)
    np.testing.assert_allclose(images["removed"].get_array(), 0.1 * before)
    assert list(images["before"].get_extent()) == [-0.5, 19.5, 1059, 999]
    curve, line = axes["removed by inline"].lines
    np.testing.assert_allclose(curve.get_ydata(), 100 * removed)
    assert curve.get_xdata()[-1] == 1058
    assert line.get_ydata()[0] == pytest.approx(100 * np.median(removed[9:]))
    assert sum(bar.get_width() for bar in axes["histogram"].patches) == 21
    assert "0.800 s" in figure.get_suptitle()
    figure.savefig(tmp_path / "volume.png")


def test_a_volume_by_crosslines_with_missing_traces(rng, tmp_path):
    before = rng.standard_normal((30, 20))
    before[5, 3] = np.nan
    numbers = np.arange(200, 220)
    figure = ks.visualization.plot_volume_quality(
        before, 0.5 * before, np.full(20, 0.5), numbers, along="crossline"
    )
    axes, images = panels(figure)
    assert list(images["before"].get_extent()) == [199.5, 219.5, 29.5, -0.5]
    assert np.isfinite(images["before"].get_clim()).all()
    assert axes["removed by crossline"].get_xlabel() == "crossline"
    figure.savefig(tmp_path / "volume.png")


def test_shapes_that_do_not_fit_are_refused(section):
    with pytest.raises(ValueError, match=r"received \(500, 60\) and \(500, 59\)"):
        ks.visualization.plot_quality(section, section[:, 1:])
    with pytest.raises(ValueError, match=r"similarity \(time, traces\).* received \(499, 60\)"):
        ks.visualization.plot_quality(section, section, similarity=section[1:])
    with pytest.raises(ValueError, match=r"500 inlines, received shapes \(3,\)"):
        ks.visualization.plot_volume_quality(section, section, [0.1, 0.2, 0.3])


def test_the_figure_it_replaces_still_works(section):
    with pytest.warns(FutureWarning, match="use ks.visualization.plot_quality"):
        figure = ks.visualization.plot_before_after(section, section, 0.004, "line")
    assert figure.get_suptitle().startswith("line")


def test_curves_of_several_trainings(rng):
    curves = rng.standard_normal((3, 5))
    figure = ks.visualization.plot_curves({"decoder": {"resize": curves}}, "output (dB)", -1.0)
    (axes,) = figure.axes
    *single, mean = axes.lines
    np.testing.assert_allclose(mean.get_ydata(), curves.mean(axis=0))
    np.testing.assert_allclose([line.get_ydata() for line in single], curves)
    assert axes.get_ylim()[0] == -1
