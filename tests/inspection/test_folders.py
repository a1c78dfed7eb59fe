"""What an inspection says of folders."""

import os

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.datasets.openfwi.layout import find_pairs

RNG = np.random.default_rng(0)
GATHERS = np.diff(RNG.standard_normal((4, 2, 65, 8)), axis=2).astype("f4")
VELOCITY = np.linspace(1500, 4000, 4 * 20 * 8, dtype="f4").reshape(4, 1, 20, 8)


def openfwi(folder, names, scale=1.0):
    folder.mkdir(parents=True, exist_ok=True)
    for i, (gathers, velocity) in enumerate(names):
        np.save(folder / gathers, GATHERS * (i + scale))
        np.save(folder / velocity, VELOCITY + i)
    return folder


def said(report):
    return " ".join(report.all_warnings())


def test_a_fault_family(tmp_path):
    names = [(f"seis2_1_{i}.npy", f"vel2_1_{i}.npy") for i in range(3)]
    report = ks.inspection.inspect(openfwi(tmp_path / "CurveFault_B", names))
    assert report.format == "folder in OpenFWI's layout"
    assert report.facts["family"].startswith("curvefault_b (by the folder's name")
    assert report.facts["pairs"] == "3 of files"
    assert report.facts["examples"] == 12
    assert report.facts["shapes"] == ["float32 (4, 2, 64, 8) and float32 (4, 1, 20, 8) (3 pairs)"]
    assert [member.arrays[0].kind for member in report.members] == ["shot gathers", "velocity"]
    assert report.warnings == []
    assert (report.kind, report.family) == ("pairs", "curvefault_b")
    assert report.folders == [str(tmp_path / "CurveFault_B")]


def test_data_and_model_folders_beside_each_other(tmp_path):
    folder = tmp_path / "FlatVel_A"
    for kind, array in (("data", GATHERS), ("model", VELOCITY)):
        (folder / kind).mkdir(parents=True)
        for i in (1, 2):
            np.save(folder / kind / f"{kind}{i}.npy", array * (1 + i / 10))
    report = ks.inspection.inspect(folder)
    assert report.facts["family"].startswith("flatvel_a")
    assert report.facts["pairs"] == "2 of files"


def vel_family(folder, numbers=(1, 2), scale=1.0):
    for kind, array in (("data", GATHERS), ("model", VELOCITY)):
        (folder / kind).mkdir(parents=True)
        for i in numbers:
            np.save(folder / kind / f"{kind}{i}.npy", array * (scale + i / 10))
    return folder


@pytest.mark.parametrize(("half", "kind"), [("data", "shot gathers"), ("model", "velocity")])
def test_half_of_a_family_points_to_the_whole(tmp_path, half, kind):
    folder = vel_family(tmp_path / "FlatVel_A")
    report = ks.inspection.inspect(folder / half)
    assert report.readable
    assert "of a folder in OpenFWI's layout" in report.format
    assert "the other half is beside it" in said(report)
    assert report.folders == [str(folder)]
    assert report.members[0].arrays[0].kind == kind


def test_a_folder_that_only_happens_to_be_called_data(tmp_path):
    folder = openfwi(tmp_path / "data", [("data1.npy", "model1.npy")])
    for path in (folder, tmp_path):
        report = ks.inspection.inspect(path)
        assert report.facts["pairs"] == "1 of files"
        assert report.folders == [str(folder)]


def test_a_root_of_several_families(tmp_path):
    vel_family(tmp_path / "FlatVel_A")
    vel_family(tmp_path / "Style_B", (1, 2, 3))
    (tmp_path / "Style_B" / "model" / "model3.npy").unlink()
    openfwi(tmp_path / "Curve Fault", [("seis2_1_0.npy", "vel2_1_0.npy")])
    report = ks.inspection.inspect(tmp_path)
    assert report.facts["families"] == [
        "Curve Fault (unknown family, 1 pairs of files)",
        "FlatVel_A (flatvel_a, 2 pairs of files)",
        "Style_B (style_b, 2 pairs of files)",
    ]
    assert report.facts["pairs"] == "5 of files"
    assert "files without their velocity: 1, the first is Style_B/data/data3.npy" in said(report)
    folders = [tmp_path / name for name in ("Curve Fault", "FlatVel_A", "Style_B")]
    assert report.folders == [str(folder) for folder in folders]
    pairs = [ks.inspection.inspect(folder).facts["pairs"] for folder in folders]
    assert pairs == ["1 of files", "2 of files", "2 of files"]


def test_a_root_of_one_family_trains_on_that_folder(tmp_path):
    folder = vel_family(tmp_path / "FlatVel_A")
    report = ks.inspection.inspect(tmp_path)
    assert report.facts["family"].startswith("flatvel_a")
    assert (report.folders, report.family) == ([str(folder)], "flatvel_a")
    assert len(find_pairs(folder)) == 2


def test_two_layouts_in_one_folder_are_told(tmp_path):
    names = [("data1.npy", "model1.npy"), ("seis2_1_0.npy", "vel2_1_0.npy")]
    report = ks.inspection.inspect(openfwi(tmp_path / "x", names))
    assert "holds files of two layouts" in said(report)


def test_a_folder_that_does_not_name_its_family(tmp_path):
    report = ks.inspection.inspect(openfwi(tmp_path / "x", [("data1.npy", "model1.npy")]))
    assert report.facts["family"].startswith("unknown")


def test_what_is_wrong_with_pairs(tmp_path):
    names = [(f"data{i}.npy", f"model{i}.npy") for i in range(1, 6)]
    folder = openfwi(tmp_path / "Style_A", names)
    (folder / "model2.npy").unlink()
    (folder / "data3.npy").unlink()
    np.save(folder / "model4.npy", VELOCITY[:2])
    (folder / "data5.npy").write_bytes((folder / "data5.npy").read_bytes()[:-8])
    np.save(folder / "data7.npy", GATHERS)
    np.save(folder / "model7.npy", VELOCITY)
    report = ks.inspection.inspect(folder)
    for text in (
        "files without their velocity: 1, the first is data2.npy",
        "files without their gathers: 1, the first is model3.npy",
        "data4.npy holds 4 examples, its velocity 2",
        "data5.npy: its header promises",
        "2 different shapes or types",
        "copies of other files: 1, the first is data7.npy of data1.npy",
    ):
        assert text in said(report)


def test_a_thousand_files_are_summarized(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(1000):
        (folder / f"note{i}.log").write_text("x")
    for i in range(5):
        np.save(folder / f"part{i}.npy", GATHERS[0, 0])
    os.symlink(folder, folder / "loop")
    os.symlink(folder / "nowhere", folder / "broken.npy")
    report = ks.inspection.inspect(folder)
    assert report.facts["files"] == 1005
    assert report.facts["kinds"] == ["1000 .log", "5 .npy float32 64 x 8"]
    assert len(str(report).splitlines()) < 40
    assert len(report.members) == 1


def test_a_folder_of_all_sorts(tmp_path):
    (tmp_path / "deep").mkdir()
    np.save(tmp_path / "deep" / "line.npy", GATHERS[0, 0])
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPYxx")
    report = ks.inspection.inspect(tmp_path)
    assert report.readable
    assert "1 .npy that cannot be read" in report.facts["kinds"]
    assert report.folders == [str(tmp_path / "deep")]
    problems = [member.problem for member in report.members]
    assert None in problems
    assert any(problems)


def test_an_empty_folder(tmp_path):
    report = ks.inspection.inspect(tmp_path)
    assert not report.readable
    assert report.problem == "the folder is empty"


def test_something_that_is_neither_file_nor_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "neither a file nor a folder" in ks.inspection.inspect(tmp_path / "pipe").problem


def test_simulated_pairs(tmp_path, small_acquisition):
    pairs = ks.datasets.SimulatedPairs("flatvel_a", 2, small_acquisition, cache_dir=tmp_path)
    folder = pairs.prepare(progress=False).folder
    report = ks.inspection.inspect(folder)
    assert report.facts["family"] == "flatvel_a"
    assert report.facts["pairs"] == 2
    assert "nt 128" in report.facts["acquisition"]
    assert (report.kind, report.family) == ("pairs", "flatvel_a")
    assert [member.arrays[0].kind for member in report.members] == ["shot gathers", "velocity"]
    (folder / "gathers-00000.npy").unlink()
    assert "1 velocity files have no gathers" in said(ks.inspection.inspect(folder))
    (folder / "parameters.json").write_text("{")
    assert "parameters.json cannot be read" in said(ks.inspection.inspect(folder))


def test_run_folders(tmp_path):
    run = ks.training.RunFolder(tmp_path / "run").create({"arguments": {"epochs": 3}})
    run.write_history({"loss": [1.0]})
    report = ks.inspection.inspect(run.path)
    assert report.format == "run folder of a training or scoring"
    assert "interrupted or is still going on" in said(report)
    run.write("metrics.json", {"denoiser_snr_out_db": 9.123})
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(run.path / "model.keras")
    report = ks.inspection.inspect(run.path)
    assert report.facts["metrics"] == ["denoiser_snr_out_db 9.123"]
    assert report.facts["arguments"] == ["epochs 3"]
    assert report.kind == "run"


def test_exported_models(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    report = ks.inspection.inspect(tmp_path)
    assert (report.format, report.kind) == ("TensorFlow SavedModel", "model")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_closed_files_and_folders(tmp_path):
    np.save(tmp_path / "a.npy", GATHERS)
    (tmp_path / "a.npy").chmod(0)
    assert "denied" in ks.inspection.inspect(tmp_path / "a.npy").problem
