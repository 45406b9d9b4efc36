from pathlib import Path

import pytest
from factories import corpus, finished_run

from rnnbench.analysis.documents import words_of_test_documents
from rnnbench.data import cache
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import load_corpus
from rnnbench.data.settings import Data


def run_on(mark, **data):
    """A run on the corpus with the fingerprint ``mark``, whose stated source is ``r8``."""
    return finished_run(
        {"rnn": [(0, 0, 0, 1)]},
        dataset={"source": "r8", "corpus_fingerprint": mark},
        data={"test_split": 0.5, "split": "shuffled"} | data,
    )


def expected_words(found, run):
    return [
        found.words(number) for number in make_dataset(found, run.benchmark.data).test_documents
    ]


def test_the_words_are_those_of_the_test_documents_of_the_corpus_in_the_cache():
    cache.store("r8", corpus())
    run = run_on(corpus().fingerprint)

    words = words_of_test_documents(run)

    assert words == expected_words(corpus(), run)
    assert len(words) == 10


def test_a_corpus_that_the_user_brought_is_read_again_from_its_file(tiny_sgml_folder: Path):
    found = load_corpus(Data(source="sgml", path=tiny_sgml_folder))
    found.file.unlink()
    run = run_on(found.fingerprint, source="sgml", path=str(tiny_sgml_folder))

    assert words_of_test_documents(run) == expected_words(found.corpus, run)


@pytest.mark.parametrize("seed", [None, 1], ids=["empty", "another corpus"])
@pytest.mark.parametrize("data", [{}, {"source": "sgml", "path": "nowhere.tar.gz"}])
def test_without_the_corpus_of_the_run_there_are_no_words(seed, data):
    if seed is not None:
        cache.store("r8", corpus(seed=seed))

    assert words_of_test_documents(run_on(corpus().fingerprint, **data)) is None
