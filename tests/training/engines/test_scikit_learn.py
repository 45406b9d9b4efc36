"""Baselines fitted on a dataset: the documents that they learn, and their scores."""

from dataclasses import replace

import numpy as np
import pytest
from baseline_kinds import KINDS
from factories import corpus, corpus_of_several, corpus_of_texts
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose, assert_array_equal
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
    request = FitRequest(
        # Made unchecked: the baseline may be in no registry.
        BaselineModel.model_construct(baseline=baseline),
        dataset,
        Training(validation_split=share),
        seed,
        pytest.fail,
        keep_model=False,
    )
    return ENGINES["scikit-learn"].fit(request)


N_TOPICS = 5
KNOWN = [0, 2, 3]
UNKNOWN = [1, 4]
"""Topics with and without documents to train on."""
LABELS = np.repeat(KNOWN, [4, 10, 6])
DOCUMENTS = [f"{topic}0 {topic}1 {topic}2" for topic in LABELS]


def scored(
    baseline, documents=DOCUMENTS, trained_on=(DOCUMENTS, LABELS), n_topics=N_TOPICS
):
    fitted = baseline.pipeline(0).fit(*trained_on)
    learned = np.unique(trained_on[1])
    return score(baseline, fitted, documents, n_topics, learned)


@kinds
def test_scores_are_lowest_for_topics_without_documents(kind):
    baseline = BASELINES[kind]()

    scores = scored(baseline)

    learned = scores[:, KNOWN]
    if baseline.gives_probabilities:
        assert_allclose(np.exp(scores).sum(axis=1), 1)
        floor = np.minimum(learned.min(axis=1), LOWEST)
        assert_array_equal(scores[:, UNKNOWN], np.stack([floor] * 2, axis=1))
    else:
        assert (learned < 0).any(), "margins tell the side of a boundary"
        assert (scores[:, UNKNOWN] < learned.min()).all()


@kinds
def test_the_topic_with_the_highest_score_is_the_answer_of_the_classifier(kind):
    baseline = BASELINES[kind]()

    scores = scored(baseline)

    assert scores.shape == (20, N_TOPICS)
    answers = baseline.pipeline(0).fit(DOCUMENTS, LABELS).predict(DOCUMENTS)
    assert_array_equal(scores.argmax(axis=1), answers)
    if kind not in ("most_frequent", "stratified"):
        assert_array_equal(answers, LABELS)


@kinds
def test_documents_of_unknown_words_have_scores(kind):
    scores = scored(BASELINES[kind](), ["77 88", ""])

    assert np.isfinite(scores).all()
    assert set(scores.argmax(axis=1)) <= set(KNOWN)


@pytest.mark.parametrize("pair", [(0, 1), (4, 0)])
def test_with_two_topics_each_has_its_own_scores(pair):
    labels = np.array(pair * 5)
    documents = [f"{label}0 {label}1" for label in labels]

    margins = scored(TfidfLinearSVM(), documents, (documents, labels))
    logs = scored(MultinomialNaiveBayes(), documents, (documents, labels))

    assert_array_equal(margins.argmax(axis=1), labels)
    assert_array_equal(logs.argmax(axis=1), labels)
    assert_allclose(margins[:, pair[0]], -margins[:, pair[1]])


def test_baselines_that_read_no_words_know_how_often_each_topic_comes():
    shares = [0.2, 0, 0.5, 0.3, 0]

    drawn = scored(BASELINES["stratified"](), ["any"] * 4000)
    most_frequent = scored(BASELINES["most_frequent"](), ["20", "new", ""])

    assert_allclose(np.exp(most_frequent), [shares] * 3, atol=1e-30)
    assert set(drawn.flat) == {0, LOWEST}, "it is sure of what it draws"
    assert_allclose(np.exp(drawn).mean(axis=0), shares, atol=0.04)


def test_naive_bayes_is_scored_far_below_the_smallest_float():
    long = [" ".join([document] * 200) for document in DOCUMENTS]

    scores = scored(MultinomialNaiveBayes(), long)

    of_label = scores[np.arange(20), LABELS]
    learned = scores[:, KNOWN]
    assert learned.max(axis=1) == pytest.approx(of_label, abs=1e-9)
    assert (np.sort(learned, axis=1)[:, :2] < -800).all()
    assert (scores[:, UNKNOWN] <= learned.min(axis=1, keepdims=True)).all()


class Neighbours(Baseline):
    """Its classifier gives probabilities, but not their logarithms."""

    kind = "neighbours"

    def pipeline(self, seed):  # noqa: ARG002
        return make_pipeline(CountVectorizer(), KNeighborsClassifier(4))


def test_a_classifier_without_logarithms_has_those_of_its_probabilities():
    scores = scored(Neighbours(), [*DOCUMENTS, "00 20"])

    assert_array_equal(scores[:20].argmax(axis=1), LABELS)
    classifier = Neighbours().pipeline(0).fit(DOCUMENTS, LABELS)
    (expected,) = classifier.predict_proba(["00 20"])
    assert 0 in expected
    assert_allclose(np.exp(scores[20, KNOWN]), expected, atol=1e-30)
    assert scores.min() == LOWEST


@pytest.mark.parametrize(
    ("kind", "parameters", "params"),
    [
        pytest.param(
            "most_frequent",
            {},
            0,
            id="none",
        ),
        pytest.param(
            "tfidf_linear_svm",
            {"max_ngram": 3},
            3 * (9 + 6 + 3) + 3,
            id="words, pairs and triples",
        ),
        pytest.param(
            "multinomial_naive_bayes",
            {},
            3 * 9 + 3,
            id="words",
        ),
        pytest.param(
            "nb_svm",
            {"max_ngram": 2},
            3 * (9 + 6) + 3,
            id="words and pairs",
        ),
    ],
)
def test_a_topic_has_a_parameter_for_each_word_besides_its_bias(
    kind, parameters, params
):
    baseline = BASELINES[kind](**parameters)

    classifier = baseline.pipeline(0).fit(DOCUMENTS, LABELS)

    assert count_params(classifier) == params


ids = arrays.arrays(
    np.int32,
    shape=st.tuples(st.integers(1, 4), st.integers(1, 6)),
    elements=st.integers(0, 40),
)


@given(ids=ids)
def test_a_text_of_ids_lacks_padding(ids):
    for text, row in zip(texts(ids), ids.tolist(), strict=True):
        expected = [str(id_) for id_ in row if id_ not in (PAD, START)]
        assert text.split() == expected


@given(ids=ids)
def test_a_text_of_words_lacks_unknown_ones(ids):
    words = [f"word{number}" for number in range(37)]
    first = INDEX_FROM + 1

    for text, row in zip(texts(ids, words), ids.tolist(), strict=True):
        expected = [words[id_ - first] for id_ in row if id_ >= first]
        assert text.split() == expected


@pytest.mark.parametrize(
    ("separator", "expected"),
    [
        pytest.param([""], ["東京東", "京東"], id="joined"),
        pytest.param([], ["東 京 東", "京 東"], id="apart"),
    ],
)
def test_characters_may_be_joined_without_spaces(separator, expected):
    characters = [
        [1, 4, 5, 4, 0],
        [1, 5, 2, 4, 0],
    ]
    ids = np.array(characters, np.int32)

    assert texts(ids, ("東", "京"), *separator) == expected


def test_characters_of_words_are_learned_where_words_themselves_are_new():
    words = ["grains", "metals", "grain", "metal"]
    is_test = [False, False, True, True]
    corpus = corpus_of_texts(words, "abab", is_test, source="sgml")
    dataset = make_dataset(corpus, Data(num_words=100))
    of_words = TfidfLinearSVM(analyzer="word", max_ngram=3)
    of_characters = TfidfLinearSVM(analyzer="char_wb", max_ngram=3)

    by_word = train(of_words, dataset).scores
    by_characters = train(of_characters, dataset).scores

    assert_allclose(by_word[0], by_word[1])
    assert_array_equal(by_characters.argmax(axis=1), [0, 1])


@kinds
def test_test_documents_have_no_influence_on_training(dataset, kind):
    x = np.roll(dataset.x_test, 5, axis=0)
    turned = replace(dataset, test_inputs=x, y_test=1 - dataset.y_test)

    trained = train(BASELINES[kind](), turned, 0.4)

    expected = train(BASELINES[kind](), dataset, 0.4)
    assert trained.record.params == expected.record.params
    if kind != "stratified":  # it draws document by document
        scores = np.roll(expected.scores, 5, axis=0)
        assert_array_equal(trained.scores, scores)


@kinds
def test_documents_held_out_have_no_influence_on_training(dataset, kind):
    _, held_out = hold_out(20, 0.4)
    x = dataset.x_train.copy()
    y = dataset.y_train.copy()
    x[held_out] = 1000
    y[held_out] = 0

    trained = train(BASELINES[kind](), replace(dataset, train_inputs=x, y_train=y), 0.4)

    expected = train(BASELINES[kind](), dataset, 0.4)
    assert_array_equal(trained.scores, expected.scores)


@kinds
def test_a_baseline_has_a_record_without_epochs(dataset, kind):
    record = train(BASELINES[kind](), dataset, 0.4).record

    assert record.engine == "scikit-learn"
    assert record.epochs == 0
    assert record.fit_seconds > 0


def test_the_shares_of_topics_are_those_of_the_documents_trained_on(dataset):
    kept, _ = hold_out(20, 0.4)

    scores = train(BASELINES["most_frequent"](), dataset, 0.4).scores

    shares = np.bincount(dataset.y_train[kept], minlength=3) / 12
    assert_allclose(np.exp(scores), np.tile(shares, (20, 1)), rtol=1e-6)


@kinds
@pytest.mark.parametrize("learned", [[2], [1, 2]], ids=["one topic", "two topics"])
def test_topics_that_no_or_every_training_document_has_do_not_hinder_the_others(
    kind, learned
):
    dataset = make_dataset(corpus_of_several(), Data())
    y = dataset.y_train * np.isin(range(3), learned).astype(np.uint8)
    if 1 in learned:
        y[:, 1] = 1

    trained = train(BASELINES[kind](), replace(dataset, y_train=y))

    answers = MULTI_LABEL.answers(trained.scores, trained.record.decision)
    _, counted = MULTI_LABEL.parts(dataset.y_test, answers)
    expected = dataset.y_test.sum() + answers.sum()
    assert counted.sum() == expected, "topics without documents count, too"
    assert not answers[:, np.delete(range(3), learned)].any()
    if kind not in ("most_frequent", "stratified", "sentence_embedding"):
        assert (answers[:, 2] == dataset.y_test[:, 2]).mean() > 0.8


@pytest.mark.parametrize(
    "baseline",
    [
        TfidfLinearSVM(min_df=1000),
        MultinomialNaiveBayes(min_df=20),
    ],
    ids=str,
)
def test_parameters_that_leave_nothing_to_learn_from_are_the_users_error(
    dataset, baseline
):
    message = rf"^{baseline.kind} cannot be fitted: .*min_df"
    with pytest.raises(UserError, match=message):
        train(baseline, dataset)
