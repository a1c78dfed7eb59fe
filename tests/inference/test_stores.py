"""Volumes in Zarr and MDIO stores; xarray is the witness."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage

import keras_seismic as ks

xarray = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

REPOSITORY = Path(__file__).parent.parent.parent


def smooth(windows):
    return scipy.ndimage.uniform_filter(windows, (0, 3, 3, 0))


def lines_of(cube, axis):
    """What ``denoise`` makes of each line of ``(inline, crossline, time)``."""
    lines = [ks.denoise(line.T, smooth).T for line in np.moveaxis(cube, axis, 0)]
    return np.moveaxis(np.stack(lines), 0, axis)


def opened(path):
    return xarray.open_zarr(path, chunks=None, consolidated=False)


@pytest.fixture
def cube(rng):
    """7 inlines of 9 crosslines, 30 samples."""
    return rng.standard_normal((7, 9, 30)).astype("float32")


def write_store(path, cube, axes=("inline", "crossline", "time"), chunks=(3, 4, 30), version=3):
    """By xarray, with coordinates and a second variable to keep."""
    order = [("inline", "crossline", "time").index(axis) for axis in axes]
    data = xarray.Dataset(
        {
            "amplitude": (axes, cube.transpose(order), {"units": "mm"}),
            "fold": (("inline", "crossline"), np.arange(63).reshape(7, 9)),
        },
        {
            "inline": 100 + 2 * np.arange(7),
            "crossline": 200 + np.arange(9),
            "time": ("time", 4 * np.arange(30), {"units": "ms"}),
        },
        {"survey": "a test"},
    )
    encoding = {"amplitude": {"chunks": tuple(chunks[i] for i in order)}}
    data.to_zarr(path, encoding=encoding, zarr_format=version, consolidated=version == 2)
    return path


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("axes", [("inline", "crossline", "time"), ("time", "crossline", "inline")])
def test_a_store_is_denoised_with_all_that_is_in_it(tmp_path, cube, axes, version):
    source = write_store(tmp_path / "volume.zarr", cube, axes, version=version)
    for along, expected in (
        ("inline", lines_of(cube, 0)),
        ("crossline", lines_of(cube, 1)),
        ("both", (lines_of(cube, 0) + lines_of(cube, 1)) / 2),
    ):
        target = tmp_path / "clean.zarr"
        result = ks.denoise_file(source, target, smooth, along=along, overwrite=True)
        before, after = opened(source), opened(target)
        ordered = after.amplitude.transpose("inline", "crossline", "time")
        np.testing.assert_array_equal(ordered.values, expected)
        xarray.testing.assert_identical(before.drop_vars("amplitude"), after.drop_vars("amplitude"))
        assert after.amplitude.attrs["units"] == "mm"
        assert after.amplitude.dims == axes
        assert after.amplitude.encoding["chunks"] == before.amplitude.encoding["chunks"]
        assert result.section.dt == 0.004
        numbers = before.crossline if along == "crossline" else before.inline
        np.testing.assert_array_equal(result.lines, numbers)
        np.testing.assert_array_equal(result.slice_before, cube[..., 15])
    assert {p.name for p in tmp_path.iterdir()} == {"volume.zarr", "clean.zarr"}


def test_missing_traces_stay_missing(tmp_path, cube):
    cube[2, 5] = cube[6, 0] = np.nan
    source = write_store(tmp_path / "volume.zarr", cube)
    ks.denoise_file(source, tmp_path / "clean.zarr", smooth)
    clean = opened(tmp_path / "clean.zarr").amplitude.values
    np.testing.assert_array_equal(np.isnan(clean), np.isnan(cube))
    known = np.nan_to_num(cube)
    np.testing.assert_array_equal(np.nan_to_num(clean), lines_of(known, 0))
    cube[3, 3, 3] = np.nan  # not a missing trace
    shutil.rmtree(source)
    write_store(source, cube)
    with pytest.raises(ValueError, match=r"volume\.zarr: inline 106: 1 of 270 .*index \(3, 3\)"):
        ks.denoise_file(source, tmp_path / "other.zarr", smooth)


def test_an_mdio_volume(tmp_path):
    """Written by multidimio 1.1.3 from a SEG-Y file with a missing trace."""
    shutil.unpack_archive(REPOSITORY / "tests/fixtures/mdio_volume.zip", tmp_path)
    source = tmp_path / "volume.mdio"
    target = tmp_path / "clean.mdio"
    ks.denoise_file(source, target, smooth, along="crossline")
    before, after = opened(source), opened(target)
    known = np.nan_to_num(before.amplitude.values)
    np.testing.assert_array_equal(np.nan_to_num(after.amplitude.values), lines_of(known, 1))
    assert np.isnan(after.amplitude.values).sum() == 50
    for name in before.variables:
        if name != "amplitude":
            assert before[name].values.tobytes() == after[name].values.tobytes()
    assert "statsV1" not in after.amplitude.attrs


def test_what_is_no_volume_is_refused(tmp_path, cube):
    source = write_store(tmp_path / "volume.zarr", cube)
    for target, message in (
        ("clean.segy", "is a Zarr store; write .zarr or .mdio, received '.segy'"),
        ("nowhere/clean.zarr", "no such folder"),
        ("volume.zarr", "is the input"),
    ):
        with pytest.raises((ValueError, OSError), match=message):
            ks.denoise_file(source, tmp_path / target, smooth, overwrite=True)
    (tmp_path / "precious.zarr").mkdir()
    with pytest.raises(FileExistsError, match="is no Zarr store, and will not be replaced"):
        ks.denoise_file(source, tmp_path / "precious.zarr", smooth, overwrite=True)
    with pytest.raises(FileNotFoundError, match=r"absent\.zarr: no such folder"):
        ks.denoise_file(tmp_path / "absent.zarr", tmp_path / "clean.zarr", smooth)
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(ValueError, match=r"empty\.zarr: cannot be opened as a Zarr store"):
        ks.denoise_file(tmp_path / "empty.zarr", tmp_path / "clean.zarr", smooth)
    data = xarray.Dataset({"a": (("x", "y", "t"), cube)})
    data.to_zarr(tmp_path / "axes.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(ValueError, match=r"axes\.zarr: expected axes named inline.*'x', 'y', 't'"):
        ks.denoise_file(tmp_path / "axes.zarr", tmp_path / "clean.zarr", smooth)
    data = xarray.Dataset({n: (("inline", "crossline", "time"), cube) for n in "ab"})
    data.to_zarr(tmp_path / "two.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(ValueError, match=r"two\.zarr: expected one variable"):
        ks.denoise_file(tmp_path / "two.zarr", tmp_path / "clean.zarr", smooth)


BEAM = """
import sys
import keras_seismic as ks
from tests.inference.test_stores import smooth
if __name__ == "__main__":
    ks.inference.denoise_with_beam(
        sys.argv[1], sys.argv[2], smooth, along="crossline", pipeline_options=sys.argv[3:]
    )
"""


@pytest.mark.slow
def test_beam_in_several_processes_writes_the_same(tmp_path, cube):
    pytest.importorskip("apache_beam")
    cube[2, 5] = np.nan
    source = write_store(tmp_path / "volume.zarr", cube)
    ks.denoise_file(source, tmp_path / "one.zarr", smooth, along="crossline")
    options = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3"}
    program = tmp_path / "program.py"
    program.write_text(BEAM)
    arguments = [sys.executable, program, source, tmp_path / "many.zarr", *options]
    subprocess.run(list(map(str, arguments)), env=environment, check=True)
    xarray.testing.assert_identical(
        opened(tmp_path / "one.zarr").load(), opened(tmp_path / "many.zarr").load()
    )
    hidden = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert not hidden


def test_beam_between_urls(tmp_path, cube):
    """As in a bucket: no folder to rename, so that the store is written in place."""
    pytest.importorskip("apache_beam")
    source = write_store(f"memory://{tmp_path.name}/volume.zarr", cube)
    target = f"memory://{tmp_path.name}/clean.zarr"
    ks.inference.denoise_with_beam(source, target, smooth, along="both")
    expected = (lines_of(cube, 0) + lines_of(cube, 1)) / 2
    np.testing.assert_array_equal(opened(target).amplitude.values, expected)
    with pytest.raises(FileExistsError, match=r"clean\.zarr: exists already"):
        ks.inference.denoise_with_beam(source, target, smooth)
    with pytest.raises(ValueError, match=r"write \.zarr or \.mdio, received '\.segy'"):
        ks.inference.denoise_with_beam(source, "memory://clean.segy", smooth)
