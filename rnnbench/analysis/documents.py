"""The words of the test documents of a finished run, from the corpus in the cache."""

from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import load_corpus
from rnnbench.errors import RnnbenchError
from rnnbench.results.run import StoredRun


def words_of_test_documents(run: StoredRun) -> list[list[str]] | None:
    """Return the words of each test document, or ``None`` if the corpus is not at hand.

    Nothing is fetched.
    """
    data, dataset = run.benchmark.data, run.results.dataset
    cached = data.model_copy(update={"source": dataset.source, "path": None})
    for candidate in [cached, data] if data.path else [cached]:
        try:
            found = load_corpus(candidate, offline=True)
        except RnnbenchError:
            continue
        if found.fingerprint == dataset.corpus_fingerprint:
            documents = make_dataset(found.corpus, data).test_documents
            return [found.corpus.words(number) for number in documents]
    return None
