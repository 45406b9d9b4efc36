"""The SVM that starts from naive Bayes, and the encoder of texts."""

import json
import socket
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.svm import LinearSVC

from rnnbench.environment import missing
from rnnbench.models.baselines import SentenceEmbedding
from rnnbench.models.estimators import CalibratedSVM, NaiveBayesSVM
from rnnbench.models.text_vectors import _load, encode

N, WORDS, TOPICS = 24, 7, 3


def documents(seed):
    """Return which words occur in some documents, and their topics, each of which is
    there.
    """
    x = np.random.default_rng(seed).random((N, WORDS)) < 0.4
    return x.astype(np.int64), np.arange(N) % TOPICS


@settings(max_examples=10)
@given(
    st.integers(0, 99), st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from([0.5, 1.0])
)
def test_the_margins_are_those_of_wang_and_manning(seed, beta, alpha):
    x, y = documents(seed)

    model = NaiveBayesSVM(alpha, C=0.5, beta=beta).fit(csr_matrix(x), y)

    for topic in range(TOPICS):
        p, q = (alpha + x[part].sum(axis=0) for part in (y == topic, y != topic))
        ratios = np.log((p / np.abs(p).sum()) / (q / np.abs(q).sum()))
        svm = LinearSVC(C=0.5, random_state=0, max_iter=10_000).fit(
            x * ratios, y == topic
        )
        weights = svm.coef_[0]
        interpolated = (1 - beta) * np.abs(weights).sum() / WORDS + beta * weights
        margins = (x * ratios) @ interpolated + svm.intercept_
        np.testing.assert_allclose(
            model.decision_function(csr_matrix(x))[:, topic], margins, atol=1e-6
        )


@pytest.mark.parametrize("has_one_label", [True, False])
def test_a_calibrated_svm_is_as_sure_as_it_is_right(has_one_label):
    random = np.random.default_rng(0)
    chance = 1 / (1 + np.exp(-random.normal(scale=1.5, size=4_000)))
    truth = random.random(4_000) < chance
    x = csr_matrix(np.stack([chance, 1 - chance], axis=1))
    y = (
        truth.astype(np.int64)
        if has_one_label
        else np.stack([truth, ~truth], 1).astype(np.uint8)
    )

    model = CalibratedSVM().fit(x, y)

    of_truth = np.exp(model.predict_log_proba(x))[:, 1 if has_one_label else 0]
    for low in (0.1, 0.3, 0.5, 0.7):
        part = (of_truth >= low) & (of_truth < low + 0.2)
        assert truth[part].mean() == pytest.approx(of_truth[part].mean(), abs=0.08)
    svm = LinearSVC(random_state=0).fit(x, truth)
    ratio = model.coef_[1 if has_one_label else 0] / svm.coef_[0]
    assert ratio == pytest.approx(
        ratio[0], rel=1e-3
    )  # the SVM of all documents, scaled
    assert ratio[0] > 0


def test_a_calibrated_svm_learns_from_rare_topics():
    x, y = (
        csr_matrix(np.eye(6)),
        np.eye(6, 3, dtype=np.uint8),
    )  # most are in the first documents
    y[:, 2] = 1
    logs = CalibratedSVM().fit(x, y).predict_log_proba(x)
    assert np.isfinite(logs).all()
    assert (logs[:, 2] > -1e-9).all()


def test_the_margins_are_in_the_order_of_the_labels():
    x, y = documents(0)
    labels = np.array([7, 2, 5])[y]

    margins, own = (
        NaiveBayesSVM().fit(csr_matrix(x), of).decision_function(x)
        for of in (labels, y)
    )

    assert margins.shape == (N, TOPICS)
    np.testing.assert_array_equal(margins, own[:, [1, 2, 0]])
    assert clone(NaiveBayesSVM(2.0, 3.0, 0.5)).get_params() == {
        "alpha": 2.0,
        "C": 3.0,
        "beta": 0.5,
    }


def test_any_number_of_topics_are_learned_each_as_it_is_alone():
    x, y = documents(0)
    x, topics = csr_matrix(x), np.stack([y == 0, y > 0, y < 3, y == 1], axis=1)

    model = NaiveBayesSVM().fit(x, topics.astype(np.uint8))

    for place in (0, 1, 3):
        alone = NaiveBayesSVM().fit(x, topics[:, place])
        np.testing.assert_array_equal(model.coef_[place], alone.coef_[1])
    assert (model.decision_function(x)[:, 2] == 1).all(), (
        "all documents have this topic"
    )


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
    vectors, nothing = encode(TEXTS), encode([""])

    assert not nothing.any(), "an empty text has no direction"
    assert "wordllama" not in sys.modules, "it changes the logging of its process"
    assert vectors.shape == (len(TEXTS), 256)
    command = [sys.executable, "-c", OF_THE_PACKAGE, json.dumps(TEXTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    np.testing.assert_allclose(vectors, json.loads(done.stdout), atol=1e-6)


@with_encoder
def test_no_network_is_needed(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", None)
    monkeypatch.setattr(socket, "getaddrinfo", None)
    _load.cache_clear()

    assert encode(["grain"]).shape == (1, 256)
