"""Files with answers from anywhere, as arguments of ``verdict``.

>>> read = read_answers(["a.csv", "b.npz"], None, Reading())  # doctest: +SKIP
>>> verdict(read.labels, read.answers, ids=read.ids)  # doctest: +SKIP
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.api import load_run
from rnnbench.errors import UserError
from rnnbench.finished import Run
from rnnbench.labels import Positions, form_of, spelled
from rnnbench.outside.arguments import files_of
from rnnbench.outside.coding import Array, Topics
from rnnbench.outside.columns import NAMES, Column, Columns, FileRows, Reading
from rnnbench.outside.formats import read_file
from rnnbench.outside.formats.tables import OTHER
from rnnbench.outside.free_text import read_as_labels
from rnnbench.text import listed

__all__ = ["NAMES", "Reading", "allowed_name", "read_answers"]

log = logging.getLogger(__name__)
NEXT = "(next)"  # the seed of a training without one: how many its model had before it
Rows = Sequence[tuple[FileRows, NDArray[np.int32]]]
"""Of files, and the document of each row."""


@dataclass(frozen=True, eq=False)
class FileAnswers:
    """The content of files, as arguments of ``verdict``."""

    labels: Run | list[Any] | None
    answers: dict[str, dict[int, Array]]
    origin: dict[str, str]
    ids: list[str] | None = None
    clusters: list[Any] | None = None
    columns: dict[str, list[object]] = field(default_factory=dict)


def read_answers(
    arguments: Sequence[str], labels: Path | None, reading: Reading
) -> dict[str, FileAnswers]:
    """Return the answers that files hold, by task; a single one may have no name.

    An argument is a file, or a folder, whose files are read. It may be ``NAME=FILE``,
    with the name of its model; several files of one model are trainings of it.
    Documents are matched by their ids or, if no file has any, by position. ``labels``
    is a file with the labels, or the folder of a run.

    Raises:
        UserError: a file cannot be used; the message names it.
    """
    run = None
    of_labels: list[FileRows] = []
    if labels is not None and labels.is_dir():
        run = load_run(labels)
        of_labels = [_of_run(run, labels)]
        separator = reading.separator or run.benchmark.data.label_separator
        reading = reading._replace(separator=separator, with_texts=True)
    elif labels is not None:
        elsewhere = NAMES.keys() - {"label"} | {"only"}
        in_labels = reading._replace(elsewhere=elsewhere)
        read_labels, separator = _read(labels, "", in_labels, of_labels=True)
        of_labels = [read_labels]
        reading = reading._replace(separator=separator)
    if of_labels:
        columns = of_labels[0].columns
        reading = reading._replace(labels=columns.get("label"), elsewhere=columns)
    with_others = run is None and "cluster" not in reading.columns
    read = _read_all(arguments, reading._replace(with_others=with_others))
    if run is not None:
        from rnnbench.outside.trained import warn_of_trained  # imports the sources

        warn_of_trained(read, run)
    tasks = rows_by_task(read)
    labels_of_tasks = dict.fromkeys(tasks, of_labels)
    if len(tasks) > 1 and of_labels:
        labels_of_tasks = rows_by_task(of_labels)
        if run is not None or tasks.keys() - labels_of_tasks.keys():
            fault = "lacks the labels of these tasks (a column 'task' names them)"
            raise UserError(f"{labels}: {fault}: {listed(list(tasks))}")
    answers = {}
    for task, files in tasks.items():
        of_task = _answers_of(files, labels_of_tasks[task], run, reading)
        if of_task.ids and len(tasks) > 1:  # documents of tasks may have the same ids
            ids = list(map(f"{task} ".__add__, of_task.ids))
            of_task = replace(of_task, ids=ids)
        answers[task] = of_task
    return answers


def _answers_of(
    files: Sequence[FileRows],
    of_labels: Sequence[FileRows],
    run: Run | None,
    reading: Reading,
) -> FileAnswers:
    """Return the answers in files, all of one task, with the labels in others."""
    has_ids = _all_have("id", [*files, *_with_ids(run, of_labels)])
    is_scored = _all_have("score", files)
    ids = _ids_of(run)
    rows = [(file, file.numbers("id", ids)) for file in [*files, *of_labels]]
    if run is not None and len(ids.names) > len(run.labels):
        new = ids.names[len(run.labels)]
        raise UserError(f"{of_labels[0].file}: has no document '{new}'")
    if not has_ids:
        log.warning("no ids: documents are matched by position")
    key = "score" if is_scored else "prediction"
    answers, origin = _by_model(rows[: len(files)], ids.names, key)
    label = _agreed("label", rows, ids.names)
    cluster = _agreed("cluster", rows, ids.names)
    if label and not is_scored and not reading.is_exact:
        read_as_labels(answers, label)
    if run is not None:
        return FileAnswers(run, answers, origin)
    columns = {}
    if not cluster:
        columns = _others(rows, len(ids.names))
    return FileAnswers(
        labels=_labels_in_use(label, is_scored=is_scored),
        answers=answers,
        origin=origin,
        ids=ids.names if has_ids else None,
        clusters=cluster,
        columns=columns,
    )


def _read_all(arguments: Sequence[str], reading: Reading) -> list[FileRows]:
    """Return the rows of files with answers."""
    read = []
    for path, model in files_of(arguments):
        rows, _ = _read(path, model, reading)
        read.append(rows)
        reading = reading._replace(with_others=False)  # those of one file are enough
    return read


def rows_by_task(files: Sequence[FileRows]) -> dict[str, list[FileRows]]:
    """Return the rows of files by task; those without one are of the only task."""
    tasks: dict[str, list[FileRows]] = {}
    for file in files:
        names_in_file = Topics([""])
        numbers = np.zeros(file.n_rows, np.int32)
        if "task" in file.columns:
            numbers = file.numbers("task", names_in_file)
            del file.columns["task"]
        for number, name in enumerate(names_in_file.names):
            if number in numbers:
                tasks.setdefault(name, []).append(file.rows(numbers == number))
    names = list(filter(None, tasks))
    if "" in tasks and names:
        if len(names) > 1:
            fault = f"no task, unlike other files ({listed(names)})"
            raise UserError(f"{tasks[''][0].file}: {fault} (--column task=NAME)")
        tasks = {names[0]: tasks[names[0]] + tasks[""]}
    return tasks


def _labels_in_use(labels: list[Any] | None, *, is_scored: bool) -> list[Any] | None:
    """Return the labels if answers have no scores; then, they are needed."""
    if is_scored:
        if labels:
            unused = "scores are compared, and labels not used"
            log.warning("%s (--column prediction=NAME)", unused)
        return None
    if not labels:
        raise UserError(
            "no labels (--column label=NAME names a column, and --labels a file)"
        )
    return labels


def _of_run(run: Run, folder: Path) -> FileRows:
    """Return the test documents of a run like a file with labels."""
    dataset = run.results.dataset
    columns = {"seed": Column.of_one(NEXT, len(run.labels))}
    if dataset.ids:
        columns["id"] = Column.of(dataset.ids)
    if dataset.kind.has_topics:
        topics = np.array(dataset.topic_names, object)
        columns["label"] = Column.of(form_of(run.labels).names(run.labels, topics))
    return FileRows(str(folder), columns)


def _ids_of(run: Run | None) -> Topics:
    """Return the ids of the test documents of a run, or their positions."""
    if run is None:
        return Topics()
    return Topics(run.results.dataset.ids or map(str, range(len(run.labels))))


def _with_ids(run: Run | None, of_labels: Sequence[FileRows]) -> Sequence[FileRows]:
    """Return the labels, unless they are those of a run without ids."""
    if run is not None and not run.results.dataset.ids:
        return []
    return of_labels


def allowed_name(text: str) -> str:
    """Return a text with dashes in place of what names of models cannot have."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:100]


def _read(
    path: Path, model: str, reading: Reading, *, of_labels: bool = False
) -> tuple[FileRows, str | None]:
    """Return the rows of a file, and what separates labels in it.

    Its name may have a model and a seed.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file")
    if not path.is_file():
        raise UserError(f"{path}: not a file")
    name, columns, separator = read_file(path, reading, of_labels=of_labels)
    rows = FileRows(str(path), columns)
    if not columns or not rows.n_rows:
        raise UserError(f"{path}: no usable row")
    if not of_labels and not {"prediction", "score"} & columns.keys():
        raise UserError(f"{path}: no answers (--column prediction=NAME names a column)")
    _complete(columns, name, model, rows.n_rows)
    return rows, separator


def _complete(columns: Columns, name: str, model: str, n_rows: int) -> None:
    """Add columns of models and seeds, whose values are in the name of the file."""
    # Files of one name in several folders may be of several models.
    seed = "0"
    if model or "model" in columns:
        seed = NEXT
    parts = re.fullmatch(r"(.+?)[-_.]?seed[-_=]?(\d+)", name)
    if parts:
        name, seed = parts.groups()
    if model and "model" in columns and len(columns["model"].values) == 1:
        del columns["model"]
    columns.setdefault("model", Column.of_one(model or name, n_rows))
    columns.setdefault("seed", Column.of_one(seed, n_rows))


def _all_have(key: str, files: Sequence[FileRows]) -> bool:
    """Return whether all files have a column; if only some have, that is an error."""
    having = {key in rows.columns: rows.file for rows in files}
    if len(having) > 1:
        fault = f"no {key}, unlike {having[True]}"
        raise UserError(f"{having[False]}: {fault} (--column {key}=NAME)")
    return True in having


def _agreed(key: str, rows: Rows, ids: Sequence[str]) -> list[Any] | None:
    """Return the label or the cluster of each document, on which all files agree."""
    number_of: dict[object, int] = {}  # by plain value
    written: list[Any] = []  # how the value of each number was first written
    agreed = np.full(len(ids), -1)
    for file, documents in rows:
        if key not in file.columns:
            continue
        numbers = []
        for value in file.columns[key].values.tolist():
            number = number_of.setdefault(_plain(value), len(written))
            if number == len(written):
                written.append(value)
            numbers.append(number)
        in_file = np.array(numbers)[file.columns[key].codes]
        # the first row of a document is set last
        new = np.flatnonzero(agreed[documents] < 0)[::-1]
        agreed[documents[new]] = in_file[new]
        differing = np.flatnonzero(agreed[documents] != in_file)
        if len(differing):
            row = differing[0]
            document = documents[row]
            both = f"{written[agreed[document]]}, {written[in_file[row]]}"
            fault = f"two {key}s of one document: {both} (id {ids[document]})"
            raise UserError(f"{file.file}: {fault}")
    if not written:
        return None
    return [None if number < 0 else written[number] for number in agreed.tolist()]


def _plain(value: object) -> object:
    """Return a label, or several, so that equal ones are equal in all files."""
    match value:
        case None:
            return None
        case list():
            return frozenset(str(spelled(label)) for label in value)
    return str(spelled(value))


def _others(rows: Rows, n: int) -> dict[str, list[object]]:
    """Return the columns that no option names, as values of ``n`` documents.

    Columns with two values for a document are left out.
    """
    others: dict[str, list[object]] = {}
    for file, documents in rows:
        for key, column in file.columns.items():
            if not key.startswith(OTHER):
                continue
            code_of = np.full(n, -1)
            code_of[documents] = column.codes
            if (code_of < 0).any() or (code_of[documents] != column.codes).any():
                continue
            others.setdefault(key.removeprefix(OTHER), column.values[code_of].tolist())
    return others


def _by_model(
    rows: Rows, ids: Sequence[str], key: str
) -> tuple[dict[str, dict[int, Array]], dict[str, str]]:
    """Return the answers of each model by seed, and the files that they came from."""
    answers: dict[str, dict[str, Array]] = {}
    files: dict[str, dict[str, None]] = {}
    written: dict[str, str] = {}
    for file, documents in rows:
        values, codes = file.columns[key]
        for name, seed, chosen in _trainings_in(file):
            model = allowed_name(name)
            if not model or written.setdefault(model, name) != name:
                fault = f"model '{name}'"
                if model:
                    fault += f": also '{written[model]}'"
                hint = "allowed: names that differ in A-Z, 0-9, _"
                raise UserError(f"{file.file}: {fault} ({hint})")
            trainings = answers.setdefault(model, {})
            seed = _plain_seed(seed, len(trainings))  # noqa: PLW2901 - the same seed
            counts = np.bincount(documents[chosen])
            if seed in trainings or counts.max() > 1:
                twice = ids[int(counts.argmax())]
                fault = f"two answers of {model}, seed {seed}, to a document: {twice}"
                hint = "--only COLUMN=VALUE chooses rows; NAME=FILE names a model"
                raise UserError(f"{file.file}: {fault} ({hint})")
            trainings[seed] = np.full(len(ids), None, values.dtype)
            trainings[seed][documents[chosen]] = values[codes[chosen]]
            files.setdefault(model, {})[file.file] = None
    by_seed = {model: _numbered(trainings) for model, trainings in answers.items()}
    origin = {model: ", ".join(names) for model, names in files.items()}
    return by_seed, origin


def _trainings_in(file: FileRows) -> Iterator[tuple[str, str, Positions]]:
    """Yield the model, the seed and the rows of each training in a file."""
    models = Topics()
    seeds = Topics()
    of_model = file.numbers("model", models)
    of_seed = file.numbers("seed", seeds)
    n_seeds = len(seeds.names)
    training = of_model.astype(np.int64) * n_seeds + of_seed
    order = np.argsort(training, kind="stable")
    numbers, starts = np.unique(training[order], return_index=True)
    parts = np.split(order, starts[1:])
    for number, chosen in zip(numbers.tolist(), parts, strict=True):
        yield models.names[number // n_seeds], seeds.names[number % n_seeds], chosen


def _plain_seed(seed: str, n_before: int) -> str:
    """Return a seed without zeros before it; the next one if there is none."""
    if seed == NEXT:
        return str(n_before)
    if seed.isdecimal():
        return seed.lstrip("0") or "0"
    return seed


def _numbered(trainings: dict[str, Array]) -> dict[int, Array]:
    """Return the answers of a model by seed, or by number if seeds are no numbers."""
    if all(map(str.isdecimal, trainings)):
        return {int(seed): answers for seed, answers in trainings.items()}
    return dict(enumerate(trainings.values()))
