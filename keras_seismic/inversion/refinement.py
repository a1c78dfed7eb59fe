"""A network whose every answer is refined by waveform inversion."""

import dataclasses
from typing import Any

import numpy as np

from keras_seismic.inference import GatherInverter
from keras_seismic.inference.gather_inverter import Inverter
from keras_seismic.inversion.full_waveform import BOUNDS, full_waveform


def refined(model: Inverter, **options: Any) -> GatherInverter:
    """A network followed by waveform inversion, as a model that ``ks.invert`` takes.

    The network's answer to each example is the start of ``full_waveform`` with the acquisition that
    the network was trained for, so this works for arrays, files and the parts of a line alike. A
    spread is left out: it is that of the network's own answer.

    Args:
        model: As for ``ks.invert``.
        **options: Passed to ``full_waveform``.

    Returns:
        An inverter.

    Raises:
        ValueError: If it is not known which acquisition the model was trained for.

    Example:
        >>> import keras_seismic as ks
        >>> better = refined("runs/x/model.keras")  # doctest: +SKIP
        >>> ks.invert(gathers, better).shape  # doctest: +SKIP
        (20, 70, 70)
    """
    inverter = GatherInverter.of(model)
    acquisition = inverter.acquisition
    if acquisition is None:
        raise ValueError(
            f"{inverter.name} does not know its acquisition, which waveform inversion simulates; "
            "make it with with_physical_units(..., acquisition=...), or call "
            "ks.inversion.full_waveform(gathers, acquisition, start=velocity) yourself"
        )
    if acquisition.gather_shape != inverter.gather_shape:
        raise ValueError(
            f"{inverter.name} takes gathers (time, receivers, shots) of {inverter.gather_shape}, "
            f"its acquisition records {acquisition.gather_shape}; waveform inversion needs what it "
            "records"
        )

    bounds = options.get("bounds", BOUNDS)

    def predict(gathers: np.ndarray) -> np.ndarray:
        velocity = np.asarray(inverter.predict(gathers), np.float64)[..., 0]
        if inverter.spacing(velocity.shape[-1]) is None:
            raise ValueError(
                f"{inverter.name} predicts {velocity.shape[-1]} columns, fewer than its sources "
                f"and receivers span on their grid of {acquisition.dx:g} m, on which waveform "
                "inversion simulates"
            )
        found = [
            full_waveform(one, acquisition, start, **{"progress": False} | options).velocity
            for one, start in zip(gathers, np.clip(velocity, *bounds), strict=True)
        ]
        return np.stack(found)[..., None]

    name = f"{inverter.name}, refined"
    return dataclasses.replace(inverter, predict=predict, name=name, outputs=None)
