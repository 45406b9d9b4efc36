"""The words of the test documents of a finished run, from the corpus in the cache."""

from rnnbench.data import cache
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import load_corpus
from rnnbench.errors import RnnbenchError
from rnnbench.results.run import StoredRun


def words_of_test_documents(run: StoredRun) -> list[list[str]] | None:
    """Return the words of each test document, or ``None`` if the corpus is not at hand.

    Nothing is fetched.
    """
    data, fingerprint = run.benchmark.data, run.results.dataset.corpus_fingerprint
    try:
        file = cache.find(fingerprint)
        corpus = (cache.read(file) if file else load_corpus(data, offline=True)).corpus
    except (RnnbenchError, KeyError):  # KeyError: the package with the source is gone
        return None
    if corpus.fingerprint != fingerprint:
        return None
    return [corpus.words(number) for number in make_dataset(corpus, data).test_documents]
