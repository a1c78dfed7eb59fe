"""The stages of a multiscale inversion."""

import dataclasses

import numpy as np

from keras_seismic.inversion.misfits import Misfit, as_misfit
from keras_seismic.inversion.regularization import Regularization, TotalVariation
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.acquisition import is_whole_number

#: Weak enough to leave to the data what they see; ten times as strong it does better on flat layers
#: and worse on steep dips (Marmousi2).
_PENALTY = TotalVariation(1e-4, edge=50.0, lateral=2.0)

#: The usual stages: frequency in peak frequencies, share of the evaluations, and the smoothing of
#: changes in wavelengths at the peak frequency and 1500 m/s. Chosen by the error that a network's
#: answers and smoothed models are left with after 200 evaluations.
_USUAL = (
    (1 / 8, 0.2, (0.15, 0.3)),
    (1 / 4, 0.2, (0.15, 0.3)),
    (1 / 2, 0.2, (0.1, 0.2)),
    (None, 0.4, (0.0, 0.0)),
)
_WAVELENGTH = 1500.0  # m, times the peak frequency


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage: a frequency band, and how long and by what to fit it.

    Args:
        frequency: Upper end of the band, Hz; ``None`` for all frequencies.
        evaluations: Number of times that misfit and gradient are computed, give or take a line
            search.
        misfit: Overrides that of the whole inversion.
        regularization: Penalties, unless the whole inversion is given others.
        smoothing: The stage's changes are smoothed by a Gaussian of these standard deviations
            along depth and width, m: low frequencies see no detail, and need fewer iterations if
            none is offered.

    Raises:
        ValueError: If an argument is out of range.
    """

    frequency: float | None = None
    evaluations: int = 40
    misfit: str | Misfit | None = None
    regularization: tuple[Regularization, ...] = ()
    smoothing: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.frequency is not None and not self.frequency > 0:
            raise ValueError(f"Stage: frequency must be positive, in Hz, received {self.frequency}")
        if not is_whole_number(self.evaluations, minimum=1):
            raise ValueError(
                f"Stage: evaluations must be a positive integer, received {self.evaluations}"
            )
        if len(self.smoothing) != 2 or not all(0 <= s < np.inf for s in self.smoothing):
            raise ValueError(
                "Stage: smoothing must be two lengths, along depth and width in m, received "
                f"{self.smoothing}"
            )
        if self.misfit is not None:
            as_misfit(self.misfit)


def multiscale(acquisition: Acquisition, evaluations: int = 200) -> tuple[Stage, ...]:
    """The usual stages: an eighth, a quarter and half of the peak frequency, then all frequencies.

    Args:
        acquisition: The experiment.
        evaluations: Of all stages together.

    Raises:
        ValueError: If there are fewer evaluations than stages.

    Example:
        >>> import keras_seismic as ks
        >>> [stage.frequency for stage in multiscale(ks.simulation.Acquisition.openfwi())]
        [1.875, 3.75, 7.5, None]
    """
    if not is_whole_number(evaluations, minimum=len(_USUAL)):
        raise ValueError(
            f"multiscale: evaluations must be an integer of at least {len(_USUAL)}, received "
            f"{evaluations}"
        )
    unit = _WAVELENGTH / acquisition.peak_frequency
    return tuple(
        Stage(
            None if part is None else part * acquisition.peak_frequency,
            max(1, round(share * evaluations)),
            regularization=(_PENALTY,),
            smoothing=(depth * unit, width * unit),
        )
        for part, share, (depth, width) in _USUAL
    )
