"""The SVM that starts from naive Bayes, and the encoder of texts."""

import json
import socket
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.svm import LinearSVC

from rnnbench.environment import missing
from rnnbench.models.baselines import SentenceEmbedding
from rnnbench.models.estimators import CalibratedSVM, LogOdds, NaiveBayesSVM
from rnnbench.models.text_vectors import _load, encode

N_DOCUMENTS = 24
N_WORDS = 7
N_TOPICS = 3


def documents(seed):
    """Return which words occur in documents, and the topics of these."""
    x = default_rng(seed).random((N_DOCUMENTS, N_WORDS)) < 0.4
    return x.astype(np.int64), np.arange(N_DOCUMENTS) % N_TOPICS


@settings(max_examples=10)
@given(
    st.integers(0, 99), st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from([0.5, 1.0])
)
def test_the_margins_are_those_of_wang_and_manning(seed, beta, alpha):
    x, y = documents(seed)

    model = NaiveBayesSVM(alpha, C=0.5, beta=beta).fit(csr_matrix(x), y)

    margins = model.decision_function(csr_matrix(x))
    for topic in range(N_TOPICS):
        p = alpha + x[y == topic].sum(axis=0)
        q = alpha + x[y != topic].sum(axis=0)
        ratios = np.log((p / np.abs(p).sum()) / (q / np.abs(q).sum()))
        svm = LinearSVC(C=0.5, random_state=0, max_iter=10_000)
        svm.fit(x * ratios, y == topic)
        weights = svm.coef_[0]
        interpolated = (1 - beta) * np.abs(weights).sum() / N_WORDS + beta * weights
        expected = (x * ratios) @ interpolated + svm.intercept_
        assert_allclose(margins[:, topic], expected, atol=1e-6)


@settings(max_examples=10)
@given(st.integers(0, 99))
def test_features_of_unlike_shares_in_the_topics_weigh_more(seed):
    x, y = documents(seed)

    weights = LogOdds().fit(csr_matrix(x), y).weights_

    counts = np.array([x[y == topic].sum(axis=0) for topic in range(N_TOPICS)]) + 0.5
    shares = counts / counts.sum(axis=1, keepdims=True)
    expected = np.sqrt(np.abs(np.log(shares / shares.mean(axis=0))).max(axis=0))
    assert_allclose(weights, expected / expected.mean())


def test_weighted_documents_have_a_length_of_1():
    x, y = documents(0)
    x = csr_matrix(x)

    weighted = LogOdds().fit_transform(x, y)

    lengths = np.sqrt(weighted.multiply(weighted).sum(axis=1))
    assert_allclose(lengths[x.sum(axis=1) > 0], 1)


def test_documents_left_out_to_calibrate_weigh_no_feature():
    x, y = documents(0)
    is_left_out = np.arange(N_DOCUMENTS) % 5 == 4
    other = np.where(is_left_out, (y + 1) % N_TOPICS, y)
    fitted = []

    class Noted(LogOdds):
        def fit(self, x, y):
            fitted.append(super().fit(x, y).weights_)
            return self

    for labels in (y, other):
        CalibratedSVM(weighting=Noted()).fit(csr_matrix(x, dtype=float), labels)

    first, whole, first_of_others, whole_of_others = fitted
    assert_array_equal(first, first_of_others)
    assert not np.array_equal(whole, whole_of_others)


RANDOM = default_rng(0)
CHANCE = 1 / (1 + np.exp(-RANDOM.normal(scale=1.5, size=4_000)))
HAS_TOPIC = RANDOM.random(4_000) < CHANCE


@pytest.mark.parametrize(
    ("y", "place"),
    [
        (HAS_TOPIC.astype(np.int64), 1),
        (np.stack([HAS_TOPIC, ~HAS_TOPIC], axis=1).astype(np.uint8), 0),
    ],
    ids=["one topic", "any number"],
)
def test_a_calibrated_svm_is_as_sure_as_it_is_right(y, place):
    x = csr_matrix(np.stack([CHANCE, 1 - CHANCE], axis=1))

    model = CalibratedSVM().fit(x, y)

    sure = np.exp(model.predict_log_proba(x))[:, place]
    for low in (0.1, 0.3, 0.5, 0.7):
        is_near = (sure >= low) & (sure < low + 0.2)
        share = HAS_TOPIC[is_near].mean()
        assert share == pytest.approx(sure[is_near].mean(), abs=0.08)
    svm_of_all = LinearSVC(random_state=0).fit(x, HAS_TOPIC)
    scale = model.coef_[place] / svm_of_all.coef_[0]
    assert scale == pytest.approx(scale[0], rel=1e-3)
    assert scale[0] > 0


def test_a_calibrated_svm_learns_from_rare_topics():
    x = csr_matrix(np.eye(6))
    y = np.eye(6, 3, dtype=np.uint8)  # most topics are in the first documents
    y[:, 2] = 1
    logs = CalibratedSVM().fit(x, y).predict_log_proba(x)
    assert np.isfinite(logs).all()
    assert (logs[:, 2] > -1e-9).all()


def test_the_margins_are_in_the_order_of_the_labels():
    x, y = documents(0)
    labels = np.array([7, 2, 5])[y]

    margins = NaiveBayesSVM().fit(csr_matrix(x), labels).decision_function(x)

    by_topic = NaiveBayesSVM().fit(csr_matrix(x), y).decision_function(x)
    assert margins.shape == (N_DOCUMENTS, N_TOPICS)
    assert_array_equal(margins, by_topic[:, [1, 2, 0]])


def test_scikit_learn_can_clone_the_svm():
    parameters = {"alpha": 2.0, "C": 3.0, "beta": 0.5}

    assert clone(NaiveBayesSVM(**parameters)).get_params() == parameters


def test_any_number_of_topics_are_learned_each_as_it_is_alone():
    x, y = documents(0)
    x = csr_matrix(x)
    topics = np.stack([y == 0, y > 0, y < 3, y == 1], axis=1)

    model = NaiveBayesSVM().fit(x, topics.astype(np.uint8))

    for place in (0, 1, 3):
        alone = NaiveBayesSVM().fit(x, topics[:, place])
        assert_array_equal(model.coef_[place], alone.coef_[1])
    margins = model.decision_function(x)
    assert (margins[:, 2] == 1).all(), "all documents have this topic"


with_encoder = pytest.mark.skipif(
    bool(missing(SentenceEmbedding.packages)), reason=SentenceEmbedding.install
)
TEXTS = ["grain exports fell 3 pct", "shr 12 cts vs loss 4 cts", "Ünïted", "oil"]
OF_THE_PACKAGE = """
import json, sys
from pathlib import Path
import wordllama

folder = Path(wordllama.__file__).parent  # or it looks for the tokenizer elsewhere
model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
print(json.dumps(model.embed(json.loads(sys.argv[1])).tolist()))
"""


@with_encoder
def test_the_vectors_are_those_of_the_package_which_is_not_imported():
    vectors = encode(TEXTS)

    assert not encode([""]).any(), "an empty text has no direction"
    assert "wordllama" not in sys.modules, "it changes the logging of its process"
    assert vectors.shape == (len(TEXTS), 256)
    command = [sys.executable, "-c", OF_THE_PACKAGE, json.dumps(TEXTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert_allclose(vectors, json.loads(done.stdout), atol=1e-6)


@with_encoder
def test_no_network_is_needed(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", None)
    monkeypatch.setattr(socket, "getaddrinfo", None)
    _load.cache_clear()

    assert encode(["grain"]).shape == (1, 256)
