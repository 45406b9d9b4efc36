"""``rnnbench.Classifier``: networks and baselines in scikit-learn's own tools."""

import datetime
import enum
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import InProcess
from joblib import parallel_config
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted, validate_data

import rnnbench
from rnnbench import Classifier, UserError
from rnnbench.runner.executors import EXECUTORS

SVM = "tfidf_linear_svm"
BAYES = "multinomial_naive_bayes"
TINY = {
    "layers": [
        {"embedding": {"dim": 4}},
        {"pooling": {"by": "max"}},
        {"dense": {"units": "topics", "activation": "softmax"}},
    ],
    "training": {"learning_rate": 0.05},
}
FRUIT = ["the", "ripe", "apple", "and", "a", "sweet", "pear", "fell"]
CARS = ["my", "old", "engine", "lost", "its", "brake", "on", "wet"]


def make_texts(n, seed=0):
    """Return texts about fruit and cars in turn, and which are about cars."""
    random = np.random.default_rng(seed)
    texts = []
    for number in range(n):
        vocabulary = CARS if number % 2 else FRUIT
        words = random.choice(vocabulary, 6)
        texts.append(" ".join(words))
    is_car = np.arange(n) % 2
    return texts, is_car


TEXTS, IS_CAR = make_texts(40)
NEW, NEW_IS_CAR = make_texts(20, seed=1)
NAMES = np.where(IS_CAR, "car", "fruit")
NEW_NAMES = np.where(NEW_IS_CAR, "car", "fruit")
IS_FOURTH = np.arange(40) % 4 == 0
ROWS = np.column_stack([IS_CAR, 1 - IS_CAR, IS_FOURTH])


class Kind(enum.Enum):
    """A label that has no order."""

    FRUIT = 1
    CAR = 2


def tiny(**arguments):
    """Return a classifier with a small network, trained in a moment."""
    return Classifier(TINY, **{"epochs": 3} | arguments)


class ReadsNumbers(Classifier):
    """A classifier of rows of numbers, as scikit-learn's checks give them."""

    def __init__(  # an estimator may not have ``*arguments``
        self, model=BAYES, *, class_weight=None, random_state=0, verbose=False
    ):
        super().__init__(
            model,
            class_weight=class_weight,
            random_state=random_state,
            verbose=verbose,
        )

    def fit(self, X, y, sample_weight=None):  # noqa: N803
        numbers, labels = validate_data(self, X, y, multi_output=True)
        texts = in_words(numbers)
        return super().fit(texts, labels, sample_weight)

    def predict(self, X):  # noqa: N803
        check_is_fitted(self)
        numbers = validate_data(self, X, reset=False)
        texts = in_words(numbers)
        return super().predict(texts)

    def predict_proba(self, X):  # noqa: N803
        check_is_fitted(self)
        numbers = validate_data(self, X, reset=False)
        texts = in_words(numbers)
        return super().predict_proba(texts)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = False
        tags.input_tags.string = False
        tags.no_validation = False
        return tags


def in_words(x):
    """Return rows of numbers as texts."""
    texts = []
    for row in x:
        words = []
        for column, value in enumerate(row):
            words.append(f"column{column}is{round(value)}")
        texts.append(" ".join(words))
    return texts


def write_texts(file, texts, labels):
    """Write a table, and return its name for a config."""
    table = pd.DataFrame({"text": texts, "label": labels})
    table.to_csv(file)
    return str(file)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of networks and baselines on a table with a test part."""
    folder = tmp_path_factory.mktemp("run")
    settings = {
        "data.train": write_texts(folder / "a.csv", TEXTS, NAMES),
        "data.test": write_texts(folder / "b.csv", NEW, NEW_NAMES),
        "data.split": "auto",
    }
    with EXECUTORS.override("local", InProcess):
        return rnnbench.run(
            "texts",
            settings=settings,
            epochs=3,
            seeds=[3],
            progress=False,
            save_models=True,
            out=folder / "out",
        )


@pytest.mark.parametrize("name", ["bigru_max", BAYES, SVM, "char_tfidf_linear_svm"])
def test_scores_are_those_of_a_run(run, name):
    model = Classifier(name, epochs=3, random_state=3)
    model.fit(TEXTS, NAMES)

    scores = model.kept_.scores(NEW).astype(np.float32)

    (expected,) = run.scores(name)
    np.testing.assert_array_equal(scores, expected)


@pytest.mark.usefixtures("quick")
def test_numbers_are_trained_in_the_order_of_a_run(tmp_path):
    labels = np.arange(60) % 12
    texts = [f"word{label} {CARS[label % 7]}" for label in labels]
    file = write_texts(tmp_path / "numbers.csv", texts, labels)
    models = {"tiny": TINY}
    config = {
        "name": "numbers",
        "data": {"train": file, "test": file, "pad_length": 9},
        "models": models,
    }
    ran = rnnbench.run(config, epochs=2, progress=False, out=tmp_path / "out")
    without_files = config | {"data": {"pad_length": 9}}

    model = Classifier("tiny", config=without_files, epochs=2)
    model.fit(texts, labels)

    assert model.classes_.tolist() == list(range(12))
    expected = ran.scores("tiny")[0]
    np.testing.assert_array_equal(model.kept_.scores(texts), expected)
    is_right = model.predict(texts) == labels
    assert is_right.mean() > 1 / 12


@pytest.mark.usefixtures("quick")
def test_several_labels_have_the_scores_of_a_run(tmp_path):
    names = np.array(["a", "b", "c"])
    labels = [";".join(names[row == 1]) for row in ROWS]
    file = write_texts(tmp_path / "labels.csv", TEXTS, labels)
    *layers, last = TINY["layers"]
    dense = last["dense"] | {"activation": "sigmoid"}
    models = {
        "tiny": {
            "layers": [*layers, {"dense": dense}],
            "training": {"validation_split": 0.2},
        },
        "svm": {"baseline": SVM},
    }
    data = {
        "train": file,
        "test": file,
        "label_separator": ";",
        "pad_length": 9,
    }
    config = rnnbench.load_config({"name": "any", "data": data, "models": models})
    ran = rnnbench.run(config, epochs=2, progress=False, out=tmp_path / "out")

    for name in models:
        model = Classifier(name, config=config, epochs=2)
        model.fit(TEXTS, ROWS)
        scores = model.kept_.scores(TEXTS)
        np.testing.assert_array_equal(scores, ran.scores(name)[0])


def test_a_model_of_a_run_has_the_methods(run):
    model = run.model("bigru_max")

    assert model.n_iter_ == 3
    assert model.classes_.tolist() == ["car", "fruit"]
    is_right = model.predict(TEXTS) == NAMES
    assert model.score(TEXTS, NAMES) == is_right.mean()


def test_a_model_of_a_run_is_a_classifier(run):
    model = run.classifier(SVM)

    assert repr(model).startswith("Classifier(config=Benchmark('texts', ")
    area_under_curve = get_scorer("roc_auc")
    assert area_under_curve(model, TEXTS, NAMES) == 1


def test_a_model_of_a_run_is_calibrated(run):
    frozen = FrozenEstimator(run.classifier(SVM))

    calibrated = CalibratedClassifierCV(frozen).fit(TEXTS, NAMES)

    answers = calibrated.predict(NEW)
    expected = run.model(SVM).predict(NEW)
    np.testing.assert_array_equal(answers, expected)


@pytest.mark.parametrize("name", [SVM, BAYES])
def test_a_kept_model_is_calibrated(run, name):
    frozen = FrozenEstimator(run.model(name))

    calibrated = CalibratedClassifierCV(frozen).fit(TEXTS, NAMES)

    assert calibrated.score(TEXTS, NAMES) == 1
    np.testing.assert_allclose(calibrated.predict_proba(NEW).sum(axis=1), 1)


def test_kept_models_vote(run):
    models = [(name, FrozenEstimator(run.model(name))) for name in ("bigru_max", BAYES)]

    votes = VotingClassifier(models, voting="soft").fit(TEXTS, NAMES)

    shares = [run.model(name).predict_proba(NEW) for name, _ in models]
    np.testing.assert_allclose(votes.predict_proba(NEW), np.mean(shares, axis=0))


@pytest.mark.parametrize("name", [SVM, BAYES])
@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "f1_macro"])
def test_a_kept_model_is_scored(run, name, metric):
    assert get_scorer(metric)(run.model(name), TEXTS, NAMES) == 1


def test_a_kept_model_is_trained_again_to_be_cross_validated(run):
    is_car = IS_CAR  # labels that it was not trained on

    scores = cross_val_score(run.model(SVM), TEXTS, is_car, cv=2)

    assert scores.tolist() == [1, 1]


@pytest.mark.parametrize(("name", "other"), [(SVM, "predict_proba"), (BAYES, "none")])
def test_a_kept_model_has_no_method_that_fails(run, name, other):
    assert not hasattr(run.model(name), other)


def test_a_kept_model_is_not_fitted_in_place(run):
    with pytest.raises(rnnbench.UserError, match=r"is trained already \(its clone"):
        run.model(SVM).fit(TEXTS, NAMES)


def test_a_pickled_kept_model_has_clones(run):
    model = pickle.loads(pickle.dumps(run.model(SVM)))  # noqa: S301 - our own

    assert clone(model).model == SVM


@pytest.mark.parametrize("kept", ["model", "classifier"])
def test_a_clone_of_a_model_of_a_run_learns_other_labels(run, kept):
    model = clone(getattr(run, kept)(SVM))

    model.fit(TEXTS, IS_CAR)

    assert model.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    "labels",
    [
        IS_CAR,
        IS_CAR.astype(bool),
        IS_CAR * 10.0,
        NAMES,
        NAMES.tolist(),
        pd.Series(NAMES, dtype="category"),
        pd.Series(IS_CAR, index=range(5, 45)),
        np.array(["2020-01-01", "2021-01-01"], "datetime64[D]")[IS_CAR],
        np.array([b"fruit", b"car"])[IS_CAR],
        IS_CAR.astype(object),
    ],
)
def test_labels_keep_their_type(labels):
    model = Classifier(SVM).fit(TEXTS, labels)

    answers = model.predict(TEXTS)

    dtype = np.unique(labels).dtype
    assert answers.dtype == dtype
    assert model.classes_.dtype == dtype
    np.testing.assert_array_equal(answers, labels)


LABELS = [
    3,
    10,
    "3",
    "b",
    " b",
    "None",
    Kind.FRUIT,
    Kind.CAR,
    datetime.date(2020, 1, 1),
]
pairs_of_labels = st.lists(
    st.sampled_from(LABELS),
    min_size=2,
    max_size=2,
    unique_by=repr,
)


@settings(max_examples=10, deadline=None)
@given(pair=pairs_of_labels)
def test_any_labels_are_answered_as_they_are(pair):
    labels = [pair[number] for number in IS_CAR]

    model = Classifier(BAYES).fit(TEXTS, labels)

    assert model.score(TEXTS, labels) == 1
    answers = model.predict(TEXTS).tolist()
    for answer, label in zip(answers, labels, strict=True):
        assert type(answer) is type(label)


@pytest.mark.parametrize("dtype", ["Int64", "boolean"])
def test_labels_of_pandas_keep_their_type(dtype):
    labels = pd.Series(IS_CAR, dtype=dtype)
    model = Classifier(BAYES).fit(TEXTS, labels)

    answers = model.predict(TEXTS)

    assert answers.tolist() == labels.tolist()
    assert answers.dtype == labels.to_numpy().dtype


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(ROWS.tolist(), id="lists"),
        pytest.param(ROWS == 1, id="booleans"),
        pytest.param(pd.DataFrame(ROWS), id="a frame"),
        pytest.param(scipy.sparse.csr_array(ROWS), id="a sparse array"),
    ],
)
def test_indicators_have_any_form(rows):
    of_array = Classifier(BAYES).fit(TEXTS, ROWS)
    expected = of_array.predict(TEXTS)

    model = Classifier(BAYES).fit(TEXTS, rows)

    np.testing.assert_array_equal(model.predict(TEXTS), expected)
    is_right = (expected == ROWS).all(axis=1)
    assert model.score(TEXTS, rows) == is_right.mean()


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(TINY, id="network"),
        pytest.param({"baseline": SVM}, id=SVM),
        pytest.param({"baseline": BAYES}, id=BAYES),
    ],
)
def test_indicators_are_answered_by_indicators(model):
    model = Classifier(model, epochs=3).fit(TEXTS, ROWS)

    answers = model.predict(NEW)

    assert answers.shape == (20, 3)
    assert set(np.unique(answers)) <= {0, 1}
    assert model.classes_.tolist() == [0, 1, 2]


def test_a_column_without_texts_stays_a_column():
    model = tiny().fit(TEXTS, ROWS * [1, 1, 0])

    assert model.predict_proba(NEW).shape == (20, 3)
    assert not model.predict(NEW)[:, 2].any()


def test_probabilities_add_up():
    model = Classifier(BAYES).fit(TEXTS, NAMES)

    sums = model.predict_proba(NEW).sum(axis=1)

    np.testing.assert_allclose(sums, 1, rtol=1e-5)


def test_margins_of_two_classes_are_those_of_the_second():
    model = Classifier(SVM).fit(TEXTS, IS_CAR)

    margins = model.decision_function(NEW)

    is_second = model.predict(NEW) == 1
    np.testing.assert_array_equal(margins > 0, is_second)


@pytest.mark.parametrize("is_fitted", [False, True])
def test_a_classifier_has_the_scores_that_its_model_has(is_fitted):
    svm = Classifier(SVM)
    bayes = Classifier(BAYES)
    if is_fitted:
        svm.fit(TEXTS, NAMES)
        bayes.fit(TEXTS, NAMES)

    assert hasattr(svm, "decision_function")
    assert not hasattr(svm, "predict_proba")
    assert hasattr(bayes, "predict_proba")
    assert not hasattr(bayes, "decision_function")


def test_it_says_how_many_epochs_it_trained():
    model = tiny()

    model.fit(TEXTS, NAMES)

    assert model.n_iter_ == 3


def test_it_says_that_a_baseline_has_no_epochs():
    model = tiny().set_params(model=BAYES)

    model.fit(TEXTS, NAMES)

    assert model.n_iter_ == 0


def test_early_stopping_ends_a_training():
    at_random = np.random.default_rng(0).permutation(NAMES)

    model = tiny(epochs=60, early_stopping=2).fit(TEXTS, at_random)

    assert model.n_iter_ < 60


def test_a_baseline_learns_from_all_texts_with_early_stopping():
    plain = Classifier(BAYES).fit(TEXTS, NAMES)

    stopped = Classifier(BAYES, early_stopping=True).fit(TEXTS, NAMES)

    expected = plain.predict_proba(NEW)
    np.testing.assert_array_equal(stopped.predict_proba(NEW), expected)


@pytest.mark.parametrize("is_off", [False, np.False_])
def test_without_early_stopping_all_texts_are_trained_on(is_off):
    training = {
        "validation_split": 0.5,
        "early_stopping": {"patience": 1},
    }
    network = TINY | {"training": training}
    model = Classifier(network, epochs=9, early_stopping=is_off)

    model.fit(TEXTS, NAMES)

    assert model.n_iter_ == 9


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        pytest.param(TINY, NAMES, id="network"),
        pytest.param({"baseline": BAYES}, ROWS, id=BAYES),
    ],
)
def test_weights_of_one_change_nothing(model, labels):
    weights = np.ones(40)
    plain = Classifier(model, epochs=2).fit(TEXTS, labels)

    weighted = Classifier(model, epochs=2).fit(TEXTS, labels, weights)

    expected = plain.predict_proba(NEW)
    np.testing.assert_array_equal(weighted.predict_proba(NEW), expected)


@pytest.mark.parametrize("labels", [NAMES, ROWS], ids=["one", "several"])
def test_weights_of_zero_leave_texts_out(labels):
    twice = [*TEXTS, *TEXTS]
    turned = labels[::-1]
    labels_of_both = np.concatenate([labels, turned])
    weights = np.repeat([1, 0], 40)
    plain = tiny(epochs=4, settings={"training.batch_size": 80})
    # The loss is divided by the number of all texts, and Adam does not mind.
    weighted = clone(plain)
    weighted.fit(twice, labels_of_both, weights)
    plain.fit(TEXTS, labels)

    expected = plain.predict_proba(NEW)
    np.testing.assert_allclose(weighted.predict_proba(NEW), expected, atol=1e-3)


@pytest.mark.parametrize("labels", [NAMES, ROWS], ids=["one", "several"])
def test_a_baseline_is_fitted_to_weighted_texts(labels):
    repeated_texts = [*TEXTS, TEXTS[0]]
    repeated_labels = [*labels, labels[0]]
    weights = np.ones(40)
    weights[0] = 2
    repeated = Classifier(BAYES).fit(repeated_texts, repeated_labels)

    weighted = Classifier(BAYES).fit(TEXTS, labels, weights)

    expected = repeated.predict_proba(NEW)
    np.testing.assert_allclose(weighted.predict_proba(NEW), expected, rtol=1e-5)


def test_class_weights_move_answers():
    texts = ["word"] * 40
    is_rare = np.arange(40) % 10 == 0
    labels = np.where(is_rare, "rare", "usual")
    plain = Classifier(BAYES)
    heavy = Classifier(BAYES, class_weight={"rare": 99})
    balanced = Classifier(BAYES, class_weight="balanced")
    for model in (plain, heavy, balanced):
        model.fit(texts, labels)

    assert plain.predict(["word"]) == "usual"
    assert heavy.predict(["word"]) == "rare"
    np.testing.assert_allclose(balanced.predict_proba(["word"]), 0.5)


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        pytest.param(TINY, ROWS, id="network"),
        pytest.param({"baseline": SVM}, IS_CAR, id=SVM),
    ],
)
def test_a_pickle_answers_as_before(model, labels):
    model = Classifier(model, epochs=2).fit(TEXTS, labels)
    content = pickle.dumps(model)

    again = pickle.loads(content)  # noqa: S301 - our own

    scores = model.kept_.scores(NEW)
    answers = model.predict(NEW)
    np.testing.assert_array_equal(again.kept_.scores(NEW), scores)
    np.testing.assert_array_equal(again.predict(NEW), answers)


def test_a_pickle_needs_no_tensorflow(monkeypatch):
    model = tiny().fit(TEXTS, NAMES)
    content = pickle.dumps(model)
    for name in ("tensorflow", "keras"):  # importing them fails
        monkeypatch.setitem(sys.modules, name, None)

    again = pickle.loads(content)  # noqa: S301 - our own

    answers = again.predict(["ripe apple", "old engine"])
    assert answers.tolist() == ["fruit", "car"]
    assert b"tensorflow" not in content
    assert b"keras" not in content


def test_a_clone_is_not_fitted():
    fitted = Classifier(BAYES, class_weight={"car": 2}).fit(TEXTS, NAMES)

    model = clone(fitted)

    assert model.get_params()["class_weight"] == {"car": 2}
    with pytest.raises(NotFittedError):
        model.predict(NEW)


def test_parameters_can_be_set():
    model = Classifier().set_params(model=BAYES)

    assert repr(model) == f"Classifier(model='{BAYES}')"
    model.fit(TEXTS, NAMES)
    assert model.score(TEXTS, NAMES) == 1


def test_it_is_a_step_of_a_pipeline():
    upper = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    model = make_pipeline(upper, Classifier(BAYES))

    model.fit(TEXTS, NAMES)

    assert model.score(NEW, NEW_NAMES) == 1


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(TEXTS, id="list"),
        pytest.param(np.array(TEXTS), id="array of texts"),
        pytest.param(np.array(TEXTS, object), id="array of objects"),
        pytest.param(pd.Series(TEXTS), id="series"),
    ],
)
def test_it_is_cross_validated(texts):
    accuracies = cross_val_score(Classifier(BAYES), texts, NAMES, cv=2)

    assert accuracies.tolist() == [1, 1]


def test_it_is_searched_over():
    grid = {"model": [SVM, TINY], "epochs": [1]}
    search = GridSearchCV(Classifier(), grid, cv=2, n_jobs=2, error_score="raise")

    with parallel_config("threading"):  # processes would take long to start
        search.fit(TEXTS, NAMES)

    assert search.best_params_["model"] == SVM
    assert search.best_score_ == 1


@pytest.mark.parametrize("name", [SVM, BAYES])
def test_it_is_calibrated(name):
    model = CalibratedClassifierCV(Classifier(name), cv=2).fit(TEXTS, NAMES)

    assert model.predict_proba(NEW).shape == (20, 2)


@pytest.mark.parametrize(
    ("voting", "other"),
    [
        pytest.param("hard", Classifier(SVM), id="hard"),
        pytest.param("soft", tiny(), id="soft"),
    ],
)
def test_it_votes(voting, other):
    members = [
        ("bayes", Classifier(BAYES)),
        ("other", other),
    ]
    model = VotingClassifier(members, voting=voting)

    model.fit(TEXTS, NAMES)

    assert set(model.predict(NEW)) <= {"car", "fruit"}


@estimator_checks.parametrize_with_checks([ReadsNumbers()])
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_one_check_fails_if_idf_counts_each_text_once():
    """A network fails it, too: a weighted text has one place in a batch."""
    check = estimator_checks.check_sample_weight_equivalence_on_dense_data

    with pytest.raises(AssertionError, match="not equivalent to fitting with"):
        check("Classifier", ReadsNumbers("tfidf_logistic_regression"))


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_mixin_order,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_estimator_tags_renamed,
    ],
    ids=lambda check: check.__name__,
)
def test_it_keeps_the_rules_that_need_no_texts(check):
    check("Classifier", Classifier())


def test_random_states_decide_the_seed():
    first = tiny(random_state=np.random.RandomState(1))
    again = tiny(random_state=np.random.RandomState(1))
    other = tiny(random_state=2)
    for model in (first, again, other):
        model.fit(TEXTS, NAMES)

    shares = first.predict_proba(NEW)
    np.testing.assert_array_equal(again.predict_proba(NEW), shares)
    is_different = other.predict_proba(NEW) != shares
    assert is_different.any()


@pytest.mark.parametrize("seed", [-1, 2**32, "a"])
def test_a_seed_is_a_number_that_numpy_takes(seed):
    model = tiny(random_state=seed)

    with pytest.raises(ValueError, match=r"[Ss]eed"):
        model.fit(TEXTS, NAMES)


def test_progress_is_not_shown(capfd):
    tiny().fit(TEXTS, NAMES)

    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_if_asked_for(capfd):
    tiny(verbose=True).fit(TEXTS, NAMES)
    Classifier(BAYES, verbose=True).fit(TEXTS, NAMES)

    printed, told = capfd.readouterr()
    assert told.count("100%") == 1
    assert not printed


@pytest.mark.parametrize("config", ["texts", rnnbench.load_config("texts")], ids=repr)
def test_a_model_takes_the_other_values_from_a_config(config):
    settings = {"data.num_words": 6}
    model = Classifier({"baseline": SVM}, config=config, settings=settings)

    model.fit(TEXTS, NAMES)

    vocabulary = model.kept_.vocabulary
    assert len(vocabulary.words) == 2  # and four ids that are no words
    assert vocabulary.timesteps == 400


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"model": "bigru_mx"},
            "no 'bigru_mx' in texts .*; did you mean 'bigru_max'",
            id="a misspelled model",
        ),
        pytest.param(
            {"model": {"baseline": "svm"}},
            "models.classifier.baseline",
            id="an unknown baseline",
        ),
        pytest.param(
            {"epochs": -1},
            "epochs",
            id="negative epochs",
        ),
        pytest.param(
            {"early_stopping": -1},
            "early_stopping",
            id="negative patience",
        ),
        pytest.param(
            {"config": "no_such"},
            "no_such: no such file",
            id="no such config",
        ),
        pytest.param(
            {"settings": {"training.batch": 3}},
            "training.batch",
            id="an unknown setting",
        ),
        pytest.param(
            {"settings": "epochs"},
            "settings: epochs: should be key.path=value",
            id="a setting without a value",
        ),
        pytest.param(
            {"model": None},
            "model: models.classifier.layers: missing key",
            id="no model",
        ),
        pytest.param(
            {"model": "zoo_ensemble", "config": "zoo"},
            "zoo_ensemble",
            id="an ensemble",
        ),
    ],
)
def test_a_wrong_argument_is_explained(arguments, message):
    model = Classifier(**arguments)

    with pytest.raises(UserError, match=message):
        model.fit(TEXTS, NAMES)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        pytest.param(
            np.array([TEXTS]).T,
            "text 1: got ndarray .should be a text",
            id="an array of two axes",
        ),
        pytest.param(
            pd.DataFrame({"a": TEXTS}),
            "a column of a data frame",
            id="a frame",
        ),
        pytest.param(
            "a single text",
            "inconsistent numbers of samples",
            id="a single text",
        ),
    ],
)
def test_wrong_texts_are_explained(texts, message):
    model = Classifier(BAYES)

    with pytest.raises((UserError, ValueError), match=message):
        model.fit(texts, NAMES)


def test_a_single_text_with_labels_of_its_characters_is_explained():
    model = Classifier(BAYES)

    message = "texts: got 1 text .should be one for each label"
    with pytest.raises(UserError, match=message):
        model.fit("ab", ["a", "b"])


def test_a_number_among_texts_is_explained():
    model = Classifier(BAYES)

    with pytest.raises(UserError, match=r"text 1: got float .should be a text"):
        model.fit([1.5, "b"], [0, 1])


def test_no_texts_are_explained():
    model = Classifier(BAYES)

    with pytest.raises(ValueError, match=r"y: one class or none: \[\]"):
        model.fit([], [])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param(
            ["a"] * 40,
            r"y: one class or none: \['a'\] .should be several",
            id="a single class",
        ),
        pytest.param(
            [0.5, 1] * 20,
            "continuous",
            id="numbers that are not whole",
        ),
        pytest.param(
            [None, 1] * 20,
            "y: got None .each text should have a label",
            id="missing labels",
        ),
        pytest.param(
            ROWS * 2,
            "y: a column for each label should have 0 and 1",
            id="rows that are no indicators",
        ),
        pytest.param(
            ROWS * 0,
            "have the label 'none'",
            id="rows without any label",
        ),
        pytest.param(
            [["a"], ["a", "b"]] * 20,
            "MultiLabelBinarizer",
            id="lists",
        ),
        pytest.param(
            np.zeros((40, 2, 2)),
            "array with dim 3",
            id="an array of three axes",
        ),
        pytest.param(
            NAMES[1:],
            "inconsistent numbers of samples",
            id="too few labels",
        ),
    ],
)
def test_wrong_labels_are_explained(labels, message):
    model = Classifier(BAYES)

    with pytest.raises((UserError, ValueError), match=message):
        model.fit(TEXTS, labels)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-1, "sample_weight, .* should be 0 or more"),
        (0, "sample_weight, .* not all zero"),
        (np.nan, "sample_weight, .* should be 0 or more"),
    ],
)
def test_wrong_weights_are_explained(weight, message):
    model = Classifier(BAYES)
    weights = [weight] * 40

    with pytest.raises((UserError, ValueError), match=message):
        model.fit(TEXTS, NAMES, weights)


def test_nothing_is_answered_for_no_texts():
    model = Classifier(BAYES).fit(TEXTS, NAMES)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = model.predict([])

    assert answers.shape == (0,)
