"""Results of promptfoo, as .json, .jsonl or .csv: models are providers and prompts."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from rnnbench.data.sources import tables
from rnnbench.data.sources.tables.layout import Layout, Row, TextTable
from rnnbench.data.sources.tables.packed import faults_named
from rnnbench.errors import UserError, shortened
from rnnbench.outside.columns import Columns, Reading
from rnnbench.outside.formats.rows import columns_of_log
from rnnbench.storage import Document

log = logging.getLogger(__name__)
KEYS = ("testIdx", "promptIdx", "provider", "prompt", "score", "failureReason")
OTHERS = ("success", "namedScores", "vars", "metadata", "response")
"""The keys of a result that are used."""
AFTER_ANSWERS = ["Status", "Score"]  # names of columns behind each column of answers
NO_RESULTS = "cannot be read as results of promptfoo"
NO_ANSWER = 2  # the reason of a failure of the provider


def read_promptfoo(
    path: Path, document: Document, reading: Reading, of_labels: bool
) -> Columns:
    """Return the scores of each provider with each prompt."""
    with faults_named(path, NO_RESULTS):
        table = _table(document["results"]["results"], path)
    return columns_of_log(table, path, reading, of_labels)


def read_promptfoo_rows(
    path: Path, layout: Layout, reading: Reading, of_labels: bool
) -> Columns:
    """Return the same of the rows of a .jsonl or a .csv file."""
    table = tables.open_table(path, layout)
    if not _places(table.header):
        table = tables.open_table(path, layout, columns=KEYS + OTHERS)
    with faults_named(path, NO_RESULTS):
        table = _table(_results(table), path)
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


def _results(table: TextTable) -> Iterator[Document]:
    """Yield the results in rows; one of a .csv file has those of all models."""
    places = _places(table.header)
    for test, row in enumerate(table.rows):
        if row.fault:
            raise UserError(f"{row.place}: {row.fault}")
        values = dict(zip(table.header, row.values, strict=True))
        if not places:
            yield values
        for model, place in enumerate(places):
            provider, _, prompt = table.header[place].removeprefix("[").partition("] ")
            yield {
                "testIdx": test,
                "promptIdx": model,
                "provider": {"id": provider},
                "prompt": {"label": prompt},
                "score": row.values[place + 2],
                "vars": values,
            }


def _table(results: Iterable[Document], path: Path) -> TextTable:
    """Return a row for each result; models have numbers if they share a provider."""
    by_model = sorted(results, key=itemgetter("promptIdx"))
    providers = {}
    prompts = {}
    for result in by_model:
        model = result["promptIdx"]
        provider = result["provider"]
        providers[model] = str(provider.get("label") or provider["id"])
        prompts[model] = str(result["prompt"]["label"])
    counts = Counter(providers.values())
    names = dict(providers)
    for model, provider in providers.items():
        if counts[provider] > 1:
            names[model] = f"{provider}-prompt{model + 1}"
            log.warning("%s: %s: %s", path, names[model], shortened(prompts[model], 60))
    rows = []
    for result in by_model:
        scores = [result["score"], result.get("success")]
        if result.get("failureReason") == NO_ANSWER:
            scores = [None, None]
        model = names[result["promptIdx"]]
        others = map(result.get, OTHERS[1:])
        rows.append(Row(str(path), [result["testIdx"], model, *scores, *others]))
    return TextTable(["id", "model", "score", *OTHERS], iter(rows))
