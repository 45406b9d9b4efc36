"""Answers for texts that a run trained on: ``warn_of_trained(files, run)``."""

import logging
from collections.abc import Iterable
from pathlib import Path

from rnnbench.data.cached import cached_documents
from rnnbench.data.sources import tables
from rnnbench.data.sources.tables import READERS, Layout
from rnnbench.data.sources.tables.sniffing import TEXT_NAMES
from rnnbench.data.vocabulary import encode, make_vocabulary
from rnnbench.finished import Run

log = logging.getLogger("rnnbench.outside.files")


def warn_of_trained(files: Iterable[Path], run: Run) -> None:
    """Say which files have texts among the training documents of a run.

    The words of these documents come from the cache; nothing is said without them.
    """
    texts_of = {}
    for file in files:
        texts = _texts_in(file)
        if texts:
            texts_of[file] = texts
    if not texts_of:
        return
    cached = cached_documents(run.results.dataset, run.benchmark.data)
    if cached is None:
        return
    corpus, dataset = cached
    vocabulary = make_vocabulary(corpus, dataset, run.benchmark.data)
    trained = set(map(corpus.text, dataset.train_documents))
    for file, texts in texts_of.items():
        are_trained = list(map(trained.__contains__, encode(texts, vocabulary).texts))
        if any(are_trained):
            number = f"{sum(are_trained):,} of {len(texts):,} texts"
            where = f"the training documents of {run.folder}"
            log.warning("%s: %s are among %s", file, number, where)


def _texts_in(path: Path) -> list[str]:
    """Return the texts in a table, if a column has the name of one with texts."""
    texts: list[str] = []
    if path.suffix.lower() not in READERS:
        return texts
    layout = tables.with_form(path, Layout())
    header, rows = tables.open_table(path, layout)
    name = next(filter(header.__contains__, TEXT_NAMES), None)
    if name is not None:
        place = header.index(name)
        for row in rows:
            if not row.fault:
                texts.append(str(row.values[place]))
    return texts
