"""How many documents a report says can be answered with few errors."""

from dataclasses import replace

import numpy as np
import pytest
from factories import finished_run

from rnnbench.errors import UserError
from rnnbench.report.plots import plot_run
from rnnbench.report.sections import make_sections
from rnnbench.report.tables.risk import risk_table

LABELS = [0] * 10
ANSWERS = {"good": [[0] * 10], "bad": [[0] * 8 + [1] * 2]}


def scored(sureness):
    """Return a run whose answers have these probabilities, one for each document."""
    run = finished_run(ANSWERS, labels=LABELS)
    for trials in run.trials.values():
        for number, trial in enumerate(trials):
            best = trial.answers[:, np.newaxis] == np.arange(3)
            sure = np.array(sureness)[:, np.newaxis]
            logs = np.log(np.where(best, sure, (1 - sure) / 2)).astype("f4")
            trials[number] = replace(trial, stored_scores=logs)
    return run


FALLING = scored(np.linspace(0.95, 0.5, 10))


def rows_of(run):
    return {name: cells for name, *cells in risk_table(run).rows}


def test_each_model_has_the_share_that_it_can_answer():
    rows = rows_of(FALLING)

    assert rows["good"] == ["100.0 %"] * 3 + ["0.0000"]
    assert rows["bad"][:3] == ["80.0 %"] * 3


def test_the_area_is_the_mean_error_over_all_shares():
    assert rows_of(FALLING)["bad"][3] == f"{(1 / 9 + 2 / 10) / 10:.4f}"


def test_the_section_says_which_share_the_best_can_answer():
    sections = make_sections(FALLING, None, 60, 20)

    (section,) = [section for section in sections if section.id == "unsure"]
    assert section.result.startswith("up to 100.0 % of the documents can be answered")
    assert [kind for kind, _ in section.parts] == ["figure", "table"]


def test_a_line_ends_at_the_error_of_all_documents():
    ends = {
        line.get_label(): line.get_ydata()[-1]
        for line in plot_run(FALLING, "risk").lines
    }

    assert ends == {"good": 0, "bad": 20}


def test_a_run_of_answers_alone_has_no_such_section():
    records = {name: {"score_kind": "answers"} for name in ANSWERS}
    run = finished_run(ANSWERS, labels=LABELS, records=records)

    assert "unsure" not in [part.id for part in make_sections(run, None, 60, 20)]
    with pytest.raises(UserError, match="no scores are known, only answers"):
        plot_run(run, "risk")
