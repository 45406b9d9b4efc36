"""Rankings of the models of several runs, metrics from run to run, and mean ranks."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from factories import MARGINS, runs_on_datasets, scored_run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

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
from rnnbench.stats.ranks import (
    ALPHA,
    critical_difference,
    friedman_test,
    groups_within,
)

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
            [
                (1, "svm", "two"),
                (2, "gru", "one"),
                (3, "rnn", "two"),
                (4, "rnn", "one"),
            ],
        ),
        (
            {"one": {"a": [2, 4, 6], "b": [15], "c": [6, 4, 2], "d": [3]}},
            [(1, "b", "one"), (2, "a", "one"), (2, "c", "one"), (4, "d", "one")],
        ),
        (
            {
                "one": {"rnn": [9, 10]},
                "two": {"rnn": [9, 10], "gru": [10]},
                "three": {"rnn": [9]},
            },
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
    (board,) = rank_runs(
        [run("one", svm=[20], rnn=[9], records={"svm": MARGINS})], "log_loss"
    )

    assert order(board) == [(1, "rnn", "one"), (None, "svm", "one")]
    assert board.entries[0].against_best, "which is with the best accuracy"


def test_each_is_compared_with_the_best_accuracy_only():
    runs = [run("one", rnn=[18], gru=[17]), run("two", lstm=[4])]

    (board,) = rank_runs(runs)

    best, close, far = (entry.against_best for entry in board.entries)
    hits = {
        name: Correctness(parts_of(trials)).values[0]
        for one in runs
        for name, trials in one.trials.items()
    }
    assert best is None
    assert (close.difference, close.p) == (pytest.approx(0.05), 1)
    assert not close.is_clear
    assert far.p == mcnemar_p(hits["rnn"], hits["lstm"])
    assert far.p <= far.p_corrected < 0.05
    assert far.is_clear


def test_other_documents_have_their_own_board_however_the_same_ones_are_padded():
    other, padded = {"split_fingerprint": "6" * 64}, {"fingerprint": "e" * 64}
    two, three = (
        run("two", rnn=[11], dataset=other),
        run("three", rnn=[12], dataset=padded),
    )

    first, second = rank_runs([run("one", rnn=[9]), two, three])

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
    named, _ = trace_runs(runs, names=[f"all/{name}" for name in "cd."])

    assert [entry.run for entry in history.entries] == ["d", "c"]
    assert [entry.run for entry in other.entries] == ["other"], "on other documents"
    assert [entry.run for entry in named.entries] == ["all/d", "all/c"]
    first = history.entries[0]
    assert (first.date, first.commit, first.version) == (
        "2026-11-01T10:20:30Z",
        "0" * 40,
        "0.0",
    )


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


# Mean ranks over datasets

# Demšar's table 6: the areas under the curve of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf. On
# the last dataset but one, C4.5+cf is ahead of C4.5+m+cf before rounding.
AREAS = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.975 - 1e-4],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
# His table 5a: the critical values of Nemenyi's test at 0.05, for 2 to 10 models.
QUANTILES = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]


def test_ranks_and_statistics_are_those_of_demsars_example():
    ranks = rankdata(-AREAS, axis=1)

    test = friedman_test(ranks)

    assert ranks[5].tolist() == [1, 2.5, 4, 2.5]
    assert ranks.mean(axis=0).round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    assert (round(test.chi_squared, 2), round(test.f, 2), test.df) == (
        9.28,
        3.69,
        (3, 39),
    )
    assert test.p < ALPHA, "the critical value of F(3, 39) is 2.85"


def test_critical_values_are_those_of_demsars_table():
    found = [
        critical_difference(30, k) / (k * (k + 1) / (6 * 30)) ** 0.5
        for k in range(2, 11)
    ]

    assert found == pytest.approx(QUANTILES, abs=0.001)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=9), st.integers(1, 31))
def test_two_models_share_a_group_if_and_only_if_they_differ_by_less(
    values, difference
):
    means = {f"model{number}": value for number, value in enumerate(sorted(values))}

    groups = [set(group) for group in groups_within(means, difference)]

    for a, b in combinations(means, 2):
        assert any({a, b} <= group for group in groups) == (
            means[b] - means[a] < difference
        )
    assert not any(
        one <= other for one in groups for other in groups if one is not other
    )
    assert all(len(group) > 1 for group in groups)


@pytest.mark.parametrize(
    ("n", "k", "p"), [(2, 2, 1 / 2), (5, 2, 1 / 16), (3, 3, 1 / 36)]
)
def test_if_all_datasets_agree_the_p_value_is_the_probability_of_that(n, k, p):
    test = friedman_test(np.tile(np.arange(1.0, k + 1), (n, 1)))

    assert (test.f, test.p) == (None, pytest.approx(p))


def ranked(rights, metric="accuracy", **facts):
    return rank_over_datasets(rank_runs(runs_on_datasets(rights, **facts), metric))


def test_models_are_ranked_on_each_dataset_and_ordered_by_their_means():
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
    rights = {"low": [3], "high": [15], "middle": [9]}
    seeds = {name: of * 5 for name, of in rights.items()}

    ranks = ranked({"set0": rights, "set1": rights})

    assert ranks.test.p == pytest.approx(1 / 6)
    assert ranks.groups == [["high", "middle", "low"]]
    assert ranked({"set0": seeds, "set1": seeds}) == ranks, (
        "seeds do not count as datasets"
    )


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


def test_runs_on_the_same_documents_are_one_dataset_and_the_first_counts(caplog):
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
def test_a_diagram_needs_two_datasets_and_two_common_models(runs, message):
    with pytest.raises(UserError, match=message):
        ranked(runs)
