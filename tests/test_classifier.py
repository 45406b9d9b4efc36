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
        words = random.choice(CARS if number % 2 else FRUIT, 6)
        texts.append(" ".join(words))
    return texts, np.arange(n) % 2


TEXTS, IS_CAR = make_texts(40)
NAMES = np.array(["fruit", "car"])[IS_CAR]
NEW, NEW_IS_CAR = make_texts(20, seed=1)
ROWS = np.column_stack([IS_CAR, 1 - IS_CAR, np.arange(40) % 4 == 0]).astype(int)


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
        x, y = validate_data(self, X, y, multi_output=True)
        return super().fit(in_words(x), y, sample_weight)

    def predict(self, X):  # noqa: N803
        check_is_fitted(self)
        return super().predict(in_words(validate_data(self, X, reset=False)))

    def predict_proba(self, X):  # noqa: N803
        check_is_fitted(self)
        return super().predict_proba(in_words(validate_data(self, X, reset=False)))

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
        words = [f"column{n}is{round(value)}" for n, value in enumerate(row)]
        texts.append(" ".join(words))
    return texts


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of networks and baselines on a table with a test part."""
    folder = tmp_path_factory.mktemp("run")
    pd.DataFrame({"text": TEXTS, "label": NAMES}).to_csv(folder / "a.csv")
    names = np.array(["fruit", "car"])[NEW_IS_CAR]
    pd.DataFrame({"text": NEW, "label": names}).to_csv(folder / "b.csv")
    data = {
        "train": str(folder / "a.csv"),
        "test": str(folder / "b.csv"),
        "split": "auto",
    }
    settings = {f"data.{key}": value for key, value in data.items()}
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
    model = Classifier(name, epochs=3, random_state=3).fit(TEXTS, NAMES)

    scores = model.kept_.scores(NEW)

    np.testing.assert_array_equal(scores.astype(np.float32), run.scores(name)[0])


@pytest.mark.usefixtures("quick")
def test_numbers_are_trained_in_the_order_of_a_run(tmp_path):
    labels = np.arange(60) % 12
    texts = [f"word{label} {CARS[label % 7]}" for label in labels]
    file = tmp_path / "numbers.csv"
    pd.DataFrame({"text": texts, "label": labels}).to_csv(file)
    ran = rnnbench.run(
        {
            "name": "numbers",
            "data": {"train": str(file), "test": str(file), "pad_length": 9},
            "models": {"tiny": TINY},
        },
        epochs=2,
        progress=False,
        out=tmp_path / "out",
    )
    config = {"name": "any", "data": {"pad_length": 9}, "models": {"tiny": TINY}}
    model = Classifier("tiny", config=config, epochs=2).fit(texts, labels)

    assert model.classes_.tolist() == list(range(12))
    np.testing.assert_array_equal(model.kept_.scores(texts), ran.scores("tiny")[0])
    assert (model.predict(texts) == model.classes_[labels]).mean() > 1 / 12


@pytest.mark.usefixtures("quick")
def test_several_labels_have_the_scores_of_a_run(tmp_path):
    file = tmp_path / "labels.csv"
    names = np.array(["a", "b", "c"])
    labels = [";".join(names[row == 1]) for row in ROWS]
    pd.DataFrame({"text": TEXTS, "label": labels}).to_csv(file)
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
        "train": str(file),
        "test": str(file),
        "label_separator": ";",
        "pad_length": 9,
    }
    config = rnnbench.load_config({"name": "any", "data": data, "models": models})
    ran = rnnbench.run(config, epochs=2, progress=False, out=tmp_path / "out")

    for name in models:
        model = Classifier(name, config=config, epochs=2).fit(TEXTS, ROWS)
        np.testing.assert_array_equal(model.kept_.scores(TEXTS), ran.scores(name)[0])


def test_a_model_of_a_run_has_the_methods(run):
    model = run.model("bigru_max")

    assert model.n_iter_ == 3
    assert model.classes_.tolist() == ["car", "fruit"]
    assert model.score(TEXTS, NAMES) == (model.predict(TEXTS) == NAMES).mean()


def test_a_model_of_a_run_is_a_classifier(run):
    model = run.classifier(SVM)
    calibrated = CalibratedClassifierCV(FrozenEstimator(model)).fit(TEXTS, NAMES)

    assert repr(model).startswith("Classifier(config=Benchmark('texts', ")
    assert get_scorer("roc_auc")(model, TEXTS, NAMES) == 1
    assert calibrated.predict(NEW).tolist() == run.model(SVM).predict(NEW).tolist()
    assert clone(model).fit(TEXTS, IS_CAR).classes_.tolist() == [0, 1]


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

    assert answers.dtype == model.classes_.dtype == np.unique(labels).dtype
    np.testing.assert_array_equal(answers, labels)


LABELS = [3, 10, "3", "b", " b", "None", *Kind, datetime.date(2020, 1, 1)]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(LABELS), min_size=2, max_size=2, unique_by=repr))
def test_any_labels_are_answered_as_they_are(pair):
    labels = [pair[number] for number in IS_CAR]

    model = Classifier(BAYES).fit(TEXTS, labels)

    assert model.score(TEXTS, labels) == 1
    answers = model.predict(TEXTS).tolist()
    assert [type(label) for label in answers] == [type(label) for label in labels]


@pytest.mark.parametrize("dtype", ["Int64", "boolean"])
def test_labels_of_pandas_keep_their_type(dtype):
    labels = pd.Series(IS_CAR, dtype=dtype)

    answers = Classifier(BAYES).fit(TEXTS, labels).predict(TEXTS)

    assert answers.tolist() == labels.tolist()
    assert answers.dtype == labels.to_numpy().dtype


@pytest.mark.parametrize(
    "rows", [ROWS.tolist(), ROWS == 1, pd.DataFrame(ROWS), scipy.sparse.csr_array(ROWS)]
)
def test_indicators_have_any_form(rows):
    model = Classifier(BAYES).fit(TEXTS, rows)

    answers = Classifier(BAYES).fit(TEXTS, ROWS).predict(TEXTS)
    np.testing.assert_array_equal(model.predict(TEXTS), answers)
    assert model.score(TEXTS, rows) == (answers == ROWS).all(axis=1).mean()


@pytest.mark.parametrize("model", [TINY, {"baseline": SVM}, {"baseline": BAYES}])
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

    np.testing.assert_allclose(model.predict_proba(NEW).sum(axis=1), 1, rtol=1e-5)


def test_margins_of_two_classes_are_those_of_the_second():
    model = Classifier(SVM).fit(TEXTS, IS_CAR)

    margins = model.decision_function(NEW)

    np.testing.assert_array_equal(margins > 0, model.predict(NEW) == 1)


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
    model = tiny().fit(TEXTS, NAMES)
    assert model.n_iter_ == 3
    assert model.set_params(model=BAYES).fit(TEXTS, NAMES).n_iter_ == 0


def test_early_stopping_ends_a_training():
    at_random = np.random.default_rng(0).permutation(NAMES)

    model = tiny(epochs=60, early_stopping=2).fit(TEXTS, at_random)

    assert model.n_iter_ < 60


def test_a_baseline_learns_from_all_texts_with_early_stopping():
    stopped = Classifier(BAYES, early_stopping=True).fit(TEXTS, NAMES)

    expected = Classifier(BAYES).fit(TEXTS, NAMES).predict_proba(NEW)
    np.testing.assert_array_equal(stopped.predict_proba(NEW), expected)


@pytest.mark.parametrize("is_off", [False, np.False_])
def test_without_early_stopping_all_texts_are_trained_on(is_off):
    stopped = {"validation_split": 0.5, "early_stopping": {"patience": 1}}
    model = Classifier(TINY | {"training": stopped}, epochs=9, early_stopping=is_off)

    assert model.fit(TEXTS, NAMES).n_iter_ == 9


@pytest.mark.parametrize(
    ("model", "labels"), [(TINY, NAMES), ({"baseline": BAYES}, ROWS)]
)
def test_weights_of_one_change_nothing(model, labels):
    plain = Classifier(model, epochs=2).fit(TEXTS, labels)

    weighted = Classifier(model, epochs=2).fit(TEXTS, labels, np.ones(40))

    expected = plain.predict_proba(NEW)
    np.testing.assert_array_equal(weighted.predict_proba(NEW), expected)


@pytest.mark.parametrize("labels", [NAMES, ROWS], ids=["one", "several"])
def test_weights_of_zero_leave_texts_out(labels):
    turned = labels[::-1]
    both = [*TEXTS, *TEXTS]
    weights = np.repeat([1, 0], 40)
    plain = tiny(epochs=4, settings={"training.batch_size": 80})
    # The loss is divided by the number of all texts, and Adam does not mind.
    weighted = clone(plain).fit(both, np.concatenate([labels, turned]), weights)
    plain.fit(TEXTS, labels)

    expected = plain.predict_proba(NEW)
    np.testing.assert_allclose(weighted.predict_proba(NEW), expected, atol=1e-3)


@pytest.mark.parametrize("labels", [NAMES, ROWS], ids=["one", "several"])
def test_a_baseline_is_fitted_to_weighted_texts(labels):
    model = Classifier(BAYES)
    twice = model.fit([*TEXTS, TEXTS[0]], [*labels, labels[0]]).predict_proba(NEW)

    weighted = model.fit(TEXTS, labels, [2, *[1] * 39]).predict_proba(NEW)

    np.testing.assert_allclose(weighted, twice, rtol=1e-5)


def test_class_weights_move_answers():
    labels = np.where(np.arange(40) % 10 == 0, "rare", "usual")
    plain = Classifier(BAYES).fit(["word"] * 40, labels)
    heavy = Classifier(BAYES, class_weight={"rare": 99}).fit(["word"] * 40, labels)
    balanced = Classifier(BAYES, class_weight="balanced").fit(["word"] * 40, labels)

    assert plain.predict(["word"]) == "usual"
    assert heavy.predict(["word"]) == "rare"
    np.testing.assert_allclose(balanced.predict_proba(["word"]), 0.5)


@pytest.mark.parametrize(
    ("model", "labels"), [(TINY, ROWS), ({"baseline": SVM}, IS_CAR)]
)
def test_a_pickle_answers_as_before(model, labels):
    model = Classifier(model, epochs=2).fit(TEXTS, labels)

    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own

    np.testing.assert_array_equal(again.kept_.scores(NEW), model.kept_.scores(NEW))
    np.testing.assert_array_equal(again.predict(NEW), model.predict(NEW))


def test_a_pickle_needs_no_tensorflow(monkeypatch):
    model = tiny().fit(TEXTS, NAMES)
    content = pickle.dumps(model)
    for name in ("tensorflow", "keras"):  # importing them fails
        monkeypatch.setitem(sys.modules, name, None)

    again = pickle.loads(content)  # noqa: S301 - our own

    assert again.predict(["ripe apple", "old engine"]).tolist() == ["fruit", "car"]
    assert b"tensorflow" not in content
    assert b"keras" not in content


def test_a_clone_is_not_fitted():
    model = clone(Classifier(BAYES, class_weight={"car": 2}).fit(TEXTS, NAMES))

    assert model.get_params()["class_weight"] == {"car": 2}
    with pytest.raises(NotFittedError):
        model.predict(NEW)


def test_parameters_can_be_set():
    model = Classifier().set_params(model=BAYES)

    assert repr(model) == f"Classifier(model='{BAYES}')"
    assert model.fit(TEXTS, NAMES).score(TEXTS, NAMES) == 1


def test_it_is_a_step_of_a_pipeline():
    upper = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    model = make_pipeline(upper, Classifier(BAYES)).fit(TEXTS, NAMES)

    assert model.score(NEW, np.array(["fruit", "car"])[NEW_IS_CAR]) == 1


@pytest.mark.parametrize(
    "texts", [TEXTS, np.array(TEXTS), np.array(TEXTS, object), pd.Series(TEXTS)]
)
def test_it_is_cross_validated(texts):
    assert cross_val_score(Classifier(BAYES), texts, NAMES, cv=2).min() == 1


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
    ("voting", "other"), [("hard", Classifier(SVM)), ("soft", tiny())]
)
def test_it_votes(voting, other):
    members = [("bayes", Classifier(BAYES)), ("other", other)]
    model = VotingClassifier(members, voting=voting).fit(TEXTS, NAMES)

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
    first = tiny(random_state=np.random.RandomState(1)).fit(TEXTS, NAMES)
    again = tiny(random_state=np.random.RandomState(1)).fit(TEXTS, NAMES)
    other = tiny(random_state=2).fit(TEXTS, NAMES)

    same = first.predict_proba(NEW)
    np.testing.assert_array_equal(again.predict_proba(NEW), same)
    assert (other.predict_proba(NEW) != same).any()


@pytest.mark.parametrize("seed", [-1, 2**32, "a"])
def test_a_seed_is_a_number_that_numpy_takes(seed):
    with pytest.raises(ValueError, match=r"[Ss]eed"):
        tiny(random_state=seed).fit(TEXTS, NAMES)


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
    model = {"baseline": SVM}
    in_words = Classifier(model, config=config, settings={"data.num_words": 6})

    vocabulary = in_words.fit(TEXTS, NAMES).kept_.vocabulary

    assert len(vocabulary.words) == 2  # and four ids that are no words
    assert vocabulary.timesteps == 400


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "bigru_mx"}, "no 'bigru_mx' in texts .*; did you mean 'bigru_max'"),
        ({"model": {"baseline": "svm"}}, "models.classifier.baseline"),
        ({"epochs": -1}, "epochs"),
        ({"early_stopping": -1}, "early_stopping"),
        ({"config": "no_such"}, "no_such: no such file"),
        ({"settings": {"training.batch": 3}}, "training.batch"),
        ({"settings": "epochs"}, "settings: epochs: should be key.path=value"),
        ({"model": None}, "model: models.classifier.layers: missing key"),
        ({"model": "zoo_ensemble", "config": "zoo"}, "zoo_ensemble"),
    ],
)
def test_a_wrong_argument_is_explained(arguments, message):
    with pytest.raises(UserError, match=message):
        Classifier(**arguments).fit(TEXTS, NAMES)


@pytest.mark.parametrize(
    ("texts", "labels", "weights", "message"),
    [
        ([1.5, "b"], [0, 1], None, "text 1: got float .should be a text"),
        ([], [], None, r"y: one class or none: \[\]"),
        (TEXTS, ["a"] * 40, None, r"y: one class or none: \['a'\] .should be several"),
        (TEXTS, [0.5, 1] * 20, None, "continuous"),
        (TEXTS, [None, 1] * 20, None, "y: got None .each text should have a label"),
        (TEXTS, ROWS * 2, None, "y: a column for each label should have 0 and 1"),
        (TEXTS, ROWS * 0, None, "have the label 'none'"),
        (TEXTS, [["a"], ["a", "b"]] * 20, None, "MultiLabelBinarizer"),
        (TEXTS, np.zeros((40, 2, 2)), None, "array with dim 3"),
        (np.array([TEXTS]).T, NAMES, None, "text 1: got ndarray .should be a text"),
        (pd.DataFrame({"a": TEXTS}), NAMES, None, "a column of a data frame"),
        (TEXTS, NAMES, [-1] * 40, "sample_weight, .* should be 0 or more"),
        (TEXTS, NAMES, [0] * 40, "sample_weight, .* not all zero"),
        (TEXTS, NAMES, [np.nan] * 40, "sample_weight, .* should be 0 or more"),
        (TEXTS, NAMES[1:], None, "inconsistent numbers of samples"),
        ("a single text", NAMES, None, "inconsistent numbers of samples"),
        ("ab", ["a", "b"], None, "texts: got 1 text .should be one for each label"),
    ],
)
def test_wrong_texts_are_explained(texts, labels, weights, message):
    with pytest.raises((UserError, ValueError), match=message):
        Classifier(BAYES).fit(texts, labels, weights)


def test_nothing_is_answered_for_no_texts():
    model = Classifier(BAYES).fit(TEXTS, NAMES)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict([]).shape == (0,)
