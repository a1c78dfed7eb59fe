"""Scores of several methods: means and spreads, the table and the figures."""

import numpy as np
import pytest

from keras_seismic.evaluation import Comparison, plot_predictions

HEADINGS = {"mae": "MAE (m/s)", "ssim": "SSIM"}


@pytest.fixture
def comparison():
    result = Comparison()
    for mae, ssim, losses in ((90, 0.5, [3.0, 1.0]), (100, 0.6, [2.0, 2.0]), (125, 0.4, [1.0, 3])):
        result.add("scratch", {"mae": mae, "ssim": ssim}, {"loss": losses, "val_loss": losses})
    result.add("pre-trained", {"mae": 8.25, "ssim": 0.9125})
    return result


def test_means_and_spreads_over_the_repetitions(comparison):
    summary = comparison.summary()
    assert list(summary) == ["scratch", "pre-trained"]
    assert summary["scratch"]["mae"]["mean"] == 105
    # sqrt((15^2 + 5^2 + 20^2) / 2)
    assert summary["scratch"]["mae"]["std"] == pytest.approx(np.sqrt(325))
    assert summary["scratch"]["mae"]["values"] == [90, 100, 125]
    assert summary["pre-trained"]["ssim"] == {"mean": 0.9125, "std": 0.0, "values": [0.9125]}


def test_the_table(comparison):
    comparison.add("other", {"mae": 1.0})
    assert comparison.table(HEADINGS).splitlines() == [
        "| | MAE (m/s) | SSIM |",
        "|---|---|---|",
        "| scratch | 105 ± 18 | 0.500 ± 0.100 |",
        "| pre-trained | 8.250 | 0.912 |",
        "| other | 1.000 |  |",
    ]


def test_the_figure_shows_every_repetition(comparison):
    figure = comparison.figure(HEADINGS)
    mae, ssim, curves = figure.axes
    assert [bar.get_height() for bar in mae.patches] == [105, 8.25]
    assert [bar.get_height() for bar in ssim.patches] == [pytest.approx(0.5), 0.9125]
    assert [list(line.get_ydata()) for line in mae.lines] == [[90, 100, 125], [8.25]]
    assert [text.get_text() for text in mae.get_xticklabels()] == ["scratch", "pre-trained"]
    assert [list(line.get_ydata()) for line in curves.lines] == [[3, 1], [2, 2], [1, 3], [2, 2]]
    assert len(Comparison().figure(HEADINGS).axes) == 2


def test_predictions_side_by_side(rng):
    true = rng.uniform(1500, 4500, (2, 8, 6, 1))
    figure = plot_predictions(true, {"a": true + 100, "b": true[..., 0]}, dx=5.0)
    panels = [axis for axis in figure.axes if axis.images]
    assert len(panels) == 6
    assert [panel.get_title() for panel in panels[:3]] == ["true", "a", "b"]
    labels = [panel.get_xlabel() for panel in panels]
    assert labels == ["", "MAE 100 m/s", "MAE 0 m/s", "x (m)", "MAE 100 m/s", "MAE 0 m/s"]
    np.testing.assert_array_equal(panels[1].images[0].get_array(), true[0, ..., 0] + 100)
    assert list(panels[0].images[0].get_extent()) == [0, 30, 40, 0]
    assert len({panel.images[0].get_clim() for panel in panels}) == 1
