from pathlib import Path

import pytest
from factories import corpus, finished_run

from rnnbench.analysis.documents import words_of_test_documents
from rnnbench.data import cache
from rnnbench.data.dataset import make_dataset, split_fingerprint
from rnnbench.data.load import load_corpus
from rnnbench.data.settings import Data

DATA = {"source": "r8", "test_split": 0.5, "split": "shuffled"}


def run_on(found, **data):
    """A run on a corpus; ``data`` changes values in its config, as if after the run."""
    split = split_fingerprint(found.fingerprint, make_dataset(found, Data(**DATA)))
    marks = {"corpus_fingerprint": found.fingerprint, "split_fingerprint": split}
    return finished_run({"rnn": [(0, 0, 0, 1)]}, dataset={"source": "r8"} | marks, data=DATA | data)


def expected_words(found, run):
    return [
        found.words(number) for number in make_dataset(found, run.benchmark.data).test_documents
    ]


def test_the_words_are_those_of_the_test_documents_of_the_corpus_in_the_cache():
    cache.store("r8", corpus())
    run = run_on(corpus())

    words = words_of_test_documents(run)

    assert words == expected_words(corpus(), run)
    assert len(words) == 10


def test_no_path_in_the_config_of_a_run_is_followed(tiny_sgml_folder: Path):
    found = load_corpus(Data(source="sgml", path=tiny_sgml_folder))
    found.file.unlink()

    run = run_on(found.corpus, source="sgml", path=str(tiny_sgml_folder))

    assert words_of_test_documents(run) is None
    assert not found.file.exists()


@pytest.mark.parametrize("seed", [None, 1], ids=["empty", "another corpus"])
def test_without_the_corpus_of_the_run_there_are_no_words(seed):
    if seed is not None:
        cache.store("r8", corpus(seed=seed))

    assert words_of_test_documents(run_on(corpus())) is None


@pytest.mark.parametrize("data", [{"test_split": 0.1}, {"split": "modapte"}], ids=str)
def test_a_config_that_splits_the_corpus_otherwise_gives_no_words(data):
    cache.store("r8", corpus())

    assert words_of_test_documents(run_on(corpus(), **data)) is None
