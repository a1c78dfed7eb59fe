"""A run folder: everything that a training run writes."""

import contextlib
import csv
import json
import os
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_seismic.file_checks import checked_entries, read_json
from keras_seismic.files import remove_abandoned, written_whole
from keras_seismic.training.devices import shard, wait_for_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARK = "config.json"


class FinishedRunError(RuntimeError):
    """Says that the run to resume is complete."""


class RunFolder:
    """The folder of one training run.

    ``config.json`` says how it was made, ``history.csv`` has a line for each epoch,
    ``best.keras`` is the network at its lowest validation loss, ``model.keras`` the model in
    physical units and ``figures/`` holds the pictures. ``last-<n>.keras`` is the state of an
    unfinished run after epoch n; the one before it is kept, in case it is damaged.
    ``metrics.json`` holds the scores and is written last: a run that has it is complete. Files are
    written whole or not at all, so that a run killed at any moment can be resumed.

    Args:
        path: The folder; made if it does not exist.
        overwrite: Empty the folder of an earlier run first. Any other folder is left alone.
        resume: Continue the run in the folder, or begin it if there is none. With ``overwrite``,
            a run that was made with other arguments is replaced.

    Raises:
        FileExistsError: If the folder is not empty, and neither is true or the folder is no run
            folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     run = RunFolder(f"{parent}/run").create({"epochs": 1})
        ...     run.read("config.json")
        {'epochs': 1}
    """

    def __init__(
        self, path: str | os.PathLike[str], overwrite: bool = False, resume: bool = False
    ) -> None:
        self.path = Path(path)
        self.overwrite, self.resume = overwrite, resume
        #: Epochs that the interrupted run has finished; known once the run is created.
        self.epochs_done = 0
        #: Whether this process writes: of several that train together, the first.
        self.writes = shard()[0] == 0
        if not self.writes:
            return
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"{self.path}: expected a folder for the run, found a file")
        if self._occupied and not self._begun and (overwrite or resume):
            raise FileExistsError(
                f"{self.path}: holds files but no {_MARK}, so it is no run folder and is "
                "neither overwritten nor resumed; choose another one"
            )
        if self._occupied and not (overwrite or resume):
            raise FileExistsError(
                f"{self.path}: the folder is not empty; choose another one, or pass "
                "overwrite=True to replace the run in it"
            )

    @property
    def _begun(self) -> bool:
        return (self.path / _MARK).is_file()

    @property
    def _occupied(self) -> bool:
        return self.path.is_dir() and any(
            ".partial" not in path.name for path in self.path.iterdir()
        )

    def last(self, epochs: int) -> Path:
        """Path of the training state after a number of epochs."""
        return self.path / f"last-{epochs}.keras"

    def save_progress(self, model: keras.Model, history: dict[str, list[float]]) -> None:
        """Save model and history after an epoch, so that the training can be resumed.

        Whenever it is interrupted, one model and its matching history are complete.
        """
        epochs = len(history["loss"])
        self.save_model(model, self.last(epochs).name)
        self.write_history(history)
        if best_epoch(history, epochs) == epochs:
            self.save_model(model, "best.keras")
        self._forget_progress(but=(self.last(epochs), self.last(epochs - 1)))

    def finish(self, metrics: dict[str, Any]) -> None:
        """Write ``metrics.json``, which makes the run complete, and forget its progress.

        Args:
            metrics: The scores.
        """
        self.write("metrics.json", metrics)
        self._forget_progress()

    def _forget_progress(self, but: Sequence[Path] = ()) -> None:
        for path in self.path.glob("last-*.keras"):
            if self.writes and path not in but:
                path.unlink()

    def create(self, config: dict[str, Any]) -> "RunFolder":
        """Make the folder, or empty it if allowed, and write ``config.json``.

        Not in the constructor, so that errors surface before an earlier run is lost. A resumed run
        keeps its files and must have the same ``config["arguments"]``.

        Args:
            config: How the run is made.

        Raises:
            FileExistsError: If another run was started there since this object was made.
            FinishedRunError: If the run to resume is complete.
            ValueError: If the run to resume was made with other arguments.
        """
        if self.writes:
            self._begin(config)
        wait_for_all("create")
        if not self._begun:
            raise FileNotFoundError(
                f"{self.path}: expected a folder on a file system that all processes share, but "
                "what the first one wrote is not seen here"
            )
        self._find_progress()
        return self

    def _begin(self, config: dict[str, Any]) -> None:
        for folder in (self.path, self.path / "figures"):
            remove_abandoned(folder)
        if self.resume and self._begun:
            changed = self._changed_arguments(config)
            if not changed:
                return
            if not self.overwrite:
                raise ValueError(
                    f"{self.path}: a run is resumed with the arguments it was started with; "
                    f"{changed}"
                )
        if self._occupied:
            if not self.overwrite:
                raise FileExistsError(f"{self.path}: another run was started there meanwhile")
            self._empty()
        self.path.mkdir(parents=True, exist_ok=True)
        self.write(_MARK, config)

    def _empty(self) -> None:
        """Remove an earlier run; until the end, it is a run folder, and no complete one."""
        first, last = self.path / "metrics.json", self.path / _MARK
        first.unlink(missing_ok=True)
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != last:
                path.unlink()

    def _find_progress(self) -> None:
        """Find the newest state that is whole."""
        if (self.path / "metrics.json").is_file():
            self._forget_progress()
            raise FinishedRunError(f"{self.path}: this run is finished")
        if not (self.path / "history.csv").is_file():
            return
        history = self.read_history()
        if not {"loss", "val_loss"} <= history.keys():
            raise ValueError(f"{self.path / 'history.csv'}: is not what a run writes: no losses")
        for epochs in range(len(history["loss"]), 0, -1):
            state, best = self.last(epochs), best_epoch(history, epochs)
            needed = [state] if best == epochs else [state, self.path / "best.keras"]
            damaged = [path for path in needed if not _is_whole(path)]
            if not damaged:
                self.epochs_done = epochs
                return
            if state.exists():
                names = " and ".join(path.name for path in damaged)
                warnings.warn(
                    f"{self.path}: {names} cannot be read; going on from before epoch {epochs}",
                    stacklevel=3,
                )

    def _changed_arguments(self, config: dict[str, Any]) -> str:
        before, now = (
            json.loads(json.dumps(c.get("arguments", {}), default=str))
            for c in (self.read(_MARK), config)
        )
        if not isinstance(before, dict):
            raise ValueError(f"{self.path / _MARK}: is not what a run writes: no arguments")
        names = sorted((before.keys() | now.keys()) - {"out", "overwrite", "resume"})
        changed = [n for n in names if before.get(n) != now.get(n)]
        return ", ".join(f"{n}: {before.get(n)} then, {now.get(n)} now" for n in changed)

    def write(self, name: str, content: dict[str, Any]) -> Path:
        """Write a JSON file."""
        return self._replace(name, json.dumps(content, indent=2, default=str) + "\n")

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file, ending with a newline."""
        return self._replace(name, text + "\n")

    def write_history(self, history: dict[str, list[float]]) -> Path:
        """Write ``history.csv``, a line for each epoch, from the columns of a Keras history."""
        rows = zip(*history.values(), strict=True)
        lines = [["epoch", *history], *([i + 1, *row] for i, row in enumerate(rows))]
        text = "\n".join(",".join(str(value) for value in line) for line in lines)
        return self._replace("history.csv", text + "\n")

    def read(self, name: str) -> dict[str, Any]:
        """The contents of a JSON file of the run."""
        try:
            content: dict[str, Any] = read_json(self.path / name)
            if not isinstance(content, dict):
                raise ValueError("names and values were expected")
        except ValueError as error:
            raise ValueError(f"{self.path / name}: is not what a run writes: {error}") from error
        return content

    def read_history(self) -> dict[str, list[float]]:
        """``history.csv`` as columns."""
        path = self.path / "history.csv"
        try:
            with path.open(encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            return {key: [float(row[key]) for row in rows] for key in (rows[0] if rows else ())}
        except (ValueError, TypeError, KeyError, csv.Error) as error:
            raise ValueError(f"{path}: is not what a run writes: {error!r}") from error

    def save_model(self, model: keras.Model, name: str = "model.keras") -> Path:
        """Save a Keras model."""
        with self._written(name) as temporary:
            model.save(temporary)
        return self.path / name

    def save_figure(self, figure: "Figure", name: str) -> Path:
        """Save a matplotlib figure as ``figures/<name>.png``."""
        with self._written(f"figures/{name}.png") as temporary:
            figure.savefig(temporary, dpi=120)
        return self.path / "figures" / f"{name}.png"

    def _replace(self, name: str, text: str) -> Path:
        with self._written(name) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return self.path / name

    @contextlib.contextmanager
    def _written(self, name: str) -> Iterator[Path]:
        """As ``written_whole``; what is not the first process' is thrown away.

        But it is made: with weights that are spread over processes, all have a part in saving.
        """
        path = self.path / name
        if not self.writes:
            with tempfile.TemporaryDirectory() as folder:
                yield Path(folder, path.name)
            return
        path.parent.mkdir(exist_ok=True)
        with written_whole(path) as temporary:
            yield temporary


def best_epoch(history: Mapping[str, Sequence[float]], epochs: int) -> int:
    """The number, from 1, of the first epoch with the lowest validation loss so far.

    Args:
        history: Columns of a Keras history.
        epochs: Epochs to look at.
    """
    return int(np.argmin(history["val_loss"][:epochs])) + 1


def _is_whole(path: Path) -> bool:
    """Whether a ``.keras`` file is there and has the contents that its checksums are of."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = checked_entries(archive, path.stat().st_size)
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return False
    return {"metadata.json", "config.json", "model.weights.h5"} <= entries.keys()
