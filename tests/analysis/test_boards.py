"""Rankings of the models of several runs, metrics from run to run, and mean ranks."""

from pathlib import Path

import pytest
from factories import MARGINS, runs_on_datasets, scored_run

from rnnbench.analysis.boards import (
    distinct_names,
    rank_over_datasets,
    rank_runs,
    trace_runs,
)
from rnnbench.analysis.comparisons import parts_of
from rnnbench.errors import UserError
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.paired import mcnemar_p

DOCUMENTS = 20


def run(name, records=None, dataset=None, **rights):
    return scored_run(
        rights, folder=f"results/{name}", of=DOCUMENTS, records=records, dataset=dataset
    )


def order(board):
    return [(entry.rank, entry.model.name, entry.run) for entry in board.entries]


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        pytest.param(
            {
                "one": {"rnn": [9], "gru": [15]},
                "two": {"rnn": [11], "svm": [18]},
            },
            [
                (1, "svm", "two"),
                (2, "gru", "one"),
                (3, "rnn", "two"),
                (4, "rnn", "one"),
            ],
            id="models of all runs",
        ),
        pytest.param(
            {
                "one": {"a": [2, 4, 6], "b": [15], "c": [6, 4, 2], "d": [3]},
            },
            [
                (1, "b", "one"),
                (2, "a", "one"),
                (2, "c", "one"),
                (4, "d", "one"),
            ],
            id="equals share a rank",
        ),
        pytest.param(
            {
                "one": {"rnn": [9, 10]},
                "two": {"rnn": [9, 10], "gru": [10]},
                "three": {"rnn": [9]},
            },
            [
                (1, "gru", "two"),
                (2, "rnn", "one"),
                (3, "rnn", "three"),
            ],
            id="the same trials are shown once",
        ),
    ],
)
def test_models_are_ranked_by_accuracy(rights, expected):
    runs = [run(name, **of_run) for name, of_run in rights.items()]

    (board,) = rank_runs(runs)

    assert board.runs == list(rights)
    assert order(board) == expected


def test_a_model_without_the_metric_comes_last_without_a_rank():
    without = run("one", svm=[20], rnn=[9], records={"svm": MARGINS})

    (board,) = rank_runs([without], "log_loss")

    assert order(board) == [(1, "rnn", "one"), (None, "svm", "one")]
    assert board.entries[1].against_best is None
    assert board.entries[1].possible_ranks is None


def test_losses_are_compared_by_the_metric_of_the_board():
    (board,) = rank_runs([ONE, TWO], "log_loss")
    (by_accuracy,) = rank_runs([ONE, TWO])

    best, *others = board.entries
    assert board.is_tested
    assert best.against_best is None
    for other in others:
        losses = [entry.model.mean_of("log_loss") for entry in (best, other)]
        assert other.against_best.difference == pytest.approx(losses[1] - losses[0])
    assert [entry.against_best for entry in others] != [
        entry.against_best for entry in by_accuracy.entries[1:]
    ]


def test_a_board_by_a_loss_that_no_model_has_compares_none():
    without = run("one", svm=[20], records={"svm": MARGINS})

    (board,) = rank_runs([without], "log_loss")

    assert [entry.against_best for entry in board.entries] == [None]


ONE = run("one", rnn=[18], gru=[17])
TWO = run("two", lstm=[4])


def test_each_is_compared_with_the_best_accuracy_only():
    (board,) = rank_runs([ONE, TWO])

    best, close, _ = (entry.against_best for entry in board.entries)
    assert best is None
    assert close.difference == pytest.approx(0.05)
    assert close.p == 1
    assert not close.is_clear


def hits_of(trials):
    """Which documents a single trial has right."""
    (hits,) = Correctness(parts_of(trials)).values
    return hits


def test_a_model_far_from_the_best_accuracy_differs_clearly():
    (board,) = rank_runs([ONE, TWO])

    far = board.entries[-1].against_best
    best_hits = hits_of(ONE.trials["rnn"])
    far_hits = hits_of(TWO.trials["lstm"])
    assert far.p == mcnemar_p(best_hits, far_hits)
    assert far.p <= far.p_corrected < 0.05
    assert far.is_clear


def test_other_documents_have_their_own_board_however_the_same_ones_are_padded():
    other = {"split_fingerprint": "6" * 64}
    padded = {"fingerprint": "e" * 64}
    two = run("two", rnn=[11], dataset=other)
    three = run("three", rnn=[12], dataset=padded)

    first, second = rank_runs([run("one", rnn=[9]), two, three])

    assert order(first) == [(1, "rnn", "three"), (2, "rnn", "one")]
    assert order(second) == [(1, "rnn", "two")]
    assert second.dataset.split_fingerprint == "6" * 64


def test_the_same_trials_with_another_outcome_are_both_shown():
    same = {"rnn": {"fingerprint": "f" * 64}}
    here = run("here", rnn=[9], records=same)
    there = run("there", rnn=[10], records=same)

    (board,) = rank_runs([here, there, here])

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
    paths = [Path(folder) for folder in folders]

    assert distinct_names(paths) == names


def dated(name, day, *, split="5", **rights):
    """A run of a day in November."""
    environment = {"date": f"2026-11-{day:02}T10:20:30Z"}
    return scored_run(
        {model: list(trials) for model, trials in rights.items()},
        folder=f"runs/{name}",
        environment=environment,
        dataset={"split_fingerprint": split * 64},
    )


def test_runs_are_ordered_by_date():
    runs = [
        dated("c", 3, rnn=[9]),
        dated("d", 1, rnn=[9]),
        dated("other", 1, split="6", rnn=[9]),
    ]

    history, other = trace_runs(runs)

    assert [entry.run for entry in history.entries] == ["d", "c"]
    assert [entry.run for entry in other.entries] == ["other"], "on other documents"


def test_runs_of_a_history_may_have_other_names():
    runs = [
        dated("c", 3, rnn=[9]),
        dated("d", 1, rnn=[9]),
        dated("other", 1, split="6", rnn=[9]),
    ]

    history, _ = trace_runs(runs, names=["all/c", "all/d", "all/other"])

    assert [entry.run for entry in history.entries] == ["all/d", "all/c"]


def test_a_history_has_the_versions_of_its_runs():
    (history,) = trace_runs([dated("d", 1, rnn=[9])])

    (entry,) = history.entries
    assert entry.date == "2026-11-01T10:20:30Z"
    assert entry.commit == "0" * 40
    assert entry.version == "0.0"


def test_a_change_is_that_from_the_run_before_on_the_same_documents():
    runs = [
        dated("a", 1, rnn=[18, 17, 18], svm=[9]),
        dated("b", 2, rnn=[2, 3, 2], gru=[9]),
        dated("c", 3, gru=[9]),
        dated("d", 4, svm=[9]),
    ]

    (history,) = trace_runs(runs)

    first, second, _, last = history.entries
    assert first.changes == {}
    assert last.changes == {}
    assert list(second.changes) == ["rnn"]
    assert second.changes["rnn"].is_clear
    assert second.changes["rnn"].difference < -0.7


def test_a_model_that_stays_the_same_has_a_change_of_0():
    runs = [
        dated("b", 2, gru=[9]),
        dated("c", 3, gru=[9]),
    ]

    (history,) = trace_runs(runs)

    _, second = history.entries
    assert second.changes["gru"].difference == 0
    assert not second.changes["gru"].is_clear


def test_other_metrics_have_values_but_no_changes():
    runs = [dated("a", 1, rnn=[18, 17, 18]), dated("b", 2, rnn=[2, 3, 2])]

    (history,) = trace_runs(runs, "macro_f1")

    first, second = history.entries
    assert first.values["rnn"].mean > second.values["rnn"].mean
    assert second.changes == {}


def test_a_history_may_be_one_of_costs():
    (history,) = trace_runs([dated("a", 1, rnn=[9])], "ms_per_step")

    (entry,) = history.entries
    assert entry.values["rnn"].mean == 2.5


# Mean ranks over datasets


def ranked(rights, metric="accuracy", **facts):
    return rank_over_datasets(rank_runs(runs_on_datasets(rights, **facts), metric))


def test_models_are_ordered_by_their_mean_ranks_on_datasets():
    ranks = ranked(
        {
            "r8": {"rnn": [9], "gru": [15], "svm": [9]},
            "r52": {"svm": [8], "rnn": [7], "gru": [8]},
        }
    )

    assert [element.name for element in ranks.datasets] == ["r8 (r8)", "r52 (r52)"]
    assert [element.ranks for element in ranks.datasets] == [
        {"gru": 1, "rnn": 2.5, "svm": 2.5},
        {"gru": 1.5, "rnn": 3, "svm": 1.5},
    ]
    assert ranks.models == {"gru": 1.25, "svm": 2, "rnn": 2.75}
    assert [*ranks.models] == ["gru", "svm", "rnn"]


def test_without_a_clear_difference_all_models_are_one_group_however_many_seeds_they_have():
    rights = {
        "low": [3],
        "high": [15],
        "middle": [9],
    }
    seeds = {
        "low": [3] * 5,
        "high": [15] * 5,
        "middle": [9] * 5,
    }

    ranks = ranked({"set0": rights, "set1": rights})

    assert ranks.test.p == pytest.approx(1 / 6)
    assert ranks.groups == [["high", "middle", "low"]]
    with_seeds = ranked({"set0": seeds, "set1": seeds})
    assert with_seeds == ranks, "seeds do not count as datasets"


def test_models_that_a_dataset_lacks_are_left_out_with_a_warning(caplog):
    runs = {
        "r8": {"rnn": [9], "gru": [8], "mlp": [7]},
        "r52": {"rnn": [9], "gru": [8], "svm": [7]},
    }

    ranks = ranked(runs)

    assert ranks.models.keys() == {"rnn", "gru"}
    assert ranks.left_out == {"mlp": ["r52 (r52)"], "svm": ["r8 (r8)"]}
    assert caplog.messages == [
        "mlp: left out, no accuracy on r52 (r52)",
        "svm: left out, no accuracy on r8 (r8)",
    ]


def test_the_first_of_runs_on_the_same_documents_counts(caplog):
    first, other = runs_on_datasets(
        {"r8": {"rnn": [9]}, "r52": {"rnn": [9], "gru": [8]}}
    )
    dataset = first.results.dataset.model_dump(include={"source", "split_fingerprint"})
    again = scored_run(
        {"rnn": [2], "gru": [5]}, folder="results/again", dataset=dataset
    )

    ranks = rank_over_datasets(rank_runs([first, again, other]))

    assert [element.name for element in ranks.datasets] == [
        "r8 (r8, again)",
        "r52 (r52)",
    ]
    assert ranks.datasets[0].ranks == {"rnn": 1, "gru": 2}
    assert caplog.messages == ["r8 (r8, again): the first run counts for rnn"]


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({}, "needs 2 datasets or more, got 0"),
        (
            {"r8": {"rnn": [9], "gru": [8]}},
            r"2 datasets or more, got 1, r8 \(r8\) \(runs on the sa",
        ),
        (
            {"r8": {"rnn": [9], "gru": [8]}, "r52": {"rnn": [9], "svm": [8]}},
            r"needs 2 models or more that all datasets have, got 1; models are matched by name "
            r"\(r8 \(r8\): rnn, gru; r52 \(r52\): rnn, svm\)",
        ),
    ],
)
def test_a_diagram_needs_two_datasets_with_two_common_models(runs, message):
    with pytest.raises(UserError, match=message):
        ranked(runs)
