"""What the models of a run were trained on: ``training_texts(folder, results)``."""

from pathlib import Path

from rnnbench.data.cached import cached_documents
from rnnbench.results.run import load_benchmark
from rnnbench.results.schema import Results


def training_texts(folder: Path, results: Results) -> frozenset[str]:
    """Return the words of each training document of a run, joined.

    They come from the cache; there are none if the documents are not there.
    """
    benchmark = load_benchmark(folder, results.by_name)
    cached = cached_documents(results.dataset, benchmark.data)
    if cached is None:
        return frozenset()
    corpus, dataset = cached
    return frozenset(map(corpus.text, dataset.train_documents.tolist()))
