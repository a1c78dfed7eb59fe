"""A model in physical units for gathers that were decimated before."""

from typing import Any

from keras_seismic.layers import GatherPreparation
from keras_seismic.models.physical_units import PhysicalUnitsModel


def for_decimated(model: Any, step: int) -> Any:
    """The model without the decimation it begins with, for gathers that went through it.

    ``SimulatedPairs(..., keep_every=4)`` keeps such gathers; their model takes all samples.

    Args:
        model: In physical units, from gathers; its weights are shared.
        step: Every how many samples one was kept; 1 for all, when the model itself is returned.

    Raises:
        ValueError: If the model does not begin with that ``TimeDecimation``.

    Example:
        >>> import keras_seismic as ks
        >>> network = ks.models.TimeDepthUNet((16, 8, 1), (16, 16), (4,), groups=2)
        >>> steps = [ks.layers.TimeDecimation(4), ks.layers.GatherNormalization(-27, 53)]
        >>> acquisition = ks.simulation.Acquisition.surface(8, 10.0, 0.001, 64, 15.0, shots=1)
        >>> model = ks.models.with_physical_units(
        ...     network,
        ...     ks.layers.GatherPreparation(steps),
        ...     ks.layers.VelocityScaling(),
        ...     acquisition,
        ... )
        >>> model.input_shape, for_decimated(model, 4).input_shape
        ((None, 64, 8, 1), (None, 16, 8, 1))
    """
    if step == 1:
        return model
    preparation = getattr(model, "input_normalization", None)
    if not isinstance(model, PhysicalUnitsModel) or not isinstance(preparation, GatherPreparation):
        raise ValueError(
            f"for_decimated: expected a model in physical units that begins with "
            f"TimeDecimation({step}), received {model}"
        )
    rest = preparation.after_decimation(step)
    return PhysicalUnitsModel(model.network, rest, model.output_scaling)
