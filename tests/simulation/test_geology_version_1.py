"""The former rules of the ten families, measured on the models alone, and reproduced bit for bit.

Nothing here knows how a model is drawn: layers, horizons, faults and textures are found
again in the array, and compared with what the family promises.
"""

import numpy as np
import pytest

from keras_seismic.simulation import OPENFWI_FAMILIES
from keras_seismic.simulation import sample_velocity as sample

COUNT = 300
LAYERED = [family for family in OPENFWI_FAMILIES if not family.startswith("style")]
#: Fewest and most layers.
LAYERS = {"vel_a": (2, 6), "vel_b": (2, 6), "fault_a": (2, 4), "fault_b": (5, 8)}


def sample_velocity(family, *args, **kwargs):
    return sample(f"{family}_v1", *args, **kwargs)


@pytest.fixture(scope="module")
def models():
    """A few hundred models of every family, made once and not written to."""
    made = {family: sample_velocity(family, COUNT, seed=7) for family in OPENFWI_FAMILIES}
    for array in made.values():
        array.setflags(write=False)
    return made


def units(model):
    """Velocities of the layers from the top down, and the layer of every cell."""
    velocities, index = np.unique(model, return_inverse=True)
    index = index.reshape(model.shape)
    # Which layer lies somewhere on which; then on which at any remove. In an order without
    # contradiction a layer's place is the number of those above.
    above = np.zeros((len(velocities),) * 2, bool)
    contact = index[:-1] != index[1:]
    above[index[:-1][contact], index[1:][contact]] = True
    for middle in range(len(velocities)):
        above |= above[:, middle, None] & above[middle]
    order = np.argsort(above.sum(axis=0), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return velocities[order], rank[index]


def horizons(model):
    """(layers - 1, width): depth in cells of each layer's base in each column."""
    velocities, layer = units(model)
    return np.array([(layer <= i).sum(axis=0) for i in range(len(velocities) - 1)])


def expected_layers(family):
    return LAYERS[family.removeprefix("flat").removeprefix("curve")]


@pytest.mark.parametrize("family", OPENFWI_FAMILIES)
def test_range_and_type(models, family):
    velocity = models[family]
    assert velocity.shape == (COUNT, 70, 70)
    assert velocity.dtype == np.float32
    assert velocity.min() >= 1500
    assert velocity.max() <= 4500
    # The range is used: among so many models some layers come close to its ends.
    assert velocity.min() < 1550
    assert velocity.max() > 4450


@pytest.mark.parametrize("family", LAYERED)
def test_number_of_layers(models, family):
    """Between fewest and most, and every number about equally often."""
    fewest, most = expected_layers(family)
    numbers = np.array([len(np.unique(model)) for model in models[family]])
    counts = np.bincount(numbers, minlength=most + 1)
    assert counts[:fewest].sum() == 0
    assert len(counts) == most + 1
    fraction = COUNT / (most - fewest + 1)
    # Five standard deviations of a binomial count.
    assert np.abs(counts[fewest:] - fraction).max() < 5 * np.sqrt(fraction)


# Not for the curved faults: sliding down along the fault also moves a fold sideways, and a
# steep limb that comes to lie over itself repeats a layer.
@pytest.mark.parametrize("family", [f for f in LAYERED if not f.startswith("curvefault")])
def test_layers_lie_one_below_the_other(models, family):
    """Down every column the layers follow in order: no overhang, no reverse fault."""
    for model in models[family]:
        _, layer = units(model)
        assert (np.diff(layer, axis=0) >= 0).all()


@pytest.mark.parametrize("family", LAYERED)
def test_velocities(models, family):
    layers = [units(model)[0].astype(float) for model in models[family]]
    steps = np.concatenate([np.diff(velocities) for velocities in layers])
    if family.endswith("_a"):
        assert (steps > 0).all()
        assert (steps < 150).any()  # sorted uniform numbers, not spread apart
    else:
        assert np.abs(steps).min() >= 150 - 1e-3
        assert 0.4 < (steps > 0).mean() < 0.6
    # Uniform in 1500-4500: mean 3000 and standard deviation 866, within sampling error.
    # (Keeping neighbors apart pushes velocities outward a little, and 5-8 layers more.)
    values = np.concatenate(layers)
    assert values.mean() == pytest.approx(3000, abs=5 * 866 / np.sqrt(len(values)))
    assert values.std() == pytest.approx(866, abs=45)


@pytest.mark.parametrize("family", ["flatvel_a", "flatvel_b"])
def test_flat_layers(models, family):
    thinnest = []
    for model in models[family]:
        assert (model == model[:, :1]).all()
        depths = horizons(model)[:, 0]
        thinnest.append(np.diff([0, *depths, 70]).min())
    assert min(thinnest) == 5


@pytest.mark.parametrize("family", ["curvevel_a", "curvevel_b"])
def test_curved_horizons(models, family):
    """Thickness, relief, the number of periods, and that horizons bend alike."""
    curved = 0
    for model in models[family]:
        base = horizons(model).astype(float)
        # Whole periods fit into the width, so that a horizon's mean is its depth, up to
        # what rounding to cells leaves.
        depth = base.mean(axis=1)
        thickness = np.diff([0, *depth, 70])
        assert thickness.min() > 5 - 0.5
        relief = np.abs(base - depth[:, None]).max(axis=1)
        allowed = np.minimum(8, np.minimum(thickness[:-1], thickness[1:]) / 2)
        assert (relief <= allowed + 0.8).all()  # half a cell of rounding, and of the mean's
        curved += relief.max() >= 1

        bend = (base - depth[:, None])[relief >= 4]
        harmonics = np.abs(np.fft.rfft(bend, axis=1)) / 35  # amplitudes in cells
        assert (harmonics[:, 6:] < 0.6).all()
        assert ((harmonics > 0.6).sum(axis=1) <= 3).all()
        # Conformable: one fold, of another amplitude at each horizon.
        if len(bend) > 1:
            assert np.corrcoef(bend).min() > 0.9
    assert curved > 0.95 * COUNT


def recovered_fault(model):
    """Throw, cotangent of the dip and the side of the hanging wall of a flat faulted model.

    On either side of the fault a horizon is flat, and between the two levels it is the
    fault itself. So the difference of the levels is the throw, and the middles of the
    steps of two horizons far apart give the dip.
    """
    base = horizons(model)
    middles, throws, sides, feet = [], [], [], []
    for horizon in base:
        low, high = horizon.min(), horizon.max()
        # Both levels in view: at least three columns each, and not cut by the base.
        if low == high or high >= 69 or min((horizon == low).sum(), (horizon == high).sum()) < 3:
            continue
        step = np.diff(horizon)
        # One fault: the horizon goes one way only.
        assert (step >= 0).all() or (step <= 0).all()
        sides.append(np.sign(step.sum()))
        throws.append(high - low)
        feet.append(low)
        between = np.flatnonzero((horizon > low) & (horizon < high))
        edge = np.flatnonzero(step)
        middle = between.mean() + 0.5 if len(between) else edge.mean() + 1
        middles.append(((low + high) / 2, middle))
    return np.array(throws), np.array(middles), np.array(sides), np.array(feet)


@pytest.mark.parametrize("family", ["flatfault_a", "flatfault_b"])
def test_one_straight_normal_fault(models, family):
    all_throws, dips, all_sides = [], [], []
    for model in models[family]:
        throws, middles, sides, feet = recovered_fault(model)
        if not len(throws):
            continue
        # All horizons have moved by the same throw to the same side.
        assert np.ptp(throws) <= 1
        assert np.ptp(sides) == 0
        all_throws.append(throws[0])
        all_sides.append(sides[0])
        if len(feet) > 1:
            assert np.diff(feet).min() >= 5
        z, x = middles.T
        if z[-1] - z[0] >= 20:
            # The hanging wall is the side that has come down, and lies over the fault:
            # seen downward, the fault moves towards it.
            cotangent = sides[0] * (x[-1] - x[0]) / (z[-1] - z[0])
            dips.append(np.degrees(np.arctan2(1, cotangent)))
    # Most models show their fault to this measurement.
    assert len(all_throws) > 0.7 * COUNT
    assert len(dips) > 0.2 * COUNT
    assert min(all_throws) == 3
    assert max(all_throws) == 15
    assert np.mean(all_throws) == pytest.approx(9, abs=1)
    # A cell's error over 20 cells is up to 3 degrees.
    assert 45 - 3 < min(dips) < 52
    assert 78 < max(dips) < 85 + 3
    # To either side, about equally often.
    assert abs(np.mean(all_sides)) < 0.25


@pytest.mark.parametrize("family", ["flatfault_a", "flatfault_b"])
def test_both_sides_of_the_fault_are_flat(models, family):
    """Each column away from the fault is one of two: the foot wall's, or the hanging wall's."""
    seen = 0
    for model in models[family]:
        throws = recovered_fault(model)[0]
        if not len(throws):
            continue
        base = horizons(model)
        left, right = base[:, 0], base[:, -1]
        same_left = (base == left[:, None]).all(axis=0)
        same_right = (base == right[:, None]).all(axis=0)
        if same_left.sum() < 2 or same_right.sum() < 2 or (left >= 69).any() or (right >= 69).any():
            continue
        moved = np.abs(right - left)
        if np.ptp(moved) > 1:  # the fault leaves the model through its side
            continue
        seen += 1
        assert 3 <= moved.min() <= moved.max() <= 15
    assert seen > 0.3 * COUNT


@pytest.mark.parametrize("kind", ["a", "b"])
def test_curved_faults_are_folded_and_broken(models, kind):
    """Folded over most of the width, as no flat fault is, and broken as no fold is."""

    def moving(family):
        """Fraction of the columns where some horizon changes its depth."""
        return np.mean([(np.diff(horizons(m), axis=1) != 0).any(axis=0) for m in models[family]])

    def broken(family):
        """RMS, in cells, of what 0-5 periods across the model cannot explain."""
        rest = []
        for model in models[family]:
            spectrum = np.fft.rfft(horizons(model), axis=1)
            spectrum[:, :6] = 0
            rest.append(np.fft.irfft(spectrum, 70, axis=1).std(axis=1).max())
        return np.array(rest)

    assert moving(f"curvefault_{kind}") > 2 * moving(f"flatfault_{kind}")
    assert broken(f"curvevel_{kind}").max() < 0.6  # rounding to cells
    assert (broken(f"curvefault_{kind}") > 0.6).mean() > 0.85


def correlation_length(model, lag):
    """From the variogram along x at one and two lags, which a trend with depth leaves alone.

    With a correlation exp(-(d / L)^2) the variogram is proportional to 1 - q with
    q = exp(-(lag / L)^2), and at twice the lag to 1 - q^4: their ratio, 1 + q + q^2 + q^3,
    gives L whatever the amplitude.
    """

    def variogram(distance):
        return np.mean((model[:, distance:] - model[:, :-distance]) ** 2)

    ratio = variogram(2 * lag) / variogram(lag)
    roots = np.roots([1, 1, 1, 1 - ratio])
    q = float(roots[np.abs(roots.imag) < 1e-9].real[0])
    return lag / np.sqrt(-np.log(q))


@pytest.mark.parametrize(
    ("family", "shortest", "longest", "lag"), [("style_a", 8, 14, 5), ("style_b", 3, 6, 3)]
)
def test_style_correlation_length(models, family, shortest, longest, lag):
    lengths = [correlation_length(model.astype(float), lag) for model in models[family]]
    # A model has room for few independent patches, so that a single length is uncertain
    # by a tenth or so; the median and the spread of all are not.
    assert np.median(lengths) == pytest.approx((shortest + longest) / 2, rel=0.08)
    low, high = np.percentile(lengths, [5, 95])
    spread = longest - shortest
    assert low == pytest.approx(shortest + 0.05 * spread, rel=0.1)
    assert high == pytest.approx(longest - 0.05 * spread, rel=0.1)


@pytest.mark.parametrize("family", ["style_a", "style_b"])
def test_style_is_isotropic_smooth_and_grows_with_depth(models, family):
    velocity = models[family].astype(float)
    np.testing.assert_allclose(velocity.min(axis=(1, 2)), 1500)
    np.testing.assert_allclose(velocity.max(axis=(1, 2)), 4500)
    # A weight of 0.2 gives 0.2 * 3000 * 2/3 between the thirds, stretched a little by the
    # scaling to the full range.
    down = velocity[:, -23:].mean(axis=(1, 2)) - velocity[:, :23].mean(axis=(1, 2))
    across = velocity[:, :, -23:].mean(axis=(1, 2)) - velocity[:, :, :23].mean(axis=(1, 2))
    uncertainty = across.std() / np.sqrt(COUNT)
    assert down.mean() == pytest.approx(450, abs=75)
    assert abs(across.mean()) < 4 * uncertainty
    # Texture: neighboring cells differ by little, along x as along depth.
    along_x, along_z = (np.mean(np.diff(velocity, axis=axis) ** 2) for axis in (2, 1))
    assert along_z / along_x == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("family", OPENFWI_FAMILIES)
def test_same_seed_same_models(models, family):
    """A shorter call is the beginning of a longer one, and any part can be made by itself."""
    np.testing.assert_array_equal(sample_velocity(family, 10, seed=7), models[family][:10])
    np.testing.assert_array_equal(
        sample_velocity(family, 5, seed=7, start=200), models[family][200:205]
    )
    np.testing.assert_array_equal(sample_velocity(family, 2, seed=[7]), models[family][:2])


def test_the_hundred_of_a_thousand():
    thousand = sample_velocity("curvefault_b", 1000, seed=3)
    np.testing.assert_array_equal(sample_velocity("curvefault_b", 100, seed=3), thousand[:100])
    # And no two of them are the same.
    assert len({model.tobytes() for model in thousand}) == 1000


def test_seeds_and_families_differ(models):
    """Seed 1 and seeds (1, 0) too: a test set must not repeat the training set."""
    made = [
        sample_velocity("flatvel_b", 20, seed=seed) for seed in (0, 1, (0, 1), (1, 0), (1, 0, 0))
    ]
    made += [models["flatvel_b"][:20], models["flatvel_a"][:20], models["flatfault_b"][:20]]
    assert len({model.tobytes() for batch in made for model in batch}) == 20 * len(made)


def test_other_shapes():
    for family in OPENFWI_FAMILIES:
        velocity = sample_velocity(family, 3, shape=(50, 33))
        assert velocity.shape == (3, 50, 33)
        assert np.isfinite(velocity).all()
    assert sample_velocity("style_a", 0).shape == (0, 70, 70)


#: Four cells of one model of each family, as drawn before the rules were revised.
DRAWN_BEFORE = {
    "flatvel_a": (3592.080810546875, 3596.665283203125, 3596.665283203125, 3596.665283203125),
    "flatvel_b": (1641.5096435546875, 2560.658447265625, 3493.974853515625, 2086.8271484375),
    "curvevel_a": (1572.90625, 1572.90625, 2768.374267578125, 3178.332763671875),
    "curvevel_b": (4464.6474609375, 3501.654052734375, 4202.8681640625, 3152.739013671875),
    "flatfault_a": (1664.2138671875, 3221.365234375, 3394.275390625, 4302.70361328125),
    "flatfault_b": (1867.369873046875, 2879.99072265625, 3430.518798828125, 1888.3316650390625),
    "curvefault_a": (3763.820556640625, 3763.820556640625, 3763.820556640625, 4474.11181640625),
    "curvefault_b": (1801.8284912109375, 3987.177734375, 3453.55322265625, 3453.55322265625),
    "style_a": (3229.36474609375, 2007.61572265625, 3590.93701171875, 3258.575439453125),
    "style_b": (3374.722412109375, 2674.524169921875, 3052.062255859375, 3478.908203125),
}


@pytest.mark.parametrize("family", OPENFWI_FAMILIES)
def test_drawn_as_before(family):
    model = sample_velocity(family, 1, seed=(20, 26), shape=(60, 48), start=3)[0]
    drawn = model[[5, 25, 40, 55], [5, 40, 10, 30]]
    # Layers' velocities are the generator's own bits; the textures' sums may round otherwise
    # on another processor.
    rounding = 1e-6 if family.startswith("style") else 0
    np.testing.assert_allclose(drawn, DRAWN_BEFORE[family], rtol=rounding)
