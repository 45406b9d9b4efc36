"""Answers for texts that a run trained on: ``warn_of_trained(files, run)``."""

import logging
from collections.abc import Iterable

from rnnbench.data.cached import cached_documents
from rnnbench.data.vocabulary import encode, make_vocabulary
from rnnbench.finished import Run
from rnnbench.outside.columns import FileRows

log = logging.getLogger(__name__)


def warn_of_trained(files: Iterable[FileRows], run: Run) -> None:
    """Say which files have texts among the training documents of a run.

    The words of these documents come from the cache; nothing is said without them.
    """
    with_texts = [file for file in files if "text" in file.columns]
    cached = with_texts and cached_documents(run.results.dataset, run.benchmark.data)
    if not cached:
        return
    corpus, dataset = cached
    vocabulary = make_vocabulary(corpus, dataset, run.benchmark.data)
    trained = set(map(corpus.text, dataset.train_documents))
    for file in with_texts:
        values, codes = file.columns["text"]
        texts = encode(map(str, values[codes]), vocabulary).texts
        n_trained = sum(map(trained.__contains__, texts))
        if n_trained:
            number = f"{n_trained:,} of {len(texts):,} texts"
            where = f"the training documents of {run.folder}"
            log.warning("%s: %s are among %s", file.file, number, where)
