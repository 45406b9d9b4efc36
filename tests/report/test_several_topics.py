"""Documents with any number of topics, from a run to its report, comparisons and
choices.
"""

import re

import numpy as np
import pytest
from factories import finished_run
from several_topics import run_of_several_topics
from sklearn.metrics import f1_score

import rnnbench
from rnnbench.analysis.compare import compare_runs
from rnnbench.analysis.gates import judge, parse_gate
from rnnbench.errors import UserError
from rnnbench.report.sections import make_sections
from rnnbench.report.tables.published import published_tables
from rnnbench.results.schema import PublishedScore


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, quick):  # noqa: ARG001 - trains in this process
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with run_of_several_topics(tmp_path_factory.mktemp("several"), {}) as run:
        yield run


def summary_of_svm(run):
    return next(model for model in run.results.models if model.name == "svm")


def test_the_main_metric_is_that_of_scikit_learn(run):
    svm = summary_of_svm(run)
    (trial,) = run.trials["svm"]

    right = f1_score(trial.labels, trial.answers, average="micro")
    assert svm.score.mean == svm.mean_of("micro_f1") == pytest.approx(right)
    by_hand = f1_score(
        trial.labels, trial.scores >= 0, average="micro", zero_division=0
    )
    assert svm.at_half.mean == pytest.approx(by_hand), "margins from 0 on"
    assert svm.below == np.sum(
        trial.scores.max(axis=1) < trial.record.decision.threshold
    )
    assert svm.params > 0
    assert svm.params % 3 == 0, "coefficients and an intercept for each topic"


def test_the_table_names_the_main_metric_beside_the_threshold(run):
    table = run.tables()[0]

    assert table.headers[1].startswith("test micro-F1")
    assert {"at 0.5", "below"} < {*table.headers}
    assert "a threshold chosen on held-out training documents" in table.caption
    assert {"micro_f1_mean", "micro_f1_low"} < {*run.summary_frame()}


def test_a_stored_run_has_the_same_main_metric(run):
    assert rnnbench.load_run(run.folder).results == run.results
    assert rnnbench.badge(run)["label"] == "micro-F1"


def published_score(results, model, score, decision):
    return PublishedScore(
        source="Us 2020",
        model=model,
        score=score,
        decision=decision,
        yardstick="over documents",
        intervals={ours.name: ours.interval for ours in results.models},
        is_of_our_model=False,
    )


def test_published_scores_stand_beside_ours_with_the_decision_of_each(run):
    results = run.results
    theirs = published_score(results, "theirs", 0.75, "0.5")
    tuned = published_score(results, "tuned", 0.8, "chosen")
    published = [theirs, tuned]

    (table,) = published_tables(results.model_copy(update={"published": published}))

    decided = {row[0]: row[3:5] for row in table.rows}
    assert table.headers[3:5] == ["at 0.5", "decision"]
    assert decided["theirs"] == ["0.7500", "0.5"]
    assert decided["tuned"] == ["-", "chosen"]
    svm = next(model for model in results.models if model.name == "svm")
    assert decided["svm"] == [f"{svm.at_half.mean:.4f}", "chosen, else best"]


@pytest.fixture(scope="module")
def sections(run):
    """The sections of the report, by their ids."""
    return {section.id: section for section in make_sections(run, None, 0, 5)}


def test_the_report_has_the_sections_that_apply(sections):
    assert not {"confusion", "calibration"} & {*sections}
    assert {"score", "topics", "mistakes", "errors", "learning"} < {*sections}


def test_the_report_says_which_topics_are_missed(run, sections):
    page = run.write_report().read_text(encoding="utf-8")
    mistakes = [shown for kind, shown in sections["errors"].parts if kind == "mistake"]

    answers = mistakes[0]["answers"].values()
    assert all(re.match(r"missed|added|right", text) for text in answers)
    assert "Missed and added labels" in page
    assert "accuracy" not in page.lower().replace("misclassified", "")


def test_only_plots_that_apply_are_drawn(run):
    with pytest.raises(UserError, match=r"no plot 'confusion' .* multi_label"):
        run.plot("confusion", "svm")
    assert run.plot("micro_f1").get_xlabel() == "test micro-F1"


@pytest.mark.usefixtures("one_plot")
def test_several_runs_are_compared_by_their_main_metric(run, tmp_path):
    compared = rnnbench.compare(run, run)
    gate = parse_gate("drops significantly")
    board = rnnbench.leaderboard([run])
    one_label = finished_run({"svm": [[0, 0, 0, 1]]})

    assert compared.tables()[0].headers[0] == "micro-F1 of"
    with pytest.raises(UserError, match="rnn: too few seeds to tell"):
        judge(gate, compared)
    assert judge(gate, rnnbench.compare(run, run, "svm")).passed
    assert (board.boards[0].metric, board.boards[0].entries[0].model.name) == (
        "micro_f1",
        "svm",
    )
    with pytest.raises(
        UserError, match=r"several is a task of the kind multi_label, which has no"
    ):
        rnnbench.leaderboard([run], "accuracy")
    with pytest.raises(
        UserError, match="runs of different kinds of task cannot be compared"
    ):
        compare_runs(run, one_label)
    with pytest.raises(UserError, match="runs of one kind of task"):
        rnnbench.leaderboard([run, one_label]).mean_ranks()
    page = rnnbench.site([run, one_label], tmp_path / "site", progress=False)
    assert "a test micro-F1 of" in page.read_text(encoding="utf-8")


def test_a_model_of_all_documents_has_the_score_of_the_choice_by_the_rules_of_its_folds(
    several_topics,
):
    several_topics["models"] = {"svm": {"baseline": "tfidf_linear_svm"}}
    choice = rnnbench.choose(
        several_topics, folds=2, then_fit=True, on="all", progress=False
    )

    (model,), (trial,) = choice.fitted.results.models, choice.fitted.trials["svm"]
    assert model.score.mean == pytest.approx(choice.results.candidates[0].score)
    assert (
        trial.answers != trial.task.answers(trial.scores, trial.record.decision)
    ).any()
    assert rnnbench.load_run(choice.fitted.folder).results == choice.fitted.results


def test_a_choice_is_made_by_the_main_metric(several_topics):
    choice = rnnbench.choose(several_topics, folds=2, progress=False)

    assert choice.recommended == "svm"
    assert re.search(r"and a micro-F1 of \d", choice.results.recommended.reason)
    assert "micro-F1" in choice.tables()[0].headers[1]
    assert "Micro-F1" in choice.write_report().read_text(encoding="utf-8")
