"""From the ``data`` section of a config to everything that a benchmark needs of its data."""

from dataclasses import dataclass

from rnnbench.data.audit import DatasetSummary, summarize_dataset
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.fetch import Progress, silent
from rnnbench.data.load import CachedCorpus, load_corpus
from rnnbench.data.settings import Data


@dataclass(frozen=True)
class PreparedData:
    """A corpus in the cache, and the dataset that a ``data`` section makes of it."""

    section: Data
    corpus: CachedCorpus
    dataset: Dataset
    summary: DatasetSummary


def prepare(data: Data, progress: Progress = silent, *, offline: bool = False) -> PreparedData:
    """Load the documents that ``data`` asks for, and split and pad them.

    Args:
        data: the section of the config.
        progress: called while something is downloaded.
        offline: forbids downloads.

    Raises:
        UserError: the section asks for data that does not exist.
        OutOfReachError: nothing can be downloaded.
    """
    corpus = load_corpus(data, progress, offline=offline)
    dataset = make_dataset(corpus.corpus, data)
    return PreparedData(data, corpus, dataset, summarize_dataset(corpus, dataset))
