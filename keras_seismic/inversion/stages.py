"""The stages of a multiscale inversion."""

import dataclasses

from keras_seismic.inversion.misfits import Misfit, as_misfit
from keras_seismic.inversion.regularization import Regularization
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.acquisition import is_whole_number

#: Frequencies of the usual stages, in peak frequencies, and their shares of the evaluations.
_USUAL = ((1 / 3, 30), (0.6, 30), (None, 40))


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage: a frequency band, and how long and by what to fit it.

    Args:
        frequency: Upper end of the band, Hz; ``None`` for all frequencies.
        evaluations: Number of times that misfit and gradient are computed, give or take a line
            search.
        misfit: Overrides that of the whole inversion.
        regularization: Overrides that of the whole inversion.

    Raises:
        ValueError: If an argument is out of range.
    """

    frequency: float | None = None
    evaluations: int = 40
    misfit: str | Misfit | None = None
    regularization: tuple[Regularization, ...] | None = None

    def __post_init__(self) -> None:
        if self.frequency is not None and not self.frequency > 0:
            raise ValueError(f"Stage: frequency must be positive, in Hz, received {self.frequency}")
        if not is_whole_number(self.evaluations, minimum=1):
            raise ValueError(
                f"Stage: evaluations must be a positive integer, received {self.evaluations}"
            )
        if self.misfit is not None:
            as_misfit(self.misfit)


def multiscale(acquisition: Acquisition, evaluations: int = 100) -> tuple[Stage, ...]:
    """The usual stages: a third and 0.6 of the source's peak frequency, then all frequencies.

    Args:
        acquisition: The experiment.
        evaluations: Of all stages together.

    Example:
        >>> import keras_seismic as ks
        >>> [stage.frequency for stage in multiscale(ks.simulation.Acquisition.openfwi())]
        [5.0, 9.0, None]
    """
    total = sum(share for _, share in _USUAL)
    return tuple(
        Stage(
            None if part is None else part * acquisition.peak_frequency,
            max(1, round(evaluations * share / total)),
        )
        for part, share in _USUAL
    )
