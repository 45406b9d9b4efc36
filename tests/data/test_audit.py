from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from rnnbench.data.audit import audit, find_document
from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import make_dataset
from rnnbench.data.settings import Data
from rnnbench.errors import UserError

EARN, ACQ, TRADE, GOLD = range(4)

WIRES = [  # words, topic, whether it is a test wire
    ("profit up", EARN, False),
    ("profit up again", EARN, False),
    ("buys unit", ACQ, False),
    ("buys unit", EARN, False),
    ("a wire that is too long to be kept", ACQ, False),
    ("profit up", EARN, True),
    ("buys unit", EARN, True),
    ("gap", TRADE, True),
    ("deficit", TRADE, True),
    ("sells", ACQ, True),
]


@pytest.fixture
def corpus():
    words = [text.split() for text, _, _ in WIRES]
    return corpus_of_words(
        words,
        sorted({word for wire in words for word in wire}),
        labels=[topic for _, topic, _ in WIRES],
        topics=["earn", "acq", "trade", "gold"],
        is_test=[is_test for _, _, is_test in WIRES],
        provenance={},
    )


@pytest.fixture
def dataset(corpus):
    return make_dataset(corpus, Data(maxlen=5, num_words=100))


def test_sizes_of_corpus_and_dataset(corpus, dataset):
    facts = audit(corpus, dataset)

    assert (facts.wires, facts.topics, facts.vocabulary) == (10, 4, 17)
    assert (facts.train_size, facts.test_size, facts.timesteps) == (4, 5, 4)


def test_lengths_are_words_a_wire_over_the_corpus(corpus, dataset):
    quantiles = audit(corpus, dataset).length_quantiles

    assert (quantiles[0.0], quantiles[0.5], quantiles[1.0]) == (1, 2, 9)


def test_topics_are_counted_in_training_and_test_the_most_frequent_first(corpus, dataset):
    assert audit(corpus, dataset).topic_counts == [
        ("earn", 3, 2), ("acq", 1, 1), ("trade", 0, 2), ("gold", 0, 0),
    ]  # fmt: skip


def test_the_majority_is_that_of_training_and_its_accuracy_that_on_test(corpus, dataset):
    facts = audit(corpus, dataset)

    assert facts.majority_topic == "earn"
    assert facts.majority_accuracy == 2 / 5


def test_overlap_counts_test_wires_that_stand_in_training(corpus, dataset):
    assert audit(corpus, dataset).overlap == 2


def test_overlap_with_the_same_label_goes_by_the_first_such_training_document(corpus, dataset):
    assert audit(corpus, dataset).overlap_same_label == 1


def test_topics_that_no_model_can_have_learned(corpus, dataset):
    assert audit(corpus, dataset).topics_only_in_test == ["trade"]


@pytest.mark.parametrize(
    "y_test",
    [
        pytest.param([EARN, EARN, TRADE, TRADE, ACQ], id="majority among others"),
        pytest.param([EARN] * 5, id="nothing but the majority"),
        pytest.param([ACQ, ACQ, TRADE, ACQ, ACQ], id="no majority at all"),
        pytest.param([EARN, TRADE, GOLD, ACQ, GOLD], id="all topics"),
    ],
)
def test_macro_f1_of_the_majority_is_that_of_scikit_learn(corpus, dataset, y_test):
    dataset = replace(dataset, y_test=np.array(y_test, np.int32))

    expected = f1_score(y_test, [EARN] * 5, average="macro")

    assert audit(corpus, dataset).majority_macro_f1 == pytest.approx(expected)


def test_macro_f1_of_the_majority_of_r52_is_that_of_scikit_learn(r52_corpus):
    dataset = make_dataset(r52_corpus, Data(source="r52", pad_length=5))
    majority = np.bincount(dataset.y_train).argmax()

    expected = f1_score(dataset.y_test, np.full_like(dataset.y_test, majority), average="macro")

    assert audit(r52_corpus, dataset).majority_macro_f1 == pytest.approx(expected)


@pytest.mark.parametrize(
    ("number", "place"), [(0, "training"), (4, "left out"), (5, "test"), (9, "test")]
)
def test_a_wire_is_shown_with_its_place_under_the_dataset(corpus, dataset, number, place):
    assert find_document(corpus, dataset, number).place == place


def test_a_wire_is_shown_with_its_topic_and_its_words(corpus, dataset):
    shown = find_document(corpus, dataset, 2)

    assert (shown.number, shown.topic, shown.words) == (2, "acq", ["buys", "unit"])


@pytest.mark.parametrize("number", [-1, 10])
def test_a_wire_that_does_not_exist_is_refused_with_those_that_do(corpus, dataset, number):
    with pytest.raises(UserError, match=rf"newswire {number}: there is none \(allowed: 0 to 9\)"):
        find_document(corpus, dataset, number)
