"""Writing OpenFWI's layout: what is simulated is what is read."""

import errno
import json
import os
import resource
import shutil

import numpy as np
import pytest

import keras_seismic as ks


@pytest.fixture
def simulated(tmp_path, small_acquisition):
    def pairs(family="flatfault_b", count=7):
        made = ks.datasets.SimulatedPairs(
            family, count, small_acquisition, seed=2, cache_dir=tmp_path / "cache"
        )
        return made.prepare(progress=False)

    return pairs


def written(folder, pairs, **options):
    return ks.datasets.write_openfwi(folder, pairs, progress=False, **options)


def test_what_is_simulated_is_written_and_read_again(simulated, tmp_path, small_acquisition):
    pairs = simulated()
    files = written(tmp_path / "mine", pairs, samples_per_file=3)
    assert [path.name for path, _ in files] == ["seis6_1_0.npy", "seis6_1_1.npy", "seis6_1_2.npy"]
    read = ks.datasets.OpenFWIPairs(tmp_path / "mine")
    assert (read.family, read.acquisition) == ("flatfault_b", small_acquisition)
    for one, other in zip(read[:], pairs[:], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(read.mean_velocity(), pairs.mean_velocity(), rtol=1e-6)
    # As NumPy and the PyTorch tools see it.
    gathers = [np.load(path, allow_pickle=False) for path, _ in files]
    assert [g.shape for g in gathers] == [(3, 2, 128, 18), (3, 2, 128, 18), (1, 2, 128, 18)]
    assert {g.dtype for g in gathers} == {np.dtype("<f4")}
    np.testing.assert_array_equal(gathers[1][0, 1, :, 5], pairs[3:4][0][0, :, 5, 1])
    assert np.load(files[0][1], allow_pickle=False).shape == (3, 1, 70, 70)
    # Both give the same batches, and what was read can be written again.
    layers = read.input_normalization, ks.layers.VelocityScaling(1500, 4500)
    for (x, y), (u, v) in zip(
        read.dataset(batch_size=4, shuffle=False),
        pairs.dataset(*layers, batch_size=4, shuffle=False),
        strict=True,
    ):
        np.testing.assert_allclose(x, u, atol=1e-6)
        np.testing.assert_allclose(y, v, atol=1e-6)
    written(tmp_path / "copy", read, samples_per_file=500)
    copy = ks.datasets.OpenFWIPairs(tmp_path / "copy")
    assert len(copy.files) == 1
    np.testing.assert_array_equal(copy[:][0], pairs[:][0])


def test_published_splits_are_written_by_name(simulated, tmp_path):
    folder = tmp_path / "FlatVel_A"
    pairs = simulated("flatvel_a", 4)
    written(folder, pairs, split="train", samples_per_file=2)
    written(folder, pairs, split="validation")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.npy"))
    assert names == ["data/data1.npy", "data/data2.npy", "data/data49.npy",
                     "model/model1.npy", "model/model2.npy", "model/model49.npy"]  # fmt: skip
    lengths = {
        s: len(ks.datasets.OpenFWIPairs(folder, split=s)) for s in ("train", "validation", None)
    }
    assert lengths == {"train": 4, "validation": 4, None: 8}
    options = {"family": "flatvel_a", "split": "validation", "samples_per_file": 1}
    with pytest.raises(ValueError, match="13 files of 1, but the published validation split has"):
        written(tmp_path / "x", arrays(13), **options)
    assert not (tmp_path / "x").exists()


def arrays(count=4, **changes):
    random = np.random.default_rng(0)
    gathers = random.normal(0, 1, (count, 12, 6, 2)).astype("float32")
    velocity = random.uniform(1500, 4500, (count, 5, 6, 1)).astype("float32")
    return changes.get("gathers", gathers), changes.get("velocity", velocity)


def state(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_there_is_not_replaced_unasked(tmp_path):
    written(tmp_path / "a", arrays(), family="style_a")
    before = state(tmp_path / "a")
    with pytest.raises(FileExistsError, match=r"data1\.npy: exists already; pass overwrite=True"):
        written(tmp_path / "a", arrays(3), family="style_a")
    with pytest.raises(FileExistsError, match=r"another family or acquisition \(style_a\)"):
        written(tmp_path / "a", arrays(3), family="style_b", overwrite=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="expected a folder, found a file"):
        written(tmp_path / "file", arrays(), family="style_a")
    assert state(tmp_path / "a") == before
    written(tmp_path / "a", arrays(3), family="style_a", overwrite=True)
    assert len(ks.datasets.OpenFWIPairs(tmp_path / "a")) == 3


def test_old_and_new_pairs_are_never_mixed(tmp_path):
    """Fewer files than before would leave some of the old ones beside the new."""
    options = {"family": "style_a", "overwrite": True}
    written(tmp_path, arrays(9), samples_per_file=3, split="train", **options)
    before = state(tmp_path)
    for split in ("train", None):
        with pytest.raises(FileExistsError, match=r"data2\.npy: .*old and new.*\(4 such files\)"):
            written(tmp_path, arrays(3), split=split, **options)
        assert state(tmp_path) == before
    # Another split stands beside it, and is no reason not to replace a whole one.
    written(tmp_path, arrays(2), split="validation", **options)
    written(tmp_path, arrays(6), samples_per_file=2, split="train", **options)
    assert len(ks.datasets.OpenFWIPairs(tmp_path)) == 8
    (tmp_path / "flat").mkdir()
    np.save(tmp_path / "flat" / "model7.npy", np.ones(3))
    with pytest.raises(FileExistsError, match=r"model7\.npy: is there already.*\(1 such"):
        written(tmp_path / "flat", arrays(3), **options)


def test_a_source_that_cannot_be_read_is_called_so(tmp_path):
    files = written(tmp_path / "source", arrays(40), family="style_a")
    source = ks.datasets.OpenFWIPairs(tmp_path / "source")
    with files[0].gathers.open("r+b") as file:
        file.truncate(128 + 4 * 30 * 12 * 6 * 2)
    with pytest.raises(ValueError, match="it is truncated") as caught:
        written(tmp_path / "copy", source, family="style_a")
    assert "could not be written" not in str(caught.value)
    assert not [path for path in (tmp_path / "copy").rglob("*") if path.suffix != ".json"
                and path.is_file()]  # fmt: skip


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        (arrays(), {"family": None}, "pass family='flatvel_a'"),
        (arrays(), {"family": "flatland"}, "unknown velocity family"),
        (arrays(), {"samples_per_file": 0}, "samples_per_file must be positive"),
        (arrays(), {"split": "test"}, "split must be one of"),
        (arrays(velocity=arrays(3)[1]), {}, "4 gathers, but 3 velocity models"),
        (arrays(velocity=arrays()[1][..., 0]), {}, r"velocity \(n, depth, width, 1\)"),
        (arrays(gathers=arrays()[0][0]), {}, r"expected gathers \(n, time, receivers, shots\)"),
        (arrays(0), {}, r"expected gathers \(n, time, receivers, shots\)"),
        ((*arrays(), arrays()[0]), {}, "received 3 arrays"),
        (arrays(velocity=arrays()[1] / 1000), {}, "km/s"),
        (arrays(velocity=-arrays()[1]), {}, "must be positive"),
        (
            arrays(gathers=np.where(arrays()[0] > 3, np.nan, arrays()[0])),
            {},
            "values are not finite",
        ),
    ],
)
def test_bad_pairs_leave_no_file(tmp_path, pairs, options, message):
    with pytest.raises(ValueError, match=message):
        written(tmp_path / "out", pairs, **({"family": "flatvel_a"} | options))
    assert not list((tmp_path / "out").rglob("*.npy*"))
    assert not list((tmp_path / "out").rglob("*.partial"))


def test_too_little_room_is_noticed_before_work_starts(tmp_path, monkeypatch):
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"4 pairs need 0\.3 GB, but 0\.0 GB are free"):
        written(tmp_path / "a" / "b", arrays(), family="style_a")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_after_all_leaves_what_was_there(tmp_path):
    """A limit on the size of files stands for the full disk: the system refuses to write."""
    ones = np.ones((9, 100, 70, 5), "float32"), np.full((9, 70, 70, 1), 3000.0, "float32")
    written(tmp_path / "out", ones, family="flatvel_a", samples_per_file=3)
    larger = tuple(2 * np.concatenate([array, array]) for array in ones)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limit[1]))  # a file had 420,000 bytes
        with pytest.raises(OSError, match=r"data1\.npy: could not be written, and nothing") as full:
            written(tmp_path / "out", larger, family="flatvel_a", samples_per_file=6,
                    overwrite=True)  # fmt: skip
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert full.value.errno == errno.EFBIG
    assert not list((tmp_path / "out").rglob("*.partial*"))
    pairs = ks.datasets.OpenFWIPairs(tmp_path / "out")
    assert len(pairs) == 9
    assert (pairs[:][0] == 1).all()


def test_the_note_beside_the_files_is_plain(tmp_path, small_acquisition):
    written(tmp_path / "a", arrays(), family="CurveVel-B")
    assert json.loads((tmp_path / "a" / "acquisition.json").read_text()) == {
        "family": "curvevel_b",
        "acquisition": None,
    }
    assert ks.datasets.OpenFWIPairs(tmp_path / "a").acquisition is None
    assert os.listdir(tmp_path / "a" / "data") == ["data1.npy"]
