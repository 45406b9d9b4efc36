"""The documents that a run used: ``cached_documents(summary, data)``.

``training_texts(summary, data)`` are the words of those that it trained on.
"""

from contextlib import suppress

from rnnbench.data import cache
from rnnbench.data.config import Data
from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.summary import DatasetSummary
from rnnbench.errors import RnnbenchError


def cached_documents(
    summary: DatasetSummary, data: Data
) -> tuple[Corpus, Dataset] | None:
    """Return the corpus that a run used, and the dataset that was made of it.

    ``None`` if the cache has none with the split of the run.
    """
    file = cache.find(fingerprint=summary.corpus_fingerprint)
    if not file:
        return None
    with suppress(RnnbenchError, FileNotFoundError):
        corpus = cache.read(file)
        dataset = make_dataset(corpus, data)
        split = dataset.split_fingerprint(corpus.fingerprint)
        if split == summary.split_fingerprint:
            return corpus, dataset
    return None


def training_texts(summary: DatasetSummary, data: Data) -> frozenset[str]:
    """Return the words of each training document of a run, joined.

    They come from the cache; there are none if the documents are not there.
    """
    cached = cached_documents(summary, data)
    if cached is None:
        return frozenset()
    corpus, dataset = cached
    return frozenset(map(corpus.text, dataset.train_documents.tolist()))
