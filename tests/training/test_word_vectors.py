"""Word vectors: held against a plain computation, and blind to what they are judged by."""

from dataclasses import replace

import factories
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data.dataset import UNKNOWN, make_dataset
from rnnbench.data.settings import Data
from rnnbench.training.validation import hold_out
from rnnbench.training.word_vectors import (
    ROOT_MEAN_SQUARE,
    ROUNDING,
    SMOOTHING,
    WINDOW,
    ppmi_svd_vectors,
    pretrained_vectors,
)

N_IDS = 9
FIRST_WORD = UNKNOWN + 1
SHARE = 0.4


@st.composite
def wires(draw):
    texts = draw(st.lists(st.lists(st.integers(UNKNOWN, N_IDS - 1), max_size=15), min_size=1))
    return [np.array(text, np.int32) for text in texts]


def plain_ppmi(texts):
    """The matrix by its definition, word by word."""
    counts = np.zeros((N_IDS, N_IDS))
    for text in texts:
        for here, word in enumerate(text):
            for there, context in enumerate(text):
                if here != there and abs(here - there) <= WINDOW and min(word, context) > UNKNOWN:
                    counts[word, context] += 1
    smoothed = counts.sum(axis=0) ** SMOOTHING
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = counts / counts.sum()
        apart = np.outer(counts.sum(axis=1) / counts.sum(), smoothed / smoothed.sum())
        return np.nan_to_num(np.maximum(np.log(joint / apart), 0))


@given(wires())
def test_they_are_the_words_side_of_the_decomposition_of_positive_mutual_information(texts):
    vectors = ppmi_svd_vectors(texts, N_IDS, N_IDS).astype(float)

    u, s, _ = np.linalg.svd(plain_ppmi(texts))
    products = u @ np.diag(s) @ u.T  # of all words with all, whatever the signs of the features
    rank = np.count_nonzero(s > ROUNDING)
    scale = ROOT_MEAN_SQUARE**2 * N_IDS * rank / s.sum() if rank else 0
    np.testing.assert_allclose(vectors @ vectors.T, scale * products, atol=1e-5)


@given(wires(), st.integers(1, 2 * N_IDS))
def test_no_word_and_a_word_that_no_wire_has_get_zeros(texts, dim):
    vectors = ppmi_svd_vectors(texts, N_IDS, dim)

    assert (vectors.shape, vectors.dtype) == ((N_IDS, dim), np.float32)
    seen = set(np.concatenate(texts).tolist())
    for word in range(N_IDS):
        assert word in seen - {UNKNOWN} or np.abs(vectors[word]).max() < ROUNDING
    if vectors.any():
        told = vectors[:, vectors.any(axis=0)].astype(float)
        assert np.sqrt(np.mean(told**2)) == pytest.approx(ROOT_MEAN_SQUARE)


def test_they_are_cut_off_behind_the_most_telling_features():
    random = np.random.default_rng(0)
    texts = [random.integers(UNKNOWN, N_IDS, 12, dtype=np.int32) for _ in range(5)]

    vectors = ppmi_svd_vectors(texts, N_IDS, 3).astype(float)

    u, s, _ = np.linalg.svd(plain_ppmi(texts))
    products = u[:, :3] @ np.diag(s[:3]) @ u[:, :3].T
    scale = ROOT_MEAN_SQUARE**2 * N_IDS * 3 / s[:3].sum()
    np.testing.assert_allclose(vectors @ vectors.T, scale * products, atol=1e-5)


def test_a_word_sees_its_neighbours_and_not_past_the_end_of_its_wire():
    far, near = FIRST_WORD, FIRST_WORD + 1
    texts = [[far] + [UNKNOWN] * WINDOW + [near], [near, near], [far, far]]

    vectors = ppmi_svd_vectors([np.array(text, np.int32) for text in texts], N_IDS, 2)

    assert vectors[far] @ vectors[near] == pytest.approx(0)


def test_words_with_the_same_neighbours_get_like_vectors():
    random = np.random.default_rng(0)
    rose, fell, wheat, corn, profit, loss = range(3, 9)
    of_money = [np.array([random.choice([profit, loss]), rose, rose], np.int32) for _ in range(50)]
    of_grain = [np.array([random.choice([wheat, corn]), fell, fell], np.int32) for _ in range(50)]

    vectors = ppmi_svd_vectors(of_money + of_grain, N_IDS, 3)

    assert vectors[profit] @ vectors[loss] > 0.1
    assert abs(vectors[profit] @ vectors[wheat]) < 0.01


@pytest.fixture
def dataset():
    """Of a made-up corpus, from which the longest wires are left out."""
    return make_dataset(factories.corpus(wires=60), Data(test_split=0.3, maxlen=6))


def rewritten(dataset, which):
    """The same dataset, each of some wires with another text."""
    texts = list(dataset.documents)
    for wire in which:
        texts[wire] = np.full(20, FIRST_WORD, np.int32)
    return replace(dataset, documents=texts)


def vectors_of(dataset):
    return pretrained_vectors(dataset, 3, SHARE)


def test_they_know_no_test_wire_and_none_that_is_held_out_to_validate_on(dataset):
    _, held_out = hold_out(len(dataset.y_train), SHARE)
    judging = [*dataset.test_documents, *dataset.train_documents[held_out]]

    np.testing.assert_array_equal(vectors_of(rewritten(dataset, judging)), vectors_of(dataset))


def test_they_know_the_wires_that_are_trained_on_and_those_left_out_for_their_length(dataset):
    kept, _ = hold_out(len(dataset.y_train), SHARE)
    used = np.concatenate([dataset.train_documents, dataset.test_documents])
    left_out = np.setdiff1d(np.arange(len(dataset.documents)), used)

    for which in (dataset.train_documents[kept], left_out):
        assert len(which)
        assert not np.allclose(vectors_of(rewritten(dataset, which)), vectors_of(dataset))


def test_they_know_no_topic(dataset):
    shuffled = replace(dataset, y_train=dataset.y_train[::-1], y_test=dataset.y_test[::-1])

    np.testing.assert_array_equal(vectors_of(shuffled), vectors_of(dataset))
