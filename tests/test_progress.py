"""Progress on a terminal and in a log."""

import io

import pytest

from keras_seismic import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when a test says so."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def run(clock, stream, seconds, enabled=True, total=10):
    with progress.Progress(total, "counting", "item", enabled, stream) as bar:
        for _ in range(total):
            clock[0] += seconds
            bar.advance()
    return stream.getvalue()


def test_a_terminal_sees_one_line_redrawn_and_a_total(clock):
    text = run(clock, Terminal(), seconds=1)
    assert "\rcounting: 2/10 items, 2 s, about 8 s to go" in text
    assert text.count("\n") == 1
    assert text.endswith("\rcounting: 10 items in 10.0 s\033[K\n")


def test_a_log_gets_a_line_every_half_minute(clock):
    lines = run(clock, io.StringIO(), seconds=20).splitlines()
    assert lines[0] == "counting: 2/10 items, 40 s, about 160 s to go"
    assert lines[-1] == "counting: 10 items in 200.0 s"
    assert len(lines) == 6
    assert "\r" not in "".join(lines)


def test_short_or_silent_work_says_nothing(clock):
    assert run(clock, Terminal(), seconds=0.01) == ""
    assert run(clock, Terminal(), seconds=5, enabled=False) == ""


def test_an_interruption_ends_the_line(clock):
    stream = Terminal()
    bar = progress.Progress(9, "x", stream=stream).__enter__()
    clock[0] = 2
    bar.advance()
    bar.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert stream.getvalue().endswith("to go\033[K\n")
