"""Linear rules over counted words or characters, in functions of NumPy alone.

``weighted_sums(texts, (coef, intercept, idf), parts)`` gives margins. The source of
these functions also stands in exported models.
"""

import re
from collections import Counter

import numpy as np


def word_ngrams(text, low, high):
    """Yield sequences of low to high words."""
    words = text.split()
    for n in range(low, high + 1):
        yield from map(" ".join, zip(*[words[i:] for i in range(n)], strict=False))


def char_ngrams(text, low, high):
    """Yield sequences of low to high characters."""
    text = re.sub(r"\s\s+", " ", text)
    for n in range(low, high + 1):
        for start in range(len(text) - n + 1):
            yield text[start : start + n]


def char_ngrams_in_words(text, low, high):
    """Yield sequences of characters of each word and the blanks around it."""
    for word in text.split():
        padded = f" {word} "
        for n in range(low, min(high, max(len(padded), low)) + 1):
            for start in range(max(len(padded) - n + 1, 1)):
                yield padded[start : start + n]


def weighted_sums(texts, w, parts):
    """Return sums of the weights of terms; each part counts other terms."""
    coef, intercept, idf = w
    sums = np.tile(intercept.astype(float), (len(texts), 1))
    for row, text in enumerate(texts):
        for (terms, low, high), columns, changed, scaled in parts:
            occurring = filter(columns.__contains__, terms(text, low, high))
            counts = Counter(map(columns.__getitem__, occurring))
            at = np.array(list(counts), int)
            values = changed(np.array(list(counts.values()), float))
            sums[row] += scaled(values * idf[at]) @ coef[at]
    return sums


def same(values):
    """Return values as they are."""
    return values


def once(counts):
    """Return 1 for each count."""
    return counts * 0 + 1


def one_and_log(counts):
    """Return counts on a logarithmic scale."""
    return 1 + np.log(counts)


def with_sum_of_1(values):
    """Return values divided by their sum."""
    return values / np.maximum(np.sum(np.abs(values), axis=-1, keepdims=True), 1e-30)


def with_length_of_1(values):
    """Return values divided by the length of their vector."""
    length = np.sqrt(np.sum(values**2, axis=-1, keepdims=True))
    return values / np.maximum(length, 1e-30)
