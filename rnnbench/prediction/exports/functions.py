"""The other functions of exported models: words, linear models, and answers.

Like those in ``layers.py``, they stand in Python files, and are called for ONNX.
"""

import re
import unicodedata
from collections import Counter

import numpy as np

from rnnbench.prediction.exports.layers import softplus


def words_in(text, pattern):
    """Return the words of a text."""
    return re.findall(pattern, unicodedata.normalize("NFC", text.lower()))


def lower_words_in(text, pattern):
    """Return the words of a text, of few letters."""
    return re.findall(pattern, text.lower())


def latin_words_in(text, pattern):
    """Return the words of a text; other signs than those of Latin-1 are ``?``."""
    text = text.encode("latin-1", "replace").lower().decode("latin-1")
    return re.findall(pattern, text)


def characters_in(text, pattern):
    """Return the characters of a text."""
    return re.findall(pattern, text)


def log_softmax(x):
    """Return log-probabilities of labels of which each text has one."""
    x = x.astype(float)
    x = x - np.max(x, axis=1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=1, keepdims=True))


def log_sigmoid(x):
    """Return log-probabilities of labels of which texts have any number."""
    return -softplus(-x.astype(float))


def texts_of_ids(ids):
    """Return word ids as texts."""
    texts = []
    for row in ids:
        texts.append(" ".join(map(str, row[row > 1])))
    return texts


def texts_of_words(ids, words, separator):
    """Return the known words of texts."""
    texts = []
    for row in ids:
        texts.append(separator.join(map(words.__getitem__, row[row > 3] - 4)))
    return texts


def word_ngrams(text, low, high):
    """Return sequences of low to high words."""
    words = text.split()
    terms = []
    for n in range(low, high + 1):
        for start in range(len(words) - n + 1):
            terms.append(" ".join(words[start : start + n]))
    return terms


def char_ngrams(text, low, high):
    """Return sequences of low to high characters."""
    text = re.sub(r"\s\s+", " ", text)
    terms = []
    for n in range(low, high + 1):
        for start in range(len(text) - n + 1):
            terms.append(text[start : start + n])
    return terms


def char_ngrams_in_words(text, low, high):
    """Return sequences of characters of each word and the blanks around it."""
    terms = []
    for word in text.split():
        padded = f" {word} "
        for n in range(low, min(high, max(len(padded), low)) + 1):
            for start in range(max(len(padded) - n + 1, 1)):
                terms.append(padded[start : start + n])
    return terms


def weighted_sums(texts, w, parts):
    """Return sums of the weights of terms; each part counts other terms."""
    coef, intercept, idf = w
    sums = np.tile(intercept.astype(float), (len(texts), 1))
    for row, text in enumerate(texts):
        for (terms, low, high), columns, changed, scaled in parts:
            found = filter(columns.__contains__, terms(text, low, high))
            counts = Counter(map(columns.__getitem__, found))
            at = np.array(list(counts), int)
            values = changed(np.array(list(counts.values()), float))
            sums[row] += scaled(values * idf[at]) @ coef[at]
    return sums


def once(counts):
    """Return 1 for each count."""
    return counts * 0 + 1


def one_and_log(counts):
    """Return counts of which each more counts less."""
    return 1 + np.log(counts)


def with_sum_of_1(values):
    """Return values over their sum."""
    return values / np.maximum(np.sum(np.abs(values), axis=-1, keepdims=True), 1e-30)


def with_length_of_1(values):
    """Return values over the length of their vector."""
    length = np.sqrt(np.sum(values**2, axis=-1, keepdims=True))
    return values / np.maximum(length, 1e-30)


def log_odds(logs):
    """Return the log-odds of log-probabilities."""
    return logs - np.log(-np.expm1(np.minimum(logs, -1.1754943508222875e-38)))


def average(members, shares):
    """Return a weighted mean."""
    total = 0
    for member, share in zip(members, shares):
        total = total + member * share
    return total


def product(members):
    """Return the product of two."""
    return members[0] * members[1]


def best(scores):
    """Return whether each label is the best."""
    places = np.argmax(scores.astype(np.float32), axis=1)
    return np.equal(np.arange(scores.shape[1]), places[:, None])


def at_least(scores, thresholds, least):
    """Return the labels from their thresholds on; without any, the best from least."""
    scores = scores.astype(np.float32)
    is_given = np.greater_equal(scores, thresholds)
    is_left = np.sum(is_given, axis=1, keepdims=True) == 0
    return is_given | (is_left & best(scores) & (scores >= least))
