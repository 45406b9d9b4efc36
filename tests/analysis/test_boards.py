"""Rankings of the models of several runs, and metrics from run to run."""

from pathlib import Path

import pytest
from factories import MARGINS, scored_run
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.analysis.boards import distinct_names, rank_runs, trace_runs
from rnnbench.analysis.comparisons import compare_pairs, mcnemar_p
from rnnbench.analysis.intervals import Hits

DOCUMENTS = 20


def run(name, records=None, dataset=None, **rights):
    return scored_run(
        rights, folder=f"results/{name}", of=DOCUMENTS, records=records, dataset=dataset
    )


def order(board):
    return [(entry.rank, entry.model.name, entry.run) for entry in board.entries]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (
            {"one": {"rnn": [9], "gru": [15]}, "two": {"rnn": [11], "svm": [18]}},
            [(1, "svm", "two"), (2, "gru", "one"), (3, "rnn", "two"), (4, "rnn", "one")],
        ),
        (
            {"one": {"a": [2, 4, 6], "b": [15], "c": [6, 4, 2], "d": [3]}},
            [(1, "b", "one"), (2, "a", "one"), (2, "c", "one"), (4, "d", "one")],
        ),
        (
            {"one": {"rnn": [9, 10]}, "two": {"rnn": [9, 10], "gru": [10]}, "three": {"rnn": [9]}},
            [(1, "gru", "two"), (2, "rnn", "one"), (3, "rnn", "three")],
        ),
    ],
    ids=["models of all runs", "equals share a rank", "the same trials are shown once"],
)
def test_models_are_ranked_by_accuracy(runs, expected):
    (board,) = rank_runs([run(name, **rights) for name, rights in runs.items()])

    assert board.runs == list(runs)
    assert order(board) == expected


def test_a_model_without_the_metric_comes_last_without_a_rank():
    (board,) = rank_runs([run("one", svm=[20], rnn=[9], records={"svm": MARGINS})], "log_loss")

    assert order(board) == [(1, "rnn", "one"), (None, "svm", "one")]


def test_each_is_compared_with_the_best_accuracy_only():
    runs = [run("one", rnn=[18], gru=[17]), run("two", lstm=[4])]

    (board,) = rank_runs(runs)

    best, close, far = (entry.against_best for entry in board.entries)
    hits = {
        name: Hits.of(trials, in_order=False).right[0]
        for one in runs
        for name, trials in one.trials.items()
    }
    assert best is None
    assert (close.difference, close.p) == (pytest.approx(0.05), 1)
    assert not close.is_clear
    assert far.p == mcnemar_p(hits["rnn"], hits["lstm"])
    assert far.p_holm == 3 * far.p, "corrected for all pairs"
    assert far.is_clear


def test_a_corrected_p_value_is_that_of_the_run_itself():
    """Pairs without the best count in the correction, too: some of them are clearer."""
    one = run("one", rnn=[20], gru=[11], lstm=[1])

    (board,) = rank_runs([one])

    hits = {name: Hits.of(trials, in_order=False) for name, trials in one.trials.items()}
    pairs = [("rnn", "gru"), ("rnn", "lstm"), ("gru", "lstm")]
    expected = [each.p_holm for each in compare_pairs(pairs, hits, ())]
    assert [entry.against_best.p_holm for entry in board.entries[1:]] == expected[:2]
    assert expected[0] < 3 * mcnemar_p(hits["rnn"].right[0], hits["gru"].right[0])


def test_the_comparison_is_with_the_best_accuracy_even_if_another_metric_decides_the_rank():
    records = {"slow": {"fit_seconds": 9.0}}

    (board,) = rank_runs([run("one", slow=[18], fast=[2], records=records)], "fit_seconds")

    assert order(board) == [(1, "fast", "one"), (2, "slow", "one")]
    assert [entry.against_best is None for entry in board.entries] == [False, True]


def test_other_documents_have_their_own_board_however_the_same_ones_are_padded():
    other, padded = {"split_fingerprint": "6" * 64}, {"fingerprint": "e" * 64}
    runs = [
        run("one", rnn=[9]),
        run("two", rnn=[11], dataset=other),
        run("three", rnn=[12], dataset=padded),
    ]

    first, second = rank_runs(runs)

    assert order(first) == [(1, "rnn", "three"), (2, "rnn", "one")]
    assert order(second) == [(1, "rnn", "two")]
    assert second.dataset.split_fingerprint == "6" * 64


def test_the_same_trials_with_another_outcome_are_both_shown():
    same = {"rnn": {"fingerprint": "f" * 64}}
    runs = [run("here", rnn=[9], records=same), run("there", rnn=[10], records=same)]

    (board,) = rank_runs([*runs, runs[0]])

    assert order(board) == [(1, "rnn", "there"), (2, "rnn", "here")]
    assert board.runs == ["here", "there"], "a run that is named twice is one"


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["results/one"], ["one"]),
        (["results/one", "results/two/"], ["one", "two"]),
        (["old/one", "new/one", "new/two"], ["old/one", "new/one", "two"]),
        (["/one", "/old/one"], ["/one", "old/one"]),
        (["one", "./one", "two/../one"], ["one", "one", "one"]),
    ],
)
def test_a_run_has_the_shortest_name_that_tells_it_from_the_others(folders, names):
    assert distinct_names([Path(folder) for folder in folders]) == names


@settings(max_examples=25)
@given(st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=4), min_size=1, max_size=5))
def test_different_folders_have_different_names(parts):
    folders = [Path("/", *each) for each in parts]

    assert len(set(distinct_names(folders))) == len(set(folders))


def dated(name, day=None, *, split="5", **rights):
    """A run of a day in November; without one, of a version that stored no date."""
    environment = {"date": f"2026-11-{day:02}T10:20:30Z"} if day else {}
    return scored_run(
        {model: list(trials) for model, trials in rights.items()},
        folder=f"runs/{name}",
        environment=environment,
        dataset={"split_fingerprint": split * 64},
    )


def test_runs_are_ordered_by_date_and_those_without_one_come_first():
    runs = [
        dated("c", 3, rnn=[9]),
        dated("b", rnn=[9]),
        dated("d", 1, rnn=[9]),
        dated("a", rnn=[9]),
        dated("other", split="6", rnn=[9]),
    ]

    history, other = trace_runs(runs)
    named, _ = trace_runs(runs, names=[f"all/{name}" for name in "cbda."])

    assert [entry.run for entry in history.entries] == ["b", "a", "d", "c"]
    assert [entry.run for entry in other.entries] == ["other"], "on other documents"
    assert [entry.run for entry in named.entries] == ["all/b", "all/a", "all/d", "all/c"]
    assert [entry.date for entry in history.entries][1:3] == [None, "2026-11-01T10:20:30Z"]
    assert history.entries[0].commit == "0" * 40
    assert history.entries[0].version == "0.0"


def test_a_change_is_that_from_the_run_before_on_the_same_documents():
    runs = [
        dated("a", 1, rnn=[18, 17, 18], svm=[9]),
        dated("b", 2, rnn=[2, 3, 2], gru=[9]),
        dated("c", 3, gru=[9]),
        dated("d", 4, svm=[9]),
    ]

    first, second, third, last = trace_runs(runs)[0].entries

    assert first.changes == last.changes == {}
    assert list(second.changes) == ["rnn"]
    assert second.changes["rnn"].is_clear
    assert second.changes["rnn"].difference < -0.7
    assert third.changes["gru"].difference == 0
    assert not third.changes["gru"].is_clear


def test_other_metrics_have_values_but_no_changes():
    runs = [dated("a", 1, rnn=[18, 17, 18]), dated("b", 2, rnn=[2, 3, 2])]

    (history,) = trace_runs(runs, "macro_f1")

    first, second = history.entries
    assert first.values["rnn"].mean > second.values["rnn"].mean
    assert second.changes == {}
    (costs,) = trace_runs([dated("a", 1, rnn=[9])], "ms_per_step")
    assert costs.entries[0].values["rnn"].mean == 2.5
