"""Networks are chosen on training documents, each judged by a model that never saw it."""

from dataclasses import replace

import numpy as np
import pytest
from factories import corpus
from hypothesis import given
from hypothesis import strategies as st
from simulations.choice_of_networks import folds, last, within_training

from rnnbench.data.dataset import make_dataset
from rnnbench.data.settings import Data


@pytest.fixture
def dataset():
    return make_dataset(corpus(), Data(test_split=0.4))


@given(n=st.integers(2, 200), count=st.integers(2, 10))
def test_every_document_is_judged_in_one_fold(n, count):
    parts = list(folds(n, count))

    assert len(parts) == count
    assert sorted(np.concatenate(parts)) == list(range(n))


def test_the_last_share_are_the_last_documents():
    assert last(10, 0.2).tolist() == [8, 9]
    assert last(3, 0.2).tolist() == [2]


def test_learned_and_judged_documents_are_the_training_documents_each_in_one_part(dataset):
    inner = within_training(dataset, np.array([1, 4]))

    assert inner.test_documents.tolist() == dataset.train_documents[[1, 4]].tolist()
    assert sorted([*inner.train_documents, *inner.test_documents]) == sorted(
        dataset.train_documents
    )
    assert (inner.x_test == dataset.x_train[[1, 4]]).all()
    assert (inner.y_test == dataset.y_train[[1, 4]]).all()
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

    one, other = (within_training(each, np.arange(3)) for each in (dataset, rewritten))

    assert one.fingerprint == other.fingerprint
    texts = [[text.tolist() for text in each.documents] for each in (one, other)]
    assert texts[0] == texts[1]
    assert not any(texts[0][number] for number in dataset.test_documents)
    assert all(texts[0][number] for number in one.test_documents)
