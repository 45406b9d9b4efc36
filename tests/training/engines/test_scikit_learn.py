"""Baselines: fitted on the documents that a network would be trained on, and no others."""

from dataclasses import replace

import numpy as np
import pytest
from factories import corpus

from rnnbench.data.dataset import PAD, Dataset, make_dataset
from rnnbench.data.settings import Data
from rnnbench.models.baselines import (
    BASELINES,
    MostFrequent,
    MultinomialNaiveBayes,
    Stratified,
    TfidfLinearSVM,
)
from rnnbench.models.descriptions import BaselineModel
from rnnbench.training.engines import ENGINES
from rnnbench.training.outcome import History
from rnnbench.training.recipe import Training
from rnnbench.training.validation import hold_out

kinds = pytest.mark.parametrize("kind", BASELINES)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Forty made-up documents, half of them to train on."""
    return make_dataset(corpus(wires=40), Data(test_split=0.5))


def train(baseline, dataset, share=0.0, seed=0):
    training, model = Training(validation_split=share), BaselineModel(baseline=baseline)
    return ENGINES["scikit-learn"].fit(
        model, dataset, training, seed, pytest.fail, keep_model=False
    )


@kinds
def test_it_answers_every_test_document_with_a_score_for_every_topic(dataset, kind):
    trained = train(BASELINES[kind](), dataset)

    assert trained.scores.shape == (20, 3)
    assert trained.scores.dtype == np.float32
    assert np.isfinite(trained.scores).all()


def test_it_tells_what_it_cost_and_of_no_epochs(dataset):
    trained = train(MultinomialNaiveBayes(), dataset)

    words = np.setdiff1d(dataset.x_train, [0, 1])
    outcome = trained.outcome
    assert outcome.params == 3 * len(words) + 3
    assert outcome.fit_seconds > 0
    assert (outcome.engine, outcome.score_kind) == ("scikit-learn", "probabilities")
    assert (outcome.epochs, outcome.steps, outcome.ms_per_step) == (0, 0, None)
    assert (outcome.history, outcome.best_epoch, outcome.stock_layers) == (History(), None, [])


def test_it_learns_the_training_documents_by_heart_where_they_can_be_told_apart(dataset):
    tested_on_training = replace(dataset, x_test=dataset.x_train, y_test=dataset.y_train)

    trained = train(TfidfLinearSVM(C=1e6), tested_on_training)

    answers = trained.scores.argmax(axis=1)
    assert np.mean(answers == dataset.y_train) > 0.9, "one topic in three would be guessed"


@kinds
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_the_test_documents_have_no_influence_on_what_is_learned(dataset, kind, share):
    other = replace(dataset, x_test=np.roll(dataset.x_test, 5, axis=0), y_test=1 - dataset.y_test)

    ours, others = (train(BASELINES[kind](), each, share) for each in (dataset, other))

    assert ours.outcome.params == others.outcome.params
    if kind != "stratified":  # it draws document by document
        np.testing.assert_array_equal(np.roll(ours.scores, 5, axis=0), others.scores)


@kinds
def test_held_out_documents_are_not_learned_for_a_network_does_not_learn_them_either(dataset, kind):
    _, held_out = hold_out(20, 0.4)
    x, y = dataset.x_train.copy(), dataset.y_train.copy()
    x[held_out], y[held_out] = 1000, 0
    other = replace(dataset, x_train=x, y_train=y)

    ours, others = (train(BASELINES[kind](), each, 0.4) for each in (dataset, other))

    np.testing.assert_array_equal(ours.scores, others.scores)
    assert ours.outcome.params == others.outcome.params


def test_the_shares_of_the_topics_are_those_of_the_documents_that_are_learned(dataset):
    kept, _ = hold_out(20, 0.4)

    trained = train(MostFrequent(), dataset, 0.4)

    shares = np.bincount(dataset.y_train[kept], minlength=3) / 12
    np.testing.assert_allclose(trained.scores, np.tile(shares, (20, 1)), rtol=1e-6)


@kinds
def test_padding_has_no_influence(dataset, kind):
    longer = replace(
        dataset,
        x_train=np.pad(dataset.x_train, [(0, 0), (0, 3)], constant_values=PAD),
        x_test=np.pad(dataset.x_test, [(0, 0), (2, 0)], constant_values=PAD),
    )

    ours, others = (train(BASELINES[kind](), each) for each in (dataset, longer))

    np.testing.assert_array_equal(ours.scores, others.scores)


def test_the_seed_is_that_of_what_answers_at_random(dataset):
    first, other = (train(Stratified(), dataset, seed=seed).scores for seed in (0, 1))

    assert not np.array_equal(first, other)
