"""How far the gathers of estimated velocity models are from those observed."""

import keras
import numpy as np

from keras_seismic.simulation import Acquisition, simulate


def data_misfit(
    velocity: np.ndarray,
    gathers: np.ndarray,
    acquisition: Acquisition,
    input_normalization: keras.layers.Layer,
) -> float:
    """Mean absolute difference of normalized gathers, observed and simulated.

    It needs no true velocity. A low misfit does not make a right model: where few waves pass,
    gathers say little.

    Args:
        velocity: Estimates ``(models, depth, width, 1)``, m/s.
        gathers: Observed, ``(models, time, receivers, shots)``, raw amplitudes.
        acquisition: The experiment behind them.
        input_normalization: What a network gets for raw gathers, ``GatherNormalization`` for one.

    Returns:
        The misfit; the normalized gathers span about 2.

    Example:
        >>> from keras_seismic.layers import GatherNormalization
        >>> acquisition = Acquisition.surface(
        ...     width=20, dx=10.0, dt=0.001, nt=100, peak_frequency=15.0, boundary="cpml"
        ... )
        >>> velocity = np.full((1, 20, 20, 1), 2000.0)
        >>> gathers = simulate(velocity[..., 0], acquisition)
        >>> data_misfit(velocity, gathers, acquisition, GatherNormalization(-27, 53))
        0.0
    """
    modeled = simulate(np.asarray(velocity)[..., 0], acquisition, allow_dispersion=True)
    pairs = zip(modeled, gathers, strict=True)  # one at a time: gathers are large
    differences = [
        np.abs(
            keras.ops.convert_to_numpy(input_normalization(one[None]))
            - keras.ops.convert_to_numpy(input_normalization(other[None]))
        ).mean()
        for one, other in pairs
    ]
    return float(np.mean(differences))
