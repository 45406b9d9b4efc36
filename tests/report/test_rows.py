import csv
import io

import pytest
from factories import scored_run

from rnnbench.analysis.summary import statistic
from rnnbench.report.rows import to_csv

POINT = "rnn[units=3,lr=0.1]"


def rows_of(results):
    return list(csv.DictReader(io.StringIO(to_csv(results))))


def test_csv_keeps_the_whole_name_of_a_point_beside_its_values():
    models = {POINT: [14, 15], "rnn[units=4,lr=0.1]": [15, 15], "bayes": [15, 15]}
    first, *_, bayes, _ = rows_of(scored_run(models, training={"seeds": 2}).results)

    assert [first[key] for key in ("model", "units", "lr")] == [POINT, "3", "0.1"]
    assert (bayes["model"], bayes["units"]) == ("bayes", "")


def test_csv_has_one_number_in_a_column_in_full_precision_and_the_majority_last():
    results = scored_run({"rnn": [14, 15], "lstm": [14, 15]}, training={"seeds": 2}).results
    model, lacking = results.models
    few = {"accuracy": statistic([0.5]), "macro_f1": statistic([0.1])}
    lacking = lacking.model_copy(update={"metrics": few, "ms_per_step": None})

    first, second, majority = rows_of(results.model_copy(update={"models": [model, lacking]}))

    assert [row["model"] for row in (first, second, majority)] == ["rnn", "lstm", "always 'earn'"]
    assert (first["trials"], first["topics_never_predicted"]) == ("2", "0")
    assert float(first["accuracy_low"]) == model.accuracy_interval.low
    assert float(first["accuracy_high"]) == model.accuracy_interval.high
    for name, value in model.metrics.items():
        assert float(first[f"{name}_mean"]) == value.mean
        assert float(first[f"{name}_std"]) == value.std
    assert second["log_loss_mean"] == second["ms_per_step_mean"] == majority["accuracy_low"] == ""
    assert float(majority["accuracy_mean"]) == 1.0
    assert float(majority["macro_f1_mean"]) == pytest.approx(2 / 9)
