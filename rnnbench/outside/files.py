"""Files with answers from anywhere, as arguments of ``verdict``."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from math import nan
from pathlib import Path
from sys import intern
from typing import Any, BinaryIO, NamedTuple, Self
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from rnnbench.api import Run, load_run
from rnnbench.data.sources import tables
from rnnbench.data.sources.files import MAX_LABELS
from rnnbench.data.sources.labels import hint_at_lists, split_labels
from rnnbench.data.sources.tables import BadRow, Layout
from rnnbench.data.sources.texts import spelled
from rnnbench.errors import UserError, did_you_mean
from rnnbench.labels import form_of
from rnnbench.outside.coding import Topics
from rnnbench.storage import MAX_UNPACKED, check_unpacked, open_regular, read_array
from rnnbench.text import counted, encodable, listed, with_article

log = logging.getLogger(__name__)
NAMES = {  # what a column, or an array, may be called without being named by an option
    "id": ("id", "ids", "doc_id", "idx", "index"),
    "label": ("label", "labels", "label_ids", "target", "gold", "y_true"),
    "prediction": ("prediction", "predictions", "predicted", "answer", "y_pred"),
    "score": ("score", "scores"),
    "model": ("model",),
    "seed": ("seed",),
    "cluster": ("cluster", "clusters"),
}
OF_HARNESS = {"doc_id", "filter", "metrics"}
"""Columns of samples of lm-evaluation-harness; ``metrics`` lists the columns with
scores."""
OTHER = "other "  # begins the keys of columns that no option names
AT_ONCE = 10_000  # the rows of a table that are looked at together
MOST_ROWS = 3_000_000  # of an array
MOST_LABELS = 10_000_000  # of all documents together, in an array
TRUTHS = {None: nan, "": nan, "True": 1.0, "False": 0.0}  # of texts, and of nothing
NEXT = "(next)"  # the seed of a training without one: how many its model had before it
Columns = dict[str, "_Column"]  # by the keys of NAMES
Rows = Sequence[tuple["_Read", NDArray[np.int32]]]  # of files, and the document of each


class _Column(NamedTuple):
    """A column of a file: its distinct values, in order of their first rows, and codes
    of rows.
    """

    values: NDArray[Any]
    codes: NDArray[np.int64]  # the position in ``values`` of the value of each row

    @classmethod
    def of(cls, values: Iterable[Any], codes: NDArray[Any] | None = None) -> Self:
        """Return the column of ``values``, one a row if there are no codes; drop unused
        ones.
        """
        values = np.fromiter(values, object)
        if codes is None:
            return cls(values, np.arange(len(values)))
        first = np.full(len(values), len(codes))  # the row of each value
        first[codes[::-1]] = np.arange(len(codes))[::-1]
        order, n_used = np.argsort(first), np.count_nonzero(first < len(codes))
        return cls(values[order[:n_used]], np.argsort(order)[codes])


class Reading(NamedTuple):
    """How files are read."""

    columns: Mapping[
        str, str
    ] = {}  # by the keys of NAMES; a dot leads into a JSON object
    only: tuple[str, str] | None = (
        None  # a column, and its value in the rows that count
    )
    separator: str | None = None  # stands between the labels of a document
    labels: _Column | None = None  # those that are in another file
    with_others: bool = False  # whether columns that no option names are read, too


class _Read(NamedTuple):
    """The rows of a file."""

    file: str
    columns: Columns


def read_answers(
    files: Sequence[str], labels: Path | None, reading: Reading
) -> dict[str, Any]:
    """Return the arguments of ``verdict`` that some files hold: tables, or NumPy
    arrays.

    A file may be ``NAME=FILE``, with the name of its model; several files of one model
    are trainings of it. Documents are matched by their ids or, if no file has any, by
    position. ``labels`` is a file with the labels, or the folder of a run.
    ``UserError`` names a file that cannot be used.
    """
    run = load_run(labels) if labels and labels.is_dir() else None
    reading = reading._replace(with_others=not run and "cluster" not in reading.columns)
    known = (
        [_of_run(run, labels) if run else _read(labels, "", reading, True)]
        if labels
        else []
    )
    reading = reading._replace(labels=known[0].columns.get("label") if known else None)
    named = [_split(file) for file in files]
    if twice := [
        file for file, own in zip(files, named, strict=True) if named.count(own) > 1
    ]:
        raise UserError(
            f"{twice[0]}: given twice (allowed: different files, or other names)"
        )
    read = []
    for path, model in named:
        read.append(_read(path, model, reading))
        reading = reading._replace(with_others=False)  # those of one file are enough
    with_ids = [*read, *(one for one in known if not run or run.results.dataset.ids)]
    has_ids, is_scored = _all_have("id", with_ids), _all_have("score", read)
    ids = Topics(
        (run.results.dataset.ids or map(str, range(len(run.labels)))) if run else ()
    )
    rows = [(one, _numbered(one, "id", ids)) for one in [*read, *known]]
    if run and (new := ids.names[len(run.labels) :]):
        raise UserError(f"{labels}: has no document '{new[0]}'")
    if not has_ids:
        log.warning("no ids: documents are matched by position")
    given = _by_model(
        rows[: len(read)], ids.names, "score" if is_scored else "prediction"
    )
    label, cluster = (_agreed(key, rows, ids.names) for key in ("label", "cluster"))
    if run:
        return given | {"labels": run}
    if label and is_scored:
        log.warning(
            "scores are compared, and labels not used (--column prediction=NAME)"
        )
    if not (label or is_scored):
        raise UserError(
            "no labels (--column label=NAME names a column, and --labels a file)"
        )
    facts: dict[str, Any] = {"clusters": cluster, "ids": ids.names if has_ids else None}
    if not cluster:
        facts["columns"] = _others(rows, len(ids.names))
    return given | facts | {"labels": None if is_scored else label}


def _of_run(run: Run, folder: Path) -> _Read:
    """Return the test documents of a run like a file with labels."""
    dataset, rows = run.results.dataset, run.labels
    topics = np.array([count.topic for count in dataset.topics], object)
    columns = {"seed": _Column.of([NEXT], np.zeros(len(rows), int))}
    if dataset.ids:
        columns["id"] = _Column.of(dataset.ids)
    if dataset.kind.has_topics:
        columns["label"] = _Column.of(form_of(rows).names(rows, topics))
    return _Read(str(folder), columns)


def _split(file: str) -> tuple[Path, str]:
    """Return the file in ``NAME=FILE``, and the name, if there is one."""
    name, _, path = file.partition("=")
    return (Path(path), name) if path and not Path(file).exists() else (Path(file), "")


def allowed_name(text: str) -> str:
    """Return a text with dashes in place of what the names of models and runs cannot
    have.
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:100]


def _read(path: Path, model: str, reading: Reading, of_labels: bool = False) -> _Read:
    """Return the rows of a file, whose name may have a model and a seed."""
    if not path.is_file():
        raise UserError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    is_numpy = path.suffix.lower() in (".npy", ".npz")
    name, columns = (_arrays if is_numpy else _table)(path, reading, of_labels)
    if not (n := len(next(iter(columns.values())).codes) if columns else 0):
        raise UserError(f"{path}: no usable row")
    if not (of_labels or {"prediction", "score"} & columns.keys()):
        raise UserError(f"{path}: no answers (--column prediction=NAME names a column)")
    found = re.fullmatch(r"(.+?)[-_.]?seed[-_=]?(\d+)", name)
    # Files of one name in several folders may be of several models.
    default = NEXT if model or "model" in columns else "0"
    own, seed = found.groups() if found else (name, default)
    for key, value in (("model", model or own), ("seed", seed)):
        columns.setdefault(key, _Column.of([value], np.zeros(n, int)))
    return _Read(str(path), columns)


def _table(path: Path, reading: Reading, of_labels: bool) -> tuple[str, Columns]:
    """Return the name and the columns of a table."""
    layout = tables.with_form(path, Layout())
    header, rows = tables.open_table(path, layout)
    names, name, classes = _found(header, reading.columns, path), path.stem, list[str]()
    if {*header} >= OF_HARNESS and "score" not in names and (first := next(rows, None)):
        metrics, name = (
            first[1][header.index("metrics")] or [""],
            path.resolve().parent.name,
        )
        names["score"] = _existing(metrics[0], header, path)
        log.warning(
            "%s: the score is %s (metrics: %s)", path, metrics[0], ", ".join(metrics)
        )
    is_scored = "score" in reading.columns or "prediction" not in names
    for key in (
        ("score", "prediction")
        if of_labels
        else ("prediction" if is_scored else "score",)
    ):
        names.pop(key, None)
    if reading.only:
        names["only"] = _existing(reading.only[0], header, path)
    known = _names_in(reading.labels) if reading.labels else set()
    if not (of_labels or {"score", "prediction"} & names.keys()):
        if "label" not in reading.columns and names.get("label") in known:
            del names["label"]  # a class whose name is in NAMES
        classes = [own for own in header if own not in names.values()]
        tables.check_unique(classes, header, path)
        if len(classes) > MAX_LABELS:
            number = f"{counted(len(classes), 'column')} of classes (allowed: {MAX_LABELS:,})"
            raise UserError(
                f"{path}: {number}; --column prediction=NAME names the answers"
            )
    names |= {f"class {own}": own for own in classes}
    if reading.with_others and not classes:
        used = {*names.values()}
        others = [own for own in tables.short_columns(path, layout) if own not in used]
        names |= {OTHER + own: own for own in others}
    columns = _counting(_values(path, layout, header, names), reading)
    if not reading.separator:
        hint_at_lists(path, _label_texts(columns), "--separator '{}'")
    for key in [key for key in columns if key == "score" or key.startswith("class ")]:
        columns[key] = _numbers(columns[key], f"{path}: {key}")
    if classes:
        found = [columns.pop(f"class {own}") for own in classes]
        scores = np.stack([values[codes] for values, codes in found], axis=1)
        labels = reading.labels or columns.get("label")
        columns["prediction"] = _decided(scores, classes, labels, path)
        if labels and (odd := [own for own in classes if own not in _names_in(labels)]):
            hint = "--column prediction=NAME names the column with answers"
            odd_names = encodable(listed(odd))
            log.warning("%s: classes that are no label: %s (%s)", path, odd_names, hint)
    return name, columns


def _names_in(labels: _Column) -> set[str]:
    """Return the names of all labels."""
    each = (own if isinstance(own, list) else [own] for own in labels.values)
    return {str(spelled(name)) for name in chain(*each)}


def _found(
    header: Sequence[str], given: Mapping[str, str], path: Path
) -> dict[str, str]:
    """Return the names of columns by what they hold."""
    usual = {
        key: own
        for key, names in NAMES.items()
        for own in reversed(names)
        if own in header
    }
    names = usual | {key: _existing(name, header, path) for key, name in given.items()}
    tables.check_unique(names.values(), header, path)
    return names


def _existing(name: str, header: Sequence[str], path: Path) -> str:
    """Return the name of a column if there is such a one; dots lead into objects of
    JSON.
    """
    if name not in header and name.partition(".")[0] not in header:
        raise UserError(f"{path}: no column '{name}' ({did_you_mean(name, header)})")
    return name


def _counting(columns: Columns, reading: Reading) -> Columns:
    """Return the rows that count, with their labels split."""
    if reading.only:
        values, codes = columns.pop("only")
        counts = np.array(
            [spelled(value) == reading.only[1] for value in values], bool
        )[codes]
        columns = {
            key: _Column.of(of.values, of.codes[counts]) for key, of in columns.items()
        }
    if mark := reading.separator:
        for key in {"label", "prediction"} & columns.keys():
            values, codes = columns[key]
            split = (
                split_labels(own, mark) if type(own) is str else own for own in values
            )
            columns[key] = _Column.of(split, codes)
    return columns


def _label_texts(columns: Columns) -> list[str]:
    """Return the labels and the answers that are texts."""
    texts = []
    for key in {"label", "prediction"} & columns.keys():
        texts += [value for value in columns[key].values if isinstance(value, str)]
    return texts


def _values(
    path: Path, layout: Layout, header: list[str], names: Mapping[str, str]
) -> Columns:
    """Return columns of a table by their keys."""
    in_header = set(header)
    keys = {
        key: [name] if name in in_header else name.split(".")
        for key, name in names.items()
    }
    firsts = [first for first, *_ in keys.values()]
    is_flat = all(len(own) == 1 for own in keys.values())
    if is_flat and (
        at_once := tables.columns_at_once(path, layout, list(dict.fromkeys(firsts)))
    ):
        return {key: _Column.of(*at_once[name]) for key, (name, *_) in keys.items()}
    header, rows = tables.open_table(path, layout, columns=firsts)
    columns: dict[str, list[Any]] = {key: [] for key in names}
    places = [
        (columns[key], header.index(first), inner)
        for key, (first, *inner) in keys.items()
    ]
    while block := list(islice(rows, AT_ONCE)):
        for bad in (row for row in block if isinstance(row, BadRow)):
            raise UserError(f"{bad.place}: {bad.fault}")
        for column, place, inner in places:
            found: list[Any] = [row[1][place] for row in block]
            for key in inner:
                found = [
                    one.get(key) if isinstance(one, dict) else None for one in found
                ]
            column += [intern(one) if type(one) is str else one for one in found]
    return {key: _Column.of(column) for key, column in columns.items()}


def _numbers(column: _Column, where: str) -> _Column:
    """Return a column of numbers; a missing one is NaN."""
    try:
        numbers = [
            TRUTHS[own] if own in TRUTHS else float(own) for own in column.values
        ]
        return _Column(np.array(numbers, float), column.codes)
    except (TypeError, ValueError, OverflowError) as error:  # TypeError: a list
        hint = "--column prediction=NAME names the column with answers"
        raise UserError(f"{where}: not only numbers: {error} ({hint})") from None


def _decided(
    scores: NDArray[Any], classes: Sequence[Any], labels: _Column | None, path: Path
) -> _Column:
    """Return the class with the best score of each row or, if labels are lists, those
    above half.

    These have probabilities from 0.5, or margins from 0; a row that is not whole has no
    answer.
    """
    half = 0.5 * (np.nanmin(scores, initial=0) >= 0)
    may_have_several = labels and any(
        isinstance(value, list) for value in labels.values
    )
    if may_have_several and not half and np.nanmax(scores) <= 0:
        hint = "are they logarithms? should be probabilities or margins"
        raise UserError(f"{path}: no score is above 0 ({hint})")
    answers: list[Any] = []
    n_labels = 0
    for start in range(0, len(scores), AT_ONCE):
        block = scores[start : start + AT_ONCE]
        if may_have_several:
            n_labels += int(np.count_nonzero(block >= half))
            _check_number(n_labels, str(path))
        is_complete = ~np.isnan(block).any(axis=1)
        best = np.where(is_complete[:, np.newaxis], block, 0).argmax(axis=1)
        for row, best_place, has_answer in zip(block, best, is_complete, strict=True):
            if not has_answer:
                answers.append(None)
            elif may_have_several:
                answers.append(
                    [classes[at] for at in np.flatnonzero(row >= half).tolist()]
                )
            else:
                answers.append(classes[best_place])
    return _Column.of(answers)


def _arrays(path: Path, reading: Reading, of_labels: bool) -> tuple[str, Columns]:
    """Return the name and the arrays of a NumPy file, as lists."""
    arrays = _stored_arrays(path, reading, of_labels)
    columns: Columns = {}
    for key, array in sorted(arrays.items()):  # labels before predictions
        if array.ndim == 1:
            columns[key] = _Column.of(array.tolist())
        elif key == "prediction" and array.dtype.kind == "f":
            labels = reading.labels or columns.get("label")
            columns[key] = _decided(array, range(array.shape[1]), labels, path)
        else:
            columns[key] = _Column.of(_places_of_ones(array, f"{path}: {key}"))
    return path.stem, columns


def _stored_arrays(
    path: Path, reading: Reading, of_labels: bool
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a NumPy file by what they hold, all of the same length."""
    names = ["label" if of_labels else "prediction"]
    with open_regular(path, MAX_UNPACKED) as raw:
        try:
            if path.suffix.lower() == ".npz":
                names, arrays = _members(raw, reading, path)
            else:
                array = read_array(raw, path.stat().st_size, MOST_ROWS)
                arrays = dict.fromkeys(_found(names, reading.columns, path), array)
        except (MemoryError, UserError):
            raise
        except (
            Exception
        ) as error:  # damage makes NumPy and zipfile raise almost anything
            reason = str(error) or type(error).__name__
            raise UserError(
                f"{path}: cannot be read as NumPy arrays: {reason}"
            ) from None
    are_usable = all(map(_is_usable, arrays.values()))
    lengths = {array.shape[:1] for array in arrays.values()}
    if not (arrays and are_usable) or len(lengths) > 1:
        shapes = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
        rows = f"each with one dimension, or with rows for 2 to {MAX_LABELS:,} classes"
        hint = f"label, prediction and id, of the same length; {rows}"
        raise UserError(f"{path}: {shapes or listed(names)} (should be {hint})")
    return arrays


def _members(
    raw: BinaryIO, reading: Reading, path: Path
) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """Return the names of all arrays in an archive, and the needed ones by what they
    hold.
    """
    archive = ZipFile(raw)
    check_unpacked(archive)
    members = {
        member.filename.removesuffix(".npy"): member for member in archive.infolist()
    }
    arrays = {}
    for key, name in _found(list(members), reading.columns, path).items():
        with archive.open(members[name]) as file:
            arrays[key] = read_array(file, members[name].file_size, MOST_ROWS)
    return list(members), arrays


def _is_usable(array: NDArray[Any]) -> bool:
    """Return whether an array has a value for each document, or a row of values for
    classes.
    """
    return array.ndim == 1 or (array.ndim == 2 and 1 < array.shape[1] <= MAX_LABELS)


def _places_of_ones(array: NDArray[Any], where: str) -> list[list[int]]:
    """Return the labels of each document, from an array ``(n, n_labels)`` of 0 and
    1.
    """
    rows: list[list[int]] = []
    n_labels = 0
    for start in range(0, len(array), AT_ONCE):
        block = array[start : start + AT_ONCE]
        if block.dtype.kind not in "biuf" or not np.isin(block, (0, 1)).all():
            raise UserError(f"{where}: rows should have only 0 and 1")
        n_labels += int(np.count_nonzero(block))
        _check_number(n_labels, where)
        rows += [np.flatnonzero(row).tolist() for row in block]
    return rows


def _check_number(n_labels: int, where: str) -> None:
    """Raise ``UserError`` if documents have more labels than there is room for."""
    if n_labels > MOST_LABELS:
        raise UserError(f"{where}: more than {MOST_LABELS:,} labels")


def _all_have(key: str, read: Sequence[_Read]) -> bool:
    """Return whether all files have a column; if only some have, that is an error."""
    have = {key in one.columns: one.file for one in read}
    if len(have) > 1:
        raise UserError(
            f"{have[False]}: no {key}, unlike {have[True]} (--column {key}=NAME)"
        )
    return True in have


def _agreed(key: str, rows: Rows, ids: Sequence[str]) -> list[Any] | None:
    """Return the label or the cluster of each document, on which all files have to
    agree.
    """
    agreed = np.full(len(ids), -1)
    having = [(one, own) for one, own in rows if key in one.columns]
    known: dict[
        Any, tuple[int, Any]
    ] = {}  # the number of each value, and how it was first written
    for one, own in having:
        values, codes = one.columns[key]
        numbers = [
            known.setdefault(_plain(v), (len(known), v))[0] for v in values.tolist()
        ]
        found = np.array(numbers)[codes]
        new = np.flatnonzero(agreed[own] < 0)[
            ::-1
        ]  # the first row of a document is set last
        agreed[own[new]] = found[new]
        for row in np.flatnonzero(agreed[own] != found)[:1].tolist():
            both = [
                list(known.values())[at][1] for at in (agreed[own[row]], found[row])
            ]
            fault = (
                f"two {key}s of one document: {both[0]}, {both[1]} (id {ids[own[row]]})"
            )
            raise UserError(f"{one.file}: {fault}")
    shown = [*(value for _, value in known.values()), None]
    return [shown[number] for number in agreed.tolist()] if having else None


def _others(rows: Rows, n: int) -> dict[str, list[Any]]:
    """Return the columns that no option names, with one value for each of ``n``
    documents.

    Columns with two values for a document are left out.
    """
    others: dict[str, list[Any]] = {}
    for read, documents in rows:
        for key in read.columns:
            if not key.startswith(OTHER):
                continue
            column = read.columns[key]
            code_of = np.full(n, -1)
            code_of[documents] = column.codes
            if (code_of < 0).any() or (code_of[documents] != column.codes).any():
                continue
            others.setdefault(key.removeprefix(OTHER), column.values[code_of].tolist())
    return others


def _plain(value: Any) -> Any:
    """Return a label, or several, so that equal ones are equal in all files."""
    if isinstance(value, list):
        return frozenset(str(spelled(one)) for one in value)
    return None if value is None else str(spelled(value))


def _by_model(rows: Rows, ids: Sequence[str], key: str) -> dict[str, Any]:
    """Return the answers of each model by seed, and the files that they came from."""
    answers: dict[str, dict[Any, Any]] = {}
    files: dict[str, dict[str, None]] = {}
    written: dict[str, str] = {}
    for one, own in rows:
        models, seeds, (values, codes) = Topics(), Topics(), one.columns[key]
        of_model, of_seed = (
            _numbered(one, "model", models),
            _numbered(one, "seed", seeds),
        )
        training = of_model.astype(np.int64) * len(seeds.names) + of_seed
        order = np.argsort(training, kind="stable")
        numbers, starts = np.unique(training[order], return_index=True)
        for number, chosen in zip(
            numbers.tolist(), np.split(order, starts[1:]), strict=True
        ):
            at, of = divmod(number, len(seeds.names))
            own_name, seed = models.names[at], seeds.names[of]
            model = allowed_name(own_name)
            if not model or written.setdefault(model, own_name) != own_name:
                fault = f"model '{own_name}'" + (
                    f": also '{written[model]}'" if model else ""
                )
                raise UserError(
                    f"{one.file}: {fault} (allowed: names that differ in A-Z, 0-9, _)"
                )
            trainings = answers.setdefault(model, {})
            seed = str(len(trainings)) if seed == NEXT else seed
            seed = seed.lstrip("0") or "0" if seed.isdecimal() else seed  # 01 is 1
            counts = np.bincount(own[chosen])
            if seed in trainings or counts.max() > 1:
                twice = ids[int(counts.argmax())]
                fault = f"two answers of {model}, seed {seed}, to a document: {twice}"
                hint = "--only COLUMN=VALUE chooses rows; NAME=FILE names a model"
                raise UserError(f"{one.file}: {fault} ({hint})")
            trainings[seed] = np.full(len(ids), None, values.dtype)
            trainings[seed][own[chosen]] = values[codes[chosen]]
            files.setdefault(model, {})[one.file] = None
    for model, trainings in answers.items():
        are_numbers = all(map(str.isdecimal, trainings))
        numbers = [*map(int, trainings)] if are_numbers else range(len(trainings))
        answers[model] = dict(zip(numbers, trainings.values(), strict=True))
    return {
        "answers": answers,
        "origin": {model: ", ".join(own) for model, own in files.items()},
    }


def _numbered(one: _Read, key: str, names: Topics) -> NDArray[np.int32]:
    """Return the number of the name in each row; without a column, each has a name of
    its own.
    """
    names.where = f"{one.file}: {key}"
    values, codes = one.columns.get(key) or _Column.of(
        range(len(one.columns["seed"].codes))
    )
    places = names.places(values)[codes]
    if lacking := int((places < 0).sum()):
        raise UserError(
            f"{one.file}: {counted(lacking, 'row')} without {with_article(key)}"
        )
    return places
