"""The wheel by itself: in an empty environment and an empty folder, as who installs it has it."""

import os
import re
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.inference.gather_inverter import PRESET
from tests.cli.hints import commands_in, parse

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with nothing but the wheel, built from a copy of the sources.

    Its dependencies are lent by a link to this environment's: they are not what is tested, and
    would be downloaded anew.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source, environment = folder / "source", folder / "environment"
    for name in ("keras_seismic", "train", "export"):
        shutil.copytree(
            REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    for command in (
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source],
        [sys.executable, "-m", "venv", "--without-pip", environment],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("keras_seismic-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"keras_seismic"}
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python"]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", wheel],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (packages,) = (environment / "lib").glob("python3*/site-packages")
    (packages / "lent.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return environment


@pytest.fixture
def keras_seismic(environment, tmp_path):
    """Runs the installed command in an empty folder; returns what it printed, all of it ours."""
    folder = tmp_path / "empty"
    folder.mkdir()
    hidden = ("PYTHONPATH", "TF_CPP_MIN_LOG_LEVEL")
    variables = {name: value for name, value in os.environ.items() if name not in hidden}

    def run(*arguments):
        ended = subprocess.run(
            [environment / "bin" / "keras-seismic", *map(str, arguments)],
            cwd=folder, env=variables, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr[-3000:]
        ours = re.compile(r"figure: .*|(denoising|inverting): .*")
        strange = [s for s in re.split("[\r\n]+", ended.stderr) if s and not ours.fullmatch(s)]
        assert strange == []
        for command in commands_in(ended.stdout):
            parse(command)
        return ended.stdout

    return run


@pytest.mark.slow
def test_the_wheel_works_from_an_empty_environment(keras_seismic, tmp_path, request):
    try:
        line = request.getfixturevalue("data_folder") / "field_line_namss_88-22-V.segy"
    except pytest.skip.Exception:
        line = tmp_path / "line.npy"
        np.save(line, ks.simulation.sample_sections(1, 3)[0])
    model = ks.models.with_physical_units(
        ks.models.ConvDenoiser(2, 1), ks.layers.SectionNormalization()
    )
    model.save(tmp_path / "model.keras")

    assert keras_seismic("--version") == f"keras_seismic {ks.__version__}\n"
    inspected = keras_seismic("inspect", line)
    assert "seismic section" in inspected
    assert len(commands_in(inspected)) >= 3

    # With the preset in the wheel, then with a model of one's own.
    clean = f"clean{line.suffix}"
    for own, path in ((None, ()), (model, ("--model", tmp_path / "model.keras", "--overwrite"))):
        printed = keras_seismic("predict", line, clean, *path)
        assert re.search(rf"written: {clean}; removed [0-9.]+% of the RMS amplitude\n", printed)
        expected = ks.denoise(ks.io.read_section(line), own, progress=False)
        written = ks.io.read_section(tmp_path / "empty" / clean).amplitude
        np.testing.assert_allclose(written, expected, atol=1e-4 * np.abs(expected).max())

    # And from gathers to velocity.
    if PRESET in ks.presets():
        acquisition = ks.load_preset(PRESET).acquisition
        layered = ks.simulation.sample_velocity("curvefault_a", 1, seed=9)
        gathers = ks.simulation.simulate(layered, acquisition, progress=False)
        np.save(tmp_path / "gathers.npy", gathers)
        printed = keras_seismic("predict", tmp_path / "gathers.npy", "velocity.npy")
        assert re.match(r"written: velocity.npy, \(1, 70, 70\), \d+ to \d+ m/s\n", printed)
        velocity = np.load(tmp_path / "empty" / "velocity.npy", allow_pickle=False)
        np.testing.assert_allclose(velocity, ks.invert(gathers, progress=False), atol=0.5)

    onnx = tmp_path / "empty" / "model.onnx"
    check, size, python = keras_seismic(
        "export", "onnx", tmp_path / "model.keras", onnx.name
    ).splitlines()
    assert check.startswith("model.onnx: largest difference ")
    assert size.startswith("model.onnx: 0.0")
    assert python.strip().startswith(">>> ")
    sections = np.random.default_rng(0).standard_normal((2, 40, 30, 1)).astype("float32")
    received = ks.inference.load_predictor(onnx)(sections)
    np.testing.assert_allclose(received, model(sections), atol=1e-4)
