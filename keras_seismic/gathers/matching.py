"""Field gathers matched to the acquisition that a network was trained for."""

import dataclasses
from typing import Any

import numpy as np

from keras_seismic.gathers.resampling import interpolate_receivers, resample_time
from keras_seismic.gathers.shot_gathers import ShotGathers
from keras_seismic.simulation import Acquisition, snap_to_grid


def matching_origins(
    gathers: ShotGathers, acquisition: Acquisition, tolerance: float = 0.5
) -> np.ndarray:
    """Places along a line where the acquisition fits.

    A long line holds it many times, each time for the velocity model of a different place.

    Args:
        gathers: The line.
        acquisition: The experiment wanted.
        tolerance: How far a source may be from its place, in grid cells.

    Returns:
        x on the line of each possible ``x = 0`` of the acquisition in m, ascending: those with
        a shot at every source and receivers under all of its receivers.

    Example:
        >>> origins = matching_origins(line, acquisition)  # doctest: +SKIP
        >>> models = [
        ...     model(match_acquisition(line, acquisition, origin).amplitude[None])
        ...     for origin in origins
        ... ]  # doctest: +SKIP
    """
    wanted = np.array([x for x, _ in acquisition.sources])
    candidates = []
    for origin in gathers.source_x - wanted[0]:
        _, apart = _nearest_shots(gathers, wanted + origin)
        origin += (apart.max() + apart.min()) / 2  # spreads the misfit evenly
        if not _obstacles(gathers, acquisition, origin, tolerance):
            candidates.append(round(float(origin), 6))
    return np.unique(candidates)


def match_acquisition(
    gathers: ShotGathers,
    acquisition: Acquisition,
    origin: float | None = None,
    tolerance: float = 0.5,
    method: str = "sinc",
    near_surface_velocity: float = 1500.0,
    allow_aliasing: bool = False,
    shortest_record: float = 0.9,
) -> ShotGathers:
    """Gathers matched to the sources, receivers and samples of an acquisition.

    Chooses the shots, interpolates between the receivers of each, resamples in time without
    aliasing, and crops the record or fills it with zeros. Amplitudes are not scaled: see
    ``measure_direct_wave``. Depths of sources and receivers are ignored.

    Args:
        gathers: The line.
        acquisition: What the network was trained for, ``model.acquisition``.
        origin: x on the line of the acquisition's ``x = 0``, m; by default the first of
            ``matching_origins``.
        tolerance: How far a source may be from its place, in grid cells.
        method: ``"sinc"`` or ``"linear"``, see ``interpolate_receivers``.
        near_surface_velocity: Slowest velocity of waves along the receivers, m/s; receivers too
            far apart for it are not interpolated.
        allow_aliasing: Interpolate them anyway.
        shortest_record: Fraction of the acquisition's recording time that the record must
            have; the rest is filled with zeros.

    Returns:
        Gathers of ``acquisition.gather_shape``, positions in the acquisition's own x, and
        ``changes``, which says what was done.

    Raises:
        ValueError: If the line does not hold the experiment, or could match it only with made-up
            data; the message names what is missing.

    Example:
        >>> line = read_shot_gathers("line.segy")  # doctest: +SKIP
        >>> matched = match_acquisition(line, model.acquisition)  # doctest: +SKIP
        >>> print("; ".join(matched.changes))  # doctest: +SKIP
        x=0 is 340 m on the line; 70 receivers 10 m apart from 35 at 20 m (sinc); ...
    """
    name = gathers.path or "gathers"
    _check_sampling(gathers, acquisition, str(name))
    origin, changes = _chosen_origin(gathers, acquisition, origin, tolerance, str(name))
    source_x, receiver_x = _positions_along_line(acquisition)
    shots, apart = _nearest_shots(gathers, source_x + origin)
    if np.abs(apart).max() > 1e-3:
        changes.append(f"sources up to {np.abs(apart).max():.3g} m from their places")
    if not near_surface_velocity > 0:
        raise ValueError(
            f"{name}: near_surface_velocity must be positive in m/s, received "
            f"{near_surface_velocity}"
        )
    widest = (
        np.inf if allow_aliasing else near_surface_velocity / (2 * acquisition.highest_frequency)
    )
    traces, how = _at_receivers(gathers, shots, receiver_x + origin, method, widest, str(name))
    changes += how
    dead = int(np.sum(np.all(traces == 0, axis=0)))
    if dead:
        changes.append(f"{dead} of {traces[0].size} traces are dead")
    amplitude = _record(traces, gathers, acquisition, shortest_record, changes, str(name))
    return dataclasses.replace(
        gathers,
        amplitude=amplitude,
        dt=acquisition.dt,
        source_x=source_x,
        receiver_x=receiver_x,
        start=0.0,
        changes=gathers.changes + tuple(changes),
    )


def acquisition_of(
    gathers: ShotGathers,
    dx: float,
    peak_frequency: float,
    depth: float,
    origin: float = 0.0,
    dt: float | None = None,
    nt: int | None = None,
    **options: Any,
) -> tuple[Acquisition, float]:
    """The experiment that recorded a line, on a grid, to simulate or invert it.

    Args:
        gathers: The line.
        dx: Grid spacing, m; sources and receivers move to the nearest grid points.
        peak_frequency: See ``Acquisition``.
        depth: Of sources and receivers, m.
        origin: x on the line of the velocity model's left edge, m.
        dt: Time step, s; by default the line's, which is often too long for the simulation.
        nt: Number of samples; by default as many as fit into the line's record.
        **options: Others of ``Acquisition``: boundary, free surface, wavelet.

    Returns:
        The acquisition, and the longest way that a position was moved along the line, m.

    Example:
        >>> line = ShotGathers(
        ...     np.zeros((251, 3, 2)), 0.004, np.array([1000.0, 1048.0]),
        ...     np.array([[900.0, 948], [925, 973], [950, 998]]),
        ... )
        >>> acquisition, moved = acquisition_of(line, 10.0, 15.0, 10.0, origin=900.0, dt=0.001)
        >>> acquisition.gather_shape, acquisition.sources, moved
        ((1001, 3, 2), ((100.0, 10.0), (150.0, 10.0)), 5.0)
    """
    dt = gathers.dt if dt is None else dt
    if nt is None:
        nt = int((gathers.start + (len(gathers.amplitude) - 1) * gathers.dt) / dt + 1e-6) + 1
    moved = 0.0
    positions: dict[str, Any] = {}
    for name, x in (("sources", gathers.source_x), ("receivers", gathers.receiver_x.T)):
        places = np.stack([x - origin, np.full(x.shape, depth)], axis=-1)
        positions[name], _ = snap_to_grid(places, dx)
        moved = max(moved, float(np.abs(positions[name] - places)[..., 0].max()))
    return Acquisition(dx, dt, nt, peak_frequency, **positions, **options), moved


def _at_receivers(
    gathers: ShotGathers,
    shots: np.ndarray,
    receiver_x: np.ndarray,
    method: str,
    widest: float,
    name: str,
) -> tuple[np.ndarray, list[str]]:
    """Traces of some shots at some x, ``(time, receivers, shots)``, and what was done."""
    spacing, at_hand = _spacing(gathers), len(gathers.receiver_x)
    traces = np.empty((len(gathers.amplitude), len(receiver_x), len(shots)), np.float32)
    moved = False
    for k, shot in enumerate(shots):
        x, amplitude = gathers.receiver_x[:, shot], gathers.amplitude[..., shot]
        wanted = receiver_x[:, k]
        index = np.clip(np.rint((wanted - x[0]) / spacing).astype(int), 0, at_hand - 1)
        if np.abs(x[index] - wanted).max() <= 1e-3 * spacing:
            traces[..., k] = amplitude[:, index]
        elif at_hand == 1 or spacing > widest * (1 + 1e-6):
            raise ValueError(
                f"{name}: receivers {spacing:g} m apart cannot be interpolated, waves in between "
                f"are aliased beyond {widest:.3g} m; pass a higher near_surface_velocity= if the "
                "slowest waves are faster, or allow_aliasing=True"
            )
        else:
            traces[..., k] = interpolate_receivers(amplitude, x, wanted, method)
            moved = True
    if moved:
        return traces, [
            f"{len(receiver_x)} receivers interpolated ({method}) between {at_hand} that are "
            f"{spacing:g} m apart"
        ]
    if len(receiver_x) != at_hand:
        return traces, [f"{len(receiver_x)} of {at_hand} receivers chosen"]
    return traces, []


def _positions_along_line(acquisition: Acquisition) -> tuple[np.ndarray, np.ndarray]:
    """The sources' x, ``(shots,)``, and the receivers', ``(receivers, shots)``."""
    return acquisition.source_positions[:, 0], acquisition.receiver_positions[..., 0].T


def _spacing(gathers: ShotGathers) -> float:
    """Spacing of the receivers, m; 1 for a single one."""
    x = gathers.receiver_x[:, 0]
    return float((x[-1] - x[0]) / (len(x) - 1)) if len(x) > 1 else 1.0


def _nearest_shots(gathers: ShotGathers, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shot nearest to each wanted source, and how much farther along the line it is, m."""
    shots = np.argmin(np.abs(gathers.source_x[:, None] - wanted), axis=0)
    return shots, gathers.source_x[shots] - wanted


def _obstacles(
    gathers: ShotGathers, acquisition: Acquisition, origin: float, tolerance: float
) -> list[str]:
    """Why the acquisition does not fit at an origin; empty if it does."""
    source_x, receiver_x = _positions_along_line(acquisition)
    wanted, x = source_x + origin, receiver_x + origin
    shots, apart = _nearest_shots(gathers, wanted)
    found = []
    far = np.abs(apart) > tolerance * acquisition.dx * (1 + 1e-6)
    if far.any():
        k = int(np.argmax(np.abs(apart)))
        found.append(
            f"{int(far.sum())} of {len(wanted)} sources have no shot within "
            f"{tolerance * acquisition.dx:g} m; the nearest to x={wanted[k]:g} m is "
            f"{abs(apart[k]):g} m away"
        )
    elif len(np.unique(shots)) < len(shots) and len(np.unique(wanted)) == len(wanted):
        found.append("several sources would share one shot")
    margin = 0.5 * _spacing(gathers)
    low, high = gathers.receiver_x[:, shots].min(axis=0), gathers.receiver_x[:, shots].max(axis=0)
    first, last = x.min(axis=0), x.max(axis=0)
    outside = (first < low - margin) | (last > high + margin)
    if outside.any():
        k = int(np.argmax(outside))
        found.append(
            f"receivers at x={first[k]:g} to {last[k]:g} m are wanted, but the shot at "
            f"x={gathers.source_x[shots[k]]:g} m has them at {low[k]:g} to {high[k]:g} m"
        )
    return found


def _chosen_origin(
    gathers: ShotGathers,
    acquisition: Acquisition,
    origin: float | None,
    tolerance: float,
    name: str,
) -> tuple[float, list[str]]:
    if origin is None:
        origins = matching_origins(gathers, acquisition, tolerance)
        if len(origins):
            more = f", the first of {len(origins)} places" if len(origins) > 1 else ""
            return float(origins[0]), [f"x=0 is {origins[0]:g} m on the line{more}"]
        # For the message: what is wrong where the first sources agree.
        origin = float(gathers.source_x.min() - min(x for x, _ in acquisition.sources))
    obstacles = _obstacles(gathers, acquisition, origin, tolerance)
    if obstacles:
        raise ValueError(
            f"{name}: the line does not hold the acquisition ({len(acquisition.sources)} sources, "
            f"{len(acquisition.receivers)} receivers, dx={acquisition.dx:g} m) with x=0 at "
            f"{origin:g} m: {'; '.join(obstacles)}"
        )
    return float(origin), [f"x=0 is {origin:g} m on the line"]


def _check_sampling(gathers: ShotGathers, acquisition: Acquisition, name: str) -> None:
    highest = acquisition.highest_frequency
    if 0.5 / gathers.dt < highest and gathers.dt > acquisition.dt:
        raise ValueError(
            f"{name}: samples every {gathers.dt * 1e3:g} ms hold frequencies up to "
            f"{0.5 / gathers.dt:g} Hz, but the acquisition's wavelet reaches {highest:g} Hz; the "
            "gathers cannot be resampled to it"
        )


def _record(
    traces: np.ndarray,
    gathers: ShotGathers,
    acquisition: Acquisition,
    shortest: float,
    changes: list[str],
    name: str,
) -> np.ndarray:
    """The traces at the acquisition's samples; says in ``changes`` what was done."""
    wanted = (acquisition.nt - 1) * acquisition.dt
    end = gathers.start + (len(traces) - 1) * gathers.dt
    missing = max(wanted - end, 0) + min(max(gathers.start, 0), wanted)
    if missing > (1 - shortest) * wanted * (1 + 1e-6):
        raise ValueError(
            f"{name}: the record goes from {gathers.start:g} to {end:g} s, which leaves "
            f"{missing / wanted:.0%} of the acquisition's {wanted:g} s empty; pass "
            f"shortest_record= to fill more than {1 - shortest:.0%} with zeros"
        )
    if gathers.start > 0:
        changes.append(f"zeros before {gathers.start:g} s, where the record begins")
    if missing - max(gathers.start, 0) > gathers.dt / 2:
        changes.append(f"zeros after {end:g} s, where the record ends")
    elif end - wanted > gathers.dt / 2:
        changes.append(f"cropped from {end:g} to {wanted:g} s")
    same = abs(gathers.dt / acquisition.dt - 1) < 1e-6
    if same and abs(gathers.start) < 1e-9:
        result = np.zeros((acquisition.nt, *traces.shape[1:]), np.float32)
        result[: len(traces)] = traces[: acquisition.nt]
        return result
    if not same:
        changes.append(
            f"resampled from {gathers.dt * 1e3:g} to {acquisition.dt * 1e3:g} ms, without aliasing"
        )
    return resample_time(traces, gathers.dt, acquisition.dt, acquisition.nt, gathers.start)
