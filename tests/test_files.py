"""Files and versions appear whole or not at all."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from keras_seismic import files
from keras_seismic.files import check_free, place_version, placed, versions, write_text


def write_two_files(folder):
    folder.mkdir()
    (folder / "a").write_text("a")
    (folder / "inner").mkdir()
    (folder / "inner" / "b").write_text("b")


def fill_the_disk(path):
    path.write_text("half of it")
    raise OSError("disk full")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_its_place_at_the_end(tmp_path):
    target = tmp_path / "a" / "result.txt"
    with placed(target) as temporary:
        assert temporary.suffix == ".txt"
        assert not target.exists()
        temporary.write_text("one")
    with placed(target, overwrite=True) as temporary:
        temporary.write_text("two")
        assert target.read_text() == "one"
    assert target.read_text() == "two"
    with pytest.raises(FileExistsError, match="exists already"), placed(target):
        pass
    with pytest.raises(FileExistsError, match="is a folder"), placed(tmp_path, overwrite=True):
        pass
    with pytest.raises(OSError, match="disk full"), placed(target, overwrite=True) as temporary:
        fill_the_disk(temporary)
    assert target.read_text() == "two"
    assert names(tmp_path / "a") == ["result.txt"]


def test_versions_count_up_and_are_never_replaced(tmp_path):
    folder = tmp_path / "models" / "inversion"
    assert place_version(folder, None, write_two_files) == folder / "1"
    assert place_version(folder, 7, write_two_files) == folder / "7"
    assert place_version(folder, None, write_two_files) == folder / "8"
    assert versions(folder) == [1, 7, 8]
    (folder / "7" / "a").write_text("kept")
    called = []
    with pytest.raises(FileExistsError, match="never replaced"):
        place_version(folder, 7, called.append)
    assert not called
    assert (folder / "7" / "a").read_text() == "kept"
    for number in (0, -1, True, 1.5, "2", 2**63):
        with pytest.raises(ValueError, match="positive integer below"):
            place_version(folder, number, write_two_files)
    (folder / "010").mkdir()
    with pytest.raises(FileExistsError, match="never replaced"):
        place_version(folder, 10, write_two_files)
    (folder / "010").rmdir()
    with pytest.raises(NotADirectoryError, match="found a file"):
        place_version(folder / "7" / "a", None, write_two_files)
    # Servers run as another user than the one who exports.
    assert (folder / "8").stat().st_mode == folder.stat().st_mode


def test_a_version_is_not_seen_before_it_is_whole(tmp_path):
    def write(folder):
        write_two_files(folder)
        assert versions(tmp_path) == []
        assert folder.parent == tmp_path
        assert not folder.name.isdecimal()

    place_version(tmp_path, 1, write)
    assert names(tmp_path) == ["1"]

    def fails_at_once(folder):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        place_version(tmp_path / "new", None, fails_at_once)
    assert not (tmp_path / "new").exists()

    def fails(folder):
        write_two_files(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        place_version(tmp_path, 2, fails)
    assert names(tmp_path) == ["1"]


def test_a_version_that_someone_else_made_meanwhile(tmp_path):
    def write(folder):
        write_two_files(folder)
        write_two_files(tmp_path / "1")
        (tmp_path / "1" / "a").write_text("theirs")

    with pytest.raises(FileExistsError, match="never replaced"):
        place_version(tmp_path, 1, write)
    assert names(tmp_path) == ["1"]
    assert (tmp_path / "1" / "a").read_text() == "theirs"


def test_two_writers_get_a_version_each(tmp_path):
    barrier = threading.Barrier(2, timeout=10)

    def write_many(_):
        for _ in range(20):
            barrier.wait()
            place_version(tmp_path, None, write_two_files)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write_many, range(2)))
    assert versions(tmp_path) == list(range(1, 41))
    assert len(names(tmp_path)) == 40
    assert all(names(tmp_path / str(i)) == ["a", "inner"] for i in versions(tmp_path))


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    code = (
        "import os, runpy, sys\n"
        "files = runpy.run_path(sys.argv[1])\n"  # without the rest of the package
        "if sys.argv[3] == 'file':\n"
        "    with files['placed'](sys.argv[2] + '/model.onnx') as temporary:\n"
        "        temporary.write_text('half')\n"
        "        os._exit(9)\n"
        "files['place_version'](sys.argv[2], None, lambda new: (new.mkdir(), os._exit(9)))\n"
    )
    for kind in ("file", "folder"):
        command = [sys.executable, "-c", code, files.__file__, str(tmp_path), kind]
        assert subprocess.run(command, check=False).returncode == 9
    assert len(names(tmp_path)) == 1  # the second removed what the first left
    assert versions(tmp_path) == []
    mine = files._temporary(tmp_path)
    elsewhere = tmp_path / ".elsewhere-1-0.partial"
    for path in (mine, elsewhere):
        path.mkdir()
    place_version(tmp_path, None, write_two_files)
    assert names(tmp_path) == sorted(["1", mine.name, elsewhere.name])  # may be at work
    os.utime(elsewhere, times=(0, 0))
    place_version(tmp_path, None, write_two_files)
    assert names(tmp_path) == sorted(["1", "2", mine.name])


def test_threads_that_write_one_file_do_not_mix(tmp_path):
    path = tmp_path / "text"
    texts = [letter * 2_000_000 for letter in "abcd"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda text: write_text(path, text), texts * 5))
    assert path.read_text() in texts
    assert names(tmp_path) == ["text"]


def test_a_file_that_appeared_meanwhile_is_kept(tmp_path):
    def make():
        with placed(tmp_path / "a.txt") as temporary:
            temporary.write_text("mine")
            (tmp_path / "a.txt").write_text("theirs")

    with pytest.raises(FileExistsError, match="appeared while"):
        make()
    assert (tmp_path / "a.txt").read_text() == "theirs"
    assert names(tmp_path) == ["a.txt"]


def test_output_files_are_checked_before_work(tmp_path):
    source, target = tmp_path / "in.npy", tmp_path / "out.npy"
    source.write_text("samples")
    check_free(source, target, overwrite=False)
    target.write_text("old")
    check_free(source, target, overwrite=True)
    for path, overwrite, error, message in (
        (target, False, FileExistsError, "pass overwrite=True"),
        (source, True, FileExistsError, "is the input file"),
        (tmp_path, True, FileExistsError, "is a folder"),
        (tmp_path / "gone" / "out.npy", True, FileNotFoundError, "no such folder"),
    ):
        with pytest.raises(error, match=message):
            check_free(source, path, overwrite)
