"""OpendTect: a bundle that dgbpy itself applies, and damaged ones that are refused.

dgbpy is no dependency and its requirements contradict ours. To try it, make an environment of its
own, with dgbpy and odpy (https://github.com/OpendTect), onnx and onnxruntime, and name its
interpreter: ``DGBPY=/path/to/bin/python make test TESTS=tests/exporting/test_opendtect.py``.
"""

import hashlib
import os
import shutil
import subprocess

import h5py
import keras
import numpy as np
import onnx
import pytest

import keras_seismic as ks

#: What OpendTect's server does with a line: of 2-D data, and an inline of a volume.
APPLY = """
import sys
import numpy as np
from dgbpy.deeplearning_apply_serverlib import ModelApplier

sections, results = np.load(sys.argv[2]), []
for is_2d in (True, False):
    for section in sections:
        line = section.transpose(2, 1, 0)  # attributes, traces, z
        applier = ModelApplier(sys.argv[1])
        applier.setParameters({"data_is2d": is_2d, "infer_size": (1, *line.shape[1:])})
        result, = applier.doWork(line if is_2d else line[:, None])
        assert result.shape == (1, *line.shape), result.shape
        results.append(result[0].transpose(2, 1, 0))
np.save(sys.argv[3], results)
"""


@pytest.fixture(scope="module")
def denoiser():
    keras.utils.set_random_seed(0)
    network = ks.models.ConvDenoiser(num_filters=2, num_layers=1)
    return ks.models.with_physical_units(network, ks.layers.SectionNormalization())


@pytest.fixture(scope="module")
def bundle(denoiser, tmp_path_factory):
    return ks.exporting.export_opendtect(denoiser, tmp_path_factory.mktemp("od") / "denoiser")


@pytest.fixture
def sections(rng):
    return 3e4 * rng.standard_normal((2, 45, 38, 1)).astype("float32")


def test_a_bundle_computes_what_the_model_does(denoiser, bundle, sections):
    expected = np.asarray(denoiser(sections))
    samples = sections.transpose(0, 3, 2, 1)[:, :, None]  # batch, attributes, inline, traces, z
    received = ks.exporting.load_opendtect(bundle)(samples)
    assert received.shape == (2, 1, 38, 45)
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(received.transpose(0, 3, 2, 1), expected, rtol=0, atol=atol)
    with pytest.raises(ValueError, match=r"\(batch, 1, 1, traces, time\), received \(2, 45"):
        ks.exporting.load_opendtect(bundle)(sections)


@pytest.mark.skipif("DGBPY" not in os.environ, reason="DGBPY names no Python with dgbpy and odpy")
def test_dgbpy_computes_what_the_model_does(denoiser, bundle, sections, tmp_path):
    np.save(tmp_path / "sections.npy", sections)
    python = os.environ["DGBPY"]
    files = [bundle, tmp_path / "sections.npy", tmp_path / "results.npy"]
    subprocess.run([python, "-c", APPLY, *files], check=True, env={}, timeout=300)
    expected = np.asarray(denoiser(sections))
    results = np.load(tmp_path / "results.npy")
    np.testing.assert_allclose(
        results, np.concatenate([expected] * 2), rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def test_the_graph_is_one_that_opendtect_runs(bundle):
    model = onnx.load(bundle.with_suffix(".onnx"))
    assert (model.ir_version, model.opset_import[0].version) == (8, 17)
    sizes = [
        [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (model.graph.input[0], model.graph.output[-1])
    ]
    assert sizes == [["batch", 1, "traces", "time"]] * 2
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["data_format"] == "channels_first"
    assert ks.inference.ModelCard.from_json(metadata["model_card"]).model == "ConvDenoiser"
    ks.inference.load_predictor(bundle.with_suffix(".onnx"))  # its digest is its own


def test_models_that_opendtect_cannot_apply(tiny, denoiser, bundle, tmp_path):
    with pytest.raises(ValueError, match=r"expected a model of sections .* \(24, 16, 2\)"):
        ks.exporting.export_opendtect(tiny.model, tmp_path / "velocity")
    with pytest.raises(ValueError, match="must be ASCII without backticks, received 'é'"):
        ks.exporting.export_opendtect(denoiser, tmp_path / "é")
    with pytest.raises(FileExistsError, match=r"denoiser.h5: exists already"):
        ks.exporting.export_opendtect(denoiser, bundle.parent)
    assert not list(tmp_path.iterdir())


def truncated(suffix):
    def damage(path):
        path = path.with_suffix(suffix)
        path.write_bytes(path.read_bytes()[:-200])

    return damage


def without(suffix):
    return lambda path: path.with_suffix(suffix).unlink()


def attribute(key, value, where="++info++"):
    """The bundle with another text in an attribute; None for none."""

    def damage(path):
        with h5py.File(path, "r+") as file:
            del file[where].attrs[key]
            if value is not None:
                file[where].attrs[key] = value

    return damage


def removed(name):
    def damage(path):
        with h5py.File(path, "r+") as file:
            del file[name]

    return damage


def graph(change):
    """The bundle with another graph, properly registered: valid, but not what OpendTect runs."""

    def damage(path):
        target = path.with_suffix(".onnx")
        model = onnx.load(target)
        change(model)
        onnx.save(model, target)
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        attribute("sha256", np.bytes_(digest), "model")(path)

    return damage


def flipped(path):
    path = path.with_suffix(".onnx")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def channels_last(model):
    del model.metadata_props[:]
    model.metadata_props.add(key="data_format", value="channels_last")


def three_attributes(model):
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 3


def newer_operators(model):
    model.opset_import[0].version = 18


def newer_format(model):
    model.ir_version = 10


def without_output(model):
    del model.graph.output[:]


def other_operator(model):
    model.graph.node[1].op_type = "Unheard"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without(".h5"), "no such bundle"),
        (without(".onnx"), "no such graph; copy both files"),
        (truncated(".h5"), "damaged"),
        (truncated(".onnx"), "damaged or exchanged"),
        (flipped, "damaged or exchanged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_bytes(b"PK\3\4" * 100), "damaged"),
        (lambda path: path.with_suffix(".onnx").write_bytes(b""), "damaged or exchanged"),
        (removed("++info++"), r"the dataset \+\+info\+\+"),
        (removed("model"), "the group model"),
        (attribute("Type", b"Seismic Classification"), "received 'Seismic Classification'"),
        (attribute("Type", None), "expected Type .* received None"),
        (attribute("Content", b"Segmentation"), "expected Content"),
        (attribute("Model.Type", b"keras"), "expected Model.Type 'onnx', received 'keras'"),
        (attribute("Model.Name", None), "'Model.Name' with a name"),
        (attribute("Version", b"2"), "expected Version '1', received '2'"),
        (attribute("Input.Shape", b"128`128"), "three sizes joined by backticks"),
        (attribute("Input.Shape", b"1`128`-1"), "three sizes joined by backticks"),
        (attribute("Input.Shape", b"8`128`128"), "expected inlines in Input.Shape"),
        (attribute("Output.Shape", b"1`1`1"), "expected Output.Shape '1`128`128'"),
        (attribute("Input.Scaling.Type", b"Global Standardization"), "expected Input.Scaling"),
        (attribute("Examples.Size", b"0"), "expected Examples.Size"),
        (attribute("Input.0.Size", b"2"), "expected Input.0.Size"),
        (attribute("Examples.0.Target", None), "'Examples.0.Target'"),
        (attribute("Content", np.array([1.5, 2.5])), "'Content' is array"),
        (attribute("type", b"HDF5", "model"), "expected the model's type 'onnx'"),
        (attribute("path", b"../other.onnx", "model"), "the name of an .onnx file beside it"),
        (attribute("path", None, "model"), "the name of an .onnx file beside it"),
        (attribute("sha256", None, "model"), "SHA-256 None"),
        (graph(channels_last), "expected data_format 'channels_first'"),
        (graph(three_attributes), r"expected section of \(batch, 1, traces, time\)"),
        (graph(newer_operators), r"up to set 17 .* received {'': 18}"),
        (graph(newer_format), "received .* IR version 10"),
        (graph(without_output), "with input and output"),
        (graph(other_operator), "cannot be run: .*Unheard"),
    ],
)
def test_a_damaged_bundle_is_refused(bundle, tmp_path, damage, message):
    path = shutil.copytree(bundle.parent, tmp_path / "copy") / bundle.name
    ks.exporting.load_opendtect(path)
    damage(path)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as refused:
        ks.exporting.load_opendtect(path)
    assert str(path.parent) in str(refused.value)
