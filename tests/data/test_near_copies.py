"""Texts that are nearly copies of each other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from rnnbench.data.near_copies import near_copies

RANDOM = default_rng(0)


def corpus_of(texts):
    """The tokens and the offsets of texts of numbers."""
    return np.concatenate(texts).astype(np.int32), np.cumsum([0, *map(len, texts)])


@given(st.integers(0, 2**32 - 1), st.integers(5, 20))
def test_texts_with_one_changed_word_are_near_copies(seed, n_texts):
    random = default_rng(seed)
    texts = []
    for number in range(n_texts):
        text = 1 + 1_000 * number + np.arange(200)
        changed = text.copy()
        changed[random.integers(200)] = 100_000 + number
        texts += [text, changed]

    groups = near_copies(*corpus_of(texts))

    assert len(set(groups[::2].tolist())) == n_texts, "other texts are apart"
    n_missed = np.count_nonzero(groups[::2] != groups[1::2])
    assert n_missed <= 2, "hashes miss one of 50,000"


@given(st.integers(0, 2**32 - 1))
def test_equal_texts_are_near_copies(seed):
    random = default_rng(seed)
    texts = [random.integers(1, 50, size) for size in random.integers(1, 9, 30)]

    groups = near_copies(*corpus_of([*texts, *texts]))

    assert groups[:30].tolist() == groups[30:].tolist()


@given(st.lists(st.sampled_from([[], [1, 2], [3, 4, 5]]), min_size=1))
def test_texts_without_words_are_no_copies(texts):
    groups = near_copies(*corpus_of(texts)).tolist()

    kept = [
        (tuple(text), group) for text, group in zip(texts, groups, strict=True) if text
    ]
    assert len(set(kept)) == len(set(map(tuple, texts)) - {()})
    n_without_words = sum(not text for text in texts)
    assert len(set(groups)) == n_without_words + len(set(kept))


def test_copies_are_found_however_many_texts_are_hashed_at_once(monkeypatch):
    texts = [RANDOM.integers(1, 50, size) for size in RANDOM.integers(1, 9, 30)]
    corpus = corpus_of([*texts, *texts])
    expected = near_copies(*corpus).tolist()

    monkeypatch.setattr("rnnbench.data.near_copies.TEXTS_AT_ONCE", 7)

    assert near_copies(*corpus).tolist() == expected
