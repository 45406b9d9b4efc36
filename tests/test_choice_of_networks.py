"""By what networks are chosen: training wires, each judged by a model that never saw it."""

from dataclasses import replace

import numpy as np
import pytest
from choice_of_networks import folds, last, within_training
from factories import corpus
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data.dataset import make_dataset
from rnnbench.data.settings import Data


@pytest.fixture
def dataset():
    return make_dataset(corpus(), Data(test_split=0.4))


@given(n=st.integers(2, 200), count=st.integers(2, 10))
def test_every_wire_is_judged_in_one_fold(n, count):
    parts = list(folds(n, count))

    assert len(parts) == count
    assert sorted(np.concatenate(parts)) == list(range(n))


def test_the_last_share_are_the_last_wires():
    assert last(10, 0.2).tolist() == [8, 9]
    assert last(3, 0.2).tolist() == [2]


def test_learned_and_judged_wires_are_the_training_wires_each_in_one_part(dataset):
    inner = within_training(dataset, np.array([1, 4]))

    assert inner.test_documents.tolist() == dataset.train_documents[[1, 4]].tolist()
    assert sorted([*inner.train_documents, *inner.test_documents]) == sorted(
        dataset.train_documents
    )
    assert (inner.x_test == dataset.x_train[[1, 4]]).all()
    assert (inner.y_test == dataset.y_train[[1, 4]]).all()
    assert len(inner.x_train) == len(inner.y_train) == len(inner.train_documents)


def test_nothing_of_the_test_wires_is_left(dataset):
    texts = [wire[::-1] for wire in dataset.documents]
    rewritten = replace(
        dataset,
        x_test=dataset.x_test[::-1] + 1,
        y_test=1 - dataset.y_test,
        documents=[
            text if place in dataset.test_documents else wire
            for place, (text, wire) in enumerate(zip(texts, dataset.documents, strict=True))
        ],
    )

    one, other = (within_training(each, np.arange(3)) for each in (dataset, rewritten))

    assert one.fingerprint == other.fingerprint
    for ours, others in zip(one.documents, other.documents, strict=True):
        assert ours.tolist() == others.tolist()
    assert all(len(one.documents[place]) == 0 for place in dataset.test_documents)
    assert all(len(one.documents[place]) for place in one.test_documents)
