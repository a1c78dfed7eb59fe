"""The exact scheme of the OpenFWI data, written once more as a plain NumPy loop in float64."""

import dataclasses

import numpy as np
import pytest

from keras_seismic.simulation import OPENFWI_FAMILIES, Acquisition, sample_velocity, simulate

BOUNDARY = 120
DX, DT, FREQUENCY = 10.0, 0.001, 15.0
ROW = 1
SOURCE_COLUMNS = (0, 17, 34, 52, 69)


def wavelet(nt):
    count = 2 * int(np.floor(np.floor(2.2 / FREQUENCY / DT) / 2)) + 1
    center = count // 2
    samples = np.zeros(nt)
    for k in range(min(count, nt)):
        a = (center - k) * FREQUENCY * DT * np.pi
        samples[k] = (1 - 2 * a**2) * np.exp(-(a**2))
    return samples


def damping(velocity):
    """damp(i), i counted outward; written row by row, so that the sides win in the corners."""
    rows, columns = velocity.shape
    thickness = (BOUNDARY - 1) * DX
    strength = 3 * velocity.min() * np.log(1e7) / (2 * thickness)
    damp = np.zeros((rows + 2 * BOUNDARY, columns + 2 * BOUNDARY))
    for i in range(BOUNDARY):
        value = strength * (i * DX / thickness) ** 2
        for row in (BOUNDARY - 1 - i, BOUNDARY + rows + i):
            damp[row, BOUNDARY : BOUNDARY + columns] = value
        for column in (BOUNDARY - 1 - i, BOUNDARY + columns + i):
            damp[:, column] = value
    return damp


def one_shot(velocity, source_column, nt):
    """Gather (time, receivers) of one source, straight from the published formula."""
    v = np.pad(velocity.astype(np.float64), BOUNDARY, mode="edge")
    alpha, kappa = (v * DT / DX) ** 2, damping(velocity.astype(np.float64)) * DT
    source = (BOUNDARY + ROW, BOUNDARY + source_column)
    samples = wavelet(nt)
    now_factor, before_factor = 2 - 5 * alpha - kappa, 1 - kappa
    now, before = np.zeros((2, *v.shape))
    gather = np.zeros((nt, velocity.shape[1]))
    for step in range(nt):
        # The neighbors beyond an edge are those at the opposite edge, as in the programs
        # that made the data.
        p = np.pad(now, 2, mode="wrap")
        near = p[1:-3, 2:-2] + p[3:-1, 2:-2] + p[2:-2, 1:-3] + p[2:-2, 3:-1]
        far = p[:-4, 2:-2] + p[4:, 2:-2] + p[2:-2, :-4] + p[2:-2, 4:]
        after = now_factor * now - before_factor * before + alpha * (4 / 3 * near - far / 12)
        after[source] += (v[source] * DT) ** 2 * samples[step]
        gather[step] = after[BOUNDARY + ROW, BOUNDARY : BOUNDARY + velocity.shape[1]]
        now, before = after, now
    return gather


def relative_rms(values, expected):
    return np.sqrt(np.mean((values - expected) ** 2) / np.mean(expected**2))


def test_all_shots_are_simulated_as_by_the_loop():
    # Fast rock at the edges: in the corners of the boundary a wave that runs along the model's
    # side is hardly damped, leaves through one edge and comes back through the opposite one
    # after 0.7 s, so the record has to be this long for the comparison to see it.
    velocity = sample_velocity("curvefault_b_v1", 1, seed=0)
    gathers = simulate(velocity, Acquisition.openfwi())
    assert gathers.shape == (1, 1000, 70, 5)
    gather, expected = gathers[0, :, :, 1], one_shot(velocity[0], SOURCE_COLUMNS[1], 1000)
    assert relative_rms(gather, expected) < 1e-4
    # After 0.8 s little is left, and that little is the boundary's doing.
    assert relative_rms(gather[800:], expected[800:]) < 1e-3
    expected = one_shot(velocity[0], SOURCE_COLUMNS[4], 400)
    assert relative_rms(gathers[0, :400, :, 4], expected) < 1e-4


@pytest.mark.parametrize(("number", "family"), enumerate(OPENFWI_FAMILIES))
def test_every_family_is_simulated_as_by_the_loop(number, family):
    velocity = sample_velocity(family, 1, seed=5)
    column = SOURCE_COLUMNS[number % 5]
    acquisition = dataclasses.replace(Acquisition.openfwi(), sources=((column * DX, ROW * DX),))
    expected = one_shot(velocity[0], column, 1000)
    assert relative_rms(simulate(velocity, acquisition)[0, :, :, 0], expected) < 1e-4
