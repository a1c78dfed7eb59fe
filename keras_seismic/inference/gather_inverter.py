"""A network from shot gathers to velocity, and what is known about it."""

import dataclasses
import functools
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import keras
import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.gathers.calibration import measure_direct_wave
from keras_seismic.inference.model_card import ModelCard
from keras_seismic.inference.predictors import (
    Outputs,
    Predictor,
    load_model,
    load_outputs,
    model_outputs,
    prediction,
)
from keras_seismic.models import load_preset, presets
from keras_seismic.progress import progress_bar
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.acquisition import is_whole_number

#: The preset that inverts unless another model is named.
PRESET = "time_depth_unet_openfwi"
#: What to do with gathers that a network was not made for.
FINE_TUNING = (
    "for another acquisition, fine-tune a preset in a few minutes, or train a network, with "
    "keras-seismic train time-depth-unet"
)
#: Peaks this many times above or below those in training suggest another unit or source.
_ODD_SCALE = 5.0


class Batches(Protocol):
    """Gathers ``(n, time, receivers, shots)``, whose slices may be made on demand."""

    def __len__(self) -> int: ...

    def __getitem__(self, some: slice, /) -> np.ndarray: ...


@dataclasses.dataclass(frozen=True)
class GatherInverter:
    """A network from shot gathers to velocity, with what is known about it.

    ``ks.invert`` makes one from any model of this package; wrap a network from elsewhere in one
    yourself.

    Args:
        predict: From ``(batch, time, receivers, shots)`` to ``(batch, depth, width, 1)`` in m/s.
        gather_shape: ``(time, receivers, shots)``.
        acquisition: The acquisition it was trained for, if known.
        amplitudes: Smallest and largest raw amplitude in its training, if known.
        name: Its name in messages.
        outputs: Velocity and its spread, if the network says how far off it may be: from the same
            gathers to ``{"velocity": ..., "spread": ...}``, both like the velocity and in m/s.

    Example:
        >>> network = GatherInverter(lambda gathers: gathers[:, ::4], (64, 16, 1))
        >>> import keras_seismic as ks
        >>> ks.invert(np.full((2, 64, 16, 1), 1500.0), network).shape
        (2, 16, 16)
    """

    predict: Predictor
    gather_shape: tuple[int, int, int]
    acquisition: Acquisition | None = None
    amplitudes: tuple[float, float] | None = None
    name: str = "the model"
    outputs: Outputs | None = None

    @classmethod
    def of(
        cls,
        model: "keras.Model | str | os.PathLike[str] | GatherInverter | None" = None,
        name: str | None = None,
    ) -> "GatherInverter":
        """An inverter from a model in memory or on disk.

        Args:
            model: In memory, in physical units, or a path: ``.keras``, ``.onnx``, ``.tflite`` or
                a SavedModel's version; ``None`` for the preset.
            name: Its name in messages; by default its path.

        Raises:
            FileNotFoundError: If there is nothing at the path.
            ValueError: If it does not predict velocity from raw gathers, or has no model card.
        """
        if model is None:
            return cls.of(_preset(), PRESET)
        if isinstance(model, GatherInverter):
            return model
        if not isinstance(model, keras.Model):
            name = name or str(model)
            if Path(model).suffix == ".keras":
                model = load_model(model)
        name = name or cls.name
        if isinstance(model, keras.Model):
            return cls._of_card(ModelCard.of(model), model_outputs(model), name)
        path: Any = model
        outputs, card = load_outputs(path), ModelCard.read(path)
        if card is None:
            raise ValueError(
                f"{model}: has no model card, so its geometry is unknown; export it again from "
                "its .keras file, or call ks.inference.load_predictor(...) on gathers yourself"
            )
        return cls._of_card(card, outputs, name)

    @classmethod
    def _of_card(cls, card: ModelCard, outputs: Outputs, name: str) -> "GatherInverter":
        if not card.predicts_velocity:
            raise ValueError(
                f"{name}: expected a model from raw gathers to velocity in m/s, made by "
                f"with_physical_units, received one from {card.task} ({card.input['units']} to "
                f"{card.output['units']})"
            )
        shape = tuple(card.input["shape"][1:])
        return cls(
            prediction(outputs),
            shape,
            card.experiment(),
            card.amplitudes(),
            name,
            outputs if card.spread else None,
        )

    def spacing(self, columns: int) -> float | None:
        """Grid spacing of the predicted velocity: the acquisition's, if it lies on that grid.

        Args:
            columns: Width of the velocity.

        Returns:
            The spacing in m; ``None`` if no acquisition is known, or if its sources and receivers
            span more columns than the velocity has, so that its grid must be different.
        """
        if self.acquisition is None:
            return None
        positions = (self.acquisition.source_positions, self.acquisition.receiver_positions)
        spanned = max(p[..., 0].max() for p in positions) / self.acquisition.dx + 1
        return self.acquisition.dx if round(spanned) <= columns else None

    def batch_of(self, gathers: np.ndarray, source: str = "gathers") -> tuple[np.ndarray, bool]:
        """A view of gathers in either layout as ``(batch, time, receivers, shots)``.

        Args:
            gathers: Raw amplitudes.
            source: Name of the gathers in messages.

        Returns:
            The batch, and whether it was a single example.

        Raises:
            ValueError: If they are not real numbers or do not have the model's geometry.
        """
        if gathers.dtype.kind not in "fiu":
            raise ValueError(
                f"{source}: {self.name} takes gathers of real numbers, received dtype "
                f"{gathers.dtype}"
            )
        nt, receivers, shots = self.gather_shape
        for shape, openfwi in ((self.gather_shape, False), ((shots, nt, receivers), True)):
            if gathers.ndim in (3, 4) and gathers.shape[-3:] == shape and len(gathers):
                batch = gathers[None] if gathers.ndim == 3 else gathers
                return np.moveaxis(batch, 1, -1) if openfwi else batch, gathers.ndim == 3
        raise ValueError(
            f"{source}: {self.name} takes gathers (time, receivers, shots) of "
            f"{self.gather_shape}, or (shots, time, receivers) of {(shots, nt, receivers)}, one or "
            f"a batch, received shape {gathers.shape}; lines of another geometry are resampled to "
            f"it if they are read with ks.gathers.read_shot_gathers; {FINE_TUNING}"
        )

    def velocities(
        self,
        gathers: Batches,
        batch_size: int,
        calibrate: bool = False,
        progress: bool = True,
        source: str = "gathers",
        spread: bool = False,
    ) -> Iterator[np.ndarray]:
        """Velocity, one batch after another.

        Args:
            gathers: Raw amplitudes ``(n, time, receivers, shots)``, which may be mapped from a
                file.
            batch_size: Gathers passed through the network together.
            calibrate: Scale the gathers by their direct wave first.
            progress: Show a progress bar when the work takes longer than a second.
            source: Name of the gathers in messages.
            spread: Also yield the spread.

        Yields:
            m/s, float32 ``(batch, depth, width)``; with the spread ``(batch, depth, width, 2)``,
            velocity and spread.

        Raises:
            ValueError: If gathers or predictions are not finite; if they are to be calibrated
                and no acquisition is known; or if the spread is wanted of a network without.
        """
        if spread and self.outputs is None:
            raise ValueError(
                f"{self.name} has velocity as its only output, no spread; make a model with one by "
                "ks.training.fit_spread"
            )
        if not is_whole_number(batch_size, minimum=1):
            raise ValueError(
                f"{source}: batch_size must be a positive integer, received {batch_size}"
            )
        warned = False
        with progress_bar(len(gathers), "inverting", "gather", progress) as bar:
            for first in range(0, len(gathers), batch_size):
                with np.errstate(over="ignore"):  # found as infinity
                    raw = np.ascontiguousarray(gathers[first : first + batch_size], np.float32)
                check_finite(raw, f"{source} {first} to {first + len(raw) - 1}")
                if calibrate:
                    raw = np.stack([self._calibrated(one) for one in raw])
                warned = warned or self._warn_of_odd_amplitudes(raw)
                found = self._predicted(raw, spread)
                check_finite(found, f"what {self.name} predicted")
                yield found if spread else found[..., 0]
                bar.update(len(raw))

    def _predicted(self, gathers: np.ndarray, spread: bool) -> np.ndarray:
        """``(batch, depth, width, 1)``, or 2 with the spread."""
        if not spread or self.outputs is None:
            return np.asarray(self.predict(gathers), np.float32)
        return np.concatenate([*self.outputs(gathers).values()], axis=-1, dtype=np.float32)

    def _calibrated(self, gathers: np.ndarray) -> np.ndarray:
        if self.acquisition is None:
            raise ValueError(
                f"{self.name} does not know its acquisition, which calibration needs; pass "
                "acquisition= to with_physical_units"
            )
        return np.asarray(measure_direct_wave(gathers, self.acquisition).apply(gathers))

    def _warn_of_odd_amplitudes(self, gathers: np.ndarray) -> bool:
        """Whether any example's amplitudes are on another scale than those in training."""
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


@functools.cache
def _preset() -> keras.Model:
    if PRESET not in presets():
        raise ValueError(
            f"invert: this installation has no preset {PRESET}; name a model, or train one with "
            "keras-seismic train time-depth-unet"
        )
    return load_preset(PRESET)


#: A model from shot gathers to velocity, in memory or on disk.
Inverter: TypeAlias = keras.Model | str | os.PathLike[str] | GatherInverter
