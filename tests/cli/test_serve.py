"""``keras-seismic serve``: from folders of models to the files that a server starts from."""

import keras
import pytest

import keras_seismic as ks
from tests.command import keras_seismic


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two versions of a model that changes nothing."""
    folder = tmp_path_factory.mktemp("models")
    section = keras.Input((32, 16, 1), name="section")
    network = keras.Model(section, keras.layers.Identity(name="clean_section")(section))
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization())
    for _ in range(2):
        ks.exporting.export_saved_model(model, folder / "denoiser", warm_up=False)
    return folder


def test_names_labels_and_versions_reach_the_server(models, tmp_path, capsys):
    folder = models / "denoiser"
    labels = ("--label", "net:stable=1", "--label", "net:canary=2")
    keras_seismic("serve", f"net={folder}", folder, "--out", tmp_path / "serving", *labels)
    printed = capsys.readouterr().out
    assert "net: version 1, 2, stable is 1, canary is 2" in printed
    assert "denoiser: version 2" in printed
    assert "docker compose" in printed
    assert "ks.serving.Client" in printed
    text = (tmp_path / "serving" / "models.config").read_text()
    assert text.count('name: "') == 2
    assert 'key: "canary" value: 2' in text
    with pytest.raises(SystemExit, match="exist already"):
        keras_seismic("serve", folder, "--out", tmp_path / "serving")


def test_options_reach_the_server(models, tmp_path, capsys):
    keras_seismic(
        *("serve", models / "denoiser", "--out", tmp_path / "serving", "--versions", "1"),
        *("--port", "9500", "--rest-port", "0", "--max-megabytes", "16", "--batching"),
        *("--max-batch-size", "4", "--batch-timeout", "0.25"),
        *("--image", "tensorflow/serving:2.20.0"),
    )
    printed = capsys.readouterr().out
    assert "127.0.0.1:9500" in printed
    assert "8501" not in printed
    assert f"max_receive_message_length={2**24}" in printed
    compose = (tmp_path / "serving" / "compose.yaml").read_text()
    assert '"127.0.0.1:9500:8500"' in compose
    assert "8501" not in compose
    assert 'image: "tensorflow/serving:2.20.0"' in compose
    assert "versions: [1]" in (tmp_path / "serving" / "models.config").read_text()
    text = (tmp_path / "serving" / "batching_parameters.txt").read_text()
    assert "max_batch_size { value: 4 }" in text
    assert "batch_timeout_micros { value: 250000 }" in text
    assert not (tmp_path / "serving" / "monitoring.config").exists()


def test_errors_are_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"^error: .*absent: no such folder of model versions$"):
        keras_seismic("serve", tmp_path / "absent", "--out", tmp_path / "serving")
