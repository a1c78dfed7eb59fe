"""OpenFWI's files: names, splits, annotations, and everything that can be wrong with them."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.datasets import store
from keras_seismic.datasets.openfwi.layout import file_split, find_pairs, published_names

SHOTS, NT, RECEIVERS, DEPTH, WIDTH = 2, 12, 6, 5, 6


def gathers_of(count, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(0, 5, (count, SHOTS, NT, RECEIVERS)).astype("float32")


def velocity_of(count, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(1500, 4500, (count, 1, DEPTH, WIDTH)).astype("float32")


@pytest.fixture
def folder(tmp_path):
    """FlatVel_A with files of 3, 4 and 2 pairs."""
    folder = tmp_path / "FlatVel_A"
    for name in ("data", "model"):
        (folder / name).mkdir(parents=True)
    for i, count in enumerate((3, 4, 2), start=1):
        np.save(folder / "data" / f"data{i}.npy", gathers_of(count, seed=i))
        np.save(folder / "model" / f"model{i}.npy", velocity_of(count, seed=i))
    return folder


# Layout and splits


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_files_are_found_in_the_order_of_their_numbers(tmp_path):
    nested = touch(tmp_path / "a", *(f"{k}/{k}{i}.npy" for k in ("data", "model") for i in (10, 9)))
    assert [p.gathers.name for p in find_pairs(nested)] == ["data9.npy", "data10.npy"]
    assert [p.velocity.name for p in find_pairs(nested)] == ["model9.npy", "model10.npy"]
    flat = touch(tmp_path / "b", "data2.npy", "model2.npy", "notes.txt")
    assert find_pairs(flat) == [(flat / "data2.npy", flat / "model2.npy")]
    names = [f"{kind}{number}.npy" for kind in ("seis", "vel") for number in ("3_1_0", "2_1_11")]
    fault = touch(tmp_path / "c", *names)
    assert [p.velocity.name for p in find_pairs(fault)] == ["vel2_1_11.npy", "vel3_1_0.npy"]


@pytest.mark.parametrize(
    ("family", "training", "validation", "first", "last"),
    [
        ("flatvel_a", 48, 12, "data/data49.npy", "data/data60.npy"),
        ("CurveVel-B", 48, 12, "data/data49.npy", "data/data60.npy"),
        ("style_b", 120, 14, "data/data121.npy", "data/data134.npy"),
        ("flatfault_a", 96, 12, "seis2_1_32.npy", "seis4_1_35.npy"),
        ("curvefault_b", 96, 12, "seis6_1_32.npy", "seis8_1_35.npy"),
        ("curvefault_b_v1", 96, 12, "seis6_1_32.npy", "seis8_1_35.npy"),
        ("salt", 48, 12, "data/data49.npy", "data/data60.npy"),
    ],
)
def test_published_splits(family, training, validation, first, last):
    names = {split: list(published_names(family, split)) for split in ("train", "validation")}
    assert (len(names["train"]), len(names["validation"])) == (training, validation)
    assert (names["validation"][0][0], names["validation"][-1][0]) == (first, last)
    assert not set(names["train"]) & set(names["validation"])
    for split, pairs in names.items():
        assert {file_split(os.path.basename(name), family) for name, _ in pairs} == {split}


def test_a_split_chooses_files(tmp_path):
    folder = tmp_path / "Style-A"
    folder.mkdir()
    for i in (120, 121):
        np.save(folder / f"data{i}.npy", gathers_of(2, i))
        np.save(folder / f"model{i}.npy", velocity_of(2, i))
    for split, number in (("train", 120), ("validation", 121)):
        pairs = ks.datasets.OpenFWIPairs(folder, split=split)
        assert pairs.family == "style_a"
        np.testing.assert_array_equal(pairs[:][1][..., 0], velocity_of(2, number)[:, 0])
    with pytest.raises(ValueError, match=r"data120\.npy: its number is in no published split"):
        ks.datasets.OpenFWIPairs(folder, family="flatvel_a", split="train")
    with pytest.raises(ValueError, match=r"split must be one of train, validation, received 'test"):
        ks.datasets.OpenFWIPairs(folder, split="test")


def test_published_validation_files_are_held_out(folder, tmp_path):
    """Of files of both published splits; others are divided by the fraction, see test_pairs."""
    held = tmp_path / "held"
    held.mkdir()
    for kind, name in (("data", "seis"), ("model", "vel")):
        for old, new in ((1, 0), (2, 31), (3, 32)):
            (held / f"{name}4_1_{new}.npy").symlink_to(folder / kind / f"{kind}{old}.npy")
    training, held_out = ks.datasets.OpenFWIPairs(held).held_out(0.3)
    assert sorted(training) == list(range(7))
    assert sorted(held_out) == [7, 8]


# Bad folders and files


def saved(array, name="data/data2.npy", **options):
    return lambda folder: np.save(folder / name, array, **options)


def renamed(old, new):
    return lambda folder: (folder / old).rename(folder / new)


def cut(name, change):
    def apply(folder):
        os.truncate(folder / name, (folder / name).stat().st_size + change)

    return apply


def promising(shape):
    """A header for more than the file holds."""

    def apply(folder):
        path = folder / "data" / "data2.npy"
        content = path.read_bytes()
        with path.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.write(content[128:])

    return apply


def objects(folder):
    array = np.empty(4, object)
    array[:] = [gathers_of(1)] * 4
    np.save(folder / "data" / "data2.npy", array, allow_pickle=True)


def two_channels(folder):
    for i, count in enumerate((3, 4, 2), start=1):
        np.save(folder / f"model/model{i}.npy", velocity_of(count).repeat(2, axis=1))


BAD_FILES = {
    "missing velocity": (lambda f: (f / "model/model2.npy").unlink(), "model2.npy is missing"),
    "missing gathers": (lambda f: (f / "data/data3.npy").unlink(), "data3.npy is missing"),
    "different counts": (
        saved(velocity_of(5), "model/model2.npy"),
        r"holds 4 gathers.*model2\.npy holds 5 velocity",
    ),
    "float64": (saved(gathers_of(4).astype("float64")), "expected float32.*float64.*np.save"),
    "float16": (saved(gathers_of(4).astype("float16")), "expected float32.*float16"),
    "integers": (saved(gathers_of(4).astype("int32")), "expected float32.*int32"),
    "big-endian": (saved(gathers_of(4).astype(">f4")), r"expected float32.*\(>f4\)"),
    "Fortran order": (saved(np.asfortranarray(gathers_of(4))), "expected C order"),
    "pickled objects": (objects, "pickled Python objects, which are never loaded"),
    "truncated": (cut("data/data2.npy", -40), "truncated"),
    "too long": (cut("model/model2.npy", 40), "damaged"),
    "promises more": (promising((400, SHOTS, NT, RECEIVERS)), r"promises float32 \(400, 2"),
    "promises terabytes": (promising((10**9, SHOTS, NT, RECEIVERS)), "promises float32"),
    "not an array": (lambda f: (f / "data/data2.npy").write_text("x"), "expected a NumPy .npy"),
    "empty file": (lambda f: (f / "data/data2.npy").write_bytes(b""), "expected a NumPy .npy"),
    "three axes": (saved(gathers_of(4)[:, 0]), r"\(pairs, shots, time, receivers\).*\(4, 12, 6\)"),
    "no pairs": (saved(gathers_of(0)), "not empty"),
    "other receivers": (saved(gathers_of(4)[..., :5].copy()), r"expected pairs of shape \(2, 12"),
    "velocity axes": (
        saved(velocity_of(4)[:, 0], "model/model2.npy"),
        r"\(pairs, 1, depth, width\)",
    ),
    "velocity channels": (two_channels, "expected velocity models"),
    "other depth": (
        saved(velocity_of(4)[:, :, :4].copy(), "model/model2.npy"),
        r"expected pairs of shape \(1, 5, 6\)",
    ),
    "km/s": (saved(velocity_of(3) / 1000, "model/model1.npy"), "km/s"),
    "normalized velocity": (saved(velocity_of(3) / 1500 - 2, "model/model1.npy"), "positive"),
    "NaN velocity": (saved(velocity_of(3) * np.nan, "model/model1.npy"), "not finite"),
    "km/s in a later file": (saved(velocity_of(4) / 1000, "model/model2.npy"), "model2.*km/s"),
    "NaN in a later file": (saved(velocity_of(4) * np.nan, "model/model2.npy"), "model2.*finite"),
    "mixed layouts": (lambda f: touch(f, "seis2_1_0.npy", "vel2_1_0.npy"), "two layouts"),
    "twice": (lambda f: touch(f, "data1.npy"), "holds data1.npy twice"),
    "a folder for a file": (
        lambda f: ((f / "data/data2.npy").unlink(), (f / "data/data2.npy").mkdir()),
        "received a folder",
    ),
    "acquisition.json": (lambda f: (f / "acquisition.json").write_text("[]"), "expected a family"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused_by_name(folder, name):
    damage, message = BAD_FILES[name]
    damage(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        ks.datasets.OpenFWIPairs(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("name", "place"), [("data", (2, 1, 3, 4)), ("model", (2, 0, 3, 4))])
def test_numbers_that_are_not_finite_are_refused_when_read(folder, name, place, value):
    """In the third pair of the second file, the sixth of all."""
    path = folder / name / f"{name}2.npy"
    array = np.load(path, allow_pickle=False)
    array[place] = value
    np.save(path, array)
    pairs = ks.datasets.OpenFWIPairs(folder)
    message = rf"{name}2\.npy: pair 2 of the file, 5 of all: 1 of .* at index \(.*3, 4\)"
    with pytest.raises(ValueError, match=message):
        pairs[[0, 5, 8]]
    with pytest.raises(ValueError, match=message):
        pairs.pydataset(batch_size=9)[0]
    assert np.isfinite(pairs[[0, 1, 2, 3, 4, 6, 7, 8]][0]).all()


def test_bad_folders_and_arguments(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such annotation file"):
        ks.datasets.OpenFWIPairs(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="it holds the families FlatVel_A, give one"):
        ks.datasets.OpenFWIPairs(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="an empty folder"):
        ks.datasets.OpenFWIPairs(tmp_path / "empty")
    with pytest.raises(ValueError, match="unknown velocity family 'flatland'"):
        ks.datasets.OpenFWIPairs(folder, family="flatland")
    with pytest.raises(FileNotFoundError, match="none of its 3 files is of the published valid"):
        ks.datasets.OpenFWIPairs(folder, split="validation")
    with pytest.raises(ValueError, match="root is for annotation files"):
        ks.datasets.OpenFWIPairs(folder, root=tmp_path)
    with pytest.raises(ValueError, match=r"records \(1000, 70, 5\)"):
        ks.datasets.OpenFWIPairs(folder, acquisition=ks.simulation.Acquisition.openfwi())
    anonymous = folder.rename(tmp_path / "mine")
    with pytest.raises(ValueError, match="pass family='flatvel_a'"):
        ks.datasets.OpenFWIPairs(anonymous).input_normalization  # noqa: B018
    with pytest.raises(ValueError, match="the family decides where its published split"):
        ks.datasets.OpenFWIPairs(anonymous, split="train")


# Annotations


def listed(folder, text, name="list.txt"):
    path = folder.parent / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


LINES = "".join(f"FlatVel_A/data/data{i}.npy\tFlatVel_A/model/model{i}.npy\n" for i in (2, 1))


def test_annotations_list_pairs_in_their_order(folder):
    expected = np.concatenate([gathers_of(4, seed=2), gathers_of(3, seed=1)])
    windows = b"\xef\xbb\xbf" + LINES.replace("\n", "\r\n\r\n").encode()
    theirs = LINES.replace("FlatVel_A/", "/scratch/them/OpenFWI/FlatVel_A/")
    absolute = LINES.replace("FlatVel_A/", f"{folder}/")
    for text, roots in (
        (LINES, {}),
        (LINES.rstrip("\n"), {"root": folder.parent}),
        (windows, {"root": folder.parent}),
        (theirs, {"root": folder.parent, "listed_root": "/scratch/them/OpenFWI"}),
        (absolute, {}),
        (absolute, {"root": folder.parent}),
    ):
        pairs = ks.datasets.OpenFWIPairs(listed(folder, text), **roots)
        assert pairs.family == "flatvel_a"
        np.testing.assert_array_equal(np.moveaxis(pairs[:][0], -1, 1), expected)


def test_gathers_alone_make_batches_for_prediction(folder):
    text = "FlatVel_A/data/data1.npy\nFlatVel_A/data/data3.npy\n"
    pairs = ks.datasets.OpenFWIPairs(listed(folder, text))
    assert pairs.velocity_shape is None
    assert pairs[1:3][1].size == 0
    batches = list(pairs.dataset(batch_size=4, shuffle=False).as_numpy_iterator())
    assert [batch.shape for batch in batches] == [(n, NT, RECEIVERS, SHOTS) for n in (4, 1)]
    np.testing.assert_array_equal(pairs.pydataset(batch_size=4, shuffle=False)[1], batches[1])
    flip = ks.datasets.GatherAugmentation(flip=True)
    with pytest.raises(ValueError, match="flip needs the positions"):
        pairs.dataset(augmentation=flip)
    with pytest.raises(ValueError, match="there is no velocity"):
        pairs.mean_velocity()


BAD_LISTS = {
    "three fields": (LINES + "a.npy\tb.npy\tc.npy\n", "line 3: .*received 3 fields"),
    "spaces for a tab": (LINES.replace("\t", "  "), "line 1: expected a tab"),
    "two tabs": (LINES.replace("\t", "\t\t"), "line 1: .*3 fields"),
    "tab at the end": (LINES.replace("\n", "\t\n"), "line 1"),
    "mixed": (LINES + "FlatVel_A/data/data3.npy\n", "line 3: some lines list gathers and velocity"),
    "twice": (LINES + LINES, "line 3: .*listed already, in line 1"),
    "nothing": ("\n \r\n", "expected a line for every pair"),
    "not text": (b"\x93NUMPY\x01\x00\xff\xfe\xfa", "expected a text file"),
    "traversal": ("../other/data1.npy\t../other/model1.npy\n", "leads out of the root"),
    "hidden traversal": ("FlatVel_A/../../x.npy\ty.npy\n", "leads out of the root"),
    "velocity traversal": ("FlatVel_A/data/data1.npy\t../../etc/passwd\n", "leads out of the root"),
    "absolute": ("/etc/data1.npy\t/etc/model1.npy\n", "leads out of the root.*listed_root"),
    "prefix of the root's name": ("../{root}2/data1.npy\n", "leads out of the root"),
    "absent file": ("FlatVel_A/data/data9.npy\tFlatVel_A/model/model9.npy\n", "no such file"),
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_bad_annotations_are_refused(folder, name):
    text, message = BAD_LISTS[name]
    if isinstance(text, str):
        text = text.replace("{root}", folder.parent.name)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        ks.datasets.OpenFWIPairs(listed(folder, text), root=folder.parent)


def test_bad_roots(folder, tmp_path):
    path = listed(folder, LINES)
    with pytest.raises(FileNotFoundError, match=r"absent: no such folder \(the root of"):
        ks.datasets.OpenFWIPairs(path, root=tmp_path / "absent")
    with pytest.raises(ValueError, match="begins with /theirs"):
        ks.datasets.OpenFWIPairs(path, root=tmp_path, listed_root="/theirs")
    with pytest.raises(ValueError, match="give the root too"):
        ks.datasets.OpenFWIPairs(path, listed_root="/theirs")
    with pytest.raises(ValueError, match="an annotation lists its own files"):
        ks.datasets.OpenFWIPairs(path, split="train")
    escaping = LINES.replace("FlatVel_A/", "/theirs/../etc/")
    with pytest.raises(ValueError, match="begins with /theirs"):
        ks.datasets.OpenFWIPairs(listed(folder, escaping), root=tmp_path, listed_root="/theirs")


# Reading


def test_pairs_are_read_from_anywhere_with_few_files_open(folder, rng, monkeypatch):
    monkeypatch.setattr(store, "_MAPPED_FILES", 2)
    gathers = np.concatenate([gathers_of(count, i) for i, count in ((1, 3), (2, 4), (3, 2))])
    velocity = np.concatenate([velocity_of(count, i) for i, count in ((1, 3), (2, 4), (3, 2))])
    before = len(os.listdir("/proc/self/fd"))
    pairs = ks.datasets.OpenFWIPairs(folder)
    numbers = rng.integers(0, 9, 60)
    for shots in ((0, 1), (1, 0), (1,)):
        out = np.empty((60, len(shots), NT, RECEIVERS), np.float32)
        read = pairs.read(numbers, shots, out)
        np.testing.assert_array_equal(out, gathers[numbers][:, list(shots)])
        np.testing.assert_array_equal(read, velocity[numbers, 0])
    assert len(os.listdir("/proc/self/fd")) - before == 2


def test_a_file_that_shrinks_while_it_is_read_is_noticed(folder):
    """Before it is mapped and after: touching what is gone would end the program."""
    early, late = ks.datasets.OpenFWIPairs(folder), ks.datasets.OpenFWIPairs(folder)
    late[8:]
    os.truncate(folder / "data" / "data3.npy", 200)
    with pytest.raises(ValueError, match=r"data3\.npy: .* it is truncated"):
        early[:]
    with pytest.raises(OSError, match=r"data3\.npy: ends at byte 200"):
        late[:]
    with pytest.raises(Exception, match=r"data3\.npy: ends at byte 200"):
        list(late.dataset())


SPARSE = """
    import os, sys
    import numpy as np
    import keras_seismic as ks

    folder, parts = sys.argv[1], 60
    rows = 10**10 // (5 * 1000 * 70 * 4)  # 10 GB a file, on paper
    for i in range(1, parts + 1):
        for kind, shape, first in (("data", (5, 1000, 70), 0), ("model", (1, 70, 70), 2000)):
            with open(f"{folder}/{kind}{i}.npy", "wb") as file:
                header = {"descr": "<f4", "fortran_order": False, "shape": (rows, *shape)}
                np.lib.format.write_array_header_1_0(file, header)
                start = file.tell()
                file.write(np.full(shape, first, "<f4").tobytes())
                file.truncate(start + 4 * rows * int(np.prod(shape)))
    size = sum(os.stat(f"{folder}/data{i}.npy").st_size for i in range(1, parts + 1))
    assert size > 599e9, size
    pairs = ks.datasets.OpenFWIPairs(folder, family="flatvel_a")
    assert len(pairs) == parts * rows

    def allocated():
        (line,) = [line for line in open("/proc/self/status") if line.startswith("RssAnon")]
        return int(line.split()[1]) / 1024

    dataset = iter(pairs.dataset(batch_size=8, seed=1))
    for _ in range(6):  # what the pipeline needs in any case
        next(dataset)
    before, most = allocated(), 0
    for _ in range(100):  # 1.1 GB
        gathers, velocity = next(dataset)
        most = max(most, allocated())
    assert np.unique(velocity).size == 1, "holes are zeros"
    print(f"{size / 1e9:.0f} GB, {most - before:.0f} MB more")
    assert most - before < 500  # batches in flight and spare buffers; all that was read: 1120
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_files(tmp_path):
    """600 GB of sparse files, read at random: nothing is kept but what the system may drop."""
    code = textwrap.dedent(SPARSE)
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3000:]
    print(result.stdout)
