"""The page in a real browser: what it computes, saves, asks for and says."""

import os
import struct

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.exporting.web.runtime import runtime_files
from keras_seismic.io.segy import read_layout
from tests.exporting.web.browser import Page, chromium, served
from tests.segy_files import headers_of, patched, write_segy
from tests.spread_models import stated_model

#: Of the peak; measured 1e-6.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """The files of onnxruntime-web in a folder, or a skip that says how to get them.

    npm gets them, unless ONNXRUNTIME_WEB names what ``npm pack`` wrote before.
    """
    folder = tmp_path_factory.mktemp("onnxruntime-web")
    try:
        files = runtime_files(os.environ.get("ONNXRUNTIME_WEB"))
    except RuntimeError as error:
        pytest.skip(f"{error}; or set ONNXRUNTIME_WEB to that file")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def denoiser():
    keras.utils.set_random_seed(0)
    # With channels enough for convolutions that are rewritten.
    model = ks.models.with_physical_units(
        ks.models.BlindDenoiser((2, 32)), ks.layers.SectionNormalization("rms")
    )
    rng = np.random.default_rng(0)
    model.set_weights(
        [rng.standard_normal(w.shape) / np.sqrt(np.prod(w.shape[:-1])) for w in model.get_weights()]
    )
    return model


@pytest.fixture(scope="module")
def denoiser_site(browser, runtime, denoiser, tmp_path_factory):
    return ks.exporting.export_web(
        denoiser, tmp_path_factory.mktemp("denoiser") / "site", runtime, limits="None are known."
    )


@pytest.fixture(scope="module")
def page(browser, denoiser_site):
    """A denoiser's page, isolated, so that it may use all processors."""
    with served(denoiser_site, isolated=True) as (address, _):
        page = Page(browser, address)
        yield page
        page.close()


@pytest.fixture(scope="module")
def section():
    """Wider than a window, of odd sizes, with a mute and a dead trace: ``(time, traces)``."""
    section = np.random.default_rng(1).normal(0, 300, (70, 531)).astype("float32")
    section[: len(section) // 3, :100] = 0
    section[:, 7] = 0
    return section


@pytest.mark.parametrize(
    ("code", "endian", "extended"),
    [(1, "big", 0), (5, "little", 0), (3, "big", 2), (2, "little", 0)],
)
def test_a_file_comes_back_denoised_with_its_headers(
    page, denoiser, section, tmp_path, code, endian, extended
):
    path = write_segy(tmp_path / "line.sgy", section.T, code=code, endian=endian)
    if extended:
        content = bytearray(path.read_bytes())
        struct.pack_into(">h", content, 3504, extended)
        path.write_bytes(content[:3600] + b"\x40" * 3200 * extended + content[3600:])
    assert "531 traces of 70 samples" in page.open(path)
    saved, said = page.save(tmp_path)
    assert saved.name == "line_denoised.sgy"
    assert ("whole numbers" in said) == (code in (2, 3))

    layout = read_layout(path)
    start, size = layout.start, layout.trace_bytes
    given, made = path.read_bytes(), saved.read_bytes()
    assert headers_of(made, start, size) == headers_of(given, start, size)
    original = ks.io.read_section(path).amplitude
    expected = ks.denoise(original, denoiser, progress=False)
    peak = np.abs(expected).max()
    assert np.abs(expected - original).max() > 0.1 * peak
    received = ks.io.read_section(saved).amplitude
    slack = 0.51 if code in (2, 3) else 0
    np.testing.assert_allclose(received, expected, rtol=0, atol=TOLERANCE * peak + slack)
    assert not received[: len(received) // 3, :100].any()
    assert not received[:, 7].any()


def test_only_a_part_of_the_noise_is_removed_if_asked(page, denoiser, section, tmp_path):
    np.save(tmp_path / "part.npy", section)
    page.open(tmp_path / "part.npy")
    page.tab.focus("#strength")
    for _ in range(10):
        page.tab.keyboard.press("ArrowLeft")
    assert page.tab.inner_text("#percent") == "50 %"
    saved, _ = page.save(tmp_path)
    expected = ks.denoise(section, denoiser, strength=0.5, progress=False)
    atol = TOLERANCE * np.abs(expected).max()
    np.testing.assert_allclose(np.load(saved), expected, rtol=0, atol=atol)
    for _ in range(10):
        page.tab.keyboard.press("ArrowRight")


def bad_files(folder, section):
    """Files that cannot be denoised, with words of what the page should say."""
    section = section[:, :64]
    good = write_segy(folder / "good.sgy", section.T)
    size = good.stat().st_size

    def made(name, content=None):
        path = folder / name
        path.write_bytes(good.read_bytes() if content is None else content)
        return path

    yield made("photo.sgy", b"\x89PNG" * 2000), "does not look like a SEG-Y file"
    yield made("empty.sgy", b""), "is no SEG-Y file"
    yield made("cut.sgy", good.read_bytes()[:-100]), "truncated or damaged"
    yield patched(made("gain.sgy"), 3224, struct.pack(">h", 4)), "Convert it to IEEE or IBM floats"
    trace = 240 + 4 * len(section)
    count = 3600 + 2 * trace + 114
    yield patched(made("uneven.sgy"), count, struct.pack(">H", 69)), "trace 3 has 69"
    values = section.T.copy()
    values[4, 9] = np.nan
    yield write_segy(folder / "nan.sgy", values, code=5), "the first at trace 5, sample 10"
    large = made("large.sgy")
    traces = 2**31 // trace + 1
    with large.open("r+b") as file:
        file.truncate(3600 + traces * trace)  # sparse: takes no room
    assert large.stat().st_size > 2**31 > size
    yield large, f"{traces * 70:,} samples (2.1 GB); this page takes up to"
    yield made("line.su"), "Convert it to SEG-Y"
    np.save(folder / "cube.npy", np.zeros((2, 3, 4)))
    yield folder / "cube.npy", "array of shape (2, 3, 4). A section has two axes"
    yield made("array.npy"), "is no NumPy .npy file"


def test_bad_files_are_refused_in_words_and_the_page_goes_on(page, section, tmp_path):
    for path, words in bad_files(tmp_path, section):
        said = page.open(path)
        assert words in said, path.name
        assert path.name in said
        assert page.tab.is_hidden("#result")
        assert "Done in" in page.open(tmp_path / "good.sgy"), path.name
        assert page.tab.is_hidden("#error")


def test_work_can_be_cancelled(page, section, tmp_path):
    np.save(tmp_path / "long.npy", np.tile(section, (20, 5)))
    page.choose(tmp_path / "long.npy")
    page.tab.keyboard.press("Escape")
    page.tab.wait_for_selector("text=Cancelled. Nothing was changed.")
    assert page.tab.is_hidden("#result")
    np.save(tmp_path / "short.npy", section)
    assert "Done in" in page.open(tmp_path / "short.npy")


def test_views_by_keyboard_and_at_the_width_of_a_phone(page, section, tmp_path):
    np.save(tmp_path / "line.npy", section)
    page.open(tmp_path / "line.npy")
    names = "Before", "After", "Removed"
    captions = page.tab.locator("figcaption")
    assert captions.all_inner_texts() == list(names)
    page.tab.focus("#views input:checked")
    for name in names:
        page.tab.keyboard.press("ArrowRight")
        assert captions.locator("visible=true").all_inner_texts() == [name]
    page.tab.keyboard.press("ArrowRight")
    size = page.tab.viewport_size
    page.tab.set_viewport_size({"width": 360, "height": 740})
    assert page.tab.evaluate("() => document.documentElement.scrollWidth") <= 360
    page.tab.set_viewport_size(size)


def test_nothing_is_asked_of_anyone_else(browser, denoiser_site, section, tmp_path):
    np.save(tmp_path / "line.npy", section)
    with served(denoiser_site) as (address, asked), served(tmp_path) as (elsewhere, stolen):
        page = Page(browser, address)
        page.open(tmp_path / "line.npy")
        page.save(tmp_path)
        assert "1 thread" in page.tab.inner_text("#threads")  # not isolated
        assert len(asked) > 5
        assert {request.removeprefix("blob:").rpartition("/")[0] for request in page.requests} <= {
            address,
            f"{address}/runtime",
        }
        (worker,) = page.tab.workers
        fetched = (
            f"() => fetch('{elsewhere}/line.npy', {{mode: 'no-cors'}})"
            ".then(() => 'sent', () => 'not sent')"
        )
        own = fetched.replace(f"{elsewhere}/line.npy", f"{address}/worker.js")
        for place in (page.tab, worker):
            assert place.evaluate(fetched) == "not sent"
        assert stolen == []
        assert worker.evaluate(own) == "sent"
        page.close()


def test_velocity_of_gathers_in_both_layouts(browser, runtime, tiny, tmp_path):
    model, gathers = tiny
    site = ks.exporting.export_web(model, tmp_path / "site", runtime, gathers[:2])
    expected = ks.invert(gathers[:3], model, progress=False)
    np.save(tmp_path / "one.npy", gathers[1])
    np.save(tmp_path / "openfwi.npy", np.moveaxis(gathers[:3], -1, 1).astype("float64"))
    np.save(tmp_path / "wide.npy", gathers[:, :, :-1])
    nan = gathers[:3].copy()
    nan[1, 5, 4, 1] = np.nan
    np.save(tmp_path / "nan.npy", nan)
    with served(site) as (address, _):
        page = Page(browser, address)
        assert "3 examples of 24 \u00d7 16 \u00d7 2" in page.open(tmp_path / "openfwi.npy")
        assert page.tab.locator("figcaption").all_inner_texts() == [
            "Gather of shot 2",
            "Velocity (m/s)",
        ]
        saved, _ = page.save(tmp_path)
        received = np.load(saved)
        assert received.shape == (3, 1, 24, 16)
        np.testing.assert_allclose(received[:, 0], expected, rtol=0, atol=0.5)
        page.tab.fill("#example", "7")
        page.tab.keyboard.press("Enter")
        assert page.tab.input_value("#example") == "3"  # the last one
        assert "takes shot gathers" in page.open(tmp_path / "wide.npy")
        assert "Example 1 of nan.npy holds 1 value" in page.open(tmp_path / "nan.npy")
        page.open(tmp_path / "one.npy")
        saved, _ = page.save(tmp_path)
        np.testing.assert_allclose(np.load(saved), expected[1], rtol=0, atol=0.5)
        page.close()


def test_a_spread_is_shown_beside_the_velocity(browser, runtime, tmp_path):
    model, gathers = stated_model()
    site = ks.exporting.export_web(model, tmp_path / "site", runtime, gathers)
    np.save(tmp_path / "raw.npy", gathers)
    with served(site) as (address, _):
        page = Page(browser, address)
        page.open(tmp_path / "raw.npy")
        assert page.tab.locator("figcaption").all_inner_texts() == [
            "Gather of shot 2",
            "Velocity (m/s)",
            "Spread, 90 % (\u00b1 m/s)",
        ]
        saved, _ = page.save(tmp_path)
        np.testing.assert_allclose(np.load(saved), ks.invert(gathers, model), rtol=0, atol=0.5)
        page.close()
