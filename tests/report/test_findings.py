"""Badges that there cannot be; ``test_answers.py`` has all others, and the findings."""

import pytest
from factories import MARGINS, scored_run

from rnnbench.errors import UserError
from rnnbench.report.findings import make_badge


@pytest.mark.parametrize(
    ("model", "metric", "message"),
    [
        ("rnm", "accuracy", r"--model: no model 'rnm' \(allowed: rnn, svm; did you mean 'rnn'"),
        ("svm", "log_loss", "--metric log_loss: svm has no log_loss"),
        (None, "acuracy", "--metric: no metric 'acuracy'"),
    ],
)
def test_what_a_badge_lacks_is_named(model, metric, message):
    results = scored_run({"rnn": [18], "svm": [9]}, records={"svm": MARGINS}).results

    with pytest.raises(UserError, match=message):
        make_badge(results, model, metric)
