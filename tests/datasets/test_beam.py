"""The same data set, built as an Apache Beam pipeline: one worker, two, and killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from keras_seismic.datasets.tfds import SimulatedVelocity, SimulatedVelocityConfig

REPOSITORY = Path(__file__).parent.parent.parent
BUILDER = REPOSITORY / "keras_seismic/datasets/tfds/simulated_velocity"
PROCESSES = {"direct_num_workers": 2, "direct_running_mode": "multi_processing"}
THREADS = {"direct_num_workers": 2, "direct_running_mode": "multi_threading"}
#: At most; Beam leaves out those that no hash falls into.
SHARDS = 4


def build(folder, config="tiny", **options):
    """Build on DirectRunner with these options, or without Beam; returns the checksums."""
    arguments = {"num_shards": SHARDS}
    if options:
        from apache_beam.options.pipeline_options import PipelineOptions

        arguments["beam_options"] = PipelineOptions([], runner="DirectRunner", **options)
    builder = SimulatedVelocity(config=config, data_dir=folder)
    download_config = tfds.download.DownloadConfig(**arguments)
    builder.download_and_prepare(download_config=download_config)
    return checksums(builder)


def checksums(builder):
    return (builder.data_path / "SHA256SUMS").read_text()


def larger():
    """200 pairs of the tiny experiment."""
    tiny = SimulatedVelocity.builder_configs["tiny"]
    return SimulatedVelocityConfig(
        name="tiny_200",
        family="curvefault_b",
        acquisition=tiny.acquisition,
        splits={"train": 160, "validation": 40},
        shape=(40, 32),
    )


def environment():
    path = os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}


def test_workers_in_threads_make_the_same_files(tmp_path):
    one = build(tmp_path / "one", direct_num_workers=1)
    assert one == build(tmp_path / "two", **THREADS)
    assert one.count("tfrecord") > 2


def test_without_beam_the_examples_and_their_order_are_the_same(tmp_path):
    """The files are not: Beam distributes the records over them by their hashes alone."""
    build(tmp_path / "beam", direct_num_workers=1)
    build(tmp_path / "alone")
    for split in ("train", "validation"):
        beam, alone = (
            tfds.load("simulated_velocity/tiny", split=split, data_dir=tmp_path / name)
            for name in ("beam", "alone")
        )
        assert len(beam) == len(alone)
        for a, b in zip(tfds.as_numpy(beam), tfds.as_numpy(alone), strict=True):
            assert a["index"] == b["index"]
            assert a["shot_gather"].tobytes() == b["shot_gather"].tobytes()
            assert a["velocity"].tobytes() == b["velocity"].tobytes()


def test_direct_runner_stays_beams_own():
    """Not Prism, which Beam would download."""
    from apache_beam.options.pipeline_options import PipelineOptions, TypeOptions

    from keras_seismic.datasets.tfds.simulated_velocity import (
        simulated_velocity_dataset_builder as module,
    )

    for options in (None, PipelineOptions(["--runner=DirectRunner"])):
        assert module._without_prism(options).view_as(TypeOptions).allow_unsafe_triggers


@pytest.mark.slow
def test_the_program_tfds_builds_it_with_two_processes(tmp_path):
    options = ["runner=DirectRunner", *(f"{name}={value}" for name, value in PROCESSES.items())]
    command = [
        *(Path(sys.executable).parent / "tfds", "build", BUILDER, "--config", "tiny"),
        *("--data_dir", tmp_path / "program", "--num_shards", str(SHARDS)),
        f"--beam_pipeline_options={','.join(options)}",
    ]
    result = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "prism" not in result.stderr.lower()
    builder = SimulatedVelocity(config="tiny", data_dir=tmp_path / "program")
    assert checksums(builder) == build(tmp_path / "here", direct_num_workers=1)


KILLED = """
import sys
sys.path.insert(0, {tests!r})
import test_beam
test_beam.build({folder!r}, test_beam.larger(), **test_beam.PROCESSES)
"""


def killed_in_the_middle(folder):
    """Build in a process group of its own, which is killed; returns the blocks it finished."""
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder))
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 400
    try:
        while not (finished := sorted(folder.rglob("unfinished-*/*/gathers-*.npy"))):
            assert process.poll() is None, "the build ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return finished


@pytest.mark.slow
def test_200_pairs_with_one_worker_and_killed_with_two_and_repeated(tmp_path):
    one = build(tmp_path / "one", larger(), direct_num_workers=1)
    assert one.count("tfrecord") > 2
    assert 0 < len(killed_in_the_middle(tmp_path / "killed")) < 5
    config = tmp_path / "killed" / "simulated_velocity" / "tiny_200"
    assert not (config / "1.0.0").exists()
    assert build(tmp_path / "killed", larger(), direct_num_workers=1) == one
    assert not list(config.glob("unfinished-*"))
