"""Models are chosen on training documents, each answered by a model that never saw it."""

from dataclasses import replace

import numpy as np
import pytest
from factories import corpus
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data.dataset import make_dataset
from rnnbench.data.parts import Fold, Last, hold_out_part, make_parts
from rnnbench.data.settings import Data
from rnnbench.errors import UserError


@pytest.fixture
def dataset():
    return make_dataset(corpus(), Data(test_split=0.4))


@given(st.lists(st.integers(0, 4), min_size=2, max_size=100), st.integers(2, 10))
def test_every_document_is_held_out_in_one_fold_and_topics_are_spread_evenly(topics, count):
    y_train = np.array(topics, np.int32)
    positions = [part.positions(y_train) for part in make_parts(count, None)]

    assert sorted(np.concatenate(positions)) == list(range(len(topics)))
    assert max(map(len, positions)) - min(map(len, positions)) <= 1
    for topic in set(topics):
        counts = [(y_train[each] == topic).sum() for each in positions]
        assert max(counts) - min(counts) <= 1


def test_the_last_share_are_the_last_documents():
    (part,) = make_parts(None, 0.2)
    assert part.positions(np.zeros(10, np.int32)).tolist() == [8, 9]
    assert part.positions(np.zeros(3, np.int32)).tolist() == [2]


def test_learned_and_held_out_documents_are_the_training_documents_each_in_one_part(dataset):
    part = Fold(2, of=3)
    inner = hold_out_part(dataset, part)
    held_out = part.positions(dataset.y_train)

    assert inner.test_documents.tolist() == dataset.train_documents[held_out].tolist()
    assert sorted([*inner.train_documents, *inner.test_documents]) == sorted(
        dataset.train_documents
    )
    assert (inner.x_test == dataset.x_train[held_out]).all()
    assert (inner.y_test == dataset.y_train[held_out]).all()
    assert len(inner.x_train) == len(inner.y_train) == len(inner.train_documents)


def test_nothing_of_the_test_documents_is_left(dataset):
    rewritten = replace(
        dataset,
        x_test=dataset.x_test[::-1] + 1,
        y_test=1 - dataset.y_test,
        documents=[
            text[::-1] if number in dataset.test_documents else text
            for number, text in enumerate(dataset.documents)
        ],
    )

    one, other = (hold_out_part(each, Fold(1, of=4)) for each in (dataset, rewritten))

    assert one.fingerprint == other.fingerprint
    texts = [[text.tolist() for text in each.documents] for each in (one, other)]
    assert texts[0] == texts[1]
    assert not any(texts[0][number] for number in dataset.test_documents)
    assert all(texts[0][number] for number in one.test_documents)


@pytest.mark.parametrize(
    ("folds", "last", "message"),
    [
        (None, None, "use either folds or last, not both"),
        (5, 0.2, "use either folds or last, not both"),
        (1, None, "folds: got 1 (should be 2 to 1,000)"),
        (None, 1.0, "last: got 1.0 (should be between 0 and 1)"),
        (None, float("nan"), "last: got nan (should be between 0 and 1)"),
    ],
)
def test_parts_that_are_not_possible_are_refused(folds, last, message):
    with pytest.raises(UserError) as caught:
        make_parts(folds, last)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Fold(1, of=13), "folds: got 13 (allowed: 2 to 12, the training documents)"),
        (Last(1.0), "last: the last 100% of 12 training documents leaves none to train on"),
    ],
)
def test_a_part_leaves_documents_to_train_on(dataset, part, message):
    with pytest.raises(UserError) as caught:
        hold_out_part(dataset, part)
    assert str(caught.value) == message
