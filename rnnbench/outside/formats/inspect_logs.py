"""Logs of inspect_ai: ``read_inspect_archive(path, reading, of_labels)``.

An ``.eval`` is a zip archive with a file for each sample, a ``.json`` has all of them.
"""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from rnnbench.data.sources.tables.layout import Row, TextTable
from rnnbench.data.sources.tables.packed import faults_named, open_archive, open_member
from rnnbench.errors import UserError
from rnnbench.outside.columns import Columns, Reading
from rnnbench.outside.formats.rows import columns_of_log
from rnnbench.storage import Document, check_unpacked
from rnnbench.text import listed

log = logging.getLogger(__name__)
NOT_A_LOG = "cannot be read as a log of inspect_ai"
KEYS = ("id", "seed", "score", "model", "task")
OTHERS = ("input", "target", "metadata", "scores")
"""The keys of a sample that an option may name."""
HEADERS = ("header.json", "_journal/start.json")  # of a finished log, or of another


def read_inspect_log(
    path: Path, document: Document, reading: Reading, of_labels: bool
) -> Columns:
    """Return the scores of each sample; its epoch is a seed."""
    with faults_named(path, NOT_A_LOG):
        samples = document.get("samples") or []
        table = _table(document, samples, reading, path)
    columns = dict(reading.columns)
    columns.pop("score", None)  # that of a scorer, which is found
    return columns_of_log(table, path, reading._replace(columns=columns), of_labels)


def read_inspect_archive(path: Path, reading: Reading, of_labels: bool) -> Columns:
    """Return the same of an archive.

    Raises:
        UserError: it is damaged, too large, or what unpacks it is missing.
    """
    with faults_named(path, NOT_A_LOG), open_archive(path) as archive:
        check_unpacked(archive)
        names = archive.namelist()
        header = next(filter(names.__contains__, HEADERS), HEADERS[0])
        document = json.load(open_member(path, archive, header))
        document["samples"] = []
        for name in names:
            if name.startswith("samples/"):
                sample = json.load(open_member(path, archive, name))
                used = {key: sample.get(key) for key in OTHERS}
                used |= {"id": sample["id"], "epoch": sample["epoch"]}
                document["samples"].append(used)
    return read_inspect_log(path, document, reading, of_labels)


def _table(
    document: Document, samples: Iterable[Document], reading: Reading, path: Path
) -> TextTable:
    """Return a row for each sample."""
    evaluation = document["eval"]
    status = document.get("status", "unfinished")
    if status != "success":
        log.warning("%s: incomplete: the evaluation's status is '%s'", path, status)
    scorer, _, part = reading.columns.get("score", "").partition(".")
    rows = []
    scorers: dict[str, None] = {}
    for sample in samples:
        scores = sample.get("scores") or {}
        scorers |= dict.fromkeys(scores)
        value = scores.get(scorer or next(iter(scorers), ""), {}).get("value")
        if type(value) is dict:
            value = value.get(part or next(iter(value)))
        seed = f"{evaluation['run_id']} {sample['epoch']}"
        values = [sample["id"], seed, value, evaluation["model"], evaluation["task"]]
        rows.append(Row(str(path), [*values, *map(sample.get, OTHERS)]))
    if scorer and scorer not in scorers:
        raise UserError(f"{path}: no score '{scorer}' (allowed: {listed([*scorers])})")
    if len(scorers) > 1 and not scorer:
        first, *others = scorers
        hint = f"--score NAME takes another: {listed(others)}"
        log.warning("%s: the score is %s (%s)", path, first, hint)
    return TextTable([*KEYS, *OTHERS], iter(rows))
