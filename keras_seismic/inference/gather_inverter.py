"""A network from shot gathers to velocity, and what is known of it."""

import dataclasses
import os
import warnings
from pathlib import Path
from typing import TypeAlias

import keras
import numpy as np

from keras_seismic.inference.model_card import ModelCard
from keras_seismic.inference.predictors import (
    Predictor,
    load_model,
    load_predictor,
    model_predictor,
)
from keras_seismic.simulation import Acquisition

#: Peaks so many times above or below what a network was trained on are of other units.
_ODD_SCALE = 5.0


@dataclasses.dataclass(frozen=True)
class GatherInverter:
    """A network from shot gathers to velocity, with what is known of it.

    Args:
        predict: From ``(batch, time, receivers, shots)`` to ``(batch, depth, width, 1)`` in m/s.
        gather_shape: ``(time, receivers, shots)``.
        acquisition: The experiment that it was trained for, if that is known.
        amplitudes: Smallest and largest raw amplitude in its training, if known.
        name: What messages call it.
    """

    predict: Predictor
    gather_shape: tuple[int, int, int]
    acquisition: Acquisition | None = None
    amplitudes: tuple[float, float] | None = None
    name: str = "the model"

    @classmethod
    def of(cls, model: "keras.Model | str | os.PathLike | GatherInverter") -> "GatherInverter":
        """The inverter that a model in memory or on disk is.

        Raises:
            ValueError: If it does not predict velocity from raw gathers, or says nothing of
                itself.
        """
        if isinstance(model, GatherInverter):
            return model
        name = "the model" if isinstance(model, keras.Model) else str(model)
        if not isinstance(model, keras.Model) and Path(model).suffix == ".keras":
            model = load_model(model)
        if isinstance(model, keras.Model):
            return cls._of_card(ModelCard.of(model), model_predictor(model), name)
        predict, card = load_predictor(model), ModelCard.read(model)
        if card is None:
            raise ValueError(
                f"{model}: has no model card, so its geometry is not known; export it again from "
                "its .keras file, or call ks.inference.load_predictor(...) on gathers yourself"
            )
        return cls._of_card(card, predict, name)

    @classmethod
    def _of_card(cls, card: ModelCard, predict: Predictor, name: str) -> "GatherInverter":
        if not card.predicts_velocity:
            raise ValueError(
                f"{name}: expected a model from raw gathers to velocity in m/s, made by "
                f"with_physical_units, received one from {card.task} ({card.input['units']} to "
                f"{card.output['units']})"
            )
        shape = tuple(card.input["shape"][1:])
        return cls(predict, shape, card.experiment(), card.amplitudes(), name)

    def spacing(self, columns: int) -> float | None:
        """Grid spacing of the velocity in m: the acquisition's, whose grid it is taken to lie on.

        Args:
            columns: Width of the velocity.

        Returns:
            The spacing; ``None`` if no acquisition is known, or sources and receivers span more
            columns of its grid than the velocity has, which then lies on another one.
        """
        if self.acquisition is None:
            return None
        positions = self.acquisition.sources + self.acquisition.receivers
        spanned = max(x for x, _ in positions) / self.acquisition.dx + 1
        return self.acquisition.dx if round(spanned) <= columns else None

    def batch_of(self, gathers: np.ndarray) -> tuple[np.ndarray, bool]:
        """A view of gathers in either layout as ``(batch, time, receivers, shots)``.

        Returns:
            The batch, and whether it was a single example.

        Raises:
            ValueError: If they are no real numbers or have not the model's geometry.
        """
        if gathers.dtype.kind not in "fiu":
            raise ValueError(
                f"{self.name} takes gathers of real numbers, received dtype {gathers.dtype}"
            )
        nt, receivers, shots = self.gather_shape
        for shape, openfwi in ((self.gather_shape, False), ((shots, nt, receivers), True)):
            if gathers.ndim in (3, 4) and gathers.shape[-3:] == shape and len(gathers):
                batch = gathers[None] if gathers.ndim == 3 else gathers
                return np.moveaxis(batch, 1, -1) if openfwi else batch, gathers.ndim == 3
        raise ValueError(
            f"{self.name} takes gathers (time, receivers, shots) of {self.gather_shape}, or "
            f"(shots, time, receivers) of {(shots, nt, receivers)}, one or a batch, received shape "
            f"{gathers.shape}; lines of another geometry are resampled to it if they are read with "
            "ks.gathers.read_shot_gathers"
        )

    def has_odd_amplitudes(self, gathers: np.ndarray) -> bool:
        """Warn if those of any example are of another order than the training's.

        Returns:
            Whether it did.
        """
        if self.amplitudes is None:
            return False
        trained = max(map(abs, self.amplitudes))
        peaks = np.abs(gathers).max(axis=(1, 2, 3))
        odd = peaks[(peaks < trained / _ODD_SCALE) | (peaks > trained * _ODD_SCALE)]
        if odd.size:
            warnings.warn(
                f"the gathers' largest amplitude is {odd[0]:.3g}, {self.name} was trained on up to "
                f"{trained:.3g}; are they of another source or unit? See calibrate= and "
                "ks.gathers.measure_direct_wave",
                stacklevel=4,
            )
        return bool(odd.size)


#: A model from shot gathers to velocity, in memory or on disk.
Inverter: TypeAlias = keras.Model | str | os.PathLike | GatherInverter
