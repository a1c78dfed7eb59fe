"""Masks and impedance: what made the models and sections, against what these show."""

import numpy as np
import pytest

from keras_seismic import simulation as sim


@pytest.mark.parametrize("family", sim.FAMILIES)
def test_models_are_those_without_labels(family):
    geology = sim.sample_geology(family, 3, seed=(4, 1), start=2)
    np.testing.assert_array_equal(geology.velocity, sim.sample_velocity(family, 5, (4, 1))[2:])
    assert geology.fault.any() == ("fault" in family or family == "textured")
    assert geology.salt.any() == (family == "salt")


def test_flat_layers_change_sideways_only_where_a_fault_is_marked():
    """The step lies between cells, so that those on either side of it are looked at."""
    velocity, fault, _ = sim.sample_geology("flatfault_b", 40, seed=1)
    step = np.abs(np.diff(velocity, axis=2)) > 1
    marked = fault[:, :, 1:] & fault[:, :, :-1]
    assert not (step & ~marked).any()
    # Three cells of every row that the fault crosses inside of the model.
    assert set(np.unique(fault.sum(axis=2))) <= {0, 1, 2, 3}
    assert (fault.sum(axis=2) == 3).mean() > 0.8
    assert (step.any(axis=2) & fault.any(axis=2)).sum() > 0.3 * fault.any(axis=2).sum()


def test_textured_models_are_broken_where_faults_are_marked():
    velocity, fault, _ = sim.sample_geology("textured", 40, seed=2)
    change = np.abs(np.diff(np.log(velocity), axis=2))
    marked = fault[:, :, 1:] & fault[:, :, :-1]
    assert change[marked].mean() > 2 * change[~marked].mean()


def test_salt_is_where_no_sediment_is():
    velocity, _, salt = sim.sample_geology("salt", 10, seed=3)
    assert (velocity[salt] == sim.SALT_VELOCITY).all()
    assert velocity[~salt].max() <= 4000


def test_structured_sections_are_broken_where_faults_are_marked():
    sections = sim.sample_labeled_sections(80, seed=5, shape=(128, 96))
    plain = sim.sample_sections(80, seed=5, shape=(128, 96))
    marked = []
    for one, same in zip(sections, plain, strict=True):
        np.testing.assert_array_equal(one.amplitude, same)
        change = np.abs(np.diff(one.amplitude, axis=1))
        near = one.fault[:, 1:] & one.fault[:, :-1]
        if near.sum() > 50:
            marked.append(change[near].mean() / change[~near].mean())
    assert 20 < len(marked) < 75
    assert np.median(marked) > 1.2


def test_in_time_is_where_the_reflections_are():
    """Cells begin half a sample before the reflection from their top arrives."""
    velocity = np.repeat([[2000.0]] * 20 + [[4000.0]] * 20, 2, axis=1)
    faster = sim.in_time(velocity, velocity, dx=10.0, dt=0.004, nt=100) == 4000
    np.testing.assert_array_equal(faster.argmax(axis=0), 50)  # 2 x 200 m / 2000 m/s = 0.2 s
    assert faster[50:].all()
    base = sim.in_time(velocity, velocity, dt=0.004, nt=100, below=0.0) == 0
    np.testing.assert_array_equal(base.argmax(axis=0), 75)  # 0.1 s later
    mask = np.zeros(velocity.shape, bool)
    mask[30, 1] = True  # from 0.25 to 0.255 s
    assert np.argwhere(sim.in_time(mask, velocity, dt=0.001, nt=400)).tolist() == [
        [n, 1] for n in range(250, 255)
    ]


def test_impedance_is_the_sum_of_what_reflects():
    """Its steps with the wavelet make the section, where samples are fine enough."""
    velocity, dt, nt = sim.sample_velocity("curvefault_a", 1, seed=4)[0], 0.0005, 1600
    section = sim.simulate_section(velocity[None], dt=dt, nt=nt)[0]
    impedance = sim.impedance_in_time(velocity, dt=dt, nt=nt)
    time = np.arange(-200, 201) * dt
    phase = (np.pi * 25 * time) ** 2
    wavelet = (1 - 2 * phase) * np.exp(-phase)
    steps = np.diff(impedance, axis=0, prepend=impedance[:1])
    made = np.stack([np.convolve(trace, wavelet, "same") for trace in steps.T], axis=1)
    assert np.linalg.norm(made - section) < 0.1 * np.linalg.norm(section)


def test_family_sections_carry_their_labels():
    sections = sim.sample_labeled_sections(3, 2, "salt", shape=(200, 60))
    for one, same in zip(sections, sim.sample_sections(3, 2, "salt", (200, 60)), strict=True):
        np.testing.assert_array_equal(one.amplitude, same)
        assert one.fault.shape == one.salt.shape == one.impedance.shape == (200, 60)
        # Salt is the fastest rock, so that impedance is highest there, wherever the top is alike.
        for trace, salt in zip(one.impedance.T, one.salt.T, strict=True):
            if salt.any():
                assert trace[salt].min() >= trace.max() - 1e-6
        # The model ends above 0.7 s; nothing is known below.
        assert not one.salt[-20:].any()


def test_former_rules_have_no_labels():
    with pytest.raises(ValueError, match=r"former rules.*flatvel_a"):
        sim.sample_geology("flatfault_a_v1", 1)
