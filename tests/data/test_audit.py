from dataclasses import replace

import numpy as np
import pytest
from factories import corpus_of_texts, dataset_summary
from sklearn.metrics import f1_score

from rnnbench.data.audit import summarize_dataset
from rnnbench.data.config import Data
from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import make_dataset
from rnnbench.data.summary import Duplicates, TopicCount, rest_of
from rnnbench.tasks import SingleLabel

EARN, ACQ, TRADE, GOLD = range(4)

DOCUMENTS = [  # words, topic, whether it is a test document
    ("profit up", EARN, False),
    ("profit up again", EARN, False),
    ("buys unit", ACQ, False),
    ("buys unit", EARN, False),
    ("a newswire that is too long to be kept", ACQ, False),
    ("profit up", EARN, True),
    ("buys unit", EARN, True),
    ("gap", TRADE, True),
    ("deficit", TRADE, True),
    ("sells", ACQ, True),
]


TEXTS, LABELS, IS_TEST = zip(*DOCUMENTS, strict=True)
CORPUS = replace(
    corpus_of_texts(TEXTS, list(map(str, LABELS)), IS_TEST),
    topics=("earn", "acq", "trade", "gold"),
)
DATASET = make_dataset(CORPUS, Data(maxlen=5, num_words=100))


def test_a_summary_counts_the_documents_of_each_topic():
    summary = summarize_dataset(CORPUS, DATASET)

    topics = [
        TopicCount(topic=topic, train=train, test=test)
        for topic, train, test in (
            ("earn", 3, 2),
            ("acq", 1, 1),
            ("trade", 0, 2),
            ("gold", 0, 0),
        )
    ]
    assert (summary.train_size, summary.test_size, summary.timesteps) == (4, 5, 4)
    assert summary.topics == summary.topics_by_frequency == topics
    assert (summary.majority_topic, summary.majority_score) == ("earn", 2 / 5)
    assert summary.topics_only_in_test == ["trade"]


def test_a_summary_names_its_corpus():
    summary = summarize_dataset(CORPUS, DATASET)

    assert (summary.source, summary.origin) == ("made-up", "nowhere")
    assert summary.fingerprint == DATASET.fingerprint
    assert summary.split_fingerprint == DATASET.split_fingerprint(CORPUS.fingerprint)


def test_a_summary_lists_what_is_in_both_sets():
    summary = summarize_dataset(CORPUS, DATASET)

    duplicates = Duplicates(same_topic=[0], both=[1])
    assert summary.duplicates == summary.whole_duplicates == duplicates


def test_cut_documents_are_duplicates_if_what_is_left_of_them_is():
    # A mark and the last word of each document are left.
    dataset = make_dataset(CORPUS, Data(pad_length=2, num_words=100))

    summary = summarize_dataset(CORPUS, dataset)

    assert summary.duplicates.positions == summary.whole_duplicates.positions == [0, 1]


def test_documents_with_other_labels_in_training_are_duplicates():
    dataset = make_dataset(CORPUS, Data(pad_length=2, num_words=100))
    x = dataset.x_test
    x[4] = dataset.x_train[1]  # "again" of earn, for a document about acq
    dataset = replace(dataset, test_inputs=x)

    summary = summarize_dataset(CORPUS, dataset)

    assert summary.duplicates.other_topics == [4]
    words = "1 only with the same label, 1 only with other labels, 1 with"
    assert f"in the training set: {words}" in summary.duplicates_in_words()


WORDS = [f"w{number}" for number in range(60)]
NEAR_COPIES = corpus_of_words(
    [
        WORDS[:40], WORDS[20:], [*WORDS[:39], "w59"],
        WORDS[:40], ["w0", *WORDS[21:]], WORDS[::-1],
    ],
    WORDS,
    [0, 1, 0, 0, 0, 1],
    ("earn", "acq"),
    is_test=[False, False, False, True, True, True],
    provenance={"source": "made-up", "from": "nowhere"},
)  # fmt: skip


def test_a_summary_lists_near_copies_of_training_documents():
    summary = summarize_dataset(NEAR_COPIES, make_dataset(NEAR_COPIES, Data()))

    assert (summary.duplicates.positions, summary.near_copies) == ([0], [1])
    assert summary.leaks == [0, 1]
    assert "; 1 others are near-copies of documents there" in (
        summary.duplicates_in_words()
    )
    assert summary.copies_in_training == 2


def test_near_copies_are_documents_of_the_test_set():
    with pytest.raises(ValueError, match="near-copies that are not documents of the"):
        dataset_summary(near_copies=[5])


def test_duplicates_are_documents_of_the_test_set():
    for positions in ([5], [-1], [0, 0]):
        with pytest.raises(
            ValueError, match="duplicates that are not documents of the test set"
        ):
            dataset_summary(duplicates={"same_topic": positions})


def test_groups_of_test_documents_count_as_clusters():
    groups = np.array([0, 1, 2, 3, 4, 9, 7, 7, 9, 5], np.int32)

    summary = summarize_dataset(replace(CORPUS, groups=groups), DATASET)

    names = groups[DATASET.test_documents]
    pairs = set(zip(names.tolist(), summary.clusters, strict=True))
    assert len(pairs) == len(set(names.tolist())) == max(summary.clusters) + 1


def test_a_single_group_of_test_documents_is_no_cluster():
    groups = np.array([0, 1, 2, 3, 4, 9, 9, 9, 9, 9], np.int32)

    assert summarize_dataset(replace(CORPUS, groups=groups), DATASET).clusters is None


def test_a_dataset_without_duplicates_has_fewer_clusters():
    summary = dataset_summary(duplicates={"other_topics": [0]}, clusters=[0, 1, 1, 2])

    assert rest_of(summary, np.array([0, 1, 1], np.int32)).clusters == [0, 0, 1]


def test_a_single_cluster_that_duplicates_leave_is_none():
    summary = dataset_summary(
        duplicates={"other_topics": [0, 3]}, clusters=[0, 1, 1, 2]
    )

    assert rest_of(summary, np.array([0, 1], np.int32)).clusters is None


@pytest.mark.parametrize("clusters", [[0, 0, 1, 10**9], [0, 0, 2, 2]])
def test_the_numbers_of_clusters_have_no_gaps(clusters):
    with pytest.raises(ValueError, match="clusters whose numbers have gaps"):
        dataset_summary(clusters=clusters)


def test_a_task_of_a_package_that_is_not_installed_is_named():
    with pytest.raises(ValueError, match="no task 'stars'"):
        dataset_summary(task="stars")


def test_another_second_metric_of_the_majority_is_not_known(monkeypatch):
    monkeypatch.setattr(SingleLabel, "second", "score")

    assert dataset_summary().majority_second is None


def test_a_dataset_without_duplicates_has_other_counts_than_the_whole():
    summary = dataset_summary(duplicates={"other_topics": [0, 3]})

    rest = rest_of(summary, np.array([0, 1], np.int32))

    assert (rest.test_size, [count.test for count in rest.topics]) == (2, [1, 1, 0])
    assert (rest.majority_score, rest.majority_macro_f1) == (0.5, pytest.approx(1 / 3))
    assert rest.duplicates.positions == []
    assert rest.split_fingerprint != summary.split_fingerprint
    assert rest.fingerprint != summary.fingerprint


@pytest.mark.parametrize(
    "y_test", [[EARN] * 5, [ACQ] * 5, [EARN, TRADE, GOLD, ACQ, ACQ]]
)
def test_macro_f1_of_the_majority_is_that_of_scikit_learn(y_test):
    summary = summarize_dataset(
        CORPUS, replace(DATASET, y_test=np.array(y_test, np.int32))
    )

    expected = f1_score(y_test, [EARN] * 5, average="macro")
    assert summary.majority_macro_f1 == pytest.approx(expected)
