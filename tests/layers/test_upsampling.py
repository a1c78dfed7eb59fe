"""BilinearUpsampling against SciPy."""

import keras
import numpy as np
import pytest
from scipy import ndimage

import keras_seismic as ks


@pytest.mark.parametrize(("height", "width", "factor"), [(5, 7, 2), (2, 9, 3), (4, 3, 1)])
def test_it_is_scipys_linear_zoom(rng, height, width, factor):
    maps = rng.standard_normal((2, height, width, 3))
    layer = ks.layers.BilinearUpsampling(factor, dtype="float64")
    # SciPy's default grid takes the centers of the corner cells for the ends, too.
    expected = ndimage.zoom(maps, (1, factor, factor, 1), order=1)
    np.testing.assert_allclose(layer(maps), expected, atol=1e-12)


def test_one_cell_is_repeated():
    layer = ks.layers.BilinearUpsampling(2)
    np.testing.assert_array_equal(layer(np.full((1, 1, 1, 1), 3.0)), np.full((1, 2, 2, 1), 3.0))


def test_it_is_symbolic_and_serializable():
    layer = ks.layers.BilinearUpsampling(3)
    assert layer(keras.Input((4, 5, 2))).shape == (None, 12, 15, 2)
    assert ks.layers.BilinearUpsampling.from_config(layer.get_config()).factor == 3


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"received 1\.5"):
        ks.layers.BilinearUpsampling(1.5)
    with pytest.raises(ValueError, match=r"must be known, received the shape \(None, None, 5, 2\)"):
        ks.layers.BilinearUpsampling()(keras.Input((None, 5, 2)))
