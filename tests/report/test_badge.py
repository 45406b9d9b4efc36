"""A badge: the result of a model in a few words."""

import pytest
from factories import MARGINS, scored_run

from rnnbench.errors import UserError
from rnnbench.report.badge import badge
from rnnbench.results.schema import MissingTrial


def results(majority_accuracy=0.5, **rights):
    dataset = {"majority_accuracy": majority_accuracy}
    records = {"svm": MARGINS}
    return scored_run(rights, of=100, dataset=dataset, records=records).results


RESULTS = results(rnn=[80, 81, 82], svm=[90])


def test_a_badge_has_the_keys_that_shields_io_wants():
    assert badge(RESULTS, "svm", "accuracy") == {
        "schemaVersion": 1,
        "label": "test accuracy",
        "message": "svm 0.9000",
        "color": "red",
    }


def test_by_default_it_shows_the_best_model_that_has_the_metric():
    assert badge(RESULTS, None, "accuracy")["message"] == "svm 0.9000"
    assert badge(RESULTS, None, "log_loss")["message"].startswith("rnn 0.")
    assert badge(RESULTS, "rnn", "accuracy")["message"] == "rnn 0.8100 ± 0.0248"


def test_another_metric_has_a_neutral_colour():
    assert badge(RESULTS, None, "macro_f1")["color"] == "blue"


def test_a_partial_run_says_so():
    missing = [MissingTrial(model="gru", seed=0, error=None)]

    partial = RESULTS.model_copy(update={"missing": missing})

    assert badge(partial, "svm", "accuracy")["message"] == "svm 0.9000 (partial run)"


@pytest.mark.parametrize(
    ("model", "metric", "message"),
    [
        ("rnm", "accuracy", r"--model: no model 'rnm' \(allowed: rnn, svm; did you mean 'rnn'"),
        ("svm", "log_loss", "--metric log_loss: svm has no log_loss"),
        (None, "acuracy", "--metric: no metric 'acuracy'"),
    ],
)
def test_what_is_not_there_is_named(model, metric, message):
    with pytest.raises(UserError, match=message):
        badge(RESULTS, model, metric)
