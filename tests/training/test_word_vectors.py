"""Word vectors, equal to a plain computation, and the texts they learn from."""

from dataclasses import replace

import factories
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from numpy.testing import assert_allclose, assert_array_equal, assert_equal
from scipy.sparse import csr_array, random_array
from sklearn.utils.extmath import randomized_svd

from rnnbench.data.config import Data
from rnnbench.data.dataset import make_dataset
from rnnbench.data.held_out import Part, hold_out, hold_out_part
from rnnbench.data.padding import UNKNOWN, after_marks
from rnnbench.errors import UserError
from rnnbench.training.word_vectors import (
    ROOT_MEAN_SQUARE,
    ROUNDING,
    SMOOTHING,
    WINDOW,
    _largest_singular,
    ppmi_svd_vectors,
    pretrained_vectors,
    texts_for,
)

N_IDS = 9
SHARE = 0.4


@st.composite
def documents(draw):
    texts = draw(
        st.lists(st.lists(st.integers(UNKNOWN, N_IDS - 1), max_size=15), min_size=1)
    )
    return [np.array(text, np.int32) for text in texts]


def plain_ppmi(texts):
    """Return the matrix by its definition, word by word."""
    counts = np.zeros((N_IDS, N_IDS))
    for text in texts:
        for here, word in enumerate(text):
            for there, context in enumerate(text):
                if (
                    here != there
                    and abs(here - there) <= WINDOW
                    and min(word, context) > UNKNOWN
                ):
                    counts[word, context] += 1
    smoothed = counts.sum(axis=0) ** SMOOTHING
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = counts / counts.sum()
        apart = np.outer(counts.sum(axis=1) / counts.sum(), smoothed / smoothed.sum())
        return np.nan_to_num(np.maximum(np.log(joint / apart), 0))


def assert_decomposes(texts, dim):
    """Compare the products of all words with all, whatever the signs of the
    features.
    """
    vectors = ppmi_svd_vectors(texts, N_IDS, dim).astype(float)

    u, s, _ = np.linalg.svd(plain_ppmi(texts))
    u = u[:, :dim]
    s = s[:dim]
    rank = np.count_nonzero(s > ROUNDING)
    scale = ROOT_MEAN_SQUARE**2 * N_IDS * rank / s.sum() if rank else 0
    assert_allclose(vectors @ vectors.T, scale * u @ np.diag(s) @ u.T, atol=1e-5)


@settings(max_examples=40)
@given(documents())
def test_they_are_the_left_side_of_the_decomposition_of_the_mutual_information(texts):
    assert_decomposes(texts, N_IDS)


@settings(max_examples=40)
@given(documents(), st.integers(1, 2 * N_IDS))
def test_ids_in_no_document_have_zeros(texts, dim):
    vectors = ppmi_svd_vectors(texts, N_IDS, dim)

    assert (vectors.shape, vectors.dtype) == ((N_IDS, dim), np.float32)
    seen = set(np.concatenate(texts).tolist())
    for word in range(N_IDS):
        assert word in seen - {UNKNOWN} or np.abs(vectors[word]).max() < ROUNDING
    if vectors.any():
        told = vectors[:, vectors.any(axis=0)].astype(float)
        assert np.sqrt(np.mean(told**2)) == pytest.approx(ROOT_MEAN_SQUARE)


def test_the_features_of_the_largest_singular_values_are_kept():
    random = default_rng(0)
    assert_decomposes(
        [random.integers(UNKNOWN, N_IDS, 12, dtype=np.int32) for _ in range(5)], 3
    )


@pytest.mark.parametrize("n", [3, 30])  # more and fewer iterations
def test_the_decomposition_is_that_of_scikit_learn_bit_for_bit(n):
    matrix = csr_array(random_array((60, 60), density=0.2, rng=default_rng(0)))

    u, s, _ = randomized_svd(matrix, n, random_state=0)
    assert_equal(_largest_singular(matrix, n), (u, s))


DATASET = make_dataset(factories.corpus(documents=60), Data(test_split=0.3, maxlen=6))
"""A made-up corpus, without its longest documents."""


def vectors_of(which, **changes):
    """Return the vectors of the same dataset with other texts in some documents."""
    texts = list(DATASET.documents)
    for document in which:
        texts[document] = np.full(20, UNKNOWN + 1, np.int32)
    changed = replace(DATASET, documents=after_marks(texts), **changes)
    return pretrained_vectors(changed, 3, SHARE)


def test_they_depend_on_no_document_that_judges():
    kept, held_out = (DATASET.train_documents[part] for part in hold_out(32, SHARE))
    used = np.concatenate([DATASET.train_documents, DATASET.test_documents])
    left_out = np.setdiff1d(np.arange(len(DATASET.documents)), used)
    ours = vectors_of([])
    judging = [*DATASET.test_documents, *held_out]

    for which in (kept, left_out):
        assert len(which)
        assert not np.allclose(vectors_of(which), ours)
    assert_array_equal(vectors_of(judging), ours)
    topics = {"y_train": DATASET.y_train[::-1], "y_test": DATASET.y_test[::-1]}
    assert_array_equal(vectors_of([], **topics), ours, "nor on topics")


@given(st.integers(1, 3), st.integers(1, 4))
def test_what_is_left_out_of_a_test_set_of_its_source_is_not_learned_from(
    n_tested, n_left_out
):
    texts = ["a b", "b a c", *["c d"] * n_tested, *["a b c d e"] * n_left_out]
    is_test = [False, False, *[True] * (n_tested + n_left_out)]
    labels = ["x", "y", *["x"] * (n_tested + n_left_out)]
    corpus = factories.corpus_of_texts(texts, labels, is_test)

    dataset = make_dataset(corpus, Data(maxlen=5))  # without the longest

    learned = [
        ids.tolist() for ids in texts_for(dataset, 0.0, unlabeled=False) if len(ids)
    ]
    assert learned == [[4, 5], [5, 4, 6]]
    assert dataset.n_untested == n_left_out


def test_with_texts_without_labels_no_other_documents_are_learned_from():
    corpus = factories.corpus_of_texts(
        ["a b", "b a", "c c", "d d", "e e e e"],
        list("xyxyx"),
        [False, False, False, True, True],
    )
    others = np.array([1, 9, 0, 6, 0], np.int32)  # words, or the next number, and ends
    corpus = replace(corpus, unlabeled=others)
    data = Data(
        maxlen=5
    )  # without the last one, which is in the test set of the source

    complete = make_dataset(corpus, data)
    part = hold_out_part(complete, Part(share=0.4))  # "c c"

    def texts(dataset):
        return [ids.tolist() for ids in texts_for(dataset, 0.0, unlabeled=True)]

    assert texts(complete) == [[4, 5], [5, 4], [6, 6], [4, UNKNOWN], [UNKNOWN]]
    assert texts(part) == [[4, 5], [5, 4], [4, UNKNOWN], [UNKNOWN]]
    with pytest.raises(UserError, match="were not loaded"):
        texts_for(DATASET, 0.0, unlabeled=True)
