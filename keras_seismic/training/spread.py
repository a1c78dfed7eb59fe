"""The spread of a trained network's velocity: a head fitted and calibrated on other pairs."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_seismic.checks import checked_size
from keras_seismic.datasets import Pairs
from keras_seismic.losses import PinballLoss
from keras_seismic.models import (
    PhysicalUnitsModel,
    VelocityWithSpread,
    for_decimated,
    without_spread,
)
from keras_seismic.models.velocity_with_spread import COVERAGE
from keras_seismic.progress import progress_bar
from keras_seismic.training.fitting import jit_compile

#: Of the pairs, the last quarter sets the level of the spread, the others its pattern.
_CALIBRATING = 0.25

#: Bytes of maps that are kept from one epoch to the next.
_KEPT = 2**31

#: Largest spread of a network whose output is in m/s, and not in [-1, 1].
_LARGEST = 5000.0


def fit_spread(
    model: PhysicalUnitsModel,
    pairs: Pairs,
    numbers: slice | Sequence[int] | np.ndarray,
    *,
    filters: int = 16,
    epochs: int = 10,
    batch_size: int = 16,
    learning_rate: float = 5e-3,
    seed: int = 0,
    progress: bool = True,
) -> PhysicalUnitsModel:
    """Give a trained network a second output, how far off its velocity may be.

    The network is left as it is. A small head on its last maps (``VelocityWithSpread``) learns
    the 90 % quantile of the absolute error by the pinball loss, on three quarters of the pairs;
    on the others, which it has not seen, it is then shifted so that velocity ± spread holds the
    true velocity in 90 % of their cells (split conformal prediction).

    On pairs that the network was trained on, its errors are smaller than on others, and so would
    be the spread: the pairs must be held out. It holds for geology like theirs only.

    Args:
        model: A trained model from raw gathers to velocity. A spread that it has is replaced.
        pairs: Of any kind, on disk.
        numbers: Which of them to use, in random order; a few hundred are enough.
        filters: Channels of the head.
        epochs: Passes over the pairs.
        batch_size: Pairs in a batch.
        learning_rate: The first; it falls to zero along a cosine.
        seed: Of the head's first weights and of the order of the batches.
        progress: Show a progress bar.

    Returns:
        The model with two outputs, velocity and spread, in m/s; its network is shared with the
        model that was passed.

    Raises:
        ValueError: If the model does not predict velocity, the pairs do not fit it, hold no
            velocity or are fewer than four, or an error is not finite.

    Example:
        >>> model = fit_spread(model, pairs, pairs.held_out()[1])  # doctest: +SKIP
        >>> velocity, spread = ks.invert(gathers, model, spread=True)  # doctest: +SKIP

    Reference:
        Romano, Y., Patterson, E. and Candès, E. (2019), Conformalized quantile regression,
        NeurIPS.
    """
    model = without_spread(model)
    taking = for_decimated(model, pairs.keep_every)
    chosen = _checked(taking, pairs, numbers)
    sizes = checked_size((epochs, batch_size), 2, "fit_spread: epochs and batch_size")
    keras.utils.set_random_seed(seed)
    limit = _LARGEST if getattr(model.output_scaling, "minimum", None) is None else 2.0
    network = VelocityWithSpread(model.network, filters, limit)
    count = max(int(_CALIBRATING * len(chosen)), 1)
    learning = _Errors(taking, network, pairs, chosen[:-count], sizes[1])
    calibrating = _Errors(taking, network, pairs, chosen[-count:], sizes[1])
    with progress_bar(sizes[0] * len(learning), "fitting the spread", "batch", progress) as bar:
        maps, error = learning[0]
        _shift(network, _logit(np.quantile(error, COVERAGE), limit))  # from half of the limit
        learning.scales = [_sizes(one) for one in maps]
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, sizes[0] * len(learning))
        network.head.compile(
            keras.optimizers.Adam(schedule), PinballLoss(COVERAGE), jit_compile=jit_compile()
        )
        advance = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: bar.update())
        network.head.fit(learning, epochs=sizes[0], verbose=0, callbacks=[advance])
    _divide_kernel(network, np.concatenate(learning.scales))
    missing = [
        _logit(error, limit) - _logit(network.head.predict_on_batch(maps), limit)
        for maps, error in (calibrating[i] for i in range(len(calibrating)))
    ]
    _shift(network, np.quantile(np.concatenate([x.ravel() for x in missing]), COVERAGE))
    return model.around(network)


def _checked(
    model: PhysicalUnitsModel, pairs: Pairs, numbers: slice | Sequence[int] | np.ndarray
) -> np.ndarray:
    """The numbers as an array, if model and pairs fit each other."""
    if not isinstance(model, PhysicalUnitsModel) or not model.predicts_velocity:
        raise ValueError(
            "fit_spread: expected a model from raw gathers to velocity, made by "
            f"with_physical_units, received a {type(model).__name__}"
        )
    chosen = np.arange(len(pairs))[numbers]
    if len(chosen) < 4:
        raise ValueError(f"fit_spread: expected at least four pairs, received {len(chosen)}")
    own = tuple(model.output_shape[1:3])
    if own != pairs.velocity_shape:
        raise ValueError(
            f"fit_spread: {model.name} is for velocity models of {own}, the pairs have "
            f"{pairs.velocity_shape}"
        )
    return chosen


class _Errors(keras.utils.PyDataset):
    """Batches for the head: the network's last maps and velocity, and its absolute error."""

    def __init__(
        self,
        model: PhysicalUnitsModel,
        network: VelocityWithSpread,
        pairs: Pairs,
        numbers: np.ndarray,
        batch_size: int,
    ) -> None:
        super().__init__()
        units = model.input_normalization, model.output_scaling
        self._network = network
        self._batches = pairs.pydataset(*units, batch_size, shuffle=False, part=numbers, parallel=0)
        self._kept: dict[int, Any] = {}
        self._room = _KEPT
        self.scales: list[np.ndarray] = []  # of maps and velocity, by channel

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        maps, error = self._kept.get(index) or self._computed(index)
        if self.scales:
            maps = tuple(one / scale for one, scale in zip(maps, self.scales, strict=True))
        return maps, error

    def _computed(self, index: int) -> Any:
        gathers, true = self._batches[index]
        given, own = gathers.shape[1:], tuple(self._network.inputs[0].shape[1:])
        if given != own:
            raise ValueError(
                f"fit_spread: the network takes gathers of {own}, the pairs make {given} of theirs"
            )
        maps, velocity = self._network.features.predict_on_batch(gathers)
        error = np.abs(np.asarray(velocity, np.float32) - true)
        if not np.isfinite(error).all():
            raise ValueError("fit_spread: the network's error is not finite")
        batch = (maps, velocity), error
        size = maps.nbytes + velocity.nbytes + error.nbytes
        if size <= self._room:
            self._kept[index], self._room = batch, self._room - size
        return batch


def _logit(spread: np.ndarray | float, largest: float) -> np.ndarray:
    """Where the head's sigmoid has a value."""
    fraction = np.clip(np.asarray(spread, np.float64) / largest, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(fraction / (1 - fraction)))


def _sizes(maps: np.ndarray) -> np.ndarray:
    """RMS of each channel; for those that are nearly empty, a thousandth of the largest."""
    sizes = np.sqrt(np.mean(np.square(maps, dtype=np.float64), axis=(0, 1, 2)))
    floor = 1e-3 * sizes.max() or 1.0  # so that the divided kernel fits half precision
    return np.maximum(sizes, floor).astype(np.float32)


def _divide_kernel(network: VelocityWithSpread, scales: np.ndarray) -> None:
    """Let the head take the maps as they are, where it was trained on maps divided by these."""
    kernel = network.head.get_layer("convolution_1").kernel
    kernel.assign(keras.ops.convert_to_numpy(kernel) / scales[:, None])


def _shift(network: VelocityWithSpread, logit: np.ndarray) -> None:
    rows = network.head.get_layer("place").rows
    rows.assign(keras.ops.convert_to_numpy(rows) + np.float32(logit))
