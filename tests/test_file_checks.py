"""What is refused before it is read or written: other things than files, and bombs."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.checks import checked_velocity
from keras_seismic.file_checks import check_unpacked, checked_entries, parse_json
from keras_seismic.files import check_free, placed

READERS = {
    ".npy": ks.io.read_array,
    ".mat": ks.io.read_velocity,
    ".segy": ks.io.read_section,
    ".pth": ks.convert.read_torch_file,
    ".onnx": ks.inference.load_predictor,
    ".tflite": ks.inference.ModelCard.read,
    ".keras": ks.inference.load_model,
    ".txt": ks.datasets.openfwi.read_annotation,
}


@pytest.mark.parametrize("suffix", READERS)
def test_fifos_devices_and_folders_are_not_opened(tmp_path, suffix):
    """Reading a FIFO would wait for a writer that never comes."""
    fifo, device, folder = (tmp_path / f"{name}{suffix}" for name in ("fifo", "zero", "folder"))
    os.mkfifo(fifo)
    device.symlink_to("/dev/zero")
    folder.mkdir()
    kinds = {fifo: "FIFO", device: "device"}
    if suffix not in (".onnx", ".tflite"):  # where a folder may be a SavedModel
        kinds[folder] = "folder"
    for path, kind in kinds.items():
        with pytest.raises(FileNotFoundError, match=rf"{path}: expected a .*, received a {kind}"):
            READERS[suffix](path)


def test_names_of_other_bytes_than_utf_8(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.npy")
    np.save(tmp_path / "a.npy", np.ones(3))
    os.rename(tmp_path / "a.npy", path)
    for use in (
        ks.io.read_array,
        lambda name: ks.io.write_array(name, np.ones(3)),
        lambda name: check_free(tmp_path / "a.npy", name, overwrite=True),
    ):
        with pytest.raises(ValueError, match=r"udcff\.npy': expected a file name in UTF-8"):
            use(path)
    for place in (path, tmp_path):
        assert b"received other bytes" in str(ks.inspection.inspect(place)).encode()


def test_links_and_devices_are_not_replaced(tmp_path):
    link = tmp_path / "link.npy"
    link.symlink_to("nowhere")
    for overwrite in (False, True):
        if not overwrite:
            with pytest.raises(FileExistsError, match=r"link\.npy: exists already"):
                check_free(tmp_path / "a.npy", link, overwrite)
            with pytest.raises(FileExistsError, match="exists already"), placed(link):
                pass
        os.mkfifo(tmp_path / f"fifo{overwrite}")
        for path, kind in ((tmp_path / f"fifo{overwrite}", "FIFO"), (Path("/dev/null"), "device")):
            with (
                pytest.raises(FileExistsError, match=rf"is a {kind}; expected the path of a file"),
                placed(path, overwrite),
            ):
                pass
    assert os.readlink(link) == "nowhere"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 10**6, "nested too deeply"),
        ('{"a":' * 10**5, "nested too deeply"),
        (f'{{"a": {10**400}}}', "64 bits, received one of 401 digits"),
        ("9" * 10_000, "64 bits, received one of 10000 digits"),
        (r'{"a": "\ud800"}', "half of a surrogate pair"),
    ],
    ids=["lists", "objects", "10**400", "digits", "surrogate"],
)
def test_json_that_python_cannot_take(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text)
    with pytest.raises(ValueError, match=rf"card: expected a model card.*{message}"):
        ks.inference.ModelCard.from_json(text, "card")
    (tmp_path / "parameters.json").write_text(text)
    with pytest.raises(ValueError, match=rf"parameters\.json: .*{message}"):
        ks.datasets.SimulatedPairs.open(tmp_path)
    assert ks.inspection.inspect(tmp_path).path == str(tmp_path)


@pytest.mark.parametrize("velocity", [1e300, 1e9, 20_001.0])
def test_no_rock_is_that_fast(tmp_path, velocity):
    ks.io.write_array(tmp_path / "a.npy", np.full((3, 4), velocity))
    with pytest.raises(ValueError, match=r"a\.npy: velocity must be in m/s, 20000 at most, receiv"):
        ks.io.read_velocity(tmp_path / "a.npy")
    assert checked_velocity(np.full((1, 2, 2), 13_700.0), "the lower mantle").max() == 13_700


ARGUMENTS = ks.simulation.Acquisition.openfwi().get_config()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": 1e-9}, "dt must be a sample interval of 1e-06 to 1 s, received 1e-09"),
        ({"nt": 10**12}, "nt must be 1000000 at most"),
        ({"boundary_width": 10**9}, "boundary_width must be 10000 at most"),
        ({"dx": 10**400}, "dx must be positive"),
        ({"sources": [[10**400, 10]]}, "sources must be pairs"),
        ({"wavelength": 3}, "expected values for boundary, .*, received 'wavelength'"),
    ],
)
def test_experiments_that_would_fill_the_memory(change, message):
    with pytest.raises(ValueError, match=f"Acquisition: {message}"):
        ks.simulation.Acquisition.from_config(ARGUMENTS | change)
    with pytest.raises(ValueError, match="card: expected a model card"):
        ks.inference.ModelCard.from_json(json.dumps({"acquisition": ARGUMENTS | change}), "card")


def test_records_are_not_resampled_to_nanoseconds():
    with pytest.raises(ValueError, match="resample_time: dt must be a sample interval"):
        ks.gathers.resample_time(np.ones((100, 3)), 0.004, 1e-9)


def test_what_a_file_may_unpack_to_depends_on_its_size(tmp_path):
    (tmp_path / "a").write_bytes(bytes(10**7))
    check_unpacked(tmp_path / "a", 10**9, "x")
    with pytest.raises(ValueError, match="x would take 1,000,000,001 bytes; expected 100 times"):
        check_unpacked(tmp_path / "a", 10**9 + 1, "x")


@pytest.mark.parametrize("fault", ["compressed", "twice", "changed", "none"])
def test_archives_of_models(tmp_path, fault):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        method = zipfile.ZIP_DEFLATED if fault == "compressed" else zipfile.ZIP_STORED
        archive.writestr("config.json", b"0123456789" * 9, method)
        if fault == "twice":
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("config.json", b"0")
    if fault == "changed":
        path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123456788", 1))
    messages = {"compressed": "compressed entr", "twice": "same name", "changed": "its checksum"}
    with zipfile.ZipFile(path) as archive:
        if fault == "none":
            assert list(checked_entries(archive, path.stat().st_size)) == ["config.json"]
            with pytest.raises(ValueError, match="entries of more bytes than the file's 89"):
                checked_entries(archive, 89)
        else:
            with pytest.raises(ValueError, match=messages[fault]):
                checked_entries(archive, path.stat().st_size)
