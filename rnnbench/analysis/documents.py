"""The words of the test documents of a finished run, from the corpus in the cache."""

from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import CachedCorpus, load_corpus
from rnnbench.data.settings import Data
from rnnbench.errors import RnnbenchError
from rnnbench.results.run import StoredRun


def words_of_test_documents(run: StoredRun) -> list[list[str]] | None:
    """Return the words of each test document, or ``None`` if the corpus is not at hand.

    Nothing is fetched.
    """
    data = run.benchmark.data
    for candidate in _candidates(data, run.results.dataset.source):
        found = _load(candidate)
        if found and found.fingerprint == run.results.dataset.corpus_fingerprint:
            dataset = make_dataset(found.corpus, data)
            return [found.corpus.words(number) for number in dataset.test_documents]
    return None


def _candidates(data: Data, source: str) -> list[Data]:
    cached = data.model_copy(update={"source": source, "path": None})
    return [cached, data] if data.path else [cached]


def _load(data: Data) -> CachedCorpus | None:
    try:
        return load_corpus(data, offline=True)
    except RnnbenchError:
        return None
