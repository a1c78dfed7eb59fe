"""A static server and Chromium, for tests of pages."""

import contextlib
import functools
import http.server
import shutil
import threading

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

#: Generous: a loaded machine must not fail a test.
PATIENCE_MS = 120_000


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments, isolated, seen, **options):
        self.isolated, self.seen = isolated, seen
        super().__init__(*arguments, **options)

    def end_headers(self):
        if self.isolated:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, format, *arguments):
        self.seen.append(self.path)


@contextlib.contextmanager
def served(folder, isolated=False):
    """A folder on a port of its own; yields the address and the list of paths asked for."""
    seen = []
    handler = functools.partial(_Handler, directory=folder, isolated=isolated, seen=seen)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


@contextlib.contextmanager
def chromium():
    """A browser, or a skip that says what is missing."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        # A sandbox needs rights that containers lack; the pages are our own.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Page:
    """A page as its user has it.

    Args:
        browser: From ``chromium``.
        address: Of the page.
        options: Of the browser's context: ``viewport``, ``color_scheme``.
    """

    def __init__(self, browser, address, **options):
        self.context = browser.new_context(**options)
        self.requests, self.errors = [], []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(PATIENCE_MS)
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.goto(address)
        self.tab.wait_for_selector("body:not([data-state=loading])")

    def close(self):
        assert self.errors == []
        self.context.close()

    def choose(self, path):
        """Open a file and do not wait."""
        self.tab.set_input_files("#file", path)

    def open(self, path):
        """Open a file and wait for its result or for an error; returns what the page says."""
        self.choose(path)
        self.tab.wait_for_selector("body:not([data-state=working]):not([data-state=loading])")
        return self.tab.inner_text("#error") or self.tab.inner_text("#status")

    def save(self, folder):
        """Save the result; returns the path and what the page says."""
        with self.tab.expect_download() as download:
            self.tab.click("#save")
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path, self.tab.inner_text("#status")
