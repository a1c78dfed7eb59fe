"""A trained network as a page in the browser."""

import contextlib
import dataclasses
import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_seismic.exporting.onnx import export_onnx
from keras_seismic.exporting.parity import check_parity, example_inputs
from keras_seismic.exporting.web.fewer_products import with_fewer_products
from keras_seismic.exporting.web.runtime import VERSION, runtime_files
from keras_seismic.files import check_replaceable
from keras_seismic.inference.digests import seal
from keras_seismic.inference.gather_inverter import GatherInverter
from keras_seismic.inference.model_card import ModelCard
from keras_seismic.models.physical_units import PhysicalUnitsModel, predicting_network

#: The page's own files, beside this one.
PAGE = Path(__file__).with_name("page")

#: Goes with the runtime's files, as its license asks.
_NOTICE = f"""\
ONNX Runtime Web {VERSION}, https://github.com/microsoft/onnxruntime

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def export_web(
    model: keras.Model,
    folder: str | os.PathLike[str],
    runtime: str | os.PathLike[str] | None = None,
    inputs: np.ndarray | None = None,
    overwrite: bool = False,
    *,
    card: ModelCard | None = None,
    limits: str | None = None,
) -> Path:
    """Write a model as a page: a folder for any static server, which runs it in the browser.

    A denoiser's page takes a SEG-Y file (or ``.npy``), shows it before and after, and saves it
    with its headers byte for byte as they were; the result is that of ``ks.denoise``. An
    inversion network's page takes shot gathers in ``.npy``, shows velocity and, if the network has
    it, its spread, and saves the velocity. Files stay on the
    user's computer: the page loads nothing but its own folder, and sends nothing.

    The network runs in ONNX Runtime's WebAssembly, on one thread, or on several where the server
    isolates the page (see docs/web.md).

    Args:
        model: In physical units: a denoiser of sections of any size, or an inversion network.
        folder: To make.
        runtime: The npm package onnxruntime-web (what ``npm pack`` wrote, or a folder with it
            unpacked); by default npm is asked for it. Its version and bytes are checked.
        inputs: Examples to check the exported network with, as for ``export_onnx``; for a
            denoiser, in normalized units.
        overwrite: Replace a page that is there.
        card: Shown on the page, by default ``ModelCard.of(model)``.
        limits: What the model is not good for, shown on the page as well.

    Returns:
        The folder.

    Raises:
        FileExistsError: If the folder exists, unless it is a page to be overwritten.
        FileNotFoundError: If ``runtime`` does not exist or lacks files.
        ParityError: If the exported network differs from the model.
        RuntimeError: If there is no ``runtime`` and npm is missing or fails.
        ValueError: If the model is not as above, or ``runtime`` is another version.

    Example:
        >>> export_web(ks.load_preset("blind_denoiser"), "site")  # doctest: +SKIP
        PosixPath('site')
    """
    model = predicting_network(model)
    network = _checked(model)
    folder = Path(folder)
    _check_target(folder, overwrite)
    files = runtime_files(runtime)
    card = card or ModelCard.of(model)
    with _placed(folder) as temporary:
        # A denoiser's page normalizes sections as a whole and runs the bare network in windows.
        own = card if network is model else dataclasses.replace(card, **_ends(network))
        export_onnx(network, temporary / "model.onnx", inputs, card=own)
        if network is not model:
            _quicken(temporary / "model.onnx", network, inputs)
        for path in PAGE.iterdir():
            shutil.copyfile(path, temporary / path.name)
        entries = json.loads(card.to_json()) | {"limits": limits, "grid_spacing": _spacing(model)}
        del entries["sha256"]  # of a file that holds its card
        (temporary / "model_card.json").write_text(json.dumps(entries, indent=1), encoding="utf-8")
        _write_runtime(files, temporary / "runtime")
    return folder


def _checked(model: keras.Model) -> keras.Model:
    """The part of a model that runs in the runtime."""
    if not isinstance(model, PhysicalUnitsModel):
        raise ValueError(
            "export_web: expected a model in physical units (model.keras of a run, made by "
            f"with_physical_units), received a {type(model).__name__}"
        )
    if model.predicts_velocity:
        return model
    shape = tuple(model.network.inputs[0].shape)
    if shape != (None, None, None, 1):
        raise ValueError(
            "export_web: expected a denoiser of sections (time, traces, 1) of any size, received "
            f"a {type(model.network).__name__} of {shape[1:]}"
        )
    return model.network


def _ends(network: keras.Model) -> dict[str, Any]:
    """What the card of a bare network says otherwise than that of its model."""
    bare = ModelCard.of(network)
    return {"input": bare.input, "output": bare.output, "normalization": None}


def _quicken(path: Path, network: keras.Model, inputs: np.ndarray | None) -> None:
    """Rewrite a denoiser's file for WebAssembly, and check it again."""
    import onnx

    onnx.save(with_fewer_products(onnx.load(path)), path)
    seal(path)
    inputs = example_inputs(network) if inputs is None else inputs
    check_parity(network, path, inputs[:1], verbose=False)


def _spacing(model: keras.Model) -> float | None:
    """Grid spacing of the velocity in m, if it is known."""
    if not model.predicts_velocity:
        return None
    return GatherInverter.of(model).spacing(model.outputs[0].shape[2])


def _write_runtime(files: Mapping[str, bytes], folder: Path) -> None:
    folder.mkdir()
    for name, content in files.items():
        if name.endswith(".wasm"):  # a quarter of its size, unpacked by the page
            name, content = f"{name}.gz", gzip.compress(content, 6, mtime=0)
        (folder / name).write_bytes(content)
    (folder / "LICENSE").write_text(_NOTICE, encoding="utf-8")


def _check_target(folder: Path, overwrite: bool) -> None:
    if not folder.is_dir():
        check_replaceable(folder, overwrite=False)
    elif any(folder.iterdir()):
        if not overwrite:
            raise FileExistsError(f"{folder}: exists already; pass overwrite=True to replace it")
        if not (folder / "model_card.json").is_file() or not (folder / "index.html").is_file():
            raise FileExistsError(
                f"{folder}: is not a page that could be replaced; choose another folder"
            )


@contextlib.contextmanager
def _placed(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes the page once it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".page-", dir=folder.parent) as temporary:
        made, replaced = Path(temporary, "new"), Path(temporary, "old")
        made.mkdir()
        yield made
        if folder.is_dir():
            folder.rename(replaced)
        made.rename(folder)
