"""Dropout of whole channels."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_seismic")
class ChannelDropout(keras.layers.SpatialDropout2D):
    """Spatial dropout whose random state is saved with the model.

    Neighboring cells of a map carry nearly the same information and would fill in for single
    dropped cells, so whole channels are dropped. Keras does not save random states: without
    this layer, training resumed from a file would drop different channels than uninterrupted
    training.

    Args:
        rate: Fraction of the channels to drop, in [0, 1].
        seed: Seed of the random numbers, random by default.

    Input and output: ``(batch, height, width, channels)``.

    Example:
        >>> import numpy as np
        >>> maps = ChannelDropout(0.5, seed=0)(np.ones((1, 4, 4, 100)), training=True)
        >>> sorted({float(x) for x in np.asarray(maps).ravel()})
        [0.0, 2.0]

    Reference:
        Tompson, J. et al. (2015), Efficient object localization using convolutional
        networks, CVPR.
    """

    def save_own_variables(self, store: Any) -> None:
        if self.rate:
            store["seed"] = keras.ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store: Any) -> None:
        if self.rate:
            self.seed_generator.state.assign(store["seed"][()])
