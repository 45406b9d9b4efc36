"""The terms of all documents, told from some of them, and what costs follow."""

from functools import partial

import numpy as np
import pytest

from rnnbench.models import needs
from rnnbench.models.baselines import MultinomialNaiveBayes, TfidfLinearSVM
from rnnbench.models.needs import Sample
from rnnbench.models.terms import word_ngrams

N = 4000
PAIRS = partial(word_ngrams, low=1, high=2)


@pytest.fixture(scope="module")
def texts():
    """Texts whose words are as frequent as those of a language (Zipf)."""
    ranks = np.random.default_rng(0).zipf(1.2, (N, 20))
    return [" ".join(map(str, row)) for row in (ranks % 20_000).tolist()]


@pytest.mark.parametrize("min_df", [1, 2])
def test_terms_of_all_documents_are_told_from_few(texts, min_df, monkeypatch):
    few = Sample(texts[:500], N, 10, 20_000).count_terms(PAIRS, min_df)

    monkeypatch.setattr(needs, "MOST_COUNTED", 10**9)
    exact = Sample(texts, N, 10, 20_000).count_terms(PAIRS, min_df)
    assert few[0] == pytest.approx(exact[0], rel=0.5)
    assert few[1] == pytest.approx(exact[1], rel=0.1)


def test_without_texts_there_are_no_terms():
    assert Sample([], 0, 2, 9).count_terms(PAIRS, min_df=1) == (0, 0)


def memory(baseline, texts, n_topics=10):
    return baseline.needs(Sample(texts[:500], N, n_topics, 20_000)).memory


def test_weights_of_more_topics_need_more_memory(texts):
    few = memory(MultinomialNaiveBayes(), texts)

    assert memory(MultinomialNaiveBayes(), texts, 1000) > 5 * few


def test_topics_learned_one_by_one_need_more_memory_than_many_together(texts):
    sample = Sample(texts[:500], N, 1000, 20_000, has_one_label=False)

    together = memory(TfidfLinearSVM(), texts, 1000)
    assert TfidfLinearSVM().needs(sample).memory > 2 * together


def test_words_are_no_more_than_their_ids(texts):
    baseline = MultinomialNaiveBayes()
    limited = Sample(texts[:500], N, 1000, 20)

    assert baseline.needs(limited).memory < memory(baseline, texts, 1000) / 5


def test_each_reduction_needs_less_memory(texts):
    baseline = TfidfLinearSVM(char_ngrams=(3, 5))
    changes = baseline.reductions()

    assert changes == [("min_df", 2), ("min_df", 5), ("max_ngram", 1)]
    for key, value in changes:
        smaller = baseline.model_copy(update={key: value})
        assert memory(smaller, texts, 1000) < memory(baseline, texts, 1000)
