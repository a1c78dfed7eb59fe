"""Preprocessing of raw gathers, as layers."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import keras
from keras import ops

from keras_seismic.layers.float32 import Float32Layer
from keras_seismic.layers.low_cut import LowCut
from keras_seismic.layers.normalization import GatherNormalization
from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class TimeDecimation(Float32Layer):
    """Keep every n-th time sample of gathers.

    For networks that read time as depth (``FCNVMB``), whose input should not have many more
    rows than their output. There is no anti-alias filter: the gathers must not contain
    frequencies above half the new sampling rate, which holds for simulations at a low peak
    frequency.

    Args:
        step: Keep one of every ``step`` samples.
        first: First sample to keep, by default the middle one of the first ``step``: sample 2 for a
            step of 5, as in FCNVMB's data.

    Input: ``(batch, time, receivers, shots)``. Output: the same with fewer samples, float32.

    Raises:
        ValueError: If ``step`` is not a positive integer, or ``first`` is not below it.

    Example:
        >>> import numpy as np
        >>> layer = TimeDecimation(5)
        >>> [int(x) for x in layer(np.arange(14.0).reshape(1, 14, 1, 1))[0, :, 0, 0]]
        [2, 7, 12]
    """

    def __init__(self, step: int, first: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(step, bool) or not isinstance(step, int) or step < 1:
            raise ValueError(f"TimeDecimation: step must be a positive integer, received {step!r}")
        first = step // 2 if first is None else first
        if isinstance(first, bool) or not isinstance(first, int) or not 0 <= first < step:
            raise ValueError(
                f"TimeDecimation: first must be an integer from 0 to {step - 1}, below step, "
                f"received {first!r}"
            )
        self.step, self.first = step, first

    def call(self, inputs: Tensor) -> Tensor:
        return ops.cast(inputs, "float32")[:, self.first :: self.step]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, samples, *rest = input_shape
        kept = None if samples is None else len(range(self.first, samples, self.step))
        return (batch, kept, *rest)

    def get_config(self) -> Config:
        return super().get_config() | {"step": self.step, "first": self.first}


@keras.saving.register_keras_serializable(package="keras_seismic")
class GatherPreparation(Float32Layer):
    """Layers applied to raw gathers in turn, the last of them a normalization.

    Accepted wherever a ``GatherNormalization`` is, by the ``dataset`` method of pairs and by
    ``with_physical_units``, so that training and serving treat a gather alike.

    Args:
        steps: Layers such as ``LowCut`` and ``TimeDecimation``, then a
            ``GatherNormalization``.

    Input: ``(batch, time, receivers, shots)``, raw amplitudes. Output: float32.

    Raises:
        ValueError: If a step is not a layer, or the last is not a ``GatherNormalization``.

    Example:
        >>> from keras_seismic.layers import LowCut
        >>> layer = GatherPreparation(
        ...     [LowCut(5.0, dt=0.001), TimeDecimation(5), GatherNormalization(-20, 20)]
        ... )
        >>> layer.compute_output_shape((None, 1000, 70, 5))
        (None, 200, 70, 5)
    """

    def __init__(self, steps: Iterable[keras.layers.Layer], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        steps = list(steps)
        for step in steps:
            if not isinstance(step, keras.layers.Layer):
                raise ValueError(
                    f"GatherPreparation: steps must be layers, received {type(step).__name__}"
                )
        if not steps or not isinstance(steps[-1], GatherNormalization):
            last = type(steps[-1]).__name__ if steps else "no steps"
            raise ValueError(
                "GatherPreparation: the last step must be a GatherNormalization, so that the "
                f"network gets [-1, 1], received {last}"
            )
        self.steps = steps

    @classmethod
    def fitted(cls, steps: Sequence[keras.layers.Layer], gathers: Tensor, k: float = 1.0) -> Self:
        """The steps, then a normalization fitted to the range of these gathers after the steps.

        Args:
            steps: Layers before the normalization, possibly none.
            gathers: ``(n, time, receivers, shots)``, raw amplitudes.
            k: Strength of the logarithm; see ``GatherNormalization``.
        """
        x = gathers
        for step in steps:
            x = step(x)
        low, high = float(ops.min(x)), float(ops.max(x))
        return cls([*steps, GatherNormalization(low, high, k)])

    def after_decimation(self, step: int) -> "GatherPreparation | GatherNormalization":
        """What is left to do with gathers that were decimated before.

        Args:
            step: Of the ``TimeDecimation`` that they went through.

        Raises:
            ValueError: If these steps do not begin with that decimation.

        Example:
            >>> layer = GatherPreparation([TimeDecimation(4), GatherNormalization(-20, 20)])
            >>> type(layer.after_decimation(4)).__name__
            'GatherNormalization'
        """
        first = self.steps[0]
        decimation = TimeDecimation(step).get_config()
        if not isinstance(first, TimeDecimation) or any(
            getattr(first, name) != decimation[name] for name in ("step", "first")
        ):
            raise ValueError(
                f"GatherPreparation: for gathers of which every {step}th sample was kept, the "
                f"first step must be TimeDecimation({step}), received {type(first).__name__}"
                + (f"({first.step}, {first.first})" if isinstance(first, TimeDecimation) else "")
            )
        return self.steps[1] if len(self.steps) == 2 else GatherPreparation(self.steps[1:])

    @property
    def data_min(self) -> float:
        """Amplitude after the other steps that becomes -1."""
        return self.steps[-1].data_min

    @property
    def data_max(self) -> float:
        """Amplitude after the other steps that becomes 1."""
        return self.steps[-1].data_max

    def check_sampling(self, dt: float) -> None:
        """Refuse gathers whose sample interval differs from the one the filters were made for.

        Args:
            dt: Sample interval of the raw gathers, s.

        Raises:
            ValueError: If it differs from a ``LowCut``'s, allowing for decimation before it.
        """
        for step in self.steps:
            if isinstance(step, LowCut) and abs(step.dt / dt - 1) > 1e-3:
                raise ValueError(
                    f"GatherPreparation: LowCut was made for dt={step.dt:g} s, but gets gathers at "
                    f"{dt:g} s and would cut at {step.frequency * step.dt / dt:.3g} Hz instead of "
                    f"{step.frequency:g} Hz"
                )
            dt = dt * step.step if isinstance(step, TimeDecimation) else dt

    def build(self, input_shape: Shape) -> None:
        for step in self.steps:
            step.build(input_shape)
            input_shape = step.compute_output_shape(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        for step in self.steps:
            inputs = step(inputs)
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        for step in self.steps:
            input_shape = step.compute_output_shape(input_shape)
        return input_shape

    def get_config(self) -> Config:
        steps = [keras.saving.serialize_keras_object(step) for step in self.steps]
        return super().get_config() | {"steps": steps}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        steps = [keras.saving.deserialize_keras_object(step) for step in config["steps"]]
        return cls(**(config | {"steps": steps}))
