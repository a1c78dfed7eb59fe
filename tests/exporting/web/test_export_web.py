"""What goes into a page's folder, and what is refused before any work."""

import hashlib
import json
import shutil
import tarfile

import keras
import pytest

import keras_seismic as ks
from keras_seismic.exporting.web import export, runtime
from tests.command import keras_seismic


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder like onnxruntime-web's, with other content."""
    dist = tmp_path / "package" / "dist"
    dist.mkdir(parents=True)
    for name in runtime.FILES:
        (dist / name).write_text(f"this is {name}")
        digest = hashlib.sha256((dist / name).read_bytes()).hexdigest()
        monkeypatch.setitem(runtime.FILES, name, digest)
    return tmp_path / "package"


@pytest.fixture
def denoiser():
    section = keras.Input((None, None, 1), name="section")
    clean = keras.layers.Conv2D(1, 3, padding="same", name="clean_section")(section)
    return ks.models.with_physical_units(
        keras.Model(section, clean), ks.layers.SectionNormalization("rms")
    )


def test_a_site_holds_all_it_needs(package, denoiser, tmp_path, capsys):
    denoiser.save(tmp_path / "model.keras")
    site = tmp_path / "site"
    arguments = "export", "web", tmp_path / "model.keras", site, "--runtime", package
    keras_seismic(*arguments, "--license", "CC0-1.0")
    assert f"python -m http.server -d {site}" in capsys.readouterr().out
    names = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    own = {path.name for path in export.PAGE.iterdir()}
    assert names == own | {
        "model.onnx", "model_card.json", "runtime/LICENSE", "runtime/ort.wasm.min.mjs",
        "runtime/ort-wasm-simd-threaded.mjs", "runtime/ort-wasm-simd-threaded.wasm.gz",
    }  # fmt: skip
    assert sum((site / name).stat().st_size for name in own) < 100_000
    text = (site / "model_card.json").read_text()
    card = ks.inference.ModelCard.from_json(text)
    assert card.license == "CC0-1.0"
    assert card.takes_amplitudes
    assert json.loads(text)["limits"] is None
    # The bare network, whose card says so.
    assert not ks.inference.ModelCard.read(site / "model.onnx").takes_amplitudes
    assert oct(site.stat().st_mode)[-3:] == "755"

    with pytest.raises(SystemExit, match="exists already; pass --overwrite"):
        keras_seismic(*arguments)
    (site / "stale.js").write_text("")
    keras_seismic(*arguments, "--overwrite")
    assert not (site / "stale.js").exists()
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_preset_is_the_default(package, tmp_path, monkeypatch, capsys):
    given = {}

    def export_web(model, site, runtime, **options):
        given.update(options, model=model, site=site)
        site.mkdir()

    monkeypatch.setattr(ks.exporting, "export_web", export_web)
    for words in (["first"], ["blind_denoiser", "second"]):
        keras_seismic("export", "web", *(tmp_path / word for word in words[-1:]))
        assert type(given["model"].network).__name__ == "BlindDenoiser"
        assert given["site"] == tmp_path / words[-1]
        assert "chaotic facies" in given["limits"]
        assert given["card"].license == "Apache-2.0"


def test_models_without_a_page_are_refused(package, denoiser, tmp_path):
    with pytest.raises(ValueError, match="expected a model in physical units"):
        ks.exporting.export_web(denoiser.network, tmp_path / "site", package)
    section = keras.Input((32, 32, 1), name="section")
    fixed = ks.models.with_physical_units(
        keras.Model(section, keras.layers.Conv2D(1, 3, padding="same")(section)),
        ks.layers.SectionNormalization(),
    )
    with pytest.raises(ValueError, match=r"of any size, received a Functional of \(32, 32, 1\)"):
        ks.exporting.export_web(fixed, tmp_path / "site", package)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").touch()
    with pytest.raises(FileExistsError, match="is not a page that could be replaced"):
        ks.exporting.export_web(denoiser, tmp_path / "mine", package, overwrite=True)
    assert not (tmp_path / "site").exists()


def test_the_runtime_is_found_wherever_npm_puts_it(package, tmp_path):
    expected = {name: f"this is {name}".encode() for name in runtime.FILES}
    archive = tmp_path / "onnxruntime-web.tgz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(package, "package")
    installed = tmp_path / "project" / "node_modules" / "onnxruntime-web"
    shutil.copytree(package, installed)
    for path in (archive, package, package / "dist", tmp_path, tmp_path / "project", installed):
        assert runtime.runtime_files(path) == expected, path


def test_another_runtime_is_refused(package, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        runtime.runtime_files(tmp_path / "nothing")
    (tmp_path / "text.tgz").write_text("no archive")
    with pytest.raises(ValueError, match="npm pack"):
        runtime.runtime_files(tmp_path / "text.tgz")
    with (package / "dist" / "ort.wasm.min.mjs").open("a") as file:
        file.write("changed")
    with pytest.raises(ValueError, match=r"expected ort.wasm.min.mjs .* received other bytes"):
        runtime.runtime_files(package)
    (package / "dist" / "ort.wasm.min.mjs").unlink()
    with pytest.raises(FileNotFoundError, match=r"dist/ort.wasm.min.mjs is not there"):
        runtime.runtime_files(package)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"npm is not installed; run\n  npm pack"):
        runtime.runtime_files()
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(RuntimeError, match=r"could not get onnxruntime-web \(no network\)"):
        runtime.runtime_files()
