"""Positions brought onto a grid."""

import numpy as np
import pytest

from keras_seismic.simulation import Acquisition, snap_to_grid


def test_positions_move_to_the_nearest_grid_point():
    positions = np.random.default_rng(0).uniform(0, 300, (4, 7, 2))
    snapped, farthest = snap_to_grid(positions, 12.5)
    by_hand = [[[12.5 * round(c / 12.5) for c in p] for p in shot] for shot in positions.tolist()]
    np.testing.assert_allclose(snapped, by_hand)
    assert farthest == pytest.approx(np.max(np.linalg.norm(snapped - positions, axis=-1)))
    assert farthest <= 12.5 / np.sqrt(2)
    Acquisition(12.5, 0.001, 100, 15.0, snapped[0][:4], snapped)  # which it takes


def test_halfway_goes_right_and_down():
    snapped, farthest = snap_to_grid([(5.0, 15.0), (-5.0, 20.0)], 10.0)
    assert snapped.tolist() == [[10, 20], [0, 20]]
    assert farthest == pytest.approx(np.hypot(5, 5))


@pytest.mark.parametrize("positions", [[(1.0, 2.0, 3.0)], [(1.0, float("nan"))], 3.0])
def test_refused(positions):
    with pytest.raises(ValueError, match="snap_to_grid: expected finite pairs"):
        snap_to_grid(positions, 10.0)
