"""Words counted by their ids: the same features as scikit-learn's, bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

from rnnbench.data import corpus
from rnnbench.data.padding import without_padding
from rnnbench.models.counting import count_ids
from rnnbench.training.engines.scikit_learn import texts

N_IDS = 120
DOCUMENTS = arrays(np.int32, (6, 9), elements=st.integers(0, N_IDS - 1))
CLASSES = st.sampled_from([CountVectorizer, TfidfVectorizer])
OPTIONS = st.fixed_dictionaries(
    {
        "ngram_range": st.sampled_from([(1, 1), (1, 2), (2, 2), (1, 3), (2, 4)]),
        "min_df": st.integers(1, 2),
        "binary": st.booleans(),
    }
)
WORDS = {"tokenizer": str.split, "token_pattern": None, "lowercase": False}


def pair_of(options, kind=CountVectorizer):
    """Return a vectorizer of texts, and a pipeline that counts their ids."""
    pipeline = make_pipeline(kind(**WORDS, **options), "passthrough")
    assert count_ids(pipeline, N_IDS)
    return kind(**WORDS, **options), pipeline


def assert_same(counts, expected):
    assert counts.shape == expected.shape
    assert_array_equal(counts.indptr, expected.indptr)
    assert_array_equal(counts.indices, expected.indices)
    assert_array_equal(counts.data, expected.data)


def learned(vectorizer, documents):
    try:
        return vectorizer.fit_transform(documents)
    except ValueError:
        return None


@given(DOCUMENTS, OPTIONS, CLASSES)
def test_documents_to_learn_from_have_the_features_of_their_texts(
    documents, options, kind
):
    vectorizer, pipeline = pair_of(options, kind)

    expected = learned(vectorizer, texts(documents))

    counts = learned(pipeline, without_padding(documents))
    assert (counts is None) == (expected is None)
    if counts is not None:
        assert_same(counts, expected)


@given(DOCUMENTS, DOCUMENTS, OPTIONS, CLASSES)
def test_other_documents_have_the_features_of_their_texts(
    documents, others, options, kind
):
    vectorizer, pipeline = pair_of(options, kind)
    if learned(vectorizer, texts(documents)) is not None:
        pipeline.fit(without_padding(documents))

        expected = vectorizer.transform(texts(others))

        assert_same(pipeline.transform(without_padding(others)), expected)


@given(DOCUMENTS, OPTIONS)
def test_terms_have_the_names_that_texts_give_them(documents, options):
    vectorizer, pipeline = pair_of(options)
    if learned(vectorizer, texts(documents)) is not None:
        pipeline.fit(without_padding(documents))

        names = pipeline[0].get_feature_names_out()

        assert_array_equal(names, vectorizer.get_feature_names_out())


@given(DOCUMENTS, OPTIONS)
def test_documents_are_counted_some_at_a_time(documents, options):
    vectorizer, pipeline = pair_of(options)
    expected = learned(vectorizer, texts(documents))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "TOKENS_AT_ONCE", 10)
        counts = learned(pipeline, without_padding(documents))

    if expected is not None:
        assert_same(counts, expected)


@pytest.mark.parametrize(
    "vectorizer",
    [
        CountVectorizer(),
        CountVectorizer(**WORDS, max_features=10),
        CountVectorizer(**WORDS, min_df=0.1),
        CountVectorizer(**WORDS, ngram_range=(1, 10)),
        CountVectorizer(analyzer="char"),
    ],
)
def test_a_vectorizer_that_counts_anything_else_reads_texts(vectorizer):
    pipeline = make_pipeline(vectorizer, "passthrough")

    assert not count_ids(pipeline, N_IDS)
    assert pipeline[0] is vectorizer
