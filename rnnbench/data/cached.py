"""The documents that a run used: ``cached_documents(summary, data)``."""

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
