"""The families' rules, measured on the models alone.

Nothing here knows how a model is drawn: layers, faults, bodies and textures are found again in
the array, and compared with what the family promises. Statistics are compared with estimates of
those of OpenFWI's own models.
"""

import numpy as np
import pytest

from keras_seismic.simulation import (
    FAMILIES,
    OPENFWI_FAMILIES,
    SALT_VELOCITY,
    sample_velocity,
)
from keras_seismic.simulation.geology import family_name, openfwi_family

COUNT = 400
LAYERED = [family for family in OPENFWI_FAMILIES if not family.startswith("style")]
UNFAULTED = [family for family in LAYERED if "vel" in family]
FAULTED = [family for family in LAYERED if "fault" in family]


@pytest.fixture(scope="module")
def models():
    """A few hundred models of every family, made once and not written to."""
    made = {family: sample_velocity(family, COUNT, seed=7) for family in FAMILIES}
    for array in made.values():
        array.setflags(write=False)
    return made


@pytest.mark.parametrize("family", FAMILIES)
def test_range_and_type(models, family):
    velocity = models[family]
    assert velocity.shape == (COUNT, 70, 70)
    assert velocity.dtype == np.float32
    assert velocity.min() >= 1500
    assert velocity.max() <= 4500


#: Estimates of the published files (velocity at the top, mean, at cell 61, m/s), made from
#: networks that were trained on them; uncertain by 20-60 m/s.
OPENFWI_VELOCITIES = {
    "flatvel_a": (1955, 2800, 3657),
    "curvevel_a": (1953, 2767, 3660),
    "flatfault_a": (2182, 3073, 3845),
    "curvefault_a": (2156, 3030, 3859),
}


@pytest.mark.parametrize("family", OPENFWI_VELOCITIES)
def test_velocities_are_openfwis(models, family):
    velocity = models[family].astype(float)
    for part, expected in zip(
        (velocity[:, 0], velocity, velocity[:, 61]), OPENFWI_VELOCITIES[family], strict=True
    ):
        each = part.reshape(COUNT, -1).mean(axis=1)
        assert each.mean() == pytest.approx(expected, abs=80 + 4 * each.std() / np.sqrt(COUNT))


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("flatvel_a", (2371, 2689, 2969, 3334, 3638, 3937)),
        ("flatfault_a", (2199, 2837, 3446, 3686, 3915, 3935)),
    ],
)
def test_velocities_below_a_top_of_2000_are_openfwis(family, expected):
    velocity = sample_velocity(family, 2000, seed=8)[:, :, 35]
    below = velocity[np.abs(velocity[:, 0] - 2000) < 150]
    medians = np.median(below[:, [21, 31, 41, 51, 61, 69]], axis=0)
    assert len(below) > 300
    np.testing.assert_allclose(medians, expected, atol=200)
    assert np.abs(medians - expected).mean() < 100


@pytest.mark.parametrize("kind", ["a", "b"])
def test_flat_layers(models, kind):
    """Layers of nearly equal thickness, and the top of one more at the base of some models."""
    visible = []
    for model in models[f"flatvel_{kind}"]:
        assert (model == model[:, :1]).all()
        tops = np.flatnonzero(np.diff(model[:, 0])) + 1
        thickness = np.diff([0, *tops, 70])
        inner = thickness[:-1] if len(thickness) > 1 else thickness
        assert 0.8 * np.median(inner) - 1 <= inner.min()
        assert inner.max() <= 1.2 * np.median(inner) + 1
        assert thickness[-1] <= 1.2 * np.median(inner) + 1
        visible.append(np.sum(thickness > 5))
    assert set(visible) == {3, 4, 5, 6, 7}
    # Uniform, within five standard deviations of a binomial count.
    assert np.bincount(visible)[3:].min() > COUNT / 5 - 5 * np.sqrt(COUNT / 5)


@pytest.mark.parametrize("family", ["flatvel_a", "flatfault_a"])
def test_velocity_increases_downward(models, family):
    assert (np.diff(models[family].astype(float), axis=1) >= -1e-3).all()


@pytest.mark.parametrize("family", UNFAULTED)
def test_number_of_layers(models, family):
    numbers = {len(np.unique(model)) for model in models[family]}
    assert numbers == {3, 4, 5, 6, 7, 8}


@pytest.mark.parametrize("family", [f for f in LAYERED if f.endswith("_b")])
def test_neighbors_differ(models, family):
    """Down the first column, which a fault's blended edge reaches in few models."""
    steps = np.abs(np.diff(models[family][:, :, 0].astype(float), axis=1))
    if "fault" in family:
        assert np.mean(steps[steps > 0] < 150 - 1e-3) < 0.02
    else:
        assert steps[steps > 0].min() >= 150 - 1e-3


@pytest.mark.parametrize("family", ["curvevel_a", "curvevel_b"])
def test_horizons_bend_alike(models, family):
    """One fold, whose relief lies between 3 and 27 cells."""
    reliefs = []
    for model in models[family]:
        cuts = [np.flatnonzero(np.diff(model[:, x])) + 1 for x in range(70)]
        if (model[0] != model[0, 0]).any() or min(map(len, cuts)) < 2:
            continue  # a trough or crest lies outside
        first, second = (np.array([cut[i] for cut in cuts]) for i in (0, 1))
        reliefs.append(np.ptp(first))
        # Horizons are parallel, up to rounding to cells.
        assert np.ptp(second - first) <= 1
    assert len(reliefs) > COUNT / 3
    assert min(reliefs) >= 2
    assert 20 < max(reliefs) <= 28
    assert 5 < np.median(reliefs) < 12  # log-uniform; the largest seldom fit


@pytest.mark.parametrize(
    ("family", "fewest", "most"), [("flatfault_a", 3, 5), ("flatfault_b", 7, 9)]
)
def test_faults(models, family, fewest, most):
    """Two walls of flat layers, with the same layers at other depths; blended in between."""
    throws, counts = [], []
    for model in models[family].astype(float):
        left, right = (np.flatnonzero(np.diff(model[:, x])) for x in (0, -1))
        wall = len(left) == len(right) and np.array_equal(
            model[[0, *(left + 1)], 0], model[[0, *(right + 1)], -1]
        )
        throw = np.abs(right - left) if wall else np.array([0, 2])
        if np.ptp(throw) > 1:  # the fault leaves through a side, or a layer through the base
            continue
        throws.append(throw.mean())
        counts.append(len(left) + 1)
        # The fault's edge takes one cell of a row, or none where it falls between two.
        rocks = np.unique(model[:, 0])
        assert (~np.isin(model, rocks)).sum(axis=1).max() <= 1
    assert len(throws) > COUNT / 5
    assert 2 <= min(throws) < 4
    assert 11 < max(throws) <= 13
    assert fewest <= min(counts)
    assert max(counts) == most


@pytest.mark.parametrize("family", FAULTED)
def test_fault_edges_are_blended(models, family):
    """More velocities than layers, but only along the fault."""
    blended = []
    for model in models[family]:
        velocities, cells = np.unique(model, return_counts=True)
        blended.append(cells[np.argsort(cells)[: -12 if len(cells) > 12 else 0]].sum())
        assert len(velocities) < 9 + 4 * 70
    assert np.median(blended) < 0.03 * 70 * 70


@pytest.mark.parametrize(
    ("folded", "flat"), [("curvefault_a", "flatfault_a"), ("curvefault_b", "flatfault_b")]
)
def test_folded_faults_vary_more_along_a_row(models, folded, flat):
    def along(family):
        return models[family].astype(float).std(axis=2).mean()

    assert along(folded) > 1.3 * along(flat)


@pytest.mark.parametrize("family", ["style_a", "style_b"])
def test_styles(models, family):
    """Minima and maxima vary; a concave trend; a texture that grows with depth."""
    velocity = models[family].astype(float)
    lowest, highest = velocity.min(axis=(1, 2)), velocity.max(axis=(1, 2))
    for values, (low, high) in ((lowest, (1515, 2200)), (highest, (3000, 4446))):
        assert low - 1e-3 <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high + 1e-3
    profile = velocity.mean(axis=(0, 2))
    assert (np.diff(profile[:60]) > 0).all()
    assert profile[23] - profile[0] > 2 * (profile[69] - profile[46])
    rough = velocity.std(axis=2).mean(axis=0)
    assert rough[55] > 2 * rough[20] > 4 * rough[5]


def test_style_b_is_finer(models):
    def roughness(family):
        """Steps between neighbors over the deviation along a row, in the deeper half."""
        deep = models[family][:, 35:].astype(float)
        return np.abs(np.diff(deep, axis=2)).mean() / deep.std(axis=2).mean()

    assert roughness("style_b") > 1.7 * roughness("style_a")


@pytest.mark.parametrize("shape", [(70, 70), (201, 301)])
def test_salt(shape):
    """A body in every model, in sediments of 2000-4000 m/s that get faster downward."""
    velocity = sample_velocity("salt", 60, seed=3, shape=shape)
    salt = velocity == SALT_VELOCITY
    assert np.float32(SALT_VELOCITY) == 4480
    share = salt.mean(axis=(1, 2))
    assert share.min() > 0.003
    assert 0.05 < np.median(share) < 0.4
    assert velocity[~salt].min() >= 2000
    assert velocity[~salt].max() <= 4000
    for model, body in zip(velocity, salt, strict=True):
        sediments = np.ma.array(model, mask=body)
        steps = np.ma.diff(sediments, axis=0)
        assert steps.min() >= 0
        assert 3 <= len(np.unique(sediments.compressed())) <= 12
        # Smooth and in one piece, or two where the window's edge cuts it: few edges for its size.
        edges = (body[1:] != body[:-1]).sum() + (body[:, 1:] != body[:, :-1]).sum()
        assert edges < 4 * sum(shape)


def test_textured_is_fractal(models):
    """Down a column the spectrum of the fluctuations falls about as 1/f."""
    logs = np.log(models["textured"][:, :, 35].astype(float))
    z = np.arange(70)
    logs = logs - np.array([np.polyval(np.polyfit(z, log, 2), z) for log in logs])
    power = (np.abs(np.fft.rfft(logs * np.hanning(70), axis=1)) ** 2).mean(axis=0)
    decay = -np.polyfit(np.log(np.arange(4, 30)), np.log(power[4:30]), 1)[0]
    assert 0.5 < decay < 2
    velocity = models["textured"].astype(float)
    assert velocity[:, -20:].mean() - velocity[:, :20].mean() > 300
    assert np.mean([len(np.unique(model)) for model in velocity]) > 1000
    # Layers: the velocity changes more down than along.
    down, along = (np.abs(np.diff(velocity, axis=axis)).mean() for axis in (1, 2))
    assert down > 2 * along


@pytest.mark.parametrize("family", FAMILIES)
def test_same_seed_same_models(models, family):
    """A shorter call is the beginning of a longer one, and any part can be made by itself."""
    np.testing.assert_array_equal(sample_velocity(family, 10, seed=7), models[family][:10])
    np.testing.assert_array_equal(
        sample_velocity(family, 5, seed=7, start=200), models[family][200:205]
    )
    np.testing.assert_array_equal(sample_velocity(family, 2, seed=[7]), models[family][:2])


def test_seeds_and_families_differ(models):
    """Seed 1 and seeds (1, 0) too: a test set must not repeat the training set."""
    made = [
        sample_velocity("flatvel_b", 20, seed=seed) for seed in (0, 1, (0, 1), (1, 0), (1, 0, 0))
    ]
    made += [models[family][:20] for family in FAMILIES]
    assert len({model.tobytes() for batch in made for model in batch}) == 20 * len(made)


@pytest.mark.parametrize("family", FAMILIES)
def test_other_shapes(family):
    velocity = sample_velocity(family, 3, shape=(50, 33))
    assert velocity.shape == (3, 50, 33)
    assert np.isfinite(velocity).all()
    assert sample_velocity(family, 0).shape == (0, 70, 70)


@pytest.mark.parametrize("family", OPENFWI_FAMILIES)
def test_names_of_the_data_sets(family):
    kind, letter = family.split("_")
    spelt = {"vel": "Vel", "fault": "Fault", "style": "Style", "flat": "Flat", "curve": "Curve"}
    name = kind
    for plain, capital in spelt.items():
        name = name.replace(plain, capital)
    assert family_name(f"{name}-{letter.upper()}") == family
    assert family_name(f"{name}_{letter.upper()}_v1") == f"{family}_v1"
    assert openfwi_family(f"{name}-{letter.upper()}_v1") == openfwi_family(family) == family
    np.testing.assert_array_equal(
        sample_velocity(f"{name}-{letter.upper()}", 1), sample_velocity(family, 1)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": "FlatVel-C"}, r"unknown velocity family 'FlatVel-C'; choose one of flatvel_a,"),
        ({"family": "salt_v1"}, r"or former rules such as flatvel_a_v1"),
        ({"family": None}, r"unknown velocity family None"),
        ({"count": -1}, r"count, start and seed must not be negative, received count=-1"),
        ({"start": -5}, r"received count=2, start=-5"),
        ({"seed": -3}, r"received count=2, start=0, seed=-3"),
        ({"seed": (1, -3)}, r"seed=\(1, -3\)"),
        ({"shape": (27, 70)}, r"flatvel_a needs at least 28 x 2 cells, received 27 x 70"),
        ({"family": "curvefault_b", "shape": (35, 70)}, r"curvefault_b needs at least 36 x 2"),
        ({"family": "flatvel_a_v1", "shape": (29, 70)}, r"flatvel_a_v1 needs at least 30 x 2"),
        ({"family": "salt", "shape": (23, 70)}, r"salt needs at least 24 x 2"),
        ({"shape": (70, 1)}, r"needs at least 28 x 2 cells, received 70 x 1"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_velocity(**{"family": "flatvel_a", "count": 2} | arguments)
