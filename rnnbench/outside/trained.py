"""Answers for texts that a run trained on: ``warn_of_trained(files, run)``."""

import logging
from collections.abc import Iterable

from rnnbench.data.cached import cached_documents
from rnnbench.data.vocabulary import encode, make_vocabulary
from rnnbench.finished import Run
from rnnbench.outside.columns import FileRows

log = logging.getLogger("rnnbench.outside.files")


def warn_of_trained(files: Iterable[FileRows], run: Run) -> None:
    """Say which files have texts among the training documents of a run.

    The words of these documents come from the cache; nothing is said without them.
    """
    texts_of = {}
    for file in files:
        if "text" in file.columns:
            values, codes = file.columns["text"]
            texts_of[file.file] = list(map(str, values[codes]))
    if not texts_of:
        return
    cached = cached_documents(run.results.dataset, run.benchmark.data)
    if cached is None:
        return
    corpus, dataset = cached
    vocabulary = make_vocabulary(corpus, dataset, run.benchmark.data)
    trained = set(map(corpus.text, dataset.train_documents))
    for name, texts in texts_of.items():
        are_trained = list(map(trained.__contains__, encode(texts, vocabulary).texts))
        if any(are_trained):
            number = f"{sum(are_trained):,} of {len(texts):,} texts"
            where = f"the training documents of {run.folder}"
            log.warning("%s: %s are among %s", name, number, where)
