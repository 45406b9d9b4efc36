"""Two runs side by side, as tables, as text and as JSON."""

import io
import json
from pathlib import Path

import pytest
from factories import finished_run
from rich.console import Console

from rnnbench.analysis.compare_runs import compare_runs
from rnnbench.analysis.gates import judge, parse_gate
from rnnbench.report.compare import (
    accuracy_table,
    comparison_json,
    comparison_tables,
    costs_table,
    differences_table,
    verdict_lines,
)
from rnnbench.report.table import short_p, to_rich

WIRES = 20
LONG = "tfidf_logistic_regression"


def run(name, records=None, **facts):
    rights = facts.pop("rights")
    answers = {
        model: [[0] * right + [1] * (WIRES - right) for right in trials]
        for model, trials in rights.items()
    }
    folder = Path("results", name)
    return finished_run(answers, folder=folder, labels=[0] * WIRES, records=records, **facts)


@pytest.fixture
def comparison():
    svm = {LONG: {"score_kind": "margins", "ms_per_step": None}}
    a = run(
        "before",
        svm,
        rights={"rnn": [2, 3], "gru": [9], LONG: [11]},
        training={"seeds": 2},
        environment={"platform": "Linux-6.18.44-x86_64-with-glibc2.41"},
    )
    b = run(
        "after",
        svm | {"rnn": {"ms_per_step": 1.0}},
        rights={"rnn": [18, 17], "lstm": [9], LONG: [10]},
        environment={"git_commit": "a" * 40 + "+", "cpu": "another"},
    )
    return compare_runs(a, b)


def cells(table):
    return {row[0]: row[1:] for row in table.rows}


def test_each_matched_model_has_both_accuracies_the_difference_and_how_sure_it_is(comparison):
    table = accuracy_table(comparison)

    rnn, svm = comparison.models
    assert cells(table) == {
        "rnn": [
            "0.1250",
            "0.8750",
            "+0.7500",
            f"{rnn.interval.low:+.4f} to {rnn.interval.high:+.4f}",
            short_p(rnn.p_holm),
        ],
        LONG: ["0.5500", "0.5000", "-0.0500", cells(table)[LONG][3], short_p(svm.p_holm)],
    }
    assert "95 % interval of B - A over wires and seeds" in table.headers


def test_the_caption_names_the_runs_the_clear_differences_and_models_without_a_pair(comparison):
    assert accuracy_table(comparison).caption == (
        "A: results/before, 2 seed(s). B: results/after, 2 seed(s). Accuracies are means over "
        "seeds. p: McNemar's exact test or paired bootstrap over wires and seeds, corrected for 2 "
        "model(s); clear: below 0.05. Clearly better in B: rnn. Only in A: gru. Only in B: lstm."
    )


def test_where_nothing_is_clear_the_caption_says_so():
    same = run("one", rights={"rnn": [9]})

    caption = accuracy_table(compare_runs(same, same)).caption

    assert caption.endswith("clear: below 0.05. No difference is clear.")


def test_a_difference_of_nothing_has_no_minus(comparison):
    nothing = comparison.models[0].model_copy(update={"difference": -1e-9})

    table = accuracy_table(comparison.model_copy(update={"models": [nothing]}))

    assert cells(table)["rnn"][2] == "+0.0000"


def test_speed_is_shown_where_there_are_steps_and_doubted_where_processors_differ(comparison):
    table = costs_table(comparison)

    assert cells(table)["rnn"][2:] == ["2.50", "1.00", "2.50"]
    assert cells(table)[LONG][2:] == ["-", "-", "-"]
    assert " ± " in cells(table)["rnn"][0]
    assert sum("mean ± 95 % over seeds" in header for header in table.headers) == 2
    assert table.caption.endswith("B is faster; the processors differ.")


def test_what_differs_is_named_with_both_values_and_a_part_without_is_the_same(comparison):
    rows = {row[0].replace("\n", ""): row[1:] for row in differences_table(comparison).rows}

    assert rows["config: training.seeds"] == ["[0, 1]", "[0]"]
    assert rows["config: models.gru"] == ["present", "-"]
    assert rows["config: models.lstm"] == ["-", "present"]
    assert rows["data"] == ["the same", "the same"]
    assert rows["environment: git_commit"] == ["000000000000", "aaaaaaaaaaaa+"]
    assert rows["environment: cpu"] == ["none", "another"]
    assert rows["environment: platform"] == ["Linux-6.18.44-\nx86_64-with-\nglibc2.41", "-"]


def test_equal_runs_are_the_same_in_every_part():
    same = run("one", rights={"rnn": [9]})

    rows = differences_table(compare_runs(same, same)).rows

    assert rows == [[part, "the same", "the same"] for part in ("config", "data", "environment")]


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_all_within_80_columns(comparison, width):
    console = Console(width=width, file=io.StringIO())

    for table in comparison_tables(comparison):
        console.print(to_rich(table, console), crop=False)

    assert max(map(len, console.file.getvalue().splitlines())) <= 80


def test_two_runs_of_the_benchmark_fit_into_80_columns():
    names = ["vanilla_rnn", "stacked_vanilla_rnn", "stacked_lstm", "multinomial_naive_bayes"]
    records = {name: {"ms_per_step": 26.374, "fit_seconds": 236.21} for name in names}
    a, b = (
        run(folder, records, rights=dict.fromkeys(names, rights), training={"seeds": 5})
        for folder, rights in (("all", [3, 3, 4, 3, 3]), ("keras", [17, 17, 16, 17, 17]))
    )
    comparison = compare_runs(a, b)
    console = Console(width=80, file=io.StringIO())

    for table in comparison_tables(comparison):
        console.print(to_rich(table, console), crop=False)

    assert all(each.p_holm < 0.0001 for each in comparison.models)
    assert max(map(len, console.file.getvalue().splitlines())) <= 80


def test_json_has_all_of_it(comparison):
    verdict = judge(parse_gate("accuracy drops 0.04"), comparison)

    document = json.loads(json.dumps(comparison_json(comparison, [verdict])))

    assert document["schema_version"] == 2
    assert [model["name"] for model in document["models"]] == ["rnn", LONG]
    assert document["models"][0]["difference"] == pytest.approx(0.75)
    assert document["models"][0]["b"]["macro_f1"]["n"] == 2
    assert (document["only_in_a"], document["only_in_b"]) == (["gru"], ["lstm"])
    assert {each["part"] for each in document["differences"]} == {"config", "environment"}
    (gate,) = document["gates"]
    assert (gate["gate"], gate["passed"]) == ("accuracy drops 0.04", False)
    assert [failure["model"] for failure in gate["failures"]] == [LONG, "gru"]


def test_a_failed_gate_has_a_line_a_model_and_one_that_passed_a_line():
    a = run("a", rights={"rnn": [18], "svm": [9]}, records={"svm": {"score_kind": "margins"}})
    b = run("b", rights={"rnn": [2], "svm": [9]}, records={"svm": {"score_kind": "margins"}})
    gates = ["accuracy drops 1%", "accuracy drops significantly", "log_loss rises 9"]
    verdicts = [judge(parse_gate(gate), compare_runs(a, b)) for gate in gates]
    p = verdicts[1].failures[0].p_holm

    assert verdict_lines(verdicts) == (
        ["passed: log_loss rises 9: 1 model(s) (not measured: svm)"],
        [
            "failed: accuracy drops 1%: rnn: 0.9 in A, 0.1 in B",
            f"failed: accuracy drops significantly: rnn: 0.9 in A, 0.1 in B, p {short_p(p)}",
        ],
    )


def test_what_vanished_is_named(comparison):
    _, failed = verdict_lines([judge(parse_gate("accuracy drops 0.5"), comparison)])

    assert failed == ["failed: accuracy drops 0.5: gru: B lacks the model"]
