from dataclasses import replace

import numpy as np
import pytest
from factories import finished_run, write_run

from rnnbench.analysis.compare_runs import compare_runs
from rnnbench.analysis.comparisons import compare_pairs
from rnnbench.analysis.duplicates import without_duplicates
from rnnbench.analysis.leaderboard import rank_runs
from rnnbench.analysis.load import load_runs
from rnnbench.analysis.power import power_of_pairs
from rnnbench.analysis.summary import hits_of
from rnnbench.errors import UserError
from rnnbench.report.compare import comparison_tables
from rnnbench.report.tables_of_run import accuracy_table, power_table
from rnnbench.report.tables_of_runs import rank_table

LABELS = [0, 0, 1, 2] * 10
DUPLICATES = [0, 5, 6, 39]


def run_with(duplicates, answers=None):
    """A run of two models of three seeds, with these test documents in the training set."""
    random = np.random.default_rng(0)
    answers = answers or {
        name: [np.where(random.random(40) < share, LABELS, 1).tolist() for _ in range(3)]
        for name, share in (("rnn", 0.5), ("lstm", 0.9))
    }
    facts = {"test_size": 40, "duplicates": {"other_topics": duplicates}}
    return finished_run(answers, labels=LABELS, dataset=facts, training={"seeds": 3})


def test_labels_and_scores_of_duplicates_are_left_out():
    run = run_with(DUPLICATES)

    rest = without_duplicates(run)

    kept = np.setdiff1d(np.arange(40), DUPLICATES)
    for model, trials in rest.trials.items():
        for trial, whole in zip(trials, run.trials[model], strict=True):
            assert (trial.labels == whole.labels[kept]).all()
            assert (trial.scores == whole.scores[kept]).all()
    assert rest.results.dataset.test_size == 36
    assert rest.folder == run.folder


def test_the_summary_has_what_a_run_without_duplicates_has():
    run = run_with(DUPLICATES)

    found, rest = run.results.without_duplicates, without_duplicates(run).results

    assert found.test_size == 36
    assert found.accuracy == {model.name: model.accuracy for model in rest.models}
    assert found.comparisons == rest.comparisons
    assert found.majority_accuracy == rest.dataset.majority_accuracy == 18 / 36
    assert rest.without_duplicates is None


def test_comparisons_are_those_of_the_other_documents():
    run = run_with(DUPLICATES)
    hits = {
        name: np.delete(hits_of(trials), DUPLICATES, axis=1) for name, trials in run.trials.items()
    }

    (expected,) = compare_pairs([("rnn", "lstm")], hits, (), 3)

    found = run.results.without_duplicates.comparisons[0]
    assert (found.difference, found.p, found.interval) == (
        expected.difference, expected.p, expected.interval
    )  # fmt: skip


def test_a_verdict_that_rests_on_duplicates_is_named():
    ahead = [LABELS, LABELS, LABELS]
    behind = [[1] * 20 + LABELS[20:]] * 3
    run = run_with(list(range(20)), {"rnn": ahead, "lstm": behind})

    (changed,) = (
        pair for pair in run.results.changed_verdicts if (pair[0].a, pair[0].b) == ("rnn", "lstm")
    )

    assert [each.verdict for each in changed] == ["clear", "not clear"]


def test_a_run_without_duplicates_is_the_run_itself():
    run = run_with([])

    assert without_duplicates(run) is run
    assert run.results.without_duplicates is None
    assert run.results.changed_verdicts == []


def test_a_test_set_of_nothing_but_duplicates_is_refused():
    run = run_with(list(range(40)))

    assert run.results.without_duplicates is None
    with pytest.raises(UserError, match="all test documents are also in the training set"):
        without_duplicates(run)


def test_tables_without_duplicates_say_so():
    nearly = [[1] * place + LABELS[place:] for place in (8, 9, 10)]
    run = run_with(DUPLICATES, {"rnn": nearly, "lstm": nearly[::-1]})
    rest = without_duplicates(run)
    said = "36 to test on (without the 4 that are in the training set, too)"

    (board,) = rank_runs([rest])
    comparison = compare_runs(rest, rest)

    assert said in accuracy_table(rest.results).caption
    assert said in rank_table(board).caption
    for table in (
        power_table(power_of_pairs(rest), rest.results),
        *comparison_tables(comparison)[:1],
    ):
        assert "36 test documents (without the 4" in table.caption
    assert "without the 4" not in accuracy_table(run.results).caption


def test_a_table_says_that_all_test_documents_are_duplicates():
    run = run_with(list(range(40)))

    said = accuracy_table(run.results).caption

    assert "40 of 40 test documents are also in the training set" in said


def test_runs_that_cannot_be_had_without_duplicates_are_left_out(tmp_path, caplog):
    good, bad = (
        write_run(replace(run_with(duplicates), folder=tmp_path / name))
        for name, duplicates in (("good", DUPLICATES), ("bad", list(range(40))))
    )

    (found,) = load_runs([good, bad], without_duplicates=True)

    assert found.results.dataset.test_size == 36
    assert "all test documents are also in the training set, left out" in caplog.text
    with pytest.raises(UserError, match="all test documents"):
        load_runs([bad], without_duplicates=True)
