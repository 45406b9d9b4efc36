"""Errors by document and by topic, and the words of the documents."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from factories import LABELS, corpus, dataset_summary, finished_run, result
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from rnnbench.analysis.errors import (
    N_BINS,
    Answer,
    calibration_error,
    confusion,
    f1_by_topic,
    frequent_topics,
    hardest_documents,
    kinds_of_documents,
    mistaken_shares,
    texts_of_test_documents,
)
from rnnbench.data import cache
from rnnbench.data.config import Data
from rnnbench.data.corpus import Excerpt
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import load_corpus
from rnnbench.data.summary import Duplicates, TopicCount
from simulations.calibration import Answers, facts

RIGHT = LABELS.tolist()


def test_the_documents_with_most_wrong_answers_come_first():
    trials = {
        "a": [result(answers=[1, 0, 1, 0]), result(answers=[0, 0, 1, 0])],
        "b": [result(answers=[0, 0, 1, 0])],
    }

    hardest = hardest_documents(trials, n=10)

    assert [(item.position, item.topics, item.mistaken) for item in hardest] == [
        (3, 2, 1.0),
        (0, 0, 0.25),
    ]


def test_the_answer_of_a_model_is_its_most_frequent_one():
    trials = {"a": [result(answers=[answer, 0, 1, 2]) for answer in (1, 2, 2)]}
    wrong = {"a": [result(answers=[1, 1, 0, 0])]}

    assert hardest_documents(trials, n=1)[0].answers == {
        "a": Answer(topics=2, n_trials=2, n_all_trials=3)
    }
    assert [item.position for item in hardest_documents(wrong, n=4, per_topic=1)] == [
        0,
        2,
        3,
    ]
    assert hardest_documents({"a": [result(answers=RIGHT)]}, n=5) == [], (
        "all answers are right"
    )


def test_errors_are_counted_by_the_training_documents_of_the_topic():
    topics = [TopicCount(topic=f"topic{n}", train=n, test=1) for n in (100, 10, 9)]
    dataset = dataset_summary(topics=topics, majority_topic="topic100")
    shares = mistaken_shares(
        [result(answers=[0, 1, 0, 0]), result(answers=[0, 0, 0, 0])]
    )

    kinds = kinds_of_documents(LABELS, dataset)
    assert {kind: shares[chosen].tolist() for kind, chosen in kinds.items()} == {
        "all documents": [0, 0.5, 1, 1],
        "labels with fewer than 10 training documents": [1],
        "labels with 10 to 99": [1],
        "labels with 100 or more": [0, 0.5],
    }
    duplicates = Duplicates(same_topic=[0], other_topics=[1, 3], both=[2])
    *_, (kind, contradicted) = kinds_of_documents(
        LABELS, dataset_summary(duplicates=duplicates)
    ).items()
    assert kind == "documents in training with other labels only"
    assert contradicted.tolist() == [False, True, False, True]


ANSWERS = st.lists(st.integers(0, 2), min_size=len(LABELS), max_size=len(LABELS))


@pytest.mark.parametrize(
    ("labels", "n", "topics"),
    [([3, 1, 1, 2, 3, 0], 3, [1, 3, 0]), ([2, 2, 5], 10, [2, 5])],
)
def test_the_most_frequent_topics_come_first_ties_by_label_empty_ones_never(
    labels, n, topics
):
    assert frequent_topics(np.array(labels), n) == topics


@settings(max_examples=25)
@given(st.lists(ANSWERS, min_size=1, max_size=3))
def test_confusion_is_the_mean_over_trials(
    answers,
):
    trials = [result(answers=item) for item in answers]

    shares = confusion(trials, topics=[0, 1, 2])

    assert shares == pytest.approx(
        np.mean([confusion([t], [0, 1, 2]) for t in trials], axis=0)
    )
    assert shares.sum(axis=1) == pytest.approx([1, 1, 1, 0])
    few = confusion([result(answers=[0, 1, 1, 0])], topics=[0, 1])
    assert few.tolist() == [[0.5, 0.5, 0], [0, 1, 0], [1, 0, 0]]


@settings(max_examples=25)
@given(st.lists(ANSWERS, min_size=1, max_size=3))
def test_f1_by_topic_is_that_of_scikit_learn_as_a_mean_over_trials(answers):
    trials = [result(answers=item) for item in answers]

    scores = f1_by_topic({"rnn": trials}, [1, 0])

    expected = [
        f1_score(LABELS, item, labels=[1, 0], average=None, zero_division=0)
        for item in answers
    ]
    assert scores["rnn"] == pytest.approx(np.mean(expected, axis=0))


DATA = {"source": "r8", "test_split": 0.5, "split": "shuffled"}


def run_on(corpus, **data):
    """A run on a corpus; ``data`` changes values in its config, as if after the run."""
    split = make_dataset(corpus, Data(**DATA)).split_fingerprint(corpus.fingerprint)
    marks = {"corpus_fingerprint": corpus.fingerprint, "split_fingerprint": split}
    return finished_run(
        {"rnn": [(0, 0, 0, 1)]}, dataset={"source": "r8"} | marks, data=DATA | data
    )


def test_the_words_are_those_of_the_test_documents_of_the_corpus_in_the_cache():
    made_up = corpus()
    run = run_on(made_up)
    cache.store("r8", made_up)

    words = [text.words for text in texts_of_test_documents(run)]

    numbers = make_dataset(made_up, run.benchmark.data).test_documents
    assert words == [made_up.words(number) for number in numbers]
    assert len(words) == 10


def test_a_newswire_is_shown_as_it_was_written(monkeypatch):
    made_up = corpus()
    run = run_on(made_up)
    cache.store("r8", made_up)
    number = make_dataset(made_up, run.benchmark.data).test_documents[3]
    written = {made_up.text(number): Excerpt("newswire 5", "As WRITTEN.")}
    monkeypatch.setattr("rnnbench.analysis.errors.as_written", lambda _: written)

    texts = texts_of_test_documents(run)

    assert texts[3].excerpt == ("newswire 5", "As WRITTEN.")


def test_no_path_in_the_config_of_a_run_is_followed(tiny_sgml_folder: Path):
    corpus = load_corpus(Data(source="sgml", path=tiny_sgml_folder))
    corpus.file.unlink()

    run = run_on(corpus, source="sgml", path=str(tiny_sgml_folder))

    assert texts_of_test_documents(run) is None
    assert not corpus.file.exists()


@pytest.mark.parametrize(
    ("cached", "data"),
    [([], {}), ([1], {}), ([0], {"test_split": 0.1}), ([0], {"split": "modapte"})],
    ids=["empty", "another corpus", "another share", "another split"],
)
def test_without_the_corpus_of_the_run_or_its_split_there_are_no_words(cached, data):
    for seed in cached:
        cache.store("r8", corpus(seed=seed))

    assert texts_of_test_documents(run_on(corpus(), **data)) is None


def plain_calibration_error(confidence, right):
    """The expected calibration error as its definition has it: bin by bin."""
    error = 0.0
    edges = np.arange(N_BINS + 1) / N_BINS
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += inside.mean() * abs(
                confidence[inside].mean() - right[inside].mean()
            )
    return error


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0.01, 1), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_that_of_its_definition(
    answers,
):
    confidence, right = (np.array(column) for column in zip(*answers, strict=True))
    trials = [Answers(confidence, right)] * 2

    for in_order in (False, True):
        error, interval = calibration_error(trials, in_order=in_order)

        assert error == pytest.approx(
            plain_calibration_error(confidence, right), abs=0.02
        )
        assert interval.low <= error + 1e-9
        assert error <= interval.high + 1e-9
        assert interval.low >= 0


@pytest.mark.parametrize(("excess", "n_seeds"), [(0.0, 1), (0.0, 3), (1.0, 3)])
def test_the_true_calibration_error_is_in_its_interval_even_if_that_of_samples_is_higher(
    excess, n_seeds
):
    true, measured, held, _ = facts(excess, n_seeds, n_documents=300, times=100)

    assert measured > true
    assert held >= 0.88
