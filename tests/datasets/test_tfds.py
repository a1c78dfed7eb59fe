"""The TFDS data set of simulated pairs, built in this process."""

import shutil
import subprocess

import numpy as np
import pytest
import tensorflow_datasets as tfds

import keras_seismic as ks
from keras_seismic import files as disk
from keras_seismic.datasets import simulated
from keras_seismic.datasets.tfds import SimulatedVelocity, SimulatedVelocityConfig


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the data set ``tiny`` is built."""
    folder = tmp_path_factory.mktemp("tfds")
    SimulatedVelocity(config="tiny", data_dir=folder).download_and_prepare()
    return folder


@pytest.fixture
def builder(folder):
    return SimulatedVelocity(config="tiny", data_dir=folder)


def config(**changes):
    tiny = SimulatedVelocity.builder_configs["tiny"]
    names = ("family", "acquisition", "splits", "seed", "shape")
    arguments = {name: getattr(tiny, name) for name in names}
    return SimulatedVelocityConfig(**(arguments | {"name": "mine"} | changes))


def examples(builder, split="train"):
    return {int(e["index"]): e for e in tfds.as_numpy(builder.as_dataset(split=split))}


@pytest.mark.parametrize(("split", "count", "seed"), [("train", 12, 0), ("validation", 4, (0, 1))])
def test_pairs_are_the_simulation_of_the_sampled_models(builder, split, count, seed):
    acquisition = builder.builder_config.acquisition
    velocity = ks.simulation.sample_velocity("flatvel_a", count, seed, (32, 32))
    gathers = ks.simulation.simulate(velocity, acquisition)
    received = examples(builder, split)
    assert sorted(received) == list(range(count))
    for i in range(count):
        np.testing.assert_array_equal(received[i]["velocity"][..., 0], velocity[i])
        np.testing.assert_array_equal(received[i]["shot_gather"], gathers[i])


def test_validation_pairs_have_a_seed_of_their_own(builder, tmp_path):
    """Those of SimulatedPairs with the seed (seed, 1)."""
    acquisition, received = builder.builder_config.acquisition, examples(builder, "validation")
    pairs = ks.datasets.SimulatedPairs("flatvel_a", 4, acquisition, (0, 1), tmp_path, (32, 32))
    gathers, velocity = pairs.prepare(progress=False)[:]
    for i in range(4):
        np.testing.assert_array_equal(received[i]["shot_gather"], gathers[i])
        np.testing.assert_array_equal(received[i]["velocity"], velocity[i])


def test_tfds_finds_it_by_name_and_without_its_code(folder, builder):
    by_name = tfds.load("simulated_velocity/tiny", split="train", data_dir=folder)
    without = tfds.builder_from_directory(builder.data_dir)
    expected = examples(builder)
    for dataset in (by_name, without.as_dataset(split="train")):
        for example in tfds.as_numpy(dataset):
            other = expected[int(example["index"])]
            np.testing.assert_array_equal(example["shot_gather"], other["shot_gather"])
    assert without.info.metadata["parameters"]["acquisition"]["boundary"] == "cpml"
    assert without.info.metadata["digest"] == builder.builder_config.digest
    assert builder.info.supervised_keys == ("shot_gather", "velocity")
    assert "not scores on OpenFWI" in " ".join(builder.info.description.split())


def test_files_are_listed_with_their_checksums(builder):
    check = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    result = subprocess.run(check, cwd=builder.data_dir, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert result.stdout.count(": OK") == 4
    assert not list(builder.data_path.parent.glob("unfinished-*"))


def test_an_interrupted_build_goes_on(builder, tmp_path, monkeypatch):
    real, calls = simulated.simulate, []

    def interrupted(velocity, *args, **kwargs):
        calls.append(len(velocity))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(velocity, *args, **kwargs)

    monkeypatch.setattr(simulated, "simulate", interrupted)
    monkeypatch.setattr(simulated, "_SHARD_PAIRS", 10)
    other = SimulatedVelocity(config="tiny", data_dir=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        other.download_and_prepare()
    (kept,) = other.data_path.parent.glob("unfinished-*")
    assert [path.name for path in kept.glob("*/gathers-*")] == ["gathers-00000.npy"]
    # A killed process leaves TFDS' own folder and half a shard as well.
    leftover = other.data_path.parent / "incomplete.ABCDEF_1.0.0"
    leftover.mkdir()
    (leftover / "simulated_velocity-train.tfrecord-00000-of-00001").write_bytes(b"half a rec")
    (next(kept.iterdir()) / "gathers-00001.npy").write_bytes(b"\x93NUMPY")
    calls[:] = [0, 0]
    other.download_and_prepare()
    assert calls[2:] == [2, 4]  # the first ten were there, the damaged shard was not
    assert not kept.exists()
    assert leftover.exists()
    assert (other.data_path / "SHA256SUMS").read_text() == (
        builder.data_path / "SHA256SUMS"
    ).read_text()


# Reading


def test_splits_are_chosen_and_held_out(builder, folder):
    everything = ks.datasets.open_pairs(builder.data_path)
    training, held_out = everything.held_out(0.5)
    assert sorted(training) == list(range(12))
    assert sorted(held_out) == list(range(12, 16))
    velocity = everything[:][1]
    for split, part in (("validation", slice(12, 16)), ("train[3:5]", slice(3, 5))):
        pairs = ks.datasets.TFDSPairs(builder, split)
        np.testing.assert_array_equal(pairs[:][1], velocity[part])
    order = [example["velocity"] for example in examples(builder).values()]
    np.testing.assert_array_equal(velocity[:12], order)
    assert everything.acquisition == builder.builder_config.acquisition
    with pytest.raises(FileNotFoundError, match=r"dataset_info\.json in it"):
        ks.datasets.TFDSPairs(folder)
    with pytest.raises(FileNotFoundError, match="not built"):
        ks.datasets.TFDSPairs(SimulatedVelocity(config="tiny", data_dir=folder / "other"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-20], "ends in record 3, but 4 are expected; it is truncated"),
        (lambda content: content[:8], "ends in record 0"),
        (lambda content: bytes([255]) * 20 + content[20:], "ends in record 0"),
        (lambda content: content[:12] + bytes([255]) * 40 + content[52:], "pair 0 is damaged"),
    ],
)
def test_damaged_files_are_refused_by_name(builder, tmp_path, change, message):
    folder = shutil.copytree(builder.data_path, tmp_path / "1.0.0")
    (path,) = folder.glob("*validation*")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as caught:
        ks.datasets.TFDSPairs(folder, "validation")[:]
    assert str(path) in str(caught.value)


def test_other_data_sets_are_refused(tmp_path):
    with tfds.testing.mock_data(num_examples=2):
        builder = tfds.testing.DummyDataset(data_dir=tmp_path)
    builder.download_and_prepare()
    with pytest.raises(ValueError, match="expected features shot_gather"):
        ks.datasets.TFDSPairs(builder)


def test_a_configuration_of_ones_own(tmp_path):
    mine = config(family="Style-B", splits={"train": 3, "test": 2}, seed=7)
    builder = SimulatedVelocity(config=mine, data_dir=tmp_path)
    builder.download_and_prepare()
    expected = ks.simulation.sample_velocity("style_b", 2, (7, 2), (32, 32))
    received = examples(builder, "test")
    for i in range(2):
        np.testing.assert_array_equal(received[i]["velocity"][..., 0], expected[i])
    # The same name for something else would silently read what is there.
    with pytest.raises(ValueError, match=r"holds pairs of other parameters than mine"):
        SimulatedVelocity(config=config(family="style_b", seed=8), data_dir=tmp_path)


def test_fewer_examples_are_the_first_ones(tmp_path):
    builder = SimulatedVelocity(config="tiny", data_dir=tmp_path)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(max_examples_per_split=3)
    )
    assert sorted(examples(builder)) == [0, 1, 2]


def test_every_family_and_boundary_has_three_sizes():
    configs = SimulatedVelocity.builder_configs
    assert len(configs) == 1 + 10 * 2 * 3
    published = configs["flatvel_a_openfwi"]
    assert published.splits == {"train": 24000, "validation": 6000}
    assert published.acquisition == ks.simulation.Acquisition.openfwi()
    assert configs["curvefault_b_cpml"].splits == {"train": 48000, "validation": 6000}
    assert configs["style_a_cpml"].splits == {"train": 60000, "validation": 7000}
    small = configs["curvefault_b_cpml_1k"]
    assert small.splits == {"train": 1000, "validation": 200}
    assert small.acquisition == ks.simulation.Acquisition.openfwi(boundary="cpml")
    assert len({c.digest for c in configs.values()}) == len(configs)
    assert "1.7 GB" in small.description


def test_a_full_disk_is_noticed_before_work_starts(tmp_path, monkeypatch):
    usage = disk.shutil._ntuple_diskusage(10**12, 0, 80 * 10**9)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: usage)
    builder = SimulatedVelocity(config="flatvel_a_openfwi", data_dir=tmp_path)
    with pytest.raises(OSError, match=r"pairs of flatvel_a_openfwi need 85.4 GB, but 80.0"):
        builder.download_and_prepare()
    assert not list(tmp_path.rglob("*.npy"))
    assert not list(tmp_path.rglob("*tfrecord*"))


BAD_CONFIGS = {
    "family": ({"family": "flatland"}, "unknown velocity family 'flatland'"),
    "split": ({"splits": {"train": 1, "all": 2}}, r"some of train, validation, test, .*'all'"),
    "no split": ({"splits": {}}, "received \\[\\]"),
    "no pair": ({"splits": {"train": 0}}, "every split needs a pair"),
    "seed": ({"seed": -1}, "seed must not be negative"),
    "shape": ({"shape": (32, 20)}, "outside the velocity model"),
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_bad_configurations(case):
    changes, message = BAD_CONFIGS[case]
    with pytest.raises(ValueError, match=message):
        config(**changes)


def test_names_that_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'Simulated'"):
        ks.datasets.tfds.Simulated  # noqa: B018
