"""Triton and KServe: what they read, checked by their own definitions."""

import json

import jsonschema
import numpy as np
import onnxruntime
import pytest
import yaml
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

import keras_seismic as ks
from tests.fixtures.kserve_schema import FILE


@pytest.fixture(scope="module")
def repository(tiny, tmp_path_factory):
    """Triton's model repository with one model."""
    folder = tmp_path_factory.mktemp("repository") / "inversion"
    ks.exporting.export_triton(tiny.model, folder, inputs=tiny.gathers)
    return folder


@pytest.fixture(scope="module")
def saved_models(tiny, tmp_path_factory):
    """The folder of a SavedModel's versions."""
    folder = tmp_path_factory.mktemp("models") / "Inversion_2"
    ks.exporting.export_saved_model(tiny.model, folder, inputs=tiny.gathers, warm_up=False)
    return folder


def configuration(folder):
    text = (folder / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def test_tritons_configuration_describes_the_graph(tiny, repository):
    found = configuration(repository)
    assert (found.name, found.platform) == ("inversion", "onnxruntime_onnx")
    assert found.max_batch_size == 8
    assert found.HasField("dynamic_batching")
    session = onnxruntime.InferenceSession(
        repository / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    described = (*found.input, *found.output)
    for tensor, value in zip(
        described, (*session.get_inputs(), *session.get_outputs()), strict=True
    ):
        assert tensor.name == value.name
        assert tensor.data_type == model_config_pb2.TYPE_FP32
        assert ["batch", *tensor.dims] == value.shape  # Triton adds the batch itself
    ks.exporting.check_parity(tiny.model, repository / "1" / "model.onnx", tiny.gathers)


def test_free_sizes_are_free_for_triton(tmp_path):
    model = ks.models.ConvDenoiser(num_filters=2, num_layers=1)
    path = ks.exporting.export_triton(model, tmp_path / "denoiser", max_batch_size=1)
    found = configuration(path.parent)
    assert list(found.input[0].dims) == list(found.output[0].dims) == [-1, -1, 1]
    assert found.max_batch_size == 1
    assert not found.HasField("dynamic_batching")


def test_a_second_version_keeps_the_configuration(tiny, repository):
    path = repository / "config.pbtxt"
    original = path.read_text()
    mine = original.replace("{ name", "{\n  name") + "instance_group [ { count: 2 } ]\n"
    try:
        path.write_text(mine)
        ks.exporting.export_triton(tiny.model, repository, inputs=tiny.gathers)
        assert path.read_text() == mine
        assert sorted(p.name for p in repository.iterdir()) == ["1", "2", "config.pbtxt"]
        other = ks.models.ConvDenoiser(num_filters=2, num_layers=1)
        with pytest.raises(ValueError, match=r"(?s)expected the inputs .*dims: \[ -1, -1, 1 \]"):
            ks.exporting.export_triton(other, repository)
    finally:
        path.write_text(original)


def manifest(*arguments, **options):
    path = ks.exporting.write_kserve_manifest(*arguments, **options)
    found = yaml.safe_load(path.read_text())
    jsonschema.validate(found, json.loads(FILE.read_text()))
    assert (found["apiVersion"], found["kind"]) == (
        "serving.kserve.io/v1beta1", "InferenceService",
    )  # fmt: skip
    return found["metadata"]["name"], found["spec"]["predictor"]["model"]


def test_kserve_loads_tritons_repository(repository, tmp_path):
    uri = "s3://seismic/models/inversion"
    name, model = manifest(repository, tmp_path / "service.yaml", uri + "/")
    assert name == "inversion"
    assert model["modelFormat"] == {"name": "onnx"}
    assert (model["protocolVersion"], model["runtime"]) == ("v2", "kserve-tritonserver")
    assert model["storageUri"] == "s3://seismic/models"
    for uri in ("s3://seismic/models/other", "s3://inversion", "models/inversion", "s3://a b"):
        with pytest.raises(ValueError, match=f"storage_uri .*received '{uri}'"):
            ks.exporting.write_kserve_manifest(repository, tmp_path / "new.yaml", uri)


def test_kserve_loads_a_saved_model(saved_models, tmp_path):
    path = tmp_path / "service.yaml"
    name, model = manifest(saved_models, path, "pvc://models/inversion")
    assert name == "inversion-2"
    assert model["modelFormat"] == {"name": "tensorflow"}
    assert (model["protocolVersion"], model["runtime"]) == ("v1", "kserve-tensorflow-serving")
    assert model["storageUri"] == "pvc://models/inversion"
    assert manifest(saved_models, path, "gs://b/m", name="my-own", overwrite=True)[0] == "my-own"
    with pytest.raises(FileExistsError, match="exists already"):
        manifest(saved_models, path, "gs://b/m")
    with pytest.raises(ValueError, match=r"small letter.* received '2nd_model'"):
        manifest(saved_models, path, "gs://b/m", name="2nd_model", overwrite=True)
    with pytest.raises(FileNotFoundError, match="expected a model's folder with a version"):
        manifest(tmp_path, tmp_path / "other.yaml", "gs://b/m", name="x")


def test_the_excerpt_refuses_what_kserve_does():
    schema = json.loads(FILE.read_text())
    good = {"spec": {"predictor": {"model": {"modelFormat": {"name": "onnx"}}}}}
    jsonschema.validate(good, schema)
    for wrong in (
        {"spec": {"predictor": {"model": {"modelFormat": {}}}}},
        {"spec": {"predictor": {"model": {"modelFormat": {"name": "onnx"}, "protocol": "v2"}}}},
        {"spec": {"predictor": {"model": {"modelFormat": {"name": 1}}}}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


@pytest.mark.parametrize("size", [0, -1, 2.5, None])
def test_batches_of_nothing(tiny, tmp_path, size):
    with pytest.raises(ValueError, match=f"must be a positive integer, received {size}"):
        ks.exporting.export_triton(tiny.model, tmp_path / "m", max_batch_size=size)
    assert np.size(list(tmp_path.iterdir())) == 0
