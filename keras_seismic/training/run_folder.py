"""A run folder: everything that a training run writes."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_seismic.files import write_text, written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARK = "config.json"


class RunFolder:
    """The folder of one training run.

    ``config.json`` says how it was made, ``history.csv`` has a line for each epoch,
    ``best.keras`` is the network at its lowest validation loss, ``last-<n>.keras`` the state of
    an unfinished training after epoch n, ``model.keras`` the model in physical units,
    ``metrics.json`` holds the scores and ``figures/`` the pictures. Files are written whole or
    not at all.

    Args:
        path: The folder; made if it does not exist.
        overwrite: Empty the folder of an earlier run first. Any other folder is left alone.
        resume: Continue an interrupted run in the folder.
        parts: The run is made of parts that it keeps one by one: unless ``overwrite``, one that
            is in the folder already is continued.

    Raises:
        FileExistsError: If the folder is not empty, and ``overwrite`` is false or the folder
            is no run folder.
        FileNotFoundError: If there is nothing to resume.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     run = RunFolder(f"{parent}/run").create({"epochs": 1})
        ...     run.read("config.json")
        {'epochs': 1}
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        overwrite: bool = False,
        resume: bool = False,
        parts: bool = False,
    ) -> None:
        self.path = Path(path)
        self.overwrite, self.resume = overwrite, resume
        self._begun = parts and not overwrite and (self.path / _MARK).is_file()
        if resume:
            self._check_resumable()
        if resume or self._begun:
            return
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"{self.path}: expected a folder for the run, found a file")
        if self._occupied:
            if not overwrite:
                raise FileExistsError(
                    f"{self.path}: the folder is not empty; choose another one, or pass "
                    "overwrite=True to replace the run in it"
                )
            if not (self.path / _MARK).is_file():
                raise FileExistsError(
                    f"{self.path}: holds files but no {_MARK}, so it is no run folder and is not "
                    "overwritten; choose another one"
                )

    @property
    def _occupied(self) -> bool:
        return self.path.is_dir() and any(self.path.iterdir())

    @property
    def epochs_done(self) -> int:
        """Epochs that an interrupted run has finished; 0 unless resuming."""
        return len(next(iter(self.read_history().values()))) if self.resume else 0

    def last(self, epochs: int) -> Path:
        """Path of the training state after a number of epochs."""
        return self.path / f"last-{epochs}.keras"

    def save_progress(self, model: keras.Model, history: dict[str, list[float]]) -> None:
        """Save model and history after an epoch, so that the training can be resumed.

        Whenever it is interrupted, one model and its matching history are complete.
        """
        epochs = len(next(iter(history.values())))
        self.save_model(model, self.last(epochs).name)
        self.write_history(history)
        self.forget_progress(but=self.last(epochs))

    def forget_progress(self, but: Path | None = None) -> None:
        """Remove what only an unfinished run needs."""
        for path in self.path.glob("last-*.keras"):
            if path != but:
                path.unlink()

    def _check_resumable(self) -> None:
        for needed in (_MARK, "history.csv", None):
            path = self.path / needed if needed else self.last(self.epochs_done)
            if not path.is_file():
                raise FileNotFoundError(
                    f"{self.path}: nothing to resume: {path.name} is missing, so the run is "
                    "finished or never ended an epoch"
                )

    def create(self, config: dict[str, Any]) -> "RunFolder":
        """Make the folder, or empty it if allowed, and write ``config.json``.

        Not in the constructor, so that errors surface before an earlier run is lost. A resumed run
        keeps its files and must have the same ``config["arguments"]``.

        Args:
            config: How the run is made.

        Raises:
            FileExistsError: If another run was started there since this object was made.
            ValueError: If the run to resume was made with other arguments.
        """
        if self.resume or self._begun:
            self._check_same_arguments(config)
            return self
        if self._occupied:
            if not self.overwrite:
                raise FileExistsError(f"{self.path}: another run was started there meanwhile")
            shutil.rmtree(self.path)
        (self.path / "figures").mkdir(parents=True)
        self.write(_MARK, config)
        return self

    def _check_same_arguments(self, config: dict[str, Any]) -> None:
        before, now = (
            json.loads(json.dumps(c.get("arguments", {}), default=str))
            for c in (self.read(_MARK), config)
        )
        names = sorted((before.keys() | now.keys()) - {"out", "overwrite", "resume"})
        changed = [n for n in names if before.get(n) != now.get(n)]
        if changed:
            differences = ", ".join(f"{n}: {before.get(n)} then, {now.get(n)} now" for n in changed)
            raise ValueError(
                f"{self.path}: a run is resumed with the arguments it was started with; "
                f"{differences}"
            )

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
        content: dict[str, Any] = json.loads((self.path / name).read_text())
        return content

    def read_history(self) -> dict[str, list[float]]:
        """``history.csv`` as columns."""
        with (self.path / "history.csv").open() as file:
            rows = list(csv.DictReader(file))
        return {key: [float(row[key]) for row in rows] for key in (rows[0] if rows else ())}

    def save_model(self, model: keras.Model, name: str = "model.keras") -> Path:
        """Save a Keras model."""
        path = self.path / name
        with written_whole(path) as temporary:
            model.save(temporary)
        return path

    def save_figure(self, figure: "Figure", name: str) -> Path:
        """Save a matplotlib figure as ``figures/<name>.png``."""
        path = self.path / "figures" / f"{name}.png"
        with written_whole(path) as temporary:
            figure.savefig(temporary, dpi=120)
        return path

    def _replace(self, name: str, text: str) -> Path:
        write_text(self.path / name, text)
        return self.path / name
