"""The needs of a run, told before it; and what is refused, with the smallest change."""

import logging
import re

import numpy as np
import pytest
from factories import benchmark, corpus_of_texts

from rnnbench.data.load import prepare_corpus
from rnnbench.errors import UserError
from rnnbench.runner import forecast
from rnnbench.runner.forecast import Forecast
from rnnbench.runner.plan import plan_benchmark

N = 2000
SVM = {"svm": {"baseline": {"tfidf_linear_svm": {"max_ngram": 3}}}}
TWO = SVM | {"bayes": {"baseline": "multinomial_naive_bayes"}}


@pytest.fixture(scope="module")
def corpus():
    """Texts of ten words with fifty labels."""
    ranks = np.random.default_rng(0).zipf(1.3, (N, 10)) % 5_000
    texts = [" ".join(f"w{rank}" for rank in row) for row in ranks]
    return corpus_of_texts(texts, [f"topic{n % 50}" for n in range(N)])


@pytest.fixture
def make(corpus, monkeypatch):
    """Makes the forecast of models with two jobs, in processes that need nothing."""
    monkeypatch.setattr(forecast, "MAIN", 0.0)
    monkeypatch.setattr(forecast, "PROCESS", 0.0)

    def made(models):
        config = benchmark(models=models)
        prepared = prepare_corpus(config.data, corpus)
        trials = plan_benchmark(config, prepared, threads=1).trials
        return Forecast(trials, prepared.dataset, jobs=2)

    return made


@pytest.fixture
def limited(monkeypatch):
    """Makes a machine with some bytes of memory."""

    def limit(n_bytes):
        monkeypatch.setattr(forecast, "usable_memory", lambda: n_bytes)

    return limit


def test_what_fits_is_not_mentioned(make, limited, caplog):
    two = make(TWO)
    limited(two.memory)

    two.check_memory()

    assert not caplog.messages


def test_trials_side_by_side_need_the_memory_of_all(make):
    two = make(TWO)

    alone = make(SVM).memory
    assert two.memory_of(1) == alone < two.memory_of(2)
    assert two.memory_of(2) == two.memory_of(3)


def test_what_may_fit_is_a_warning(make, limited, caplog):
    two = make(TWO)
    limited(two.memory_of(1))

    with caplog.at_level(logging.WARNING):
        two.check_memory()

    (warning,) = caplog.messages
    assert re.fullmatch(r"training needs about .+ \(use --jobs 1\)", warning)


def test_the_reduction_that_is_advised_fits(make, limited):
    usual = make(SVM)
    limit = usual.memory * 0.45
    limited(limit)

    with pytest.raises(UserError, match=r"models\.svm: \w+: \d\)$") as caught:
        usual.check_memory()

    key, value = re.findall(r"svm: (\w+): (\d)", str(caught.value))[0]
    (options,) = SVM["svm"]["baseline"].values()
    changed = {"baseline": {"tfidf_linear_svm": options | {key: int(value)}}}
    assert make({"svm": changed}).memory <= limit


def test_a_model_that_cannot_fit_is_named(make, limited):
    limited(1e5)

    with pytest.raises(UserError, match=r"models\.svm: leave it out \(--models\)"):
        make(SVM).check_memory()


def test_a_short_run_is_not_announced(make):
    assert not make(TWO).in_words


def test_a_long_run_is_announced(make, monkeypatch):
    monkeypatch.setattr(forecast, "MINUTE", 0.0)

    said = make(TWO).in_words
    assert re.fullmatch(r"about \d s of training, and up to 0\.\d GB of memory", said)
