from pathlib import Path

from factories import corpus, finished_run

from rnnbench.analysis.wires import words_of_test_wires
from rnnbench.data import cache
from rnnbench.data.corpus import fingerprint
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import load_corpus
from rnnbench.data.settings import Data

ANSWERS = {"rnn": [(0, 0, 0, 1)]}


def run_on(mark, **data):
    """A run on the corpus with the fingerprint ``mark``, which it says it had from ``r8``."""
    summary = {"source": "r8", "corpus_fingerprint": mark}
    return finished_run(
        ANSWERS, dataset=summary, data={"test_split": 0.5, "split": "shuffled"} | data
    )


def test_the_words_are_those_of_the_test_wires_of_the_corpus_in_the_cache():
    cache.store("r8", corpus())
    run = run_on(fingerprint(corpus()))

    words = words_of_test_wires(run)

    wires = make_dataset(corpus(), run.benchmark.data).test_documents
    assert words == [corpus().words(wire) for wire in wires]
    assert len(words) == 10


def test_without_a_cached_corpus_there_are_none():
    assert words_of_test_wires(run_on(fingerprint(corpus()))) is None


def test_another_corpus_of_the_same_source_is_not_taken_for_the_runs():
    cache.store("r8", corpus(seed=1))

    assert words_of_test_wires(run_on(fingerprint(corpus()))) is None


def test_a_corpus_that_the_user_brought_is_read_again_from_its_file(tiny_sgml_folder: Path):
    data = Data(source="sgml", path=tiny_sgml_folder)
    found = load_corpus(data)
    found.file.unlink()
    run = run_on(found.fingerprint, source="sgml", path=str(tiny_sgml_folder))

    words = words_of_test_wires(run)

    wires = make_dataset(found.corpus, run.benchmark.data).test_documents
    assert words == [found.corpus.words(wire) for wire in wires]


def test_a_file_that_is_gone_gives_none():
    assert words_of_test_wires(run_on("c" * 64, source="sgml", path="nowhere.tar.gz")) is None
