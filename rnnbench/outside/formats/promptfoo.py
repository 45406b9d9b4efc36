"""Results of promptfoo, as .json, .jsonl or .csv: models are providers and prompts."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path

from rnnbench.data.sources import tables
from rnnbench.data.sources.tables.layout import Layout, Rows
from rnnbench.errors import UserError, shortened
from rnnbench.outside.columns import Column, Columns, Reading, columns_of_rows
from rnnbench.storage import Document

log = logging.getLogger("rnnbench.outside.files")
KEYS = ("testIdx", "promptIdx", "provider", "prompt", "score", "failureReason")
"""Those of a result that are used."""
AFTER_ANSWERS = ("Status", "Score")  # names of columns behind each column of answers
NO_ANSWER = 2  # the reason of a failure of the provider
Answer = tuple[object, int, str, str, object]
"""The number of a test, that of a model, its provider and prompt, and the score."""


def read_promptfoo(
    path: Path, document: Document, reading: Reading, _of_labels: bool
) -> tuple[str, Columns]:
    """Return the scores of each provider with each prompt."""
    results = document["results"]["results"]
    answer = partial(_answer, key=reading.columns.get("score", "score"))
    return path.stem, _scores(map(answer, results), path)


def read_promptfoo_rows(path: Path, layout: Layout) -> Columns:
    """Return the same of the rows of a .jsonl or a .csv file."""
    header, rows = tables.open_table(path, layout)
    if not _places(header):
        header, rows = tables.open_table(path, layout, columns=KEYS)
    return _scores(_answers(header, rows), path)


def is_promptfoo(header: Sequence[str]) -> bool:
    """Return whether a table has the columns of promptfoo."""
    return set(KEYS[:-1]).issubset(header) or bool(_places(header))


def _places(header: Sequence[str]) -> list[int]:
    """Return where the answers of each model stand in a .csv file."""
    places = []
    for place in range(len(header) - 2):
        if tuple(header[place + 1 : place + 3]) == AFTER_ANSWERS:
            places.append(place)
    return places


def _answers(header: Sequence[str], rows: Rows) -> Iterator[Answer]:
    places = _places(header)
    for test, row in enumerate(rows):
        if row.fault:
            raise UserError(f"{row.place}: {row.fault}")
        if not places:
            yield _answer(dict(zip(header, row.values, strict=True)))
        for model, place in enumerate(places):
            provider, _, prompt = header[place].removeprefix("[").partition("] ")
            yield test, model, provider, prompt, row.values[place + 2]


def _answer(result: Document, key: str = "score") -> Answer:
    provider = result["provider"]
    name = provider.get("label") or provider["id"]
    score = result[key]
    if result.get("failureReason") == NO_ANSWER:
        score = None
    return (
        result["testIdx"],
        result["promptIdx"],
        name,
        result["prompt"]["label"],
        score,
    )


def _scores(answers: Iterable[Answer], path: Path) -> Columns:
    """Return scores as columns, with the number of a prompt where there are several."""
    prompts: dict[int, tuple[str, str]] = {}
    rows = []
    try:
        by_model = sorted(answers, key=itemgetter(1))
    except (KeyError, TypeError, AttributeError) as error:
        fault = f"cannot be read as results of promptfoo: {error!r}"
        raise UserError(f"{path}: {fault}") from None
    for test, model, provider, prompt, score in by_model:
        prompts[model] = (provider, prompt)
        rows.append((test, model, score))
    counts = Counter(map(itemgetter(0), prompts.values()))
    names = {}
    for model, (provider, prompt) in prompts.items():
        names[model] = provider
        if counts[provider] > 1:
            names[model] = f"{provider}-prompt{model + 1}"
            log.warning("%s: %s: %s", path, names[model], shortened(prompt, 60))
    columns = columns_of_rows(("id", "model", "score"), rows)
    columns["model"] = Column.of(map(names.get, columns["model"].values))
    return columns
