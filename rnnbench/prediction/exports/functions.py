"""The other functions of exported models: words, linear models, and answers.

Like those in ``layers.py``, they stand in Python files, and are called for ONNX.
"""

import re
import unicodedata

import numpy as np

from rnnbench.prediction.exports.layers import softplus


def words_in(text, pattern):
    """Return the words of a text."""
    return re.findall(pattern, unicodedata.normalize("NFC", text.lower()))


def lower_words_in(text, pattern):
    """Return the words of a text, in lower case."""
    return re.findall(pattern, text.lower())


def latin_words_in(text, pattern):
    """Return the words of a text; characters outside Latin-1 become ``?``."""
    text = text.encode("latin-1", "replace").lower().decode("latin-1")
    return re.findall(pattern, text)


def characters_in(text, pattern):
    """Return the characters of a text."""
    return re.findall(pattern, text)


def log_softmax(x):
    """Return log-probabilities, if each text has one label."""
    x = x.astype(float)
    x = x - np.max(x, axis=1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=1, keepdims=True))


def log_sigmoid(x):
    """Return log-probabilities, if texts have any number of labels."""
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
    """Return the product of two arrays."""
    return members[0] * members[1]


def best(scores):
    """Return whether each label has the highest score."""
    places = np.argmax(scores.astype(np.float32), axis=1)
    return np.equal(np.arange(scores.shape[1]), places[:, None])


def at_least(scores, thresholds, least):
    """Return labels that reach their thresholds; if none does, the best from least."""
    scores = scores.astype(np.float32)
    is_given = np.greater_equal(scores, thresholds)
    is_left = np.sum(is_given, axis=1, keepdims=True) == 0
    return is_given | (is_left & best(scores) & (scores >= least))
