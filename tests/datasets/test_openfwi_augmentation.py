"""Random changes of gathers: what they do, that they repeat, and where they are refused."""

import dataclasses

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.datasets import mirrored_order


@pytest.fixture(scope="module")
def acquisition():
    """OpenFWI's positions, fewer samples, and the fast boundary layer."""
    openfwi = ks.simulation.Acquisition.openfwi("cpml")
    return dataclasses.replace(openfwi, nt=250)


@pytest.fixture(scope="module")
def simulated(acquisition):
    velocity = ks.simulation.sample_velocity("curvefault_a", 2, seed=3)
    both = np.concatenate([velocity, velocity[..., ::-1]])
    return ks.simulation.simulate(both, acquisition, progress=False), both


@pytest.fixture
def pairs(simulated, acquisition, tmp_path):
    gathers, velocity = simulated
    ks.datasets.write_openfwi(
        tmp_path / "CurveFault_A", (gathers, velocity[..., None]), "curvefault_a",
        acquisition=acquisition, progress=False,
    )  # fmt: skip
    return ks.datasets.OpenFWIPairs(tmp_path / "CurveFault_A")


RAW = {
    "input_normalization": keras.layers.Identity(),
    "output_scaling": ks.layers.VelocityScaling(),
}


def made(pairs, augmentation=None, **options):
    """All pairs of an epoch, in raw amplitudes and m/s."""
    options = {"batch_size": len(pairs), "shuffle": False} | RAW | options
    ((x, y),) = pairs.dataset(augmentation=augmentation, **options).as_numpy_iterator()
    return x, y[..., 0]


def relative_rms(one, other):
    return np.sqrt(np.mean((one - other) ** 2) / np.mean(other**2))


def test_a_flip_of_the_symmetric_shots_is_the_simulation_of_the_mirrored_model(pairs, simulated):
    gathers, velocity = simulated
    shots = (0, 1, 3, 4)
    flip = ks.datasets.GatherAugmentation(flip=True)
    flipped = set()
    for seed in range(6):
        x, y = made(pairs, flip, shots=shots, seed=seed)
        for i in range(4):
            changed = not np.array_equal(y[i], velocity[i])
            flipped.add((i, changed))
            mirror = (i + 2) % 4 if changed else i  # simulated by itself
            np.testing.assert_array_equal(y[i], velocity[mirror])
            assert relative_rms(x[i], gathers[mirror][..., shots]) < 1e-4
    assert len(flipped) == 8
    # The center shot would be wrong, which is why it is refused.
    assert relative_rms(gathers[0, :, ::-1, 2], gathers[2, :, :, 2]) > 0.3


def test_a_flip_is_refused_where_positions_are_not_symmetric(pairs, acquisition):
    flip = ks.datasets.GatherAugmentation(flip=True)
    message = r"shot 2 at x=340 m has no partner at x=350 m.*shots=\(0, 1, 3, 4\)"
    for kind in ("dataset", "pydataset"):
        with pytest.raises(ValueError, match=message):
            getattr(pairs, kind)(augmentation=flip)
    with pytest.raises(ValueError, match="shot 1 at x=170 m"):
        pairs.dataset(augmentation=flip, shots=(0, 1, 4))
    every_second = dataclasses.replace(acquisition, receivers=acquisition.receivers[::2])
    with pytest.raises(ValueError, match="receiver 0 at x=0 m has no partner at x=690 m"):
        mirrored_order(every_second, (0, 4), 70)
    with pytest.raises(ValueError, match="receiver 0"):
        mirrored_order(acquisition, (0, 4), 80)  # a wider model
    streamer = ks.simulation.Acquisition.streamer(
        70, 10.0, 0.001, 100, 15.0, offsets=(50.0,), shots=5
    )
    with pytest.raises(ValueError, match="flipping left and right: expected receivers that stand"):
        mirrored_order(streamer, (0, 4), 70)
    even = ks.simulation.Acquisition.surface(71, 10.0, 0.001, 100, 15.0, shots=3)
    receivers, shots = mirrored_order(even, (0, 1, 2), 71)
    np.testing.assert_array_equal(shots, [2, 1, 0])
    np.testing.assert_array_equal(receivers, np.arange(71)[::-1])


def test_amplitudes(pairs):
    plain, velocity = made(pairs)
    changed, same = made(pairs, ks.datasets.GatherAugmentation(amplitude=(0.25, 4.0)))
    factors = np.abs(changed).max(axis=(1, 2, 3)) / np.abs(plain).max(axis=(1, 2, 3))
    np.testing.assert_allclose(changed, plain * factors[:, None, None, None], rtol=1e-5, atol=1e-30)
    assert len(set(factors)) == 4
    assert ((factors > 0.25) & (factors < 4)).all()
    np.testing.assert_array_equal(same, velocity)


def test_noise_has_the_ratio_asked_for(pairs):
    plain, _ = made(pairs)
    noisy, _ = made(pairs, ks.datasets.GatherAugmentation(noise_db=(10.0, 10.0)))
    noise = noisy - plain
    for signal, part in zip(plain, noise, strict=True):
        assert 20 * np.log10(signal.std() / part.std()) == pytest.approx(10, abs=0.05)
        assert abs(np.corrcoef(part[:-1].ravel(), part[1:].ravel())[0, 1]) < 0.02


def test_missing_traces_are_whole_traces(pairs):
    plain, _ = made(pairs)
    changed, _ = made(pairs, ks.datasets.GatherAugmentation(missing_traces=0.5))
    dead = (changed == 0).all(axis=1)
    fractions = dead.mean(axis=(1, 2))
    assert (fractions <= 0.5).all()
    assert len(set(fractions)) == 4
    assert fractions.max() > 0.05
    np.testing.assert_array_equal(changed, plain * ~dead[:, None])


def test_time_shifts_move_shots(pairs, acquisition):
    plain, _ = made(pairs)
    changed, _ = made(pairs, ks.datasets.GatherAugmentation(time_shift=0.005))
    found = set()
    for one, other in zip(np.moveaxis(plain, -1, 1), np.moveaxis(changed, -1, 1), strict=True):
        for shot, moved in zip(one, other, strict=True):
            candidates = {}
            for k in range(-5, 6):
                expected = np.zeros_like(shot)
                source = shot[max(-k, 0) : len(shot) - max(k, 0)]
                expected[max(k, 0) : len(shot) - max(-k, 0)] = source
                candidates[k] = np.array_equal(expected, moved)
            assert sum(candidates.values()) == 1
            found |= {k for k, equal in candidates.items() if equal}
    assert len(found) > 4
    assert min(found) < 0 < max(found)


def test_a_filter_acts_before_samples_are_dropped(pairs):
    class Difference(keras.layers.Layer):
        def call(self, x):
            return x - keras.ops.roll(x, 1, axis=1)

    plain, _ = made(pairs)
    filtered = plain - np.roll(plain, 1, axis=1)
    augmentation = ks.datasets.GatherAugmentation(low_cut=Difference(), low_cut_fraction=0.5)
    seen = set()
    for seed in range(4):
        changed, _ = made(pairs, augmentation, seed=seed, sample_ratio=2)
        for i in range(4):
            kinds = [np.allclose(changed[i], x[i, ::2], atol=1e-5) for x in (plain, filtered)]
            assert sum(kinds) == 1
            seen.add(tuple(kinds))
    assert len(seen) == 2
    always, _ = made(pairs, dataclasses.replace(augmentation, low_cut_fraction=1.0))
    np.testing.assert_allclose(always, filtered, atol=1e-5)


def test_changes_follow_from_seed_epoch_and_pair_alone(pairs):
    augmentation = ks.datasets.GatherAugmentation(amplitude=(0.1, 10.0), noise_db=(0, 20))
    whole, _ = made(pairs, augmentation, seed=5)
    again, _ = made(pairs, augmentation, seed=5)
    np.testing.assert_array_equal(whole, again)
    single = pairs.dataset(**RAW, batch_size=2, shuffle=False, seed=5, augmentation=augmentation,
                           shard=(1, 2))  # fmt: skip
    parts = np.concatenate([x for x, _ in single.as_numpy_iterator()])
    np.testing.assert_array_equal(parts, whole[1::2])
    second = np.concatenate([x for x, _ in single.as_numpy_iterator()])  # the next epoch
    other, _ = made(pairs, augmentation, seed=6)
    for changed in (second, other[1::2]):
        assert not np.isclose(changed, parts).all(axis=(1, 2, 3)).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"amplitude": (0.0, 1.0)}, "amplitude must be"),
        ({"amplitude": (2.0, 1.0)}, "amplitude must be"),
        ({"noise_db": (10.0, 0.0)}, "noise_db must be"),
        ({"missing_traces": 1.5}, "missing_traces must be between 0 and 1"),
        ({"missing_traces": float("nan")}, "missing_traces must be between 0 and 1"),
        ({"low_cut_fraction": -0.1}, "low_cut_fraction must be between 0 and 1"),
        ({"time_shift": -0.1}, "time_shift must not be negative"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ks.datasets.GatherAugmentation(**arguments)
