"""Files of any size, line by line: each as ``denoise`` would, whatever happens on the way."""

import errno
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.ndimage
import segyio

import keras_seismic as ks
from keras_seismic.inference import pieces
from tests.segy_files import headers_of, write_line, write_segy, write_volume

REPOSITORY = Path(__file__).parent.parent.parent


def smooth(windows):
    """A denoiser that mixes neighbors: it tells a line from another order of traces."""
    return scipy.ndimage.uniform_filter(windows, (0, 3, 3, 0))


@pytest.fixture
def cube(rng):
    """6 inlines of 9 crosslines, 40 samples."""
    return rng.standard_normal((6, 9, 40)).astype("float32")


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    """Two lines a group, so that there are several."""
    monkeypatch.setattr(pieces, "GROUP", 2 * 9 * 40)


def by_inline(cube):
    """What ``denoise`` makes of each inline, from its first live trace to its last."""
    result = np.zeros_like(cube)
    for line, clean in zip(cube, result, strict=True):
        live = np.flatnonzero(line.any(axis=1))
        part = slice(live[0], live[-1] + 1)
        clean[part] = ks.denoise(line[part].T, smooth).T
    return result


def by_crossline(cube):
    return np.swapaxes(by_inline(np.swapaxes(cube, 0, 1)), 0, 1)


def read_cube(path):
    """By segyio's own geometry."""
    with segyio.open(path) as file:
        return segyio.tools.cube(file)


@pytest.mark.parametrize("along", ["inline", "crossline", "both"])
@pytest.mark.parametrize("code", [1, 5])
def test_each_line_is_as_denoise_makes_it(tmp_path, cube, along, code):
    source = write_volume(tmp_path / "volume.segy", cube, code=code)
    cube = read_cube(source)
    result = ks.denoise_file(source, tmp_path / "clean.segy", smooth, along=along)
    expected = {
        "inline": by_inline(cube),
        "crossline": by_crossline(cube),
        "both": (by_inline(cube) + by_crossline(cube)) / 2,
    }[along]
    rtol = 2e-6 if code == 1 else 1e-7
    np.testing.assert_allclose(read_cube(tmp_path / "clean.segy"), expected, rtol=rtol, atol=1e-7)
    before, after = source.read_bytes(), (tmp_path / "clean.segy").read_bytes()
    assert headers_of(before, 3600, 400) == headers_of(after, 3600, 400)
    assert {p.name for p in tmp_path.iterdir()} == {"volume.segy", "clean.segy"}
    # What a quality page draws.
    assert result.along == ("crossline" if along == "crossline" else "inline")
    np.testing.assert_array_equal(result.slice_before, cube[..., 20])
    np.testing.assert_allclose(result.slice_after, expected[..., 20], rtol=1e-6)
    axis = 0 if along == "crossline" else 1
    removed = np.sqrt(np.mean((cube - expected) ** 2, (axis, 2)) / np.mean(cube**2, (axis, 2)))
    np.testing.assert_allclose(result.removed, removed, rtol=1e-5)
    section, denoised = result
    middle = cube[:, 4] if along == "crossline" else cube[3]
    np.testing.assert_array_equal(section.amplitude, middle.T)
    assert denoised.shape == section.amplitude.shape
    assert section.dt == 0.004


def test_sorted_otherwise_with_steps_and_missing_traces(tmp_path, cube, rng):
    """Headers decide, not the order; a gap of one crossline is a dead trace to the network."""
    keep = np.ones((6, 9), bool)
    keep[0, 3] = keep[2, 0] = keep[2, 8] = keep[5, 4] = False
    numbers = {"inlines": 10 * np.arange(6) - 20, "crosslines": 500 + 2 * np.arange(9)}
    gappy = np.where(keep[..., None], cube, 0)
    for along, expected in (("inline", by_inline(gappy)), ("crossline", by_crossline(gappy))):
        written = []
        for order in (None, rng.permutation, lambda n: np.arange(n)[::-1]):
            source = write_volume(tmp_path / "v.sgy", cube, keep=keep, order=order, **numbers)
            out = tmp_path / "clean.sgy"
            result = ks.denoise_file(source, out, smooth, overwrite=True, along=along)
            with segyio.open(out, ignore_geometry=True) as file:
                places = [
                    ((h[189] + 20) // 10, (h[193] - 500) // 2)
                    for h in (file.header[i] for i in range(file.tracecount))
                ]
                traces = file.trace.raw[:]
            rebuilt = np.zeros_like(cube)
            rebuilt[tuple(np.transpose(places))] = traces
            written.append(rebuilt)
            assert np.isnan(result.slice_before).sum() == 4
        for rebuilt in written:
            np.testing.assert_allclose(rebuilt, np.where(keep[..., None], expected, 0), atol=1e-6)


def test_numbers_in_other_words(tmp_path, cube):
    field = segyio.TraceField
    headers = [{field.FieldRecord: i, field.CDP: x} for i, x in np.ndindex(6, 9)]
    source = write_segy(tmp_path / "old.segy", cube.reshape(54, 40), code=5, headers=headers)
    out = tmp_path / "clean.segy"
    # Without numbers in the usual words this is one long line, as it always was.
    ks.denoise_file(source, out, smooth)
    expected = ks.denoise(cube.reshape(54, 40).T, smooth)
    np.testing.assert_array_equal(ks.io.read_segy(out)[0], expected)
    words = {"inline_word": "fldr", "crossline_word": 21, "overwrite": True}
    ks.denoise_file(source, out, smooth, along="crossline", **words)
    expected = by_crossline(cube).reshape(54, 40)
    np.testing.assert_array_equal(ks.io.read_segy(out)[0], expected.T)


def test_a_pre_stack_line_gather_by_gather(tmp_path, rng):
    gathers = rng.standard_normal((40, 7, 5)).astype("float32")
    source_x, receiver_x = 50.0 * np.arange(5), 25.0 * np.arange(7)
    for name, options in (("line.segy", {}), ("line.su", {})):
        path = write_line(tmp_path / name, gathers, source_x, receiver_x, **options)
        out = tmp_path / f"clean{path.suffix}"
        result = ks.denoise_file(path, out, smooth)
        expected = np.stack([ks.denoise(gathers[..., shot], smooth) for shot in range(5)], 2)
        np.testing.assert_array_equal(
            ks.io.read_segy(out)[0].reshape(40, 5, 7), expected.swapaxes(1, 2)
        )
        assert result.along == "gather"
        assert result.lines.tolist() == [101, 102, 103, 104, 105]
        ks.denoise_file(path, out, smooth, geometry="line", overwrite=True)
        whole, _ = ks.io.read_segy(path)
        np.testing.assert_array_equal(ks.io.read_segy(out)[0], ks.denoise(whole, smooth))
    with pytest.raises(ValueError, match=r"line\.su: along='both'|'crossline' needs a volume"):
        ks.denoise_file(path, tmp_path / "x.su", smooth, along="both")


def test_headers_that_contradict_each_other(tmp_path, cube):
    field = segyio.TraceField
    flat = cube.reshape(54, 40)

    def refused(match, headers, **options):
        path = write_segy(tmp_path / "bad.segy", flat, code=5, headers=headers)
        with pytest.raises(ValueError, match=match) as error:
            ks.denoise_file(path, tmp_path / "clean.segy", smooth, **options)
        assert "bad.segy" in str(error.value)
        assert {p.name for p in tmp_path.iterdir()} == {"bad.segy"}

    numbers = [{field.INLINE_3D: 1 + i, field.CROSSLINE_3D: 1 + x} for i, x in np.ndindex(6, 9)]
    twice = [*numbers[:20], numbers[11], *numbers[21:]]
    refused(
        r"traces 12 and 21 are both at inline 2, crossline 3.*1 traces in all.*geometry='line'",
        twice,
    )
    constant = [h | {field.INLINE_3D: 7} for h in numbers]
    refused(r"traces 1 and 10 are both at inline 7.*every trace is at inline 7", constant)
    # Numbers as floats: 1.0 is 1065353216.
    floats = [{k: int(np.float32(v).view("i4")) for k, v in h.items()} for h in numbers]
    refused(
        r"'INLINE_3D' holds up to 1086324736.* floating-point numbers they begin with 1", floats
    )
    scattered = [
        {field.INLINE_3D: i // 2 + 1, field.CROSSLINE_3D: 1 + (i + 1) // 2 % 27} for i in range(54)
    ]
    scattered[-1] = {field.INLINE_3D: 40, field.CROSSLINE_3D: 40}
    refused(r"54 traces lie on \d+ inlines and \d+ crosslines, hardly two on any", scattered)
    refused(r"'FieldRecord' is 0 in every trace", numbers, geometry="gathers")
    refused(r"geometry must be 'auto'.*received 'cube'", numbers, geometry="cube")
    # As asked: one line.
    path = write_segy(tmp_path / "bad.segy", flat, code=5, headers=twice)
    ks.denoise_file(path, tmp_path / "clean.segy", smooth, geometry="line")
    clean, _ = ks.io.read_segy(tmp_path / "clean.segy")
    np.testing.assert_array_equal(clean, ks.denoise(flat.T, smooth))


def test_nan_and_truncated_files_are_found_before_the_work(tmp_path, cube):
    def never(windows):
        raise AssertionError("work was begun")

    out = tmp_path / "clean.segy"
    bad = cube.copy()
    bad[4, 7, 30] = np.nan
    source = write_volume(tmp_path / "volume.segy", bad)
    with pytest.raises(ValueError, match=r"volume\.segy: inline 104: 1 of 360 .*index \(30, 7\)"):
        ks.denoise_file(source, out, never)
    with pytest.raises(ValueError, match=r"volume\.segy: crossline 207: 1 of 240 .*\(30, 4\)"):
        ks.denoise_file(source, out, never, along="crossline")
    write_volume(source, 0 * cube)
    with pytest.raises(ValueError, match="every sample is zero"):
        ks.denoise_file(source, out, never)
    write_volume(source, cube)
    source.write_bytes(source.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"53 traces and 300 bytes; the file is truncated"):
        ks.denoise_file(source, out, never)
    assert {p.name for p in tmp_path.iterdir()} == {"volume.segy"}


def test_a_source_cut_short_during_the_work(tmp_path, cube):
    source = write_volume(tmp_path / "volume.segy", cube)

    def cutting(windows):
        os.truncate(source, 5_000)
        return windows

    with pytest.raises(ValueError, match=r"volume\.segy: ended at byte \d+"):
        ks.denoise_file(source, tmp_path / "clean.segy", cutting)
    write_volume(source, cube)
    with pytest.raises(ValueError, match=r"volume\.segy: was changed while"):
        ks.denoise_file(source, tmp_path / "clean.segy", lambda x: (os.utime(source), x)[1])
    assert {p.name for p in tmp_path.iterdir()} == {"volume.segy"}


def test_dead_lines_stay_and_cost_nothing(tmp_path, cube):
    cube[1] = cube[4] = 0
    source = write_volume(tmp_path / "volume.segy", cube)
    calls = []

    def counting(windows):
        calls.append(len(windows))
        return windows + 1

    result = ks.denoise_file(source, tmp_path / "clean.segy", counting, keep_mute=False)
    clean = read_cube(tmp_path / "clean.segy")
    assert not clean[[1, 4]].any()
    np.testing.assert_allclose(clean[[0, 2, 3, 5]], cube[[0, 2, 3, 5]] + 1, atol=1e-6)
    assert sum(calls) == 4
    assert np.isnan(result.removed).tolist() == [False, True, False, False, True, False]


def test_integers_are_clipped_with_a_warning_or_refused(tmp_path, cube):
    cube = np.rint(1e4 * cube / np.abs(cube).max())
    source = write_volume(tmp_path / "volume.segy", cube, code=3)
    out = tmp_path / "clean.segy"
    with pytest.warns(ks.io.ClippingWarning, match="of 2160 amplitudes were clipped"):
        ks.denoise_file(source, out, lambda x: 10 * x)
    np.testing.assert_array_equal(read_cube(out), np.clip(10 * cube, -(2**15), 2**15 - 1))
    with pytest.raises(ValueError, match=r"trace \d+ has \d+ amplitudes, up to \d"):
        ks.denoise_file(source, out, lambda x: 10 * x, integers="round", overwrite=True)
    with pytest.raises(ValueError, match=r"integers \(format 3\)"):
        ks.denoise_file(source, out, smooth, integers="refuse", overwrite=True)
    # The average is rounded once.
    ks.denoise_file(source, out, smooth, along="both", overwrite=True)
    expected = np.rint((by_inline(cube) + by_crossline(cube)) / 2)
    assert np.mean(read_cube(out) == expected) > 0.999
    assert {p.name for p in tmp_path.iterdir()} == {"volume.segy", "clean.segy"}


def test_a_line_in_pieces_is_the_same_as_whole(tmp_path, rng, monkeypatch):
    line = rng.standard_normal((700, 50)).astype("float32")
    source = write_segy(tmp_path / "line.segy", line, code=5)
    expected = ks.denoise(line.T, smooth, window=(32, 24), overlap=(8, 9))
    monkeypatch.setattr(pieces, "WHOLE", 200 * 50)
    out = tmp_path / "clean.segy"
    result = ks.denoise_file(source, out, smooth, window=(32, 24), overlap=(8, 9))
    np.testing.assert_array_equal(ks.io.read_segy(out)[0], expected)
    assert result.section.amplitude.shape[1] < 200


def test_cubes_in_either_order_along_both_axes(tmp_path, cube):
    """cube[..., k] is the k-th inline of a .npy file."""
    array = np.moveaxis(cube, 0, 2).swapaxes(0, 1)
    for order in "CF":
        np.save(tmp_path / "cube.npy", np.asarray(array, order=order))
        for along, expected in (("inline", by_inline(cube)), ("crossline", by_crossline(cube))):
            out = tmp_path / "clean.npy"
            result = ks.denoise_file(
                tmp_path / "cube.npy", out, smooth, along=along, overwrite=True
            )
            clean = np.load(out, allow_pickle=False)
            np.testing.assert_array_equal(clean, np.moveaxis(expected, 0, 2).swapaxes(0, 1))
            np.testing.assert_array_equal(result.slice_after, expected[..., 20])


INTERRUPTED = """
import sys
import keras_seismic as ks
from keras_seismic.inference import pieces
from tests.inference.test_volumes import slow
pieces.GROUP = 720
ks.denoise_file(sys.argv[1], sys.argv[2], slow, along=sys.argv[3])
"""


def slow(windows):
    """The same function for both processes, slow in the one that is killed."""
    time.sleep(float(os.environ.get("SECONDS_A_LINE", "0")))
    return smooth(windows)


def start(source, target, along):
    """Denoise in another process, slowly."""
    more = {"PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3", "SECONDS_A_LINE": "0.2"}
    arguments = [sys.executable, "-c", INTERRUPTED, source, target, along]
    return subprocess.Popen(list(map(str, arguments)), env={**os.environ, **more})


def wait_for_groups(folder, count):
    """Until so many groups are in the journal."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        journal = folder / "journal"
        if journal.exists() and journal.read_text().count('"group"') >= count:
            return
        time.sleep(0.02)
    raise AssertionError("nothing was done")


def test_killed_and_started_again_it_writes_the_same_bytes(tmp_path, cube):
    source = write_volume(tmp_path / "volume.segy", cube)
    target, folder = tmp_path / "clean.segy", tmp_path / ".clean.segy.unfinished"
    process = start(source, target, "both")
    try:
        wait_for_groups(folder, 4)  # three are the first pass, three the second
        # Another one is refused while it runs, and does no harm.
        with pytest.raises(FileExistsError, match=rf"process {process.pid} on .* is writing it"):
            ks.denoise_file(source, target, smooth)
    finally:
        process.kill()
        process.wait()
    assert not target.exists()
    with (folder / "journal").open("ab") as file:
        file.write(b'{"pass": 1, "gro')  # killed while it wrote
    result = ks.denoise_file(source, target, slow, along="both")
    once = ks.denoise_file(source, tmp_path / "once.segy", smooth, along="both")
    assert target.read_bytes() == (tmp_path / "once.segy").read_bytes()
    np.testing.assert_array_equal(result.rms, once.rms)
    np.testing.assert_array_equal(result.slice_after, once.slice_after)
    np.testing.assert_array_equal(result.denoised, once.denoised)
    assert not folder.exists()


class Stopping:
    """Smooths some lines, then is interrupted; as a model, equal to others of its kind."""

    def __init__(self, lines=10**6):
        self.lines, self.seen = lines, 0

    def __call__(self, windows):
        if self.seen == self.lines:
            raise KeyboardInterrupt
        self.seen += 1
        return smooth(windows)


def test_it_goes_on_only_with_the_same_work(tmp_path, cube):
    source = write_volume(tmp_path / "volume.segy", cube)
    target, folder = tmp_path / "clean.segy", tmp_path / ".clean.segy.unfinished"
    expected = by_inline(cube)

    def interrupted():
        with pytest.raises(KeyboardInterrupt):
            ks.denoise_file(source, target, Stopping(5))
        assert folder.exists()
        assert not target.exists()

    interrupted()
    model = Stopping()
    ks.denoise_file(source, target, model)
    assert model.seen == 2  # lines 5 and 6: the group in which it was interrupted
    np.testing.assert_allclose(read_cube(target), expected, rtol=1e-6)
    for options in ({"window": 9}, {"along": "crossline"}, {"integers": "round"}):
        target.unlink()
        interrupted()
        model = Stopping()
        ks.denoise_file(source, target, model, **options)
        assert model.seen > 2, options
    target.unlink()
    interrupted()
    write_volume(source, 2 * cube)
    ks.denoise_file(source, target, Stopping())
    np.testing.assert_allclose(read_cube(target), 2 * expected, rtol=1e-6)
    # A file that has appeared in the meantime is kept, and what was done too.
    target.unlink()
    interrupted()
    target.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="exists already"):
        ks.denoise_file(source, target, Stopping())
    assert target.read_bytes() == b"precious"
    assert folder.exists()


def test_a_lock_left_behind_or_held_elsewhere(tmp_path, cube):
    source = write_volume(tmp_path / "volume.segy", cube)
    target, folder = tmp_path / "clean.segy", tmp_path / ".clean.segy.unfinished"
    folder.mkdir()
    elsewhere = {"process": 17, "host": "far", "machine": "0"}
    (folder / "lock").write_text(json.dumps(elsewhere))
    with pytest.raises(FileExistsError, match="process 17 on far is writing it"):
        ks.denoise_file(source, target, smooth)
    long_ago = time.time() - 600
    os.utime(folder / "lock", (long_ago, long_ago))
    ks.denoise_file(source, target, smooth)
    assert not folder.exists()


@pytest.mark.parametrize("along", ["inline", "both"])
def test_a_full_disk_is_named_and_nothing_is_lost(tmp_path, cube, monkeypatch, along):
    source = write_volume(tmp_path / "volume.segy", cube)
    target, folder = tmp_path / "clean.segy", tmp_path / ".clean.segy.unfinished"
    target.write_bytes(b"older")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=9000))
        with pytest.raises(OSError, match=r"clean\.segy: needs .* GB on disk .* make room"):
            ks.denoise_file(source, target, smooth, along=along, overwrite=True)
    # In the middle: the file system promises room and then has none.
    calls = []

    def filling(descriptor, content, offset, write=os.pwrite):
        calls.append(offset)
        if len(calls) > {"inline": 3, "both": 10}[along]:  # a group is done
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content, offset)

    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", filling)
        with pytest.raises(OSError, match=r"clean\.segy: the disk is full.*kept in .*unfinished"):
            ks.denoise_file(source, target, Stopping(), along=along, overwrite=True)
    assert folder.exists()
    assert target.read_bytes() == b"older"
    ks.denoise_file(source, target, Stopping(), along=along, overwrite=True)
    expected = by_inline(cube)
    if along == "both":
        expected = (expected + by_crossline(cube)) / 2
    np.testing.assert_allclose(read_cube(target), expected, rtol=1e-6)


def test_a_file_larger_than_allowed(tmp_path, cube):
    source = write_volume(tmp_path / "volume.segy", cube)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match=r"clean\.segy: the disk is full, or the file larger"):
            ks.denoise_file(source, tmp_path / "clean.segy", smooth)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {p.name for p in tmp_path.iterdir()} == {"volume.segy"}


def test_the_old_order_of_arguments_warns(tmp_path, cube):
    source = write_volume(tmp_path / "volume.segy", cube)
    with pytest.warns(FutureWarning, match=r"use denoise_file\(source, target, model\)"):
        ks.denoise_file(smooth, source, tmp_path / "clean.segy")
    np.testing.assert_array_equal(read_cube(tmp_path / "clean.segy"), by_inline(cube))
