"""Files and versions appear whole or not at all."""

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from keras_seismic.exporting.placement import next_version, place_version, placed, versions


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
    assert next_version(folder) == 9
    (folder / "7" / "a").write_text("kept")
    called = []
    with pytest.raises(FileExistsError, match="never replaced"):
        place_version(folder, 7, called.append)
    assert not called
    assert (folder / "7" / "a").read_text() == "kept"
    with pytest.raises(ValueError, match="positive"):
        place_version(folder, 0, write_two_files)
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


def test_what_a_killed_export_left_is_removed_by_the_next(tmp_path):
    code = (
        "import sys, time, pathlib\n"
        "from keras_seismic.exporting.placement import place_version\n"
        "def write(folder):\n"
        "    folder.mkdir()\n"
        "    (folder / 'half').write_text('half')\n"
        "    print('half', flush=True)\n"
        "    time.sleep(60)\n"
        "place_version(sys.argv[1], None, write)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.wait()
    assert len(names(tmp_path)) == 1
    assert versions(tmp_path) == []
    other_machine = tmp_path / ".elsewhere-1-0.partial"
    mine = tmp_path / f".{socket.gethostname()}-{os.getpid()}-0.partial"
    for path in (other_machine, mine):
        path.mkdir()
    place_version(tmp_path, None, write_two_files)
    assert names(tmp_path) == sorted(["1", mine.name, other_machine.name])
