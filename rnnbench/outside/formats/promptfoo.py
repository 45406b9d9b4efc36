"""Results of promptfoo, as .json, .jsonl or .csv: models are providers and prompts."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from rnnbench.data.sources import tables
from rnnbench.data.sources.tables.layout import Layout, Row, TextTable
from rnnbench.errors import UserError, shortened
from rnnbench.outside.columns import Columns, Reading
from rnnbench.outside.formats.rows import columns_of_log, read_as
from rnnbench.storage import Document

log = logging.getLogger("rnnbench.outside.files")
FORM = "results of promptfoo"
KEYS = ("testIdx", "promptIdx", "provider", "prompt", "score", "failureReason")
OTHERS = ("success", "namedScores", "vars", "metadata", "response")
"""The keys of a result that are used; a .csv file has columns in place of these."""
AFTER_ANSWERS = ["Status", "Score"]  # names of columns behind each column of answers
NO_ANSWER = 2  # the reason of a failure of the provider


class Answer(NamedTuple):
    """The answer of a model to a test."""

    test: object
    model: int
    provider: str
    prompt: str
    values: Sequence[object]
    """Its score, and what an option may name."""


def read_promptfoo(
    path: Path, document: Document, reading: Reading, of_labels: bool
) -> Columns:
    """Return the scores of each provider with each prompt."""
    with read_as(path, FORM):
        answers = map(_answer, document["results"]["results"])
        table = _table(answers, OTHERS, path)
    return columns_of_log(table, path, reading, of_labels)


def read_promptfoo_rows(
    path: Path, layout: Layout, reading: Reading, of_labels: bool
) -> Columns:
    """Return the same of the rows of a .jsonl or a .csv file."""
    table = tables.open_table(path, layout)
    places = _places(table.header)
    with read_as(path, FORM):
        if places:
            others = table.header[: places[0]]
            table = _table(_answers(table, places), others, path)
        else:
            table = tables.open_table(path, layout, columns=KEYS + OTHERS)
            results = (
                dict(zip(table.header, row, strict=True)) for row in _usable(table)
            )
            table = _table(map(_answer, results), OTHERS, path)
    return columns_of_log(table, path, reading, of_labels)


def is_promptfoo(header: Sequence[str]) -> bool:
    """Return whether a table has the columns of promptfoo."""
    return set(KEYS[:-1]).issubset(header) or bool(_places(header))


def _places(header: Sequence[str]) -> list[int]:
    """Return where the answers of each model stand in a .csv file."""
    places = []
    for place in range(len(header) - 2):
        if header[place + 1 : place + 3] == AFTER_ANSWERS:
            places.append(place)
    return places


def _usable(table: TextTable) -> Iterator[Sequence[object]]:
    for row in table.rows:
        if row.fault:
            raise UserError(f"{row.place}: {row.fault}")
        yield row.values


def _answers(table: TextTable, places: Sequence[int]) -> Iterator[Answer]:
    """Yield the answers in a .csv file, whose rows have those of all models."""
    for test, values in enumerate(_usable(table)):
        for model, place in enumerate(places):
            provider, _, prompt = table.header[place].removeprefix("[").partition("] ")
            used = [values[place + 2], *values[: places[0]]]
            yield Answer(test, model, provider, prompt, used)


def _answer(result: Document) -> Answer:
    provider = result["provider"]
    values = [result["score"], *map(result.get, OTHERS)]
    if result.get("failureReason") == NO_ANSWER:
        values[:2] = [None, None]
    return Answer(
        result["testIdx"],
        result["promptIdx"],
        str(provider.get("label") or provider["id"]),
        str(result["prompt"]["label"]),
        values,
    )


def _table(answers: Iterable[Answer], others: Sequence[str], path: Path) -> TextTable:
    """Return a row for each answer; models have numbers if they share a provider."""
    by_model = sorted(answers, key=attrgetter("model"))
    prompts = {answer.model: answer for answer in by_model}
    counts = Counter(answer.provider for answer in prompts.values())
    names = {}
    for model, answer in prompts.items():
        names[model] = answer.provider
        if counts[answer.provider] > 1:
            names[model] = f"{answer.provider}-prompt{model + 1}"
            log.warning("%s: %s: %s", path, names[model], shortened(answer.prompt, 60))
    rows = []
    for answer in by_model:
        values = [answer.test, names[answer.model], *answer.values]
        rows.append(Row(str(path), values))
    return TextTable(["id", "model", "score", *others], iter(rows))
