"""Folders of several files: data sets, runs, Zarr stores."""

import json
import shutil
from pathlib import Path

import numpy as np
import scipy.io

import keras_seismic as ks
from keras_seismic.datasets.openfwi.description import write_description
from keras_seismic.training.run_folder import FinishedRunError
from tests.fuzz.data_kinds import SECTION, VELOCITY, read_volume
from tests.fuzz.kinds import Kind, Refusal

ACQUISITION = ks.simulation.Acquisition.surface(
    width=20, dx=10.0, dt=0.001, nt=16, peak_frequency=10.0, shots=2, receiver_step=4,
    boundary="cpml",
)  # fmt: skip
GATHERS = np.diff(
    np.random.default_rng(1).standard_normal((3, 2, 17, ACQUISITION.gather_shape[1])), axis=2
).astype("f4")
MODELS = np.stack([VELOCITY, VELOCITY + 100, VELOCITY - 100])[:, None].astype("f4")


def make_openfwi(folder: Path) -> None:
    for part, array in (("data", GATHERS), ("model", MODELS)):
        (folder / "whole" / part).mkdir(parents=True)
        np.save(folder / "whole" / part / f"{part}1.npy", array)
    write_description(folder / "whole", "flatvel_a", ACQUISITION)
    (folder / "whole" / "train.txt").write_text("data/data1.npy\tmodel/model1.npy\n")


def make_simulated(folder: Path) -> None:
    pairs = ks.datasets.SimulatedPairs("flatvel_a", 2, ACQUISITION, 0, folder, (30, 20))
    pairs.prepare()
    pairs.folder.rename(folder / "whole")


def make_fcnvmb(folder: Path) -> None:
    (folder / "whole").mkdir()
    for number in (1, 2):
        scipy.io.savemat(folder / f"whole/georec{number}.mat", {"Rec": GATHERS[0].T.copy()})
        scipy.io.savemat(folder / f"whole/vmodel{number}.mat", {"vmodel": VELOCITY})


def read_pairs(path: Path) -> object:
    return ks.datasets.open_pairs(path)[:]


def read_annotated(path: Path) -> object:
    return ks.datasets.open_pairs(path / "train.txt", "flatvel_a")[:]


def make_zarr(folder: Path) -> None:
    from tests.inference.test_stores import write_store

    cube = np.resize(SECTION, (7, 9, 30))
    for version in (2, 3):
        write_store(folder / f"version{version}", cube, version=version)
    for name, size in (("bomb", 2**10), ("bomb_wide", 2**20)):
        shutil.copytree(folder / "version3", folder / name)
        metadata = folder / name / "amplitude" / "zarr.json"
        content = json.loads(metadata.read_text())
        content["shape"] = [size, size, 2**9]
        content["chunk_grid"]["configuration"]["chunk_shape"] = [size, size, 2**9]
        metadata.write_text(json.dumps(content))


def make_run(folder: Path) -> None:
    """A run that is finished, and one that is not."""
    model = ks.models.with_physical_units(
        ks.models.ConvDenoiser(2, 1), ks.layers.SectionNormalization()
    )
    arguments = {"epochs": 3, "out": "x", "noise": ["white"]}
    for name in ("finished", "unfinished"):
        run = ks.training.RunFolder(folder / name).create(
            {"command": "train denoiser", "arguments": arguments}
        )
        run.save_progress(model, {"loss": [1.0, 0.5], "val_loss": [1.0, 0.7]})
        run.save_model(model)
    (folder / "finished" / "metrics.json").write_text('{"snr": 3.5}')


def read_run(path: Path) -> None:
    """Resumed with the arguments that are expected."""
    run = ks.training.RunFolder(path, resume=True)
    try:
        run.create({"arguments": {"epochs": 3, "out": "x", "noise": ["white"]}})
    except FinishedRunError as error:
        raise Refusal(str(error)) from error
    run.read_history()


def repeat_run(path: Path) -> None:
    """As the command's option --config does; help is all that it prints then."""
    from tests.command import keras_seismic

    try:
        keras_seismic("train", "denoiser", "--config", path / "config.json", "--help")
    except SystemExit as ended:
        raise ValueError(str(ended)) from ended


KINDS = (
    Kind("openfwi", "", make_openfwi, {
        "open_pairs": read_pairs, "annotation": read_annotated, "inspect": ks.inspection.inspect,
    }),
    Kind("simulated pairs", "", make_simulated, {"open_pairs": read_pairs}),
    Kind("fcnvmb", "", make_fcnvmb, {"open_pairs": read_pairs, "inspect": ks.inspection.inspect}),
    Kind("zarr", ".zarr", make_zarr, {"open_volume": read_volume}),
    Kind("run", "", make_run, {
        "resume": read_run,
        "--config": repeat_run,
        "ModelCard.read": lambda path: ks.inference.ModelCard.read(path / "model.keras"),
        "inspect": ks.inspection.inspect,
    }),
)  # fmt: skip
