"""A section of 1,000 x 1,000 samples denoised by the page in Chromium, against Keras.

    python -m benchmarks.web_page

Exports the page of the preset, serves it without and with cross-origin isolation, opens a SEG-Y
file in headless Chromium, and reports the seconds from the file's opening to the result, as the
page states them, on one thread and on all, the best of ``--repeats``; the seconds of
``ks.denoise`` on the same file; and how far the saved samples are from its result. Takes about two
minutes, and needs Chromium, the Python package playwright, and npm or ``--runtime``.
``--screenshots FOLDER`` also keeps pictures of the page in all its states.
"""

import argparse
import pathlib
import re
import tempfile
import time

import numpy as np

import keras_seismic as ks
from benchmarks._report import RESULTS, report
from keras_seismic.backend import available_cores
from tests.exporting.web.browser import Page, chromium, served
from tests.segy_files import write_segy

_PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}


def write_section(path: pathlib.Path, samples: int) -> pathlib.Path:
    """A simulated section with noise as strong as the signal, IEEE floats."""
    (section,) = ks.simulation.sample_sections(1, seed=3, shape=(samples, samples))
    noise = np.random.default_rng(0).normal(0, section.std(), section.shape)
    return write_segy(path, (section + noise).T.astype("f4"), code=5)


def seconds_in(said: str) -> float:
    """What the page says that its work took."""
    found = re.search(r"Done in ([\d.]+) s", said)
    if found is None:
        raise RuntimeError(f"the page says: {said}")
    return float(found.group(1))


def measured(browser, site, path, isolated, repeats, folder):
    """Best seconds, number of threads, and the saved section."""
    with served(site, isolated) as (address, _):
        page = Page(browser, address)
        threads = int(page.tab.inner_text("#threads").split()[0])
        seconds = min(seconds_in(page.open(path)) for _ in range(repeats))
        saved, _ = page.save(folder)
        page.close()
    return seconds, threads, ks.io.read_section(saved).amplitude


def take_screenshots(browser, site, path, folder):
    """The page empty, at work, done, refusing a file, in the dark and on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    with served(site, isolated=True) as (address, _):
        for name, options in {
            "light": {"viewport": {"width": 1280, "height": 800}},
            "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
            "phone": _PHONE,
        }.items():
            page = Page(browser, address, **options)
            page.tab.screenshot(path=folder / f"{name}_empty.png")
            page.choose(path)
            page.tab.wait_for_selector("#progress[value]")
            page.tab.wait_for_selector("text=left")
            page.tab.screenshot(path=folder / f"{name}_working.png")
            page.tab.wait_for_selector("[data-state=done]")
            page.tab.screenshot(path=folder / f"{name}_done.png")
            page.tab.screenshot(path=folder / f"{name}_done_whole.png", full_page=True)
            cut = folder / "cut.sgy"
            cut.write_bytes(path.read_bytes()[:-1000])
            page.open(cut)
            cut.unlink()
            page.tab.screenshot(path=folder / f"{name}_error.png")
            page.close()


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--samples", type=int, default=1000, help="of each side of the section")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--runtime", help="what npm pack onnxruntime-web wrote")
    parser.add_argument("--screenshots", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    arguments = parser.parse_args()

    model = ks.load_preset("blind_denoiser")
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folder = pathlib.Path(temporary)
        path = write_section(folder / "line.sgy", arguments.samples)
        site = ks.exporting.export_web(model, folder / "site", arguments.runtime)
        size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
        section = ks.io.read_section(path)
        began = time.perf_counter()
        expected = ks.denoise(section, model, progress=False)
        keras_seconds = time.perf_counter() - began
        peak = float(np.abs(expected).max())
        results = {
            "samples": arguments.samples,
            "site_bytes": size,
            "chromium": browser.version,
            "keras_seconds": keras_seconds,
            "keras_threads": available_cores(),
            "page": [],
        }
        rows = [("Keras", available_cores(), f"{keras_seconds:.1f}", "1.0", "")]
        for isolated in (False, True):
            seconds, threads, received = measured(
                browser, site, path, isolated, arguments.repeats, folder
            )
            difference = float(np.abs(received - expected).max()) / peak
            results["page"].append(
                {"threads": threads, "seconds": seconds, "difference_of_peak": difference}
            )
            ratio = f"{seconds / keras_seconds:.1f}"
            rows.append(("the page", threads, f"{seconds:.1f}", ratio, f"{difference:.1g}"))
        if arguments.screenshots:
            take_screenshots(browser, site, path, arguments.screenshots)
    print(f"Chromium {results['chromium']}; the page's folder has {size / 1e6:.1f} MB")
    header = ("", "threads", "seconds", "times Keras'", "difference, of the peak")
    packages = ["keras", "tensorflow", "onnxruntime", "playwright"]
    report("web_page", results, header, rows, packages, arguments.out)


if __name__ == "__main__":
    main()
