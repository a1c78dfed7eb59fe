"""Single files of numbers: NumPy, MATLAB, SEG-Y, Seismic Unix, PyTorch."""

import functools
import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import scipy.io

import keras_seismic as ks
from keras_seismic.inversion.state_file import read_state, write_state
from keras_seismic.io.volumes import open_volume
from tests.convert.torch_files import FIXTURES, checkpoint, legacy, storage, tensor
from tests.fuzz.envelopes import DEFLATED, MAT, STORED
from tests.fuzz.kinds import Kind
from tests.inspection.odd_files import hdf5
from tests.segy_files import write_line, write_segy, write_su, write_volume

SECTION = np.diff(np.random.default_rng(0).standard_normal((65, 12)), axis=0).astype("f4")
VELOCITY = np.linspace(1500, 4500, 30 * 20).reshape(30, 20)

#: Numbers that a bomb promises.
MANY = 2**29


def read_volume(path: Path) -> None:
    volume = open_volume(path)
    directions = ("inline", "crossline") if volume.is_volume else ("inline",)
    for along in directions:
        volume.lines(along)
    for _ in volume.in_order():
        pass
    volume.read(np.arange(min(volume.traces, 3)))


def make_npy(folder: Path) -> None:
    np.save(folder / "section.npy", SECTION)
    np.save(folder / "velocity.npy", np.stack([VELOCITY, VELOCITY]))
    np.save(folder / "cube.npy", np.asfortranarray(np.arange(6 * 5 * 4).reshape(6, 5, 4) % 7 - 3))
    for shape in ((MANY,), (2**31, 2**31), (2**62, 4), (0, 2**40)):
        with (folder / f"bomb{len(shape)}{shape[0]}.npy").open("wb") as file:
            header = {"descr": "<f8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_2_0(file, header)


def make_npz(folder: Path) -> None:
    np.savez(folder / "plain.npz", line=SECTION, vp=VELOCITY)
    np.savez_compressed(folder / "packed.npz", line=SECTION, vp=VELOCITY)
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f8", "fortran_order": False, "shape": (2**26,)}
    )
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("line.npy", buffer.getvalue() + bytes(2**29))


def make_state(folder: Path) -> None:
    arrays = {"velocity": VELOCITY, "gradient": VELOCITY[::-1]}
    write_state(folder / "state.npz", "asked", arrays, {"iteration": 3})
    make_npz(folder)
    for name in ("plain.npz", "packed.npz"):
        (folder / name).unlink()


def make_mat_5(folder: Path) -> None:
    others = {"name": "a text", "cells": np.array([[1, "b"]], object), "part": {"x": 1.0}}
    for name, packed in (("plain", False), ("packed", True)):
        scipy.io.savemat(folder / f"{name}.mat", {"vmodel": VELOCITY}, do_compression=packed)
        scipy.io.savemat(
            folder / f"{name}_more.mat",
            {"Rec": SECTION.astype("i2").reshape(4, 16, 12), **others},
            do_compression=packed,
        )
    scipy.io.savemat(folder / "bomb.mat", {"vmodel": np.zeros((2**13, 2**13))}, do_compression=True)


def make_mat_7(folder: Path) -> None:
    hdf5(folder / "plain.mat", {"vmodel": VELOCITY})
    hdf5(folder / "gathers.mat", {"Rec": SECTION.reshape(4, 16, 12)})
    for name, size in (("bomb", MANY), ("bomb_wide", 2**40)):
        hdf5(folder / f"{name}.mat", {})
        with h5py.File(folder / f"{name}.mat", "r+") as file:
            file.create_dataset(
                "vmodel", (2, size // 2), "f4", chunks=(2, 2**18), compression="gzip", fillvalue=2e3
            )
            file["vmodel"][:, :10] = 1500


def read_all_of_mat(path: Path) -> None:
    refusals = []
    with ks.io.open_mat(path) as file:
        for name in file.names:
            try:
                file[name][:1]
            except ValueError as error:
                refusals.append(error)
    if refusals:
        raise refusals[0]


def read_mat(path: Path) -> object:
    return ks.io.read_mat(path, ["vmodel", "Rec"])


def make_segy(folder: Path) -> None:
    for code in (1, 3, 5, 8):
        write_segy(folder / f"code{code}.segy", (100 * SECTION.T).astype("f4"), code=code)
    write_segy(folder / "little.segy", SECTION.T, endian="little")
    write_segy(folder / "velocity.segy", VELOCITY.T.astype("f4"), dt_us=10_000)
    write_line(
        folder / "line.segy", SECTION.reshape(16, 12, 4), np.array([0.0, 20, 40, 60]),
        10.0 * np.arange(12),
    )  # fmt: skip
    write_volume(folder / "volume.segy", SECTION.T.reshape(3, 4, 64))


def make_su(folder: Path) -> None:
    write_su(folder / "big.su", SECTION.T)
    write_su(folder / "little.su", SECTION.T, endian="little")
    write_su(folder / "velocity.su", VELOCITY.T.astype("f4"), dt_us=10_000)
    write_line(
        folder / "line.su", SECTION.reshape(16, 12, 4), np.array([0.0, 20, 40, 60]),
        10.0 * np.arange(12),
    )  # fmt: skip


def read_gathers(path: Path) -> object:
    return ks.gathers.read_shot_gathers(path, progress=False)


def make_pth(folder: Path) -> None:
    for name in ("modern", "legacy"):
        (folder / f"{name}.pth").write_bytes((FIXTURES / f"openfwi_{name}.pth").read_bytes())
    four = np.arange(4, dtype="<f4")
    (folder / "small.pth").write_bytes(checkpoint({"a": four.reshape(2, 2), "b": four}))
    (folder / "old.pth").write_bytes(legacy(tensor(), {"0": four.tobytes()}))
    with zipfile.ZipFile(folder / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", tensor(storage(MANY // 4)))
        archive.writestr("archive/data/0", bytes(MANY))


@functools.cache
def _network() -> object:
    return ks.models.InversionNet((160, 20, 2), (40, 24), filters=1, dtype="float64")


def load_checkpoint(path: Path) -> None:
    ks.convert.load_openfwi_checkpoint(_network(), path)


TRACES = {
    "read_segy": ks.io.read_segy,
    "read_layout": ks.io.read_layout,
    "read_section": ks.io.read_section,
    "read_velocity": ks.io.read_velocity,
    "read_depth_step": ks.io.read_depth_step,
    "read_shot_gathers": read_gathers,
    "open_volume": read_volume,
    "inspect": ks.inspection.inspect,
}

KINDS = (
    Kind("npy", ".npy", make_npy, {
        "read_array": ks.io.read_array,
        "read_array mapped": lambda path: ks.io.read_array(path, mmap=True).sum(),
        "read_section": ks.io.read_section,
        "read_section of a cube": lambda path: ks.io.read_section(path, 1),
        "read_velocity": ks.io.read_velocity,
        "open_volume": read_volume,
        "inspect": ks.inspection.inspect,
    }),
    Kind("npz", ".npz", make_npz, {"inspect": ks.inspection.inspect}, (STORED, DEFLATED)),
    Kind("inversion state", ".npz", make_state,
         {"read_state": lambda path: read_state(path, "asked")}, (STORED, DEFLATED)),
    Kind("mat 5", ".mat", make_mat_5, {
        "open_mat": read_all_of_mat,
        "read_mat": read_mat,
        "read_velocity": ks.io.read_velocity,
        "inspect": ks.inspection.inspect,
    }, (MAT,)),
    Kind("mat 7.3", ".mat", make_mat_7, {
        "open_mat": read_all_of_mat,
        "read_mat": read_mat,
        "read_velocity": ks.io.read_velocity,
        "inspect": ks.inspection.inspect,
    }),
    Kind("segy", ".segy", make_segy, TRACES),
    Kind("su", ".su", make_su, TRACES),
    Kind("pth", ".pth", make_pth, {
        "read_torch_file": ks.convert.read_torch_file,
        "load_openfwi_checkpoint": load_checkpoint,
        "inspect": ks.inspection.inspect,
    }, (STORED,)),
)  # fmt: skip
