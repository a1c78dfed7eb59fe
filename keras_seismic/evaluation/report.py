"""A run as one page to look at and to pass on: ``report.html``."""

import base64
import csv
import html
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from keras_seismic.evaluation.report_style import STYLE
from keras_seismic.files import write_text

#: The scores that a reader wants first: name, unit and digits after the point.
_HEADLINES = {
    "velocity_mae_m_s": ("mean absolute error", "m/s", 0),
    "baseline_mae_m_s": ("error of predicting the mean", "m/s", 0),
    "velocity_rmse_m_s": ("root mean squared error", "m/s", 0),
    "velocity_ssim": ("structural similarity", "", 3),
    "spread_coverage": ("cells within the stated 90 % interval", "", 3),
    "spread_error_correlation": ("rank correlation of error and spread", "", 2),
    "denoiser_snr_in_db": ("signal-to-noise ratio before", "dB", 1),
    "denoiser_snr_out_db": ("signal-to-noise ratio after", "dB", 1),
}

#: What figures show, in the order of the page; others follow by name.
_FIGURES = {
    "loss": ("Training", "Loss and metrics by epoch."),
    "comparison": ("Comparison", "What each network makes of the same held-out gathers."),
    "cases": ("Best and worst cases", "The held-out models with the least and the largest error."),
    "errors": ("Errors", "How errors are distributed over the held-out models and their cells."),
    "spread": ("Stated spread", "The error of the cells by the spread that was stated for them."),
    "robustness": (
        "Robustness",
        "Error against what disturbs the gathers; dashed: without disturbance.",
    ),
    "velocity": ("Predictions", "Held-out velocity models, as they come."),
    "gathers": ("Input", "Shot gathers of a held-out model."),
}


def write_report(
    folder: str | os.PathLike[str],
    training: str | os.PathLike[str] | None = None,
    repeat: str = "",
    metrics: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``report.html`` from what a run folder holds.

    One file that needs no other and no network: curves, scores, best and worst cases, histogram of
    the errors, robustness, configuration, and how to repeat the run. What the folder lacks is left
    out. Text is escaped, and the page allows no scripts.

    Args:
        folder: A run folder, with ``config.json``; ``metrics.json``, ``history.csv``,
            ``robustness.json`` and ``figures/*.png`` are used where they are.
        training: Run folder of the model that was evaluated, whose curves and configuration are
            shown too.
        repeat: The command that repeats the run.
        metrics: The scores, where ``metrics.json`` is not written yet.

    Returns:
        The page's path.

    Raises:
        FileNotFoundError: If there is no ``config.json``.
        ValueError: If a file of the run is damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "config.json").write_text('{"command": "train <b>"}')
        ...     page = write_report(folder).read_text()
        >>> "<h1>train &lt;b&gt;" in page
        True
    """
    folder = Path(folder)
    config = _json(folder / "config.json")
    if metrics is None:
        known = (folder / "metrics.json").is_file()
        metrics = _json(folder / "metrics.json") if known else {}
    figures = {path.stem: path for path in sorted((folder / "figures").glob("*.png"))}
    ordered = [name for name in _FIGURES if name in figures]
    parts = [_headlines(metrics)]
    for name in [*ordered, *(name for name in figures if name not in _FIGURES)]:
        heading, caption = _FIGURES.get(name, (name.replace("_", " "), ""))
        table = _robustness(folder / "robustness.json") if name == "robustness" else ""
        epochs = _epochs(folder / "history.csv") if name == "loss" else ""
        parts.append(_section(heading, _figure(figures[name], caption) + epochs + table))
    if training is not None:
        parts.append(_of_training(Path(training)))
    if metrics:
        parts.append(_section("All scores", _table(("score", "value"), metrics.items())))
    parts += [_reproduction(config, repeat), _configuration(config)]
    path = folder / "report.html"
    write_text(path, _page(str(config.get("command", "run")), config, "\n".join(parts)))
    return path


def _page(title: str, config: Mapping[str, Any], body: str) -> str:
    arguments = _mapping(config, "arguments")
    facts = [arguments.get(name) for name in ("model", "data", "family", "input")]
    given = " · ".join(str(fact) for fact in facts if fact)
    times = [f"{name} {config[name]}" for name in ("started", "finished") if name in config]
    when = ", ".join(times).replace("T", " ").replace("+00:00", " UTC")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{_text(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{_text(title)}</h1>
<p class="about">{_text(given)}</p>
<p class="about">{_text(when)}</p>
{body}
</main>
</body>
</html>
"""


def _headlines(metrics: Mapping[str, Any]) -> str:
    cards = "".join(
        f'<div class="card"><b>{_text(f"{metrics[name]:.{digits}f}")}</b> {unit}'
        f"<span>{label}</span></div>"
        for name, (label, unit, digits) in _HEADLINES.items()
        if isinstance(metrics.get(name), int | float)
    )
    return f'<div class="cards">{cards}</div>' if cards else ""


def _figure(path: Path, caption: str) -> str:
    """An image within the page; on a narrow screen it scrolls rather than shrinks to nothing."""
    image = base64.b64encode(path.read_bytes()).decode()
    note = f"<figcaption>{_text(caption)}</figcaption>" if caption else ""
    alternative = _text(caption or path.stem)
    return (
        f'<figure><div class="plate"><img alt="{alternative}" '
        f'src="data:image/png;base64,{image}"></div>{note}</figure>'
    )


def _epochs(path: Path) -> str:
    if not path.is_file():
        return ""
    rows = _rows(path)
    losses = [float(row["val_loss"]) for row in rows if row.get("val_loss")]
    best = f"; the lowest validation loss, {min(losses):.4g}, was that of epoch " if losses else ""
    number = str(losses.index(min(losses)) + 1) if losses else ""
    return f"<p>{len(rows)} epochs{best}{number}.</p>"


def _robustness(path: Path) -> str:
    if not path.is_file():
        return ""
    found, rows = _json(path), []
    scores = ("velocity_mae_m_s", "velocity_rmse_m_s", "velocity_ssim")
    try:
        for row in found["rows"]:
            level = "none" if row["level"] is None else f"{row['level']:g} {row['unit']}"
            rows.append((row["kind"].replace("_", " "), level, *(row[name] for name in scores)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: expected the rows of a robustness ({error!r})") from error
    table = _table(("disturbance", "level", "MAE, m/s", "RMSE, m/s", "SSIM"), rows)
    left_out = _mapping(found, "left_out")
    missing = _table(("left out", "because"), left_out.items()) if left_out else ""
    return _folded("The numbers", table) + missing


def _of_training(folder: Path) -> str:
    """The curves and the configuration of the run that the evaluated model comes from."""
    if not (folder / "config.json").is_file():
        return ""
    config = _json(folder / "config.json")
    curves = folder / "figures" / "loss.png"
    shown = _figure(curves, "Loss and metrics by epoch.") if curves.is_file() else ""
    shown += _epochs(folder / "history.csv")
    arguments = _table(("argument", "value"), _mapping(config, "arguments").items())
    return _section("The model's training", shown + _folded("Its arguments", arguments))


def _reproduction(config: Mapping[str, Any], repeat: str) -> str:
    shown = f"<p>Repeat the run with</p><pre>{_text(repeat)}</pre>" if repeat else ""
    shown += _table(("package", "version"), _mapping(config, "versions").items())
    used = _mapping(config, "resources")
    shown += _table(("it ran on", "and took"), used.items()) if used else ""
    return _section("How it was made", shown)


def _configuration(config: Mapping[str, Any]) -> str:
    arguments = _table(("argument", "value"), _mapping(config, "arguments").items())
    raw = f"<pre>{_text(json.dumps(config, indent=1, default=str))}</pre>"
    return _section("Configuration", arguments + _folded("config.json", raw))


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{_text(heading)}</h2>{content}</section>"


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{_text(summary)}</summary>{content}</details>"


def _table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = "".join(f"<th>{_text(heading)}</th>" for heading in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(_number(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)


def _text(value: str) -> str:
    return html.escape(value, quote=True)


def _mapping(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: expected the JSON of a run ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected the JSON of a run, received {type(content).__name__}")
    return content
