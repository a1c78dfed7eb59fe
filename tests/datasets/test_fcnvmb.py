"""FCNVMB's .mat files, written here by SciPy and h5py as MATLAB would."""

import shutil

import numpy as np
import pytest

import keras_seismic as ks

h5py = pytest.importorskip("h5py", reason="needs h5py: pip install 'keras_seismic[mat]'")
scipy_io = pytest.importorskip("scipy.io", reason="needs scipy: pip install 'keras_seismic[mat]'")

SMALL = {"gather_shape": (8, 6, 3), "velocity_shape": (5, 6)}
#: Names of files and arrays, and recorded samples, of each layout.
LAYOUTS = {
    "simulated": ("georec_train/georec", "Rec", "vmodel_train/vmodel", "vmodel", 40),
    "salt": ("georec_train/srec", "Rec", "vmodel_train/svmodel", "svmodel", 40),
    "repackaged": ("seismic/seismic", "data", "vmodel/vmodel", "data", 8),
}


def save_version_5(path, key, array):
    scipy_io.savemat(path, {key: array}, do_compression=path.name.endswith("2.mat"))


def save_version_7(path, key, array):
    """As MATLAB's -v7.3: a header of 512 bytes, axes in reverse, the class as an attribute."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset(key, data=array.T).attrs["MATLAB_class"] = np.bytes_("double")
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    with path.open("r+b") as file:
        file.write(header)


SAVE = {5: save_version_5, 7: save_version_7}


def write_pairs(folder, layout="simulated", version=5, count=3, rng=None, shapes=SMALL):
    """Files of a layout; returns the gathers as recorded and the velocity."""
    gather_name, gather_key, velocity_name, velocity_key, samples = LAYOUTS[layout]
    rng = rng or np.random.default_rng(0)
    gathers = rng.standard_normal((count, samples, *shapes["gather_shape"][1:]))
    velocity = np.sort(rng.uniform(2000, 4500, (count, *shapes["velocity_shape"])), axis=1)
    for i in range(count):
        for name, key, array in (
            (gather_name, gather_key, gathers[i]),
            (velocity_name, velocity_key, velocity[i]),
        ):
            path = folder / f"{name}{i + 1}.mat"
            path.parent.mkdir(parents=True, exist_ok=True)
            SAVE[version](path, key, array)
    return gathers, velocity


@pytest.mark.parametrize("version", [5, 7])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_recognized_and_read(tmp_path, layout, version):
    recorded, velocity = write_pairs(tmp_path, layout, version)
    pairs = ks.datasets.FCNVMBPairs(tmp_path, **SMALL)
    assert len(pairs) == 3
    assert pairs.numbers == (1, 2, 3)
    read = pairs[:]
    expected = recorded if layout == "repackaged" else recorded[:, 2::5]
    assert read[0].dtype == read[1].dtype == np.float32
    np.testing.assert_array_equal(read[0], expected.astype(np.float32))
    np.testing.assert_array_equal(read[1][..., 0], velocity.astype(np.float32))


def test_the_published_size_is_the_default(tmp_path):
    published = {"gather_shape": (2000, 301, 29), "velocity_shape": (201, 301)}
    recorded, _ = write_pairs(tmp_path, version=7, count=1, shapes=published)
    # write_pairs records 40 samples: stretched to the 2000 that the real files have.
    recorded = np.repeat(recorded[0].astype(np.float32), 50, axis=0)
    save_version_7(tmp_path / "georec_train/georec1.mat", "Rec", recorded)
    gathers, velocity = ks.datasets.FCNVMBPairs(tmp_path)[:]
    assert gathers.shape == (1, 400, 301, 29)
    assert velocity.shape == (1, 201, 301, 1)
    np.testing.assert_array_equal(gathers[0], recorded[2::5])


def test_mixed_repackaging_and_a_layout_of_ones_own(tmp_path):
    """Published successors keep 'Rec' in seismic1.mat and pair it with svmodel1.mat."""
    recorded, velocity = write_pairs(tmp_path, "repackaged", count=1)
    save_version_5(tmp_path / "seismic/seismic1.mat", "Rec", recorded[0])
    (tmp_path / "vmodel/vmodel1.mat").unlink()
    save_version_5(tmp_path / "vmodel/svmodel1.mat", "svmodel", velocity[0])
    expected = recorded.astype(np.float32)
    np.testing.assert_array_equal(ks.datasets.FCNVMBPairs(tmp_path, **SMALL)[:][0], expected)

    own = ks.datasets.MatLayout(("shot",), ("d",), ("v",), ("c",))
    save_version_5(tmp_path / "shot07.mat", "d", recorded[0])
    save_version_5(tmp_path / "v7.mat", "c", velocity[0])
    pairs = ks.datasets.FCNVMBPairs(tmp_path, own, **SMALL)
    assert pairs.numbers == (7,)
    np.testing.assert_array_equal(pairs[:][0], expected)


def test_one_shot_survives_matlab_dropping_its_axis(tmp_path):
    shapes = {"gather_shape": (8, 6, 1), "velocity_shape": (5, 6)}
    recorded, _ = write_pairs(tmp_path, "repackaged", count=1, shapes=shapes)
    for version, save in SAVE.items():
        save(tmp_path / "seismic/seismic1.mat", "data", recorded[0, :, :, 0])
        gathers, _ = ks.datasets.FCNVMBPairs(tmp_path, **shapes)[:]
        np.testing.assert_array_equal(gathers, recorded.astype(np.float32), f"version {version}")


def test_numbers_choose_pairs_in_their_order(tmp_path):
    recorded, _ = write_pairs(tmp_path, count=11)
    pairs = ks.datasets.FCNVMBPairs(tmp_path, numbers=[10, 2], **SMALL)
    np.testing.assert_array_equal(pairs[:][0], recorded[[9, 1], 2::5].astype(np.float32))
    # Sorted by number, not by name: 10 comes after 9.
    every = ks.datasets.FCNVMBPairs(tmp_path, **SMALL)
    np.testing.assert_array_equal(every[9:][0], recorded[9:, 2::5].astype(np.float32))
    np.testing.assert_array_equal(every[[3, 0]][0], recorded[[3, 0], 2::5].astype(np.float32))
    with pytest.raises(TypeError, match="slice"):
        every[3]


def test_files_are_opened_when_needed(tmp_path):
    write_pairs(tmp_path)
    pairs = ks.datasets.FCNVMBPairs(tmp_path, **SMALL)
    shutil.rmtree(tmp_path / "georec_train")
    with pytest.raises(FileNotFoundError, match=r"georec2\.mat: no such file"):
        pairs[1:]


@pytest.mark.parametrize("version", [5, 7])
def test_models_that_are_upside_down(tmp_path, version):
    _, velocity = write_pairs(tmp_path, version=version)
    for i in range(3):
        SAVE[version](tmp_path / f"vmodel_train/vmodel{i + 1}.mat", "vmodel", velocity[i, ::-1])
    with pytest.raises(ValueError, match=r"3 of the first 3 .* row 0 seems to be the base"):
        ks.datasets.FCNVMBPairs(tmp_path, **SMALL)
    pairs = ks.datasets.FCNVMBPairs(tmp_path, check_orientation=False, **SMALL)
    np.testing.assert_array_equal(pairs[:][1][..., 0], velocity[:, ::-1].astype(np.float32))


def with_h5py(path, fill):
    with h5py.File(path, "w") as file:
        fill(file)


def external_link(file):
    with h5py.File(file.filename + ".other", "w") as other:
        other["Rec"] = np.zeros((3, 6, 8))
    file["Rec"] = h5py.ExternalLink(file.filename + ".other", "/Rec")


def soft_link(file):
    file["elsewhere"] = np.zeros((3, 6, 8))
    file["Rec"] = h5py.SoftLink("/elsewhere")


def external_storage(file):
    np.zeros(144).tofile(file.filename + ".raw")
    raw = [(file.filename + ".raw", 0, h5py.h5f.UNLIMITED)]
    file.create_dataset("Rec", (3, 6, 8), "f8", external=raw)


def virtual(file):
    with h5py.File(file.filename + ".other", "w") as other:
        other["Rec"] = np.zeros((3, 6, 8))
    layout = h5py.VirtualLayout((3, 6, 8), "f8")
    layout[:] = h5py.VirtualSource(file.filename + ".other", "Rec", (3, 6, 8))
    file.create_virtual_dataset("Rec", layout)


def cell(file):
    file.create_dataset("Rec", (3,), h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")


def char(file):
    data = file.create_dataset("Rec", (3, 6, 8), "u2")
    data.attrs["MATLAB_class"] = np.bytes_("char")


def truncated(path):
    path.write_bytes(path.read_bytes()[:-200])


def rec(array):
    return lambda path: scipy_io.savemat(path, {"Rec": array})


def nan_at(*place):
    array = np.zeros((8, 6, 3))
    array[place] = np.nan
    return array


BAD_GATHERS = {
    "no key": (lambda p: scipy_io.savemat(p, {"rec": np.ones(3)}), r"'Rec', the file holds 'rec'"),
    "no key, 7.3": (lambda p: save_version_7(p, "x", np.ones((2, 2))), "'Rec', the file holds 'x'"),
    "nothing in it": (lambda p: scipy_io.savemat(p, {}), "the file holds nothing"),
    "other shape": (rec(np.zeros((8, 7, 3))), r"\(8, 6, 3\).*, or 40 samples.*\(8, 7, 3\)"),
    "other length": (rec(np.zeros((30, 6, 3))), r"received \(30, 6, 3\)"),
    "axes in reverse": (rec(np.zeros((3, 6, 40))), "axes are in reverse"),
    "7.3 not by MATLAB": (
        lambda p: with_h5py(p, lambda f: f.create_dataset("Rec", data=np.zeros((8, 6, 3)))),
        "axes are in reverse",
    ),
    "truncated": (lambda p: (rec(np.zeros((8, 6, 3)))(p), truncated(p)), "truncated or damaged"),
    "truncated 7.3": (
        lambda p: (save_version_7(p, "Rec", np.zeros((8, 6, 3))), truncated(p)),
        "truncated or damaged",
    ),
    "only a header": (lambda p: p.write_bytes(b" " * 124 + b"\x00\x02IM"), "ends after its header"),
    "no .mat file": (lambda p: p.write_bytes(b"%PDF-1.7" * 99), "expected a MATLAB file .*%PDF"),
    "empty": (lambda p: p.write_bytes(b""), "its 0 bytes"),
    "a .npy file": (lambda p: np.save(p.open("wb"), np.zeros(3)), "expected a MATLAB file"),
    "version 4": (
        lambda p: scipy_io.savemat(p, {"Rec": np.ones((2, 2))}, format="4"),
        "expected a MATLAB file of version 5",
    ),
    "NaN": (rec(nan_at(5, 1, 2)), r"1 of 144 values are not finite .* \(5, 1, 2\)"),
    "infinity": (rec(np.full((8, 6, 3), np.inf)), "144 of 144 values are not finite"),
    "struct": (rec({"a": np.zeros(3)}), "received a MATLAB struct"),
    "cell": (rec(np.array([np.zeros(2), np.zeros(3)], dtype=object)), "received a MATLAB cell"),
    "text": (rec("shot"), "received a MATLAB char"),
    "logical": (rec(np.zeros((8, 6, 3), bool)), "received a MATLAB logical"),
    "complex": (rec(np.zeros((8, 6, 3), complex)), "real numbers .* complex128"),
    "group, 7.3": (lambda p: with_h5py(p, lambda f: f.create_group("Rec")), "received a group"),
    "cell, 7.3": (lambda p: with_h5py(p, cell), "received a MATLAB cell"),
    "text, 7.3": (lambda p: with_h5py(p, char), "received a MATLAB char"),
    "external link": (lambda p: with_h5py(p, external_link), "is a link"),
    "soft link": (lambda p: with_h5py(p, soft_link), "is a link"),
    "external storage": (lambda p: with_h5py(p, external_storage), "lie in other files"),
    "virtual": (lambda p: with_h5py(p, virtual), "lie in other files"),
}


@pytest.mark.parametrize("case", BAD_GATHERS)
def test_bad_gathers(tmp_path, case):
    write_pairs(tmp_path, count=1)
    path = tmp_path / "georec_train" / "georec1.mat"
    path.unlink()
    write, message = BAD_GATHERS[case]
    write(path)
    pairs = ks.datasets.FCNVMBPairs(tmp_path, **SMALL)
    with pytest.raises(ValueError, match=message) as caught:
        pairs[:]
    assert str(path) in str(caught.value)


BAD_VELOCITY = {
    "km/s": (np.linspace(2, 4, 30).reshape(5, 6), "km/s; multiply by 1000"),
    "NaN": (np.full((5, 6), np.nan), "30 values that are not finite"),
    "negative": (np.full((5, 6), -2000.0), "must be positive"),
    "transposed": (np.full((6, 5), 2000.0), r"expected \(depth, width\).*reverse"),
    "other shape": (np.full((5, 7), 2000.0), r"received \(5, 7\)$"),
}


@pytest.mark.parametrize("version", [5, 7])
@pytest.mark.parametrize("case", BAD_VELOCITY)
def test_bad_velocity_is_noticed_before_training(tmp_path, case, version):
    write_pairs(tmp_path, count=1)
    array, message = BAD_VELOCITY[case]
    SAVE[version](tmp_path / "vmodel_train/vmodel1.mat", "vmodel", array)
    with pytest.raises(ValueError, match=message) as caught:
        ks.datasets.FCNVMBPairs(tmp_path, **SMALL)
    assert "vmodel1.mat" in str(caught.value)


@pytest.mark.parametrize("version", [5, 7])
def test_wherever_a_file_ends_the_error_is_a_clear_one(tmp_path, version):
    array = np.random.default_rng(0).uniform(size=(8, 6, 3))
    for path in (tmp_path / "1.mat", tmp_path / "compressed2.mat"):
        SAVE[version](path, "Rec", array)
        whole = path.read_bytes()
        for length in range(0, len(whole), 37):
            path.write_bytes(whole[:length])
            with pytest.raises(ValueError, match=path.name):
                ks.io.read_mat(path, ["Rec"])
        path.write_bytes(whole)
        np.testing.assert_array_equal(ks.io.read_mat(path, ["Rec"]), array.astype(np.float32))


@pytest.mark.parametrize("version", [5, 7])
@pytest.mark.parametrize("seed", range(2))
def test_whatever_bytes_change_the_error_is_a_clear_one(tmp_path, seed, version):
    rng = np.random.default_rng(seed)
    path = tmp_path / "1.mat"
    SAVE[version](path, "Rec", rng.uniform(size=(8, 6, 3)))
    whole, refusals = path.read_bytes(), []
    headers = len(whole) - 8 * 8 * 6 * 3  # rather there than in the numbers
    for _ in range(150):
        content = bytearray(whole)
        for place in rng.integers(0, headers, 4):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        try:
            ks.io.read_mat(path, ["Rec"])
        except ValueError as error:
            refusals.append(str(error))
    assert len(refusals) > 20
    assert all(text.startswith(f"{path}: ") for text in refusals)


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda f: f.create_dataset("Rec", data=h5py.Empty("f8")), "'Rec' is an empty"),
        (
            lambda f: f.create_dataset("Rec", (2**20, 2**20), "f8"),
            "take 8,796,093,022,208 bytes",
        ),
    ],
)
def test_arrays_that_are_not_there(tmp_path, fill, message):
    with h5py.File(tmp_path / "1.mat", "w") as file:
        fill(file)
    with pytest.raises(ValueError, match=rf"1\.mat: .*{message}"):
        ks.io.read_mat(tmp_path / "1.mat", ["Rec"])


def remove(name):
    return lambda folder: (folder / name).unlink()


def copy(source, target):
    return lambda folder: shutil.copy(folder / source, folder / target)


BAD_FOLDERS = {
    "lost model": (remove("vmodel_train/vmodel2.mat"), r"1 of 3 pairs lack .*vmodel.* number 2"),
    "lost gathers": (remove("georec_train/georec3.mat"), r"1 of 3 pairs lack .*georec.* number 3"),
    "two layouts": (
        copy("georec_train/georec1.mat", "srec1.mat"),
        "one layout .* found simulated and salt",
    ),
    "twice the same number": (
        copy("georec_train/georec1.mat", "georec01.mat"),
        "have the same number",
    ),
    "nothing": (lambda folder: shutil.rmtree(folder / "georec_train"), "one layout .* found none"),
    "no folder": (shutil.rmtree, "no such folder"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_bad_folders(tmp_path, case):
    folder = tmp_path / "SimulateData"
    write_pairs(folder)
    spoil, message = BAD_FOLDERS[case]
    spoil(folder)
    with pytest.raises((FileNotFoundError, ValueError), match=message) as caught:
        ks.datasets.FCNVMBPairs(folder, **SMALL)
    assert str(folder) in str(caught.value)


def test_bad_arguments(tmp_path):
    write_pairs(tmp_path)
    with pytest.raises(ValueError, match=r"layout must be one of .*'marmousi'"):
        ks.datasets.FCNVMBPairs(tmp_path, "marmousi", **SMALL)
    with pytest.raises(FileNotFoundError, match=r"found no srec<number>\.mat"):
        ks.datasets.FCNVMBPairs(tmp_path, "salt", **SMALL)
    with pytest.raises(FileNotFoundError, match=r"2 of 3 pairs .* number 4"):
        ks.datasets.FCNVMBPairs(tmp_path, numbers=range(3, 6), **SMALL)
