"""``rnnbench.Classifier``: networks and baselines in scikit-learn's own tools."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import InProcess
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
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


def test_a_model_of_a_run_has_the_methods(run):
    model = run.model("bigru_max")

    assert model.n_iter_ == 3
    assert model.classes_.tolist() == ["car", "fruit"]
    assert model.score(TEXTS, NAMES) == (model.predict(TEXTS) == NAMES).mean()


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
    ],
    ids=["int", "bool", "float", "str", "list", "category", "series"],
)
def test_labels_keep_their_type(labels):
    model = Classifier(SVM).fit(TEXTS, labels)

    answers = model.predict(TEXTS)

    assert answers.dtype == model.classes_.dtype == np.unique(labels).dtype
    np.testing.assert_array_equal(answers, labels)


@settings(max_examples=10, deadline=None)
@given(st.permutations([True, 3, 10, 2, "b", "a", 2.5]))
def test_any_labels_are_answered_as_they_are(labels):
    kinds = [str, int, float]
    for kind in kinds:
        same = [label for label in labels if type(label) is kind]
        if len(same) > 1:
            model = Classifier(BAYES).fit(TEXTS, np.array(same)[IS_CAR])
            assert set(model.predict(NEW)) == set(same[:2])


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
    model = tiny().fit(TEXTS, NAMES)

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


def test_a_network_says_how_many_epochs_it_trained():
    assert tiny().fit(TEXTS, NAMES).n_iter_ == 3
    assert not hasattr(Classifier(SVM).fit(TEXTS, NAMES), "n_iter_")


def test_early_stopping_ends_a_training():
    at_random = np.random.default_rng(0).permutation(NAMES)

    model = tiny(epochs=60, early_stopping=2).fit(TEXTS, at_random)

    assert model.n_iter_ < 60


def test_without_early_stopping_all_texts_are_trained_on():
    stopped = {"validation_split": 0.5, "early_stopping": {"patience": 1}}
    model = Classifier(TINY | {"training": stopped}, epochs=9, early_stopping=False)

    assert model.fit(TEXTS, NAMES).n_iter_ == 9


@pytest.mark.parametrize("labels", [NAMES, ROWS], ids=["one", "several"])
@pytest.mark.parametrize("model", [TINY, {"baseline": BAYES}], ids=["network", "bayes"])
def test_weights_of_one_change_nothing(model, labels):
    model = Classifier(model, epochs=2)
    plain = model.fit(TEXTS, labels).predict_proba(NEW)

    weighted = model.fit(TEXTS, labels, sample_weight=np.ones(40)).predict_proba(NEW)

    np.testing.assert_array_equal(weighted, plain)


@pytest.mark.parametrize("labels", [NAMES, ROWS], ids=["one", "several"])
@pytest.mark.parametrize(
    "engine", ["native", pytest.param("keras", marks=pytest.mark.slow)]
)
def test_weights_of_zero_leave_texts_out(engine, labels):
    turned = labels[::-1]
    both = [*TEXTS, *TEXTS]
    weights = np.repeat([1, 0], 40)
    model = tiny(
        epochs=4, settings={"training.batch_size": 80, "training.engine": engine}
    )
    # The loss is divided by the number of all texts, and Adam does not mind.
    plain = model.fit(TEXTS, labels).predict_proba(NEW)

    labels_of_both = np.concatenate([labels, turned])
    weighted = model.fit(both, labels_of_both, weights).predict_proba(NEW)

    np.testing.assert_allclose(weighted, plain, atol=1e-3)


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


@pytest.mark.parametrize("model", [TINY, {"baseline": SVM}], ids=["network", "svm"])
@pytest.mark.parametrize("labels", [IS_CAR, ROWS], ids=["one", "several"])
def test_a_pickle_answers_as_before(model, labels):
    model = Classifier(model, epochs=2).fit(TEXTS, labels)

    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own

    np.testing.assert_array_equal(again.kept_.scores(NEW), model.kept_.scores(NEW))
    np.testing.assert_array_equal(again.predict(NEW), model.predict(NEW))


def test_a_pickle_needs_no_tensorflow(tmp_path):
    file = tmp_path / "model.pickle"
    model = tiny().fit(TEXTS, NAMES)
    file.write_bytes(pickle.dumps(model))
    code = """if True:
        import pickle, sys
        sys.modules |= dict.fromkeys(["tensorflow", "keras"])
        with open(sys.argv[1], "rb") as file:
            model = pickle.load(file)
        print(*model.predict(["ripe apple", "old engine"]))"""

    done = subprocess.run(
        [sys.executable, "-c", code, file], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == model.predict(["ripe apple", "old engine"]).tolist()


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


@pytest.mark.slow
def test_it_is_searched_over_in_processes():
    grid = {"model": [SVM, TINY], "epochs": [1, 2]}
    search = GridSearchCV(Classifier(), grid, cv=2, n_jobs=2, error_score="raise")

    search.fit(TEXTS, NAMES)

    assert search.best_params_["model"] == SVM
    assert search.best_score_ == 1


@pytest.mark.parametrize("name", [SVM, BAYES])
def test_it_is_calibrated(name):
    model = CalibratedClassifierCV(Classifier(name), cv=2).fit(TEXTS, NAMES)

    assert model.predict_proba(NEW).shape == (20, 2)


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_it_votes(voting):
    members = [("bayes", Classifier(BAYES)), ("tiny", tiny())]
    model = VotingClassifier(members, voting=voting).fit(TEXTS, NAMES)

    assert set(model.predict(NEW)) <= {"car", "fruit"}


@estimator_checks.parametrize_with_checks([ReadsNumbers()])
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


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


def test_progress_is_shown_if_asked_for(capfd):
    tiny().fit(TEXTS, NAMES)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "bigru_mx"}, "no 'bigru_mx' in texts .*; did you mean 'bigru_max'"),
        ({"model": {"baseline": "svm"}}, "models.classifier.baseline"),
        ({"epochs": -1}, "epochs"),
        ({"early_stopping": -1}, "early_stopping"),
        ({"config": "no_such"}, "no_such: no such file"),
        ({"settings": {"training.batch": 3}}, "training.batch"),
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
        (TEXTS, ["a"] * 40, None, "y: one class, .*'a'.* .should be several"),
        (TEXTS, NAMES, [-1] * 40, "sample_weight: should be 0 or more"),
        (TEXTS, NAMES, [0] * 40, "sample_weight: .* not all zero"),
        (TEXTS, NAMES[1:], None, "inconsistent numbers of samples"),
        ("a single text", NAMES, None, "inconsistent numbers of samples"),
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
