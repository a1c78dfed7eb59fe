"""SavedModel: signatures, checks inside the graph, card and warm-up requests."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_seismic as ks
from keras_seismic.exporting import saved_model
from keras_seismic.exporting.saved_model import signatures_of
from keras_seismic.exporting.warm_up import WARM_UP
from tests.serving.c_api import run_in_c


@pytest.fixture(scope="module")
def version(model, gathers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "inversion"
    return ks.exporting.export_saved_model(model, folder, inputs=gathers[2][:2])


@pytest.fixture(scope="module")
def loaded(version):
    return tf.saved_model.load(str(version))


def shapes(loaded):
    return {
        name: (
            {k: v.shape.as_list() for k, v in function.structured_input_signature[1].items()},
            {k: v.shape.as_list() for k, v in function.structured_outputs.items()},
        )
        for name, function in loaded.signatures.items()
    }


def test_signatures_have_names_and_layouts(version, loaded, model, gathers):
    assert version.name == "1"
    assert [path.name for path in version.parent.iterdir()] == ["1"]
    keras_layout = {"shot_gather": [None, 128, 18, 2]}, {"velocity": [None, 70, 70, 1]}
    assert shapes(loaded) == {
        "serving_default": keras_layout,
        "openfwi": ({"shot_gather": [None, 2, 128, 18]}, {"velocity": [None, 1, 70, 70]}),
        "normalized": keras_layout,
    }
    raw = gathers[2][:3]
    expected = np.asarray(model(raw))
    assert expected.std() > 50
    velocity = loaded.signatures["serving_default"](shot_gather=tf.constant(raw))["velocity"]
    np.testing.assert_allclose(velocity, expected, atol=0.5)
    channels_first = tf.constant(np.ascontiguousarray(raw.transpose(0, 3, 1, 2)))
    velocity = loaded.signatures["openfwi"](shot_gather=channels_first)["velocity"]
    np.testing.assert_allclose(velocity, expected.transpose(0, 3, 1, 2), atol=0.5)
    x = model.input_normalization(raw)
    velocity = loaded.signatures["normalized"](shot_gather=tf.constant(x))["velocity"]
    np.testing.assert_allclose(velocity, np.asarray(model.network(x)), atol=3e-4)
    # 1500 to 4500 m/s is -1 to 1.
    np.testing.assert_allclose(3000 + 1500 * velocity.numpy(), expected, atol=0.5)


BAD = {
    "a shot less": ((1, 128, 18, 1), None, r"expected shape \(batch, 128, 18, 2\).*1 128 18 1"),
    "no batch": ((128, 18, 2), None, r"expected shape .*\[128 18 2\]"),
    "nothing in the batch": ((0, 128, 18, 2), None, "expected shape .*0 128 18 2"),
    "an axis too many": ((1, 1, 128, 18, 2), None, "expected shape .*1 1 128 18 2"),
    "a number": ((), None, "expected shape"),
    "channels first": ((1, 2, 128, 18), None, "expected shape .*1 2 128 18"),
    "NaN": ((2, 128, 18, 2), np.nan, "expected finite amplitudes, received .*NaN"),
    "infinity": ((2, 128, 18, 2), -np.inf, "expected finite amplitudes, received .*Inf"),
}


@pytest.fixture(scope="module")
def session(version):
    """The SavedModel as servers hold it, who feed it whatever they are sent."""
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)
    with graph.as_default():
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(version))

    def run(signature, inputs):
        definition = meta.signature_def[signature]
        ends = definition.inputs["shot_gather"], definition.outputs["velocity"]
        # Below the checks of Python's Session.run.
        feed, fetch = (graph.get_tensor_by_name(end.name)._as_tf_output() for end in ends)
        return session._call_tf_sessionrun(None, {feed: inputs}, [fetch], [], None)[0]

    yield run
    session.close()


@pytest.mark.parametrize("signature", ["serving_default", "openfwi", "normalized"])
@pytest.mark.parametrize("case", BAD)
def test_the_graph_refuses_bad_input(session, signature, case, rng):
    shape, wrong, message = BAD[case]
    if signature == "openfwi":
        shape = (*shape[:1], *shape[-1:], *shape[1:-1]) if len(shape) > 3 else shape
        message = "expected finite" if wrong else "expected shape"
    inputs = np.asarray(rng.standard_normal(shape), np.float32)
    if wrong is not None:
        inputs.flat[-1] = wrong
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"shot_gather: .*{message}|{message}"):
        session(signature, inputs)
    good = rng.standard_normal((1, 2, 128, 18) if signature == "openfwi" else (1, 128, 18, 2))
    assert np.isfinite(session(signature, good.astype(np.float32))).all()


def test_denoisers_take_any_size_and_refuse_the_rest(tmp_path, rng):
    model = ks.models.with_physical_units(
        ks.models.ConvDenoiser(num_filters=2), ks.layers.SectionNormalization()
    )
    loaded = tf.saved_model.load(str(ks.exporting.export_saved_model(model, tmp_path, 3)))
    any_size = {"section": [None, None, None, 1]}, {"clean_section": [None, None, None, 1]}
    assert shapes(loaded) == {"serving_default": any_size, "normalized": any_size}
    section = 1e3 * rng.standard_normal((2, 45, 37, 1)).astype(np.float32)
    clean = loaded.signatures["serving_default"](section=tf.constant(section))["clean_section"]
    peak = np.abs(np.asarray(model(section))).max()
    np.testing.assert_allclose(clean, np.asarray(model(section)), atol=1e-4 * peak)
    section[0, 3, 3] = np.nan
    with pytest.raises(tf.errors.InvalidArgumentError, match="section: expected finite"):
        loaded.signatures["serving_default"](section=tf.constant(section))


def test_a_network_without_units_has_one_signature(tmp_path):
    network = ks.models.VelocityCritic((32, 32), filters=2)
    version = ks.exporting.export_saved_model(network, tmp_path)
    assert list(tf.saved_model.load(str(version)).signatures) == ["serving_default"]


def test_the_card_says_what_the_model_is(version, model):
    text = (version / "assets.extra" / "model_card.json").read_text()
    card = ks.inference.ModelCard.from_json(text)
    assert card.package_version == ks.__version__
    assert (card.model, card.task) == ("InversionNet", "shot gathers to velocity")
    assert card.input == {
        "name": "shot_gather",
        "shape": [None, 128, 18, 2],
        "units": "amplitude, as recorded",
        "dtype": "float32",
    }
    assert (card.output["units"], card.predicts_velocity) == ("m/s", True)
    assert card.experiment() == model.acquisition
    assert card.normalization["input"]["data_max"] == 55.10
    assert card.normalization["output"]["maximum"] == 4500
    assert card.license is card.training_data is card.metrics is None


def test_warm_up_requests_run(version, loaded, gathers):
    protos = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2", reason="tensorflow-serving-api is missing"
    )
    requests = {}
    for record in tf.data.TFRecordDataset(str(version / WARM_UP)):
        request = protos.PredictionLog.FromString(record.numpy()).predict_log.request
        requests[request.model_spec.signature_name] = {
            name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()
        }
    assert set(requests) == {"serving_default", "openfwi", "normalized"}
    np.testing.assert_array_equal(requests["serving_default"]["shot_gather"], gathers[2][:1])
    for name, inputs in requests.items():
        arguments = {key: tf.constant(value) for key, value in inputs.items()}
        assert loaded.signatures[name](**arguments)["velocity"].shape[0] == 1


def test_warm_up_without_the_protos(tiny, tmp_path, monkeypatch):
    model, raw = tiny
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_serving.apis", None)
    with pytest.raises(ImportError, match=r"keras_seismic\[serving\]"):
        ks.exporting.export_saved_model(model, tmp_path, inputs=raw, warm_up=True)
    assert list(tmp_path.iterdir()) == []
    version = ks.exporting.export_saved_model(model, tmp_path, inputs=raw)
    assert not (version / WARM_UP).exists()


def test_predictors_of_signatures(version, gathers, model):
    openfwi = ks.inference.load_predictor(version, "openfwi")
    raw = gathers[2][:1]
    expected = np.asarray(model(raw))[..., 0]
    np.testing.assert_allclose(openfwi(raw.transpose(0, 3, 1, 2))[:, 0], expected, atol=0.5)
    with pytest.raises(ValueError, match=r"expected a signature 'classify'.*normalized"):
        ks.inference.load_predictor(version, "classify")


def test_a_wrong_signature_is_found_before_the_version_appears(tiny, tmp_path, monkeypatch):
    """The layout of one signature is corrupted in the exported graph only."""
    from keras_seismic.exporting import saved_model

    def spoilt(model):
        default, openfwi, normalized = signatures_of(model)
        right = openfwi.function

        def function(inputs):
            velocity = right(inputs)["velocity"]
            return {"velocity": velocity if tf.executing_eagerly() else velocity[:, :, ::-1]}

        return [default, openfwi.__class__(**{**vars(openfwi), "function": function}), normalized]

    monkeypatch.setattr(saved_model, "signatures_of", spoilt)
    with pytest.raises(ks.exporting.ParityError, match="differs from the model"):
        ks.exporting.export_saved_model(tiny.model, tmp_path, inputs=tiny.gathers)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_an_error_that_names_the_folder(tiny, tmp_path, monkeypatch):
    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tf.saved_model, "save", full)
        with pytest.raises(OSError, match=r"model: the SavedModel cannot be written: No space"):
            ks.exporting.export_saved_model(tiny.model, tmp_path / "model")
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"model: the weights of .* need .* GB, but 0\.0 GB are free"):
        ks.exporting.export_saved_model(tiny.model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_weights_as_constants_compute_the_same_in_the_servers_loader(tiny, tmp_path):
    """Through TensorFlow's C API, which loads as TensorFlow Serving does."""
    model, raw = tiny
    shot_gather = keras.Input((24, 16, 2), name="shot_gather")
    x = model.network(shot_gather)
    x = keras.layers.Conv2D(16, 61, padding="same")(x)  # enough weights to see where they are
    network = keras.Model(shot_gather, keras.layers.Conv2D(1, 1, name="velocity")(x))
    model = ks.models.with_physical_units(network, model.input_normalization, model.output_scaling)
    paths = [
        ks.exporting.export_saved_model(model, tmp_path / "m", inputs=raw, constants=constants)
        for constants in (False, True)
    ]
    graphs, variables = (
        [sum(p.stat().st_size for p in path.glob(names)) for path in paths]
        for names in ("saved_model.pb", "variables/*data*")
    )
    weights = 4 * model.count_params()
    assert variables[1] < 1000 < weights <= variables[0]
    assert graphs[0] < weights <= graphs[1] < 2 * weights  # once, for all three signatures
    normalized = np.asarray(model.input_normalization(raw))
    runs = [
        ("serving_default", raw), ("openfwi", raw.transpose(0, 3, 1, 2)), ("normalized", normalized)
    ]  # fmt: skip
    for ordinary, constant in zip(*(run_in_c(path, runs, tmp_path) for path in paths), strict=True):
        assert ordinary.std() > 0.01
        np.testing.assert_allclose(constant, ordinary, rtol=1e-5, atol=1e-5)


def test_constants_that_no_loader_reads_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model, "_LARGEST_GRAPH", 4 * tiny.model.count_params())
    with pytest.raises(ValueError, match=r"76 bytes of weights; .* below 76 .* without constants"):
        ks.exporting.export_saved_model(tiny.model, tmp_path, constants=True)
    assert list(tmp_path.iterdir()) == []
