"""What every benchmark writes: the machine, the versions, a table and a JSON file."""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
from collections.abc import Iterable, Sequence
from typing import Any

RESULTS = pathlib.Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Processor, number of usable cores, and operating system."""
    processor = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "processor": processor,
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions, and Python's."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table with aligned columns."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    padded = ([c.ljust(width) for c, width in zip(row, widths, strict=True)] for row in cells)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def report(
    name: str,
    results: Any,
    header: Sequence[str],
    rows: Sequence[Sequence[Any]],
    packages: Iterable[str],
    folder: pathlib.Path = RESULTS,
) -> pathlib.Path:
    """Print a Markdown table and write ``<folder>/<name>.json``.

    Args:
        name: Name of the benchmark.
        results: What was measured, as JSON-compatible values.
        header: Column titles of the table.
        rows: Its rows.
        packages: Distributions whose versions matter for the numbers.
        folder: Where the file goes.

    Returns:
        The path of the file.
    """
    content = {
        "benchmark": name,
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": versions(packages),
        "results": results,
    }
    print(markdown(header, rows))
    print(", ".join(f"{key} {value}" for key, value in content["versions"].items()))
    print(", ".join(f"{key}: {value}" for key, value in content["machine"].items()))

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    partial = path.with_suffix(".json.partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(path)
    return path
