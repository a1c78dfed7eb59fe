"""Simulated pairs on disk."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.datasets import simulated as synthetic


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(synthetic, "_SHARD_PAIRS", 4)


@pytest.fixture
def make(tmp_path, small_acquisition):
    def pairs(count=6, **changes):
        arguments = {"family": "curvevel_a", "acquisition": small_acquisition, "seed": 5}
        return ks.datasets.SimulatedPairs(
            **(arguments | changes), count=count, cache_dir=tmp_path / "cache"
        )

    return pairs


def prepared(pairs):
    return pairs.prepare(progress=False)


def test_pairs_are_the_simulation_of_the_sampled_models(make, small_acquisition):
    gathers, velocity = prepared(make())[:]
    expected = ks.simulation.sample_velocity("curvevel_a", 6, seed=5)
    np.testing.assert_array_equal(velocity[..., 0], expected)
    simulated = ks.simulation.simulate(expected, small_acquisition)
    np.testing.assert_array_equal(gathers, simulated)


@pytest.mark.parametrize(
    ("family", "lowest", "highest"),
    [
        ("flatvel_a", -26.95, 52.77),
        ("FlatVel-A_v1", -26.95, 52.77),
        ("salt", -29.04, 57.03),  # the widest of the published ranges
        ("textured", -29.04, 57.03),
    ],
)
def test_every_family_has_a_normalization(make, family, lowest, highest):
    pairs = make(count=1, family=family)
    layer = pairs.input_normalization
    assert (layer.data_min, layer.data_max) == (lowest, highest)
    gathers = prepared(pairs)[:][0]
    assert np.abs(ks.layers.GatherNormalization(lowest, highest)(gathers)).max() <= 1.001


def test_models_of_former_rules_are_not_mistaken_for_the_present_ones(make):
    """A folder that an earlier version made, whose pairs were then those of flatvel_a."""
    pairs = prepared(make(family="flatvel_a"))
    noted = pairs.folder / "parameters.json"
    noted.write_text(json.dumps({**pairs.parameters, "format": 2}))
    with pytest.raises(ValueError, match=r"another version \(format 2, expected 3\)"):
        ks.datasets.SimulatedPairs.open(pairs.folder)
    assert make(family="flatvel_a_v1").folder != pairs.folder


def modification_times(pairs):
    return {path.name: path.stat().st_mtime_ns for path in pairs.folder.glob("*.npy")}


def test_finished_shards_are_reused_and_extended(make):
    before = modification_times(prepared(make(count=6)))
    assert modification_times(prepared(make(count=6))) == before
    larger = prepared(make(count=9))
    after = modification_times(larger)
    assert len(after) == 6
    unchanged = {name for name in before if after[name] == before[name]}
    # The full shard stays; the half-full one is made again, in full.
    assert unchanged == {"gathers-00000.npy", "velocity-00000.npy"}
    np.testing.assert_array_equal(larger[:6][0], prepared(make(count=6))[:][0])


def test_an_interrupted_simulation_goes_on(make, monkeypatch):
    pairs = make(count=10)
    real = synthetic.simulate
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(synthetic, "simulate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepared(pairs)
    assert [p.name for p in pairs.folder.glob("gathers*")] == ["gathers-00000.npy"]
    with pytest.raises(FileNotFoundError, match=r"gathers-00001.npy: not simulated yet"):
        pairs[:]
    calls.clear()
    monkeypatch.setattr(synthetic, "simulate", real)
    first = modification_times(pairs)
    resumed = prepared(make(count=10))
    assert first.items() <= modification_times(resumed).items()
    gathers = resumed[:][0]
    shutil.rmtree(pairs.folder)
    np.testing.assert_array_equal(gathers, prepared(make(count=10))[:][0])


def test_a_damaged_shard_is_made_again(make):
    pairs = prepared(make())
    expected = pairs[:][0]
    path = pairs.folder / "gathers-00000.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="truncated"):
        make()[:]
    np.testing.assert_array_equal(prepared(make())[:][0], expected)


def test_whatever_decides_the_data_decides_the_folder(make, small_acquisition):
    import dataclasses

    folders = {
        make().folder,
        make(seed=6).folder,
        make(seed=(5, 1)).folder,
        make(family="curvevel_b").folder,
        make(shape=(80, 70)).folder,
        make(acquisition=dataclasses.replace(small_acquisition, nt=127)).folder,
    }
    assert len(folders) == 6
    assert make(count=3).folder == make(family="CurveVel-A").folder
    parameters = json.loads((prepared(make()).folder / "parameters.json").read_text())
    assert parameters["acquisition"]["boundary"] == "cpml"


def test_parameters_are_never_half_written(make, monkeypatch):
    """Renamed when it is whole: at no time is there a shorter one."""
    pairs = prepared(make(count=3))
    path = pairs.folder / "parameters.json"
    before = path.read_text()
    seen = []

    def noted(source, target):
        seen.append((path.read_text(), json.loads(source.read_text())))
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", noted)
    with pytest.raises(KeyboardInterrupt):
        prepared(make(count=5))
    assert seen == [(before, json.loads(before))]
    assert path.read_text() == before
    assert not list(pairs.folder.glob(".*"))


def test_a_full_disk_is_noticed_before_work_starts(make, monkeypatch):
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    pairs = make()
    with pytest.raises(OSError, match=r"6 pairs need .* GB"):
        prepared(pairs)
    assert not pairs.folder.exists()


def test_bad_arguments(make, small_acquisition):
    with pytest.raises(ValueError, match="count"):
        make(count=0)
    with pytest.raises(ValueError, match="flatland"):
        make(family="flatland")
    with pytest.raises(ValueError, match="outside the velocity model"):
        make(shape=(70, 60))


def test_thinned_pairs_are_those_that_the_preparation_would_make(make):
    """To half precision, in batches with and without augmentation, and for a model."""
    whole, thinned = prepared(make()), prepared(make(keep_every=4))
    assert thinned.gather_shape == (32, 18, 2)
    assert thinned.folder != whole.folder
    gathers, velocity = whole[1:5]
    kept, same = thinned[1:5]
    np.testing.assert_array_equal(velocity, same)
    np.testing.assert_allclose(kept, gathers[:, 2::4], rtol=1e-3, atol=1e-6)
    files = [sum(p.stat().st_size for p in x.folder.glob("gathers-*")) for x in (whole, thinned)]
    assert files[1] < files[0] / 7

    preparation = ks.layers.GatherPreparation(
        [ks.layers.TimeDecimation(4), whole.input_normalization]
    )
    shift = ks.datasets.GatherAugmentation(time_shift=0.04, amplitude=(0.5, 2.0))
    for augmentation in (None, shift):
        options = {"batch_size": 4, "seed": 3, "augmentation": augmentation}
        (x, _), (y, _) = (next(iter(p.dataset(preparation, **options))) for p in (whole, thinned))
        assert x.shape == y.shape == (4, 32, 18, 2)
        if augmentation is None:
            np.testing.assert_allclose(x, y, atol=2e-3)

    network = ks.models.InversionNet((32, 18, 2), filters=1)
    scaling = ks.layers.VelocityScaling(1500, 4500)
    model = ks.models.with_physical_units(network, preparation, scaling, whole.acquisition)
    scores = [ks.evaluation.score_pairs(model, p, [4, 5], range(4)) for p in (whole, thinned)]
    np.testing.assert_allclose(scores[0].predicted, scores[1].predicted, atol=1.0)
    model = ks.training.fit_spread(model, thinned, range(6), filters=1, epochs=1, progress=False)
    assert ks.invert(gathers, model, spread=True)[1].shape == (4, 70, 70)
    with pytest.raises(
        ValueError, match=r"first step must be TimeDecimation\(4\), received LowCut"
    ):
        thinned.dataset(
            ks.layers.GatherPreparation([ks.layers.LowCut(5.0, 0.001), *preparation.steps])
        )
    with pytest.raises(ValueError, match=r"expected a model .* begins with TimeDecimation\(4\)"):
        ks.evaluation.score_pairs(lambda x: x, thinned, [0], [1])


def test_augmentation_shifts_thinned_gathers_by_the_same_time(make, monkeypatch):
    pairs = prepared(make(count=2, keep_every=4))
    asked = ks.datasets.GatherAugmentation(time_shift=0.04)
    batches = pairs.pydataset(augmentation=asked, batch_size=2).batches
    # At 4 ms a sample, 40 ms are 10 of them.
    assert batches.augmentation.time_shift / pairs.acquisition.dt == pytest.approx(10)


def test_thinned_pairs_are_opened_and_resumed(make):
    pairs = prepared(make(count=4, keep_every=4))
    before = modification_times(pairs)
    opened = ks.datasets.open_pairs(prepared(make(count=6, keep_every=4)).folder)
    assert (opened.keep_every, len(opened)) == (4, 6)
    assert before.items() <= modification_times(opened).items()
    with pytest.raises(ValueError, match="step must be a positive integer, received 0"):
        make(keep_every=0)


def test_too_loud_for_half_precision(make, small_acquisition):
    loud = dataclasses.replace(small_acquisition, source_wavelet=1e5 * small_acquisition.wavelet)
    with pytest.raises(ValueError, match=r"gathers, float16: .* not finite"):
        prepared(make(count=1, keep_every=4, acquisition=loud))
