"""The words of documents as numbers, against scikit-learn and plain NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.feature_extraction.text import TfidfVectorizer

from rnnbench.data.dataset import START
from rnnbench.models.bag_of_words import BagOfWords
from rnnbench.models.word_weights import weighted_counts, word_weights
from rnnbench.training.engines.scikit_learn import texts

N_IDS = 9
documents = arrays.arrays(
    np.int32, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=st.integers(0, N_IDS - 1)
)
values = pytest.mark.parametrize("values", ["tfidf", "shares"])


def bag(values, learned=None):
    """Return a layer that has learned from documents, if there are any."""
    layer = BagOfWords(N_IDS, values)
    layer.build((None, None))
    if learned is not None:
        layer.adapt(learned)
    return layer


def words(ids):
    """Return the words of each document."""
    return [[word for word in row if word > START] for row in ids.tolist()]


@settings(max_examples=30)
@given(learned=documents, other=documents)
def test_tfidf_is_that_of_scikit_learn(learned, other):
    if not any(words(learned)):
        return  # scikit-learn refuses documents without words
    stock = TfidfVectorizer(tokenizer=str.split, token_pattern=None).fit(texts(learned))
    expected = np.zeros((len(other), N_IDS))
    columns = [int(word) for word in stock.get_feature_names_out()]
    expected[:, columns] = stock.transform(texts(other)).toarray()

    found = bag("tfidf", learned)(other)

    np.testing.assert_allclose(found, expected, atol=1e-6)


@settings(max_examples=30)
@given(learned=documents, other=documents)
def test_shares_are_those_of_the_words_that_were_in_the_documents_learned_from(learned, other):
    known = {word for document in words(learned) for word in document}
    expected = np.zeros((len(other), N_IDS))
    for row, document in zip(expected, words(other), strict=True):
        counted = [word for word in document if word in known]
        for word in counted:
            row[word] += 1 / len(counted)

    found = bag("shares", learned)(other)

    np.testing.assert_allclose(found, expected, atol=1e-6)


@values
@settings(max_examples=30)
@given(learned=documents, other=documents)
def test_numpy_gives_the_numbers_of_the_layer(values, learned, other):
    weights = word_weights(learned, N_IDS, values)

    found = [weighted_counts(each, weights, values) for each in other]

    np.testing.assert_allclose(bag(values, learned)(other), found, atol=1e-6)


@values
def test_neither_order_nor_padding_nor_start_marks_count(values):
    layer = bag(values, np.array([[1, 4, 5, 6, 0]], np.int32))
    one = np.array([[1, 5, 4, 4, 0, 0]], np.int32)
    other = np.array([[0, 0, 1, 4, 4, 5]], np.int32)

    np.testing.assert_allclose(layer(one), layer(other), atol=1e-7)
    np.testing.assert_array_equal(np.flatnonzero(layer(one)), [4, 5])


@values
def test_before_it_learns_every_word_has_the_same_weight(values):
    found = np.array(bag(values)(np.array([[1, 4, 4, 5]], np.int32)))

    assert found[0, 4] == pytest.approx(2 * found[0, 5])


@values
def test_a_document_without_known_words_is_all_zeros(values):
    layer = bag(values, np.array([[1, 4]], np.int32))

    np.testing.assert_array_equal(layer(np.array([[1, 5], [1, 0]], np.int32)), np.zeros((2, N_IDS)))


def test_a_word_that_is_in_every_document_weighs_least():
    x = np.array([[1, 4, 4, 5], [1, 4, 6, 0]], np.int32)

    weights = word_weights(x, N_IDS, "tfidf")

    np.testing.assert_allclose(weights[[4, 5, 6]], [1, 1 + np.log(3 / 2), 1 + np.log(3 / 2)])
    assert not weights[[0, 1, 2, 3, 7, 8]].any()


@values
def test_a_copy_from_its_config_is_the_same_layer(values):
    copy = BagOfWords.from_config(bag(values).get_config())

    assert (copy.n_ids, copy.values) == (N_IDS, values)
    assert copy.compute_output_shape((None, 3)) == (None, N_IDS)
