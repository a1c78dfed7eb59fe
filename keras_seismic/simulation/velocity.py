"""The check of velocity models that every simulation begins with."""

import numpy as np


def checked_velocity(velocity: np.ndarray, caller: str) -> np.ndarray:
    """Velocity models as float64, or an error that says what is wrong with them.

    Args:
        velocity: ``(models, depth, width)``, m/s. No models are fine.
        caller: Name of the function that was called, for the messages.

    Raises:
        ValueError: If the velocity is no array of finite, positive numbers of that shape,
            or looks like km/s.
    """
    velocity = np.asarray(velocity)
    if velocity.ndim != 3 or 0 in velocity.shape[1:]:
        hint = "; add an axis with velocity[None]" if velocity.ndim == 2 else ""
        hint = "; drop the last axis with velocity[..., 0]" if velocity.ndim == 4 else hint
        raise ValueError(
            f"{caller}: velocity must have the shape (models, depth, width), received "
            f"{velocity.shape}{hint}"
        )
    if velocity.dtype.kind not in "fiu":
        raise ValueError(f"{caller}: velocity must hold numbers, received dtype {velocity.dtype}")
    velocity = velocity.astype(np.float64)
    if not velocity.size:
        return velocity
    bad = ~np.isfinite(velocity)
    if bad.any():
        model, row, column = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{caller}: velocity holds {int(bad.sum())} values that are not finite, the first "
            f"at model {model}, row {row}, column {column}"
        )
    lowest, highest = velocity.min(), velocity.max()
    if lowest <= 0:
        raise ValueError(f"{caller}: velocity must be positive, received a minimum of {lowest:g}")
    if highest < 20:
        raise ValueError(
            f"{caller}: velocity must be in m/s, received {lowest:g} to {highest:g}, which looks "
            "like km/s; multiply by 1000"
        )
    return velocity
