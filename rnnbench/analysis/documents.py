"""The words of the test documents of a finished run, from the corpus in the cache."""

from rnnbench.data import cache
from rnnbench.data.dataset import make_dataset, split_fingerprint
from rnnbench.errors import RnnbenchError
from rnnbench.results.run import StoredRun


def words_of_test_documents(run: StoredRun) -> list[list[str]] | None:
    """Return the words of each test document, or ``None`` if they are not in the cache.

    The run may come from somebody else: no path in its config is followed, and its documents
    are known by their fingerprint.
    """
    dataset = run.results.dataset
    file = cache.find(dataset.corpus_fingerprint)
    if file is None:
        return None
    try:
        corpus = cache.read(file).corpus
        rebuilt = make_dataset(corpus, run.benchmark.data)
    except (RnnbenchError, FileNotFoundError):
        return None
    if split_fingerprint(corpus.fingerprint, rebuilt) != dataset.split_fingerprint:
        return None
    return [corpus.words(number) for number in rebuilt.test_documents]
