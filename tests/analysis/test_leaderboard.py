"""The models of many runs in one order."""

from pathlib import Path

import pytest
from factories import finished_run
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.analysis.comparisons import mcnemar_p
from rnnbench.analysis.leaderboard import distinct_names, rank_runs
from rnnbench.analysis.metrics import LOWER_IS_BETTER, MEASURES, mean_of
from rnnbench.analysis.summary import hits_of

WIRES = 20


def run(name, records=None, dataset=None, **rights):
    """A run of models that are right about so many of 20 wires, once a trial."""
    answers = {
        model: [[0] * right + [1] * (WIRES - right) for right in trials]
        for model, trials in rights.items()
    }
    facts = {"records": records, "dataset": dataset}
    return finished_run(answers, folder=Path("results", name), labels=[0] * WIRES, **facts)


def order(board):
    return [(entry.rank, entry.model.name, entry.run) for entry in board.entries]


def test_the_models_of_all_runs_are_ranked_together():
    (board,) = rank_runs([run("one", rnn=[9], gru=[15]), run("two", rnn=[11], svm=[18])])

    assert board.runs == ["one", "two"]
    assert order(board) == [
        (1, "svm", "two"),
        (2, "gru", "one"),
        (3, "rnn", "two"),
        (4, "rnn", "one"),
    ]


def test_equals_share_a_rank_and_the_next_is_as_far_down_as_they_are_many():
    (board,) = rank_runs([run("one", a=[2, 4, 6], b=[15], c=[6, 4, 2], d=[3])])

    assert order(board) == [(1, "b", "one"), (2, "a", "one"), (2, "c", "one"), (4, "d", "one")]


@settings(max_examples=25)
@given(
    st.lists(st.lists(st.integers(0, WIRES), min_size=1, max_size=3), min_size=1, max_size=5),
    st.sampled_from(MEASURES),
)
def test_no_model_is_better_than_one_with_a_lower_rank(rights, metric):
    models = {f"model{number}": trials for number, trials in enumerate(rights)}
    records = {name: {"ms_per_step": float(sum(trials))} for name, trials in models.items()}

    (board,) = rank_runs([run("one", records=records, **models)], metric)

    sign = -1 if metric in LOWER_IS_BETTER else 1
    scores = [sign * mean_of(entry.model, metric) for entry in board.entries]
    ranks = [entry.rank for entry in board.entries]
    assert ranks == sorted(ranks)
    assert ranks == [
        pytest.approx(1 + sum(other > score + 1e-9 for other in scores)) for score in scores
    ]


def test_a_model_without_the_metric_comes_last_without_a_rank():
    records = {"svm": {"score_kind": "margins"}}
    (board,) = rank_runs([run("one", svm=[20], rnn=[9], records=records)], "log_loss")

    assert order(board) == [(1, "rnn", "one"), (None, "svm", "one")]


def test_each_is_compared_with_the_best_accuracy_alone():
    runs = [run("one", rnn=[18], gru=[17]), run("two", lstm=[4])]

    (board,) = rank_runs(runs)

    best, close, far = (entry.against_best for entry in board.entries)
    hits = {name: hits_of(trials)[0] for one in runs for name, trials in one.trials.items()}
    assert best is None
    assert (close.difference, close.p) == (pytest.approx(0.05), 1)
    assert not close.is_clear
    assert far.p == mcnemar_p(hits["rnn"], hits["lstm"])
    assert far.p_holm == 2 * far.p
    assert far.is_clear


def test_the_best_accuracy_is_what_all_are_compared_with_whatever_decides_the_rank():
    records = {"slow": {"fit_seconds": 9.0}}

    (board,) = rank_runs([run("one", slow=[18], fast=[2], records=records)], "fit_seconds")

    assert order(board) == [(1, "fast", "one"), (2, "slow", "one")]
    assert [entry.against_best is None for entry in board.entries] == [False, True]


def test_other_wires_have_a_board_of_their_own():
    other = {"split_fingerprint": "6" * 64}
    runs = [run("one", rnn=[9]), run("two", rnn=[11], dataset=other), run("three", rnn=[12])]

    first, second = rank_runs(runs)

    assert order(first) == [(1, "rnn", "three"), (2, "rnn", "one")]
    assert order(second) == [(1, "rnn", "two")]
    assert second.dataset.split_fingerprint == "6" * 64


def test_the_same_wires_cut_and_padded_differently_stay_together():
    runs = [run("one", rnn=[9]), run("two", rnn=[11], dataset={"fingerprint": "e" * 64})]

    assert len(rank_runs(runs)) == 1


def test_the_same_trials_in_several_runs_are_shown_once():
    runs = [run("one", rnn=[9, 10]), run("two", rnn=[9, 10], gru=[10]), run("three", rnn=[9])]

    (board,) = rank_runs(runs)

    assert order(board) == [(1, "gru", "two"), (2, "rnn", "one"), (3, "rnn", "three")]


def test_the_same_trials_with_another_outcome_are_shown_both():
    same = {"rnn": {"fingerprint": "f" * 64}}
    runs = [run("here", rnn=[9], records=same), run("there", rnn=[10], records=same)]

    (board,) = rank_runs(runs)

    assert order(board) == [(1, "rnn", "there"), (2, "rnn", "here")]


def test_a_run_named_twice_is_one():
    one = run("one", rnn=[9])

    (board,) = rank_runs([one, one])

    assert (board.runs, len(board.entries)) == (["one"], 1)


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
def test_a_run_is_called_by_as_few_folders_as_tell_all_apart(folders, names):
    assert distinct_names([Path(folder) for folder in folders]) == names


@given(st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=4), min_size=1, max_size=5))
def test_different_folders_have_different_names(parts):
    folders = [Path("/", *each) for each in parts]

    assert len(set(distinct_names(folders))) == len(set(folders))
