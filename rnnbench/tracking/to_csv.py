"""The tracker ``csv``: a table with a row for each epoch, ``epochs.csv``."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.errors import UserError
from rnnbench.tracking.base import Tracker

if TYPE_CHECKING:
    from rnnbench.config.schema import Benchmark
    from rnnbench.training.outcome import TrialResult
    from rnnbench.training.trial import Trial

COLUMNS = ("model", "seed", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "fingerprint")

Row = tuple[str, ...]
Trials = dict[tuple[str, str, str], dict[int, Row]]
"""The rows of each trial by epoch; a trial is a model, a seed and a fingerprint."""


class CsvTracker(Tracker):
    """Appends each epoch at once, so that a run that is killed loses none.

    A trial that starts anew takes the same steps, so its rows are not repeated. Validation scores
    are filled in when it has finished.
    """

    name = "csv"

    def start(self, folder: Path, benchmark: "Benchmark", trials: Sequence["Trial"]) -> None:  # noqa: ARG002
        """Read the rows of earlier runs, and make the file if there is none."""
        self._file = folder / "epochs.csv"
        self._trials = _read(self._file)
        self._write_all()

    def epoch_ended(self, trial: "Trial", epoch: int, loss: float, accuracy: float) -> None:
        """Append a row, unless an earlier attempt at the trial has."""
        rows = self._trials.setdefault(_key(trial), {})
        if epoch not in rows:
            rows[epoch] = _row(trial, epoch, (loss, accuracy))
            with self._file.open("a", encoding="utf-8", newline="") as file:
                file.write(_spell([rows[epoch]]))

    def trial_finished(
        self,
        trial: "Trial",
        result: "TrialResult",
        metrics: Mapping[str, float],  # noqa: ARG002
    ) -> None:
        """Hold the rows against the history, which has validation scores too."""
        history = result.record.history
        curves = [history.loss, history.accuracy, history.val_loss, history.val_accuracy]
        epochs = zip(*filter(None, curves), strict=True)
        rows = {epoch: _row(trial, epoch, each) for epoch, each in enumerate(epochs, start=1)}
        if rows and rows != self._trials.get(_key(trial)):
            self._trials[_key(trial)] = rows
            self._write_all()

    def _write_all(self) -> None:
        from rnnbench.storage import write_text

        rows = [row for of_trial in self._trials.values() for row in of_trial.values()]
        write_text(self._file, _spell([COLUMNS, *rows]))


def _key(trial: "Trial") -> tuple[str, str, str]:
    return trial.name, str(trial.seed), trial.fingerprint


def _row(trial: "Trial", epoch: int, scores: Sequence[float | None]) -> Row:
    numbers = [repr(math.nan if score is None else float(score)) for score in scores]
    model, seed, fingerprint = _key(trial)
    return (model, seed, str(epoch), *numbers, *[""] * (4 - len(numbers)), fingerprint)


def _spell(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _read(file: Path) -> Trials:
    """Return the rows in a file, without one that was cut off.

    Raises:
        UserError: it is not such a table.
    """
    from rnnbench.storage import MAX_DOCUMENT, read_file

    try:
        text = read_file(file, MAX_DOCUMENT).decode()
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _misfit(file) from error
    whole = text[: text.rfind("\n") + 1]
    header, *rows = [tuple(row) for row in csv.reader(io.StringIO(whole))] or [()]
    if header != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise _misfit(file)
    trials: Trials = {}
    for row in rows:
        model, seed, epoch, *_, fingerprint = row
        if not epoch.isdecimal():
            raise _misfit(file)
        trials.setdefault((model, seed, fingerprint), {})[int(epoch)] = row
    return trials


def _misfit(file: Path) -> UserError:
    columns = ", ".join(COLUMNS)
    return UserError(f"{file}: not a table of epochs with the columns {columns}; move it away")
