"""Two runs side by side, as tables."""

import io

import pytest
from factories import MARGINS, scored_run
from rich.console import Console

from rnnbench.analysis.compare import compare_runs
from rnnbench.report.compare import (
    accuracy_table,
    comparison_tables,
    costs_table,
    differences_table,
    metrics_table,
)
from rnnbench.report.numbers import short_p
from rnnbench.report.table import to_rich

LONG = "tfidf_logistic_regression"
SVM = MARGINS | {"ms_per_step": None}


@pytest.fixture(scope="module")
def comparison():
    a = scored_run(
        {"rnn": [2, 3, 2], "gru": [9], LONG: [11]},
        folder="results/before",
        records={LONG: SVM},
        training={"seeds": 3},
        environment={"platform": "Linux-6.18.44-x86_64-with-glibc2.41"},
    )
    b = scored_run(
        {"rnn": [18, 17, 18], "lstm": [9], LONG: [10]},
        folder="results/after",
        records={LONG: SVM, "rnn": {"ms_per_step": 1.0}},
        environment={"git_commit": "a" * 40 + "+", "cpu": "another"},
    )
    return compare_runs(a, b)


@pytest.fixture(scope="module")
def no_difference():
    same = scored_run({"rnn": [9]})
    return compare_runs(same, same)


def cells(table):
    return {row[0]: row[1:] for row in table.rows}


def widest_line(comparison, width):
    console = Console(width=width, file=io.StringIO())
    for table in comparison_tables(comparison):
        console.print(to_rich(table, console), crop=False)
    return max(map(len, console.file.getvalue().splitlines()))


def test_each_matched_model_has_both_accuracies_and_the_difference_with_its_interval(comparison):
    table = accuracy_table(comparison)

    rnn, svm = comparison.models
    assert cells(table) == {
        "rnn": [
            "0.1167",
            "0.8833",
            "+0.7667",
            f"{rnn.interval.low:+.4f} to {rnn.interval.high:+.4f}",
            short_p(rnn.p_holm),
        ],
        LONG: ["0.5500", "0.5000", "-0.0500", cells(table)[LONG][3], short_p(svm.p_holm)],
    }
    assert "95 % interval of B - A over documents and seeds" in table.headers


def test_the_caption_names_the_runs_clear_differences_and_models_without_a_pair(
    comparison, no_difference
):
    assert accuracy_table(comparison).caption == (
        "A: results/before, 1 to 3 seeds. B: results/after, 1 to 3 seeds. Accuracies are means "
        "over seeds, on 20 test documents. p: McNemar's exact test or analysis of variance over "
        "documents and seeds, corrected for 2 models; clear: below 0.05. Clearly better in B: "
        "rnn. Only in A: gru. Only in B: lstm. With one seed, intervals are over documents alone, "
        "and p-values are about these trainings, not about the models."
    )
    assert " No difference is clear. " in accuracy_table(no_difference).caption


def test_the_caption_says_that_documents_in_order_of_time_count_as_blocks(comparison):
    dataset = comparison.dataset.model_copy(update={"in_order": True, "n_left_out": 2})

    caption = accuracy_table(comparison.model_copy(update={"dataset": dataset})).caption

    assert (
        "on 20 test documents (without the 2 that are in the training set, too; in order of time, "
        "in 16 blocks that count as independent)."
    ) in caption


def test_a_difference_of_nothing_has_no_minus(comparison):
    nothing = comparison.models[0].model_copy(update={"difference": -1e-9})

    table = accuracy_table(comparison.model_copy(update={"models": [nothing]}))

    assert cells(table)["rnn"][2] == "+0.0000"


def test_the_change_of_every_other_metric_is_shown(comparison):
    table = metrics_table(comparison)

    rnn = comparison.models[0]
    assert table.headers[1:] == [
        "macro-F1", "balanced accuracy", "weighted F1", "top-3", "log-loss"
    ]  # fmt: skip
    moved = rnn.b.metrics["log_loss"].mean - rnn.a.metrics["log_loss"].mean
    assert cells(table)["rnn"][1::3] == ["+0.7667", f"{moved:+.3f}"]
    assert cells(table)[LONG][-1] == "-"
    assert table.caption == "Differences of means over seeds. Lower is better: log-loss."


def test_speed_is_shown_for_models_with_steps_and_doubted_if_processors_differ(comparison):
    table = costs_table(comparison)

    assert cells(table)["rnn"][2:] == ["2.50", "1.00", "2.50"]
    assert cells(table)[LONG][2:] == ["-", "-", "-"]
    assert " ± " in cells(table)["rnn"][0]
    assert sum("mean ± 95 % over seeds" in header for header in table.headers) == 2
    assert table.caption.endswith("B is faster; the processors differ.")


def test_each_difference_has_both_values_and_a_part_without_any_is_the_same(
    comparison, no_difference
):
    rows = {row[0].replace("\n", ""): row[1:] for row in differences_table(comparison).rows}

    assert rows["config: training.seeds"] == ["[0, 1, 2]", "[0]"]
    assert rows["config: models.gru"] == ["present", "-"]
    assert rows["config: models.lstm"] == ["-", "present"]
    assert rows["data"] == ["the same", "the same"]
    assert rows["environment: git_commit"] == ["000000000000", "aaaaaaaaaaaa+"]
    assert rows["environment: cpu"] == ["none", "another"]
    assert rows["environment: platform"] == ["Linux-6.18.44-\nx86_64-with-\nglibc2.41", "none"]
    assert differences_table(no_difference).rows == [
        [part, "the same", "the same"] for part in ("config", "data", "environment")
    ]


def test_two_runs_of_the_benchmark_fit_into_80_columns(comparison):
    names = ["vanilla_rnn", "stacked_vanilla_rnn", "stacked_lstm", "multinomial_naive_bayes"]
    records = {name: {"ms_per_step": 26.374, "fit_seconds": 236.21} for name in names}
    a, b = (
        scored_run(dict.fromkeys(names, rights), folder=f"results/{folder}", records=records)
        for folder, rights in (("all", [3, 3, 4, 3, 3]), ("keras", [17, 17, 16, 17, 17]))
    )

    assert all(each.p_holm < 0.0001 for each in compare_runs(a, b).models)
    assert widest_line(compare_runs(a, b), 80) <= 80
    assert widest_line(comparison, 80) <= 80
