"""Baselines fitted on a dataset: the documents that they learn, and their scores."""

from dataclasses import replace

import numpy as np
import pytest
from baseline_kinds import KINDS
from factories import corpus, corpus_of_several, corpus_of_texts
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from rnnbench.data.config import Data
from rnnbench.data.dataset import make_dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.padding import INDEX_FROM, PAD, START
from rnnbench.errors import UserError
from rnnbench.models.baselines import (
    BASELINES,
    Baseline,
    MultinomialNaiveBayes,
    TfidfLinearSVM,
)
from rnnbench.models.descriptions import BaselineModel
from rnnbench.tasks import MULTI_LABEL
from rnnbench.training.engines import ENGINES, FitRequest
from rnnbench.training.engines.scikit_learn import count_params, score, texts
from rnnbench.training.outcome import LOWEST
from rnnbench.training.settings import Training

kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def dataset():
    """Forty made-up documents, half of them to train on."""
    return make_dataset(corpus(documents=40), Data(test_split=0.5))


def train(baseline, dataset, share=0.0, seed=0):
    training = Training(validation_split=share)
    model = BaselineModel.model_construct(baseline=baseline)  # it may be in no registry
    engine = ENGINES["scikit-learn"]
    return engine.fit(
        FitRequest(model, dataset, training, seed, pytest.fail, keep_model=False)
    )


N_TOPICS = 5
KNOWN, UNKNOWN = [0, 2, 3], [1, 4]
"""Topics with and without documents to train on."""
LABELS = np.repeat(KNOWN, [4, 10, 6])
DOCUMENTS = [f"{topic}0 {topic}1 {topic}2" for topic in LABELS]


def scored(
    baseline, documents=DOCUMENTS, trained_on=(DOCUMENTS, LABELS), n_topics=N_TOPICS
):
    fitted, learned = baseline.pipeline(0).fit(*trained_on), np.unique(trained_on[1])
    return score(baseline, fitted, documents, n_topics, learned)


@kinds
def test_scores_are_log_probabilities_or_margins_and_lowest_for_topics_without_documents(
    kind,
):
    baseline = BASELINES[kind]()

    found = scored(baseline)

    assert found.shape == (20, N_TOPICS)
    if baseline.gives_probabilities:
        np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)
        floor = np.minimum(found[:, KNOWN].min(axis=1), LOWEST)
        np.testing.assert_array_equal(
            found[:, UNKNOWN], np.stack([floor, floor], axis=1)
        )
    else:
        assert (found[:, KNOWN] < 0).any(), (
            "a margin says on which side of a boundary it is"
        )
        assert (found[:, UNKNOWN] < found[:, KNOWN].min()).all()
    classifier = baseline.pipeline(0).fit(DOCUMENTS, LABELS)
    np.testing.assert_array_equal(found.argmax(axis=1), classifier.predict(DOCUMENTS))
    if kind not in ("most_frequent", "stratified"):
        np.testing.assert_array_equal(found.argmax(axis=1), LABELS)
    of_unknown_words = scored(baseline, ["77 88", ""])
    assert np.isfinite(of_unknown_words).all()
    assert set(of_unknown_words.argmax(axis=1)) <= set(KNOWN)


@pytest.mark.parametrize("pair", [(0, 1), (4, 0)])
def test_with_two_topics_each_has_its_own_scores(pair):
    labels = np.array(pair * 5)
    documents = [f"{label}0 {label}1" for label in labels]

    margins, logs = (
        scored(baseline(), documents, (documents, labels))
        for baseline in (TfidfLinearSVM, MultinomialNaiveBayes)
    )

    np.testing.assert_array_equal(
        [margins.argmax(axis=1), logs.argmax(axis=1)], [labels] * 2
    )
    np.testing.assert_allclose(margins[:, pair[0]], -margins[:, pair[1]])


def test_baselines_that_read_no_words_know_how_often_each_topic_comes():
    shares = [0.2, 0, 0.5, 0.3, 0]

    found = scored(BASELINES["stratified"](), ["any"] * 4000)

    of_most_frequent = np.exp(scored(BASELINES["most_frequent"](), ["20", "new", ""]))
    np.testing.assert_allclose(of_most_frequent, [shares] * 3, atol=1e-30)
    assert set(found.flat) == {0, LOWEST}, "it is sure of what it draws"
    np.testing.assert_allclose(np.exp(found).mean(axis=0), shares, atol=0.04)


def test_naive_bayes_is_scored_far_below_the_smallest_float():
    long = [" ".join([document] * 200) for document in DOCUMENTS]

    found = scored(MultinomialNaiveBayes(), long)

    own = found[np.arange(20), LABELS]
    assert found[:, KNOWN].max(axis=1) == pytest.approx(own, abs=1e-9)
    assert (np.sort(found[:, KNOWN], axis=1)[:, :2] < -800).all()
    assert (found[:, UNKNOWN] <= found[:, KNOWN].min(axis=1, keepdims=True)).all()


class Neighbours(Baseline):
    """Its classifier gives probabilities, but not their logarithms."""

    kind = "neighbours"

    def pipeline(self, seed):  # noqa: ARG002
        return make_pipeline(CountVectorizer(), KNeighborsClassifier(4))


def test_a_classifier_without_logarithms_has_those_of_its_probabilities():
    found = scored(Neighbours(), [*DOCUMENTS, "00 20"])

    np.testing.assert_array_equal(found[:20].argmax(axis=1), LABELS)
    expected = (
        Neighbours().pipeline(0).fit(DOCUMENTS, LABELS).predict_proba(["00 20"])[0]
    )
    assert 0 in expected
    np.testing.assert_allclose(np.exp(found[20, KNOWN]), expected, atol=1e-30)
    assert found.min() == LOWEST


@pytest.mark.parametrize(
    ("kind", "parameters", "params"),
    [
        ("most_frequent", {}, 0),
        ("tfidf_linear_svm", {"max_ngram": 3}, 3 * (9 + 6 + 3) + 3),
        ("multinomial_naive_bayes", {}, 3 * 9 + 3),
        ("nb_svm", {"max_ngram": 2}, 3 * (9 + 6) + 3),
    ],
)
def test_parameters_are_one_for_each_topic_and_word_and_one_more_for_each_topic(
    kind, parameters, params
):
    classifier = BASELINES[kind](**parameters).pipeline(0).fit(DOCUMENTS, LABELS)

    assert count_params(classifier) == params


ids = arrays.arrays(
    np.int32,
    st.tuples(st.integers(1, 4), st.integers(1, 6)),
    elements=st.integers(0, 40),
)


@given(ids=ids)
def test_a_text_has_ids_without_padding_and_start_mark_or_words_without_unknown_ones(
    ids,
):
    words, first = [f"word{number}" for number in range(37)], INDEX_FROM + 1

    for text, in_words, row in zip(
        texts(ids), texts(ids, words), ids.tolist(), strict=True
    ):
        assert text.split() == [
            str(number) for number in row if number not in (PAD, START)
        ]
        assert in_words.split() == [
            words[number - first] for number in row if number >= first
        ]
    characters = np.array([[1, 4, 5, 4, 0], [1, 5, 2, 4, 0]], np.int32)
    assert texts(characters, ("東", "京"), "") == ["東京東", "京東"]
    assert texts(characters, ("東", "京")) == ["東 京 東", "京 東"]


def test_characters_of_words_are_learned_where_words_themselves_are_new():
    words = ["grains", "metals", "grain", "metal"]
    data = make_dataset(
        corpus_of_texts(words, "abab", [False, False, True, True], source="sgml"),
        Data(num_words=100),
    )

    by_word, by_characters = (
        train(TfidfLinearSVM(analyzer=analyzer, max_ngram=3), data).scores
        for analyzer in ("word", "char_wb")
    )

    np.testing.assert_allclose(by_word[0], by_word[1])
    np.testing.assert_array_equal(by_characters.argmax(axis=1), [0, 1])


@kinds
def test_neither_test_documents_nor_those_held_out_have_any_influence_on_training(
    dataset, kind
):
    kept, held_out = hold_out(20, 0.4)
    x, y = dataset.x_train.copy(), dataset.y_train.copy()
    x[held_out], y[held_out] = 1000, 0
    tested = {
        "x_test": np.roll(dataset.x_test, 5, axis=0),
        "y_test": 1 - dataset.y_test,
    }

    ours, others, again = (
        train(BASELINES[kind](), replace(dataset, **changes), 0.4)
        for changes in ({}, tested, {"x_train": x, "y_train": y})
    )

    assert ours.record.params == others.record.params
    if kind != "stratified":  # it draws document by document
        np.testing.assert_array_equal(np.roll(ours.scores, 5, axis=0), others.scores)
    np.testing.assert_array_equal(ours.scores, again.scores)
    assert (ours.record.engine, ours.record.epochs) == ("scikit-learn", 0)
    assert ours.record.fit_seconds > 0
    if kind == "most_frequent":
        shares = np.bincount(dataset.y_train[kept], minlength=3) / 12
        np.testing.assert_allclose(
            np.exp(ours.scores), np.tile(shares, (20, 1)), rtol=1e-6
        )


@kinds
@pytest.mark.parametrize("learned", [[2], [1, 2]], ids=["one topic", "two topics"])
def test_topics_that_no_or_every_training_document_has_do_not_hinder_the_others(
    kind, learned
):
    whole = make_dataset(corpus_of_several(), Data())
    y = whole.y_train * np.isin(range(3), learned).astype(np.uint8)
    y[:, 1] |= 1 in learned

    found = train(BASELINES[kind](), replace(whole, y_train=y))

    answers = MULTI_LABEL.answers(found.scores, found.record.decision)
    _, of = MULTI_LABEL.parts(whole.y_test, answers)
    assert of.sum() == whole.y_test.sum() + answers.sum(), (
        "topics without documents count, too"
    )
    assert not answers[:, np.delete(range(3), learned)].any()
    if kind not in ("most_frequent", "stratified", "sentence_embedding"):
        assert (answers[:, 2] == whole.y_test[:, 2]).mean() > 0.8


def test_parameters_that_leave_nothing_to_learn_from_are_the_users_error(dataset):
    for baseline in (TfidfLinearSVM(min_df=1000), MultinomialNaiveBayes(min_df=20)):
        with pytest.raises(
            UserError, match=rf"^{baseline.kind} cannot be fitted: .*min_df"
        ):
            train(baseline, dataset)
