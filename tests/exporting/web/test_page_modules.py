"""The page's modules on Node.js, against the package's own reader, writer and denoiser."""

import json
import shutil
import subprocess

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.exporting.web import export
from keras_seismic.io.segy.samples import SAMPLE_TYPES, decoded, encoded

PAGE = export.PAGE


@pytest.fixture
def node(tmp_path):
    """Runs a module's text, in which ``folder`` and the page's modules are known."""
    if not shutil.which("node"):
        pytest.skip("Node.js is missing: apt-get install nodejs")

    def run(text):
        # In the browser they are modules by their <script>, on Node.js by package.json.
        shutil.copytree(PAGE, tmp_path / "page", dirs_exist_ok=True)
        (tmp_path / "package.json").write_text('{"type": "module"}')
        script = tmp_path / "script.js"
        script.write_text(f"""
            import fs from "node:fs";
            import * as segy from "./page/segy.js";
            import * as npy from "./page/npy.js";
            import * as sections from "./page/sections.js";
            import * as picture from "./page/picture.js";
            const folder = "{tmp_path}/";
            const contentOf = (name) => new Uint8Array(fs.readFileSync(folder + name)).buffer;
            {text}
        """)
        ended = subprocess.run(
            ["node", script],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("code", sorted(SAMPLE_TYPES))
def test_samples_are_read_and_written_as_by_the_package(node, tmp_path, rng, code, endian):
    order = {"big": ">", "little": "<"}[endian]
    kind = np.dtype(f"{order}{SAMPLE_TYPES[code]}")
    traces, samples = 5, 64
    raw = rng.integers(0, 256, (traces, samples * kind.itemsize), np.uint8)
    words = raw.view(kind)
    if kind.kind == "f":
        words = (rng.standard_normal((traces, samples)) * 10.0 ** rng.integers(-30, 30)).astype(
            kind
        )
    if code == 1:  # within float32, also with leading zero digits and negative zeros
        exponents = rng.integers(64 - 30, 64 + 30, (traces, samples))
        words = (words & 0x80FFFFFF | exponents.astype("u4") << 24).astype(kind)
        words[0, :4] = 0, 0x80000000, 0x40000000, 0x42010000
    before = decoded(words, code)
    after = before.copy()
    changed = rng.random(before.shape) < 0.7
    after[changed] = (after * rng.uniform(-2, 2, after.shape))[changed].astype("float32")
    with np.errstate(over="ignore"):
        expected, outside = encoded(after, words, code)

    record = np.dtype([("header", "u1", 240), ("samples", kind, (samples,))])
    records = np.zeros(traces, record)
    records["header"] = rng.integers(0, 256, (traces, 240))
    start = bytearray(rng.integers(0, 256, 3600, np.uint8).tobytes())
    for offset, value in ((16, 2000), (20, samples), (24, code), (304, 0)):
        start[3200 + offset : 3202 + offset] = np.array(value, f"{order}i2").tobytes()
    records["header"][:, 114:118] = np.array([samples, 2000], f"{order}u2").view("u1")
    records["samples"] = words
    (tmp_path / "line.sgy").write_bytes(bytes(start) + records.tobytes())
    after.T.astype("<f4").tofile(tmp_path / "after")
    told = node("""
        const content = contentOf("line.sgy");
        const layout = segy.layoutOf(content.slice(0, 3600), content.byteLength, "line.sgy");
        const interval = segy.checkTraceHeaders(content, layout, "line.sgy");
        const before = segy.readSamples(content, layout);
        fs.writeFileSync(folder + "before", new Uint8Array(before.buffer));
        const after = new Float32Array(contentOf("after"));
        const clipped = segy.replaceSamples(content, layout, (i) => after[i]);
        fs.writeFileSync(folder + "made.sgy", new Uint8Array(content));
        console.log(JSON.stringify({ clipped, interval }));
    """)
    read = np.fromfile(tmp_path / "before", "<f4").reshape(samples, traces).T
    np.testing.assert_array_equal(read, before)
    records["samples"] = expected
    assert (tmp_path / "made.sgy").read_bytes() == bytes(start) + records.tobytes()
    clipped = 0 if outside is None else int(outside.sum())
    assert json.loads(told) == {"clipped": clipped, "interval": 0.002}


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<i2", ">i4", "<i8", "|u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_and_written_as_by_numpy(node, tmp_path, rng, kind, order):
    array = np.array(rng.integers(0, 100, (4, 3, 5)), kind, order=order)
    np.save(tmp_path / "array.npy", array)
    node(
        """
        const file = new File([contentOf("array.npy")], "array.npy");
        const header = await npy.readHeader(file);
        const part = await npy.readPart(file, header, 1, 2);
        const parts = npy.encode(part, [2, ...header.shape.slice(1)]);
        fs.writeFileSync(folder + "part.npy", Buffer.from(await new Blob(parts).arrayBuffer()));
    """.replace("new File", "new (await import('node:buffer')).File")
    )
    part = np.load(tmp_path / "part.npy")
    assert part.dtype == np.float32
    np.testing.assert_array_equal(part, array[1:3])


@pytest.mark.parametrize(
    ("mode", "shape"),
    [("rms", (521, 130)), ("percentile", (33, 700)), ("maximum", (5, 9)), ("range", (1, 40))],
)
def test_sections_are_cut_and_blended_as_by_the_package(node, tmp_path, rng, mode, shape):
    """With a network of no neighborhood, and one that sees where a window begins."""
    section = (1e4 * rng.standard_normal(shape)).astype("float32")
    section[: shape[0] // 3, : shape[1] // 2] = 0
    section.tofile(tmp_path / "section")
    x = keras.Input((None, None, 1), name="section")
    y = keras.ops.tanh(x - keras.ops.max(x, axis=(1, 2), keepdims=True))
    settings = {"mode": mode, "percentile": 90}
    model = ks.models.with_physical_units(
        keras.Model(x, y), ks.layers.SectionNormalization(**settings)
    )
    expected = ks.denoise(section, model, progress=False)
    node(f"""
        const section = new Float32Array(contentOf("section"));
        const network = async (values) => {{
          const most = values.reduce((a, b) => Math.max(a, b));
          return values.map((value) => Math.tanh(value - most));
        }};
        const settings = {json.dumps(settings)};
        const told = [];
        const report = (...numbers) => told.push(numbers);
        const shape = {list(shape)};
        const made = await sections.denoise(section, shape, settings, network, report);
        if (told[0][0] !== 0 || told.at(-1)[0] !== told.at(-1)[1]) throw Error(told);
        fs.writeFileSync(folder + "made", new Uint8Array(made.buffer));
    """)
    made = np.fromfile(tmp_path / "made", "<f4").reshape(shape)
    np.testing.assert_allclose(made, expected, rtol=0, atol=3e-6 * np.abs(section).max())
