"""What ``test_answers.py`` does not show of tables, badges and numbers in words."""

import csv
import io
from xml.etree import ElementTree

import pytest
from factories import MARGINS, finished_run, scored_run
from rich.console import Console
from summaries import (
    NAMES_OF_THE_BENCHMARK,
    NETWORKS,
    NOTEBOOK,
    PAPER,
    summarize,
    with_models,
)

from rnnbench.analysis.boards import rank_runs
from rnnbench.analysis.compare import compare_runs
from rnnbench.analysis.gates import judge, parse_gate
from rnnbench.analysis.model_summary import statistic
from rnnbench.errors import UserError
from rnnbench.report.badge import make_badge
from rnnbench.report.layout import to_rich
from rnnbench.report.table import MISSING
from rnnbench.report.tables.boards import board_tables
from rnnbench.report.tables.files import summary_rows, table_files
from rnnbench.report.tables.gates import junit
from rnnbench.report.tables.metrics import cost_table
from rnnbench.report.tables.pairs import comparisons_table
from rnnbench.report.tables.scores import result_tables, score_table, short_table
from rnnbench.report.tables.two_runs import comparison_tables
from rnnbench.report.words import condition, in_blocks, scope_of, short_p
from rnnbench.results.run import load_results


@pytest.mark.parametrize(
    ("trainings", "epoch"),
    [
        ([{"epochs": 2}, {}], "the last of 2 or 200"),
        ([{"validation_split": 0.3}, {}],
         "the last of 200, or the best of 200 on 30% of the training documents"),
        ([{"validation_split": 0.3, "epochs": 2}, {"validation_split": 0.1}],
         "the best of 2 or 200 on 10% or 30% of the training documents"),
    ],
)  # fmt: skip
def test_the_caption_says_which_epochs_of_models_that_differ(trainings, epoch):
    changed = with_models(summarize(), *({"training": item} for item in trainings))
    assert f" Epoch: {epoch}. Engine:" in score_table(changed).caption


def widest(n_seeds):
    """Results with the names, the published accuracies and the widest numbers of the
    benchmark.
    """
    notebook = NOTEBOOK | {"models": {name: {"accuracy": 0.8} for name in NETWORKS}}
    conditions = {"std": 0.001, "transductive": True, "pretrained": "language model"}
    marked = {"accuracy": 0.9, "caveat": "chosen on the test documents"} | conditions
    models = PAPER["models"] | {"logistic regression": marked}
    references = [notebook, PAPER | {"source": "vg-rlo 2021", "models": models}]
    results = summarize(NAMES_OF_THE_BENCHMARK, n_seeds, references)
    changes = {
        "params": 1_234_567,
        "fit_seconds": statistic([236.21]),
        "ms_per_step": statistic([26.374]),
        "predict_ms_per_document": statistic([1.23456]),
        "peak_memory_mb": statistic([1234.5]),
    }
    return with_models(
        results,
        *(
            changes | {"metrics": model.metrics | {"log_loss": statistic([10.4321])}}
            for model in results.models
        ),
    )


@pytest.mark.parametrize("width", [40, 80, 200])
def test_tables_fit_any_terminal_without_broken_words(width):
    results = widest(5)
    for table in (*result_tables(results), comparisons_table(results)):
        console = Console(width=width, file=io.StringIO())
        console.print(to_rich(table, console), crop=False)
        lines = console.file.getvalue().splitlines()

        assert max(map(len, lines)) <= width
        for cell in (cell for row in table.rows for cell in row):
            parts = [cell] if cell[:1].isdigit() or cell[:1] in "+-" else cell.split()
            assert all(any(part in line for line in lines) for part in parts)


def test_csv_keeps_the_whole_name_of_a_point_beside_its_values():
    point = "rnn[units=3,lr=0.1]"
    models = {point: [14, 15], "rnn[units=4,lr=0.1]": [15, 15], "bayes": [15, 15]}
    text = table_files(scored_run(models, training={"seeds": 2}).results)["table.csv"]
    first, *_, bayes, _ = csv.DictReader(io.StringIO(text))

    assert [first[key] for key in ("model", "units", "lr")] == [point, "3", "0.1"]
    assert (bayes["model"], bayes["units"]) == ("bayes", "")


def test_a_run_from_before_a_cost_was_measured_has_a_dash_for_it(repository):
    stored = load_results(repository / "results/reference/zoo")
    costs = "predict_ms_per_document", "peak_memory_mb"
    models = [model.model_copy(update=dict.fromkeys(costs)) for model in stored.models]
    results = stored.model_copy(update={"models": models})
    table = cost_table(results)

    assert table.headers[-3:-1] == ["ms per document", "peak MB"]
    assert {(*row[-3:-1],) for row in table.rows} == {(MISSING, MISSING)}
    name = "complement_naive_bayes"
    assert (
        f"Cheapest model that is not clearly worse: {name} (trained in 0.02"
        in table.caption
    )
    assert all(
        row[f"{cost}_mean"] is None
        for row in summary_rows(results)[:-1]
        for cost in costs
    )


def two_runs():
    """Two runs with the names of the benchmark, and the widest numbers."""
    names = [
        "vanilla_rnn",
        "stacked_vanilla_rnn",
        "stacked_lstm",
        "multinomial_naive_bayes",
    ]
    records = {name: {"ms_per_step": 26.374, "fit_seconds": 236.21} for name in names}
    platform = "Linux-6.18.44-x86_64-with-glibc2.41"
    return [
        scored_run(
            dict.fromkeys(names, rights),
            folder=f"results/{folder}",
            records=records,
            environment={
                "platform": f"{platform}{folder}",
                "git_commit": folder[0] * 40,
            },
        )
        for folder, rights in (
            ("all", [3, 3, 4, 3, 3]),
            ("keras", [17, 17, 16, 17, 17]),
        )
    ]


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_tables_of_several_runs_fit_into_80_columns(metric):
    console = Console(width=80, file=io.StringIO())
    runs = two_runs()

    for table in (
        *comparison_tables(compare_runs(*runs)),
        *board_tables(*rank_runs(runs, metric)),
    ):
        console.print(to_rich(table, console), crop=False)

    assert max(map(len, console.file.getvalue().splitlines())) <= 80


@pytest.mark.parametrize("name", ['<a> & "b"', "é ☃", "\x1b\x00\ufffe\ud800"])
def test_junit_is_well_formed_whatever_a_folder_is_called(name):
    text = junit(
        name, [judge(parse_gate("accuracy drops 0.5"), compare_runs(*two_runs()))]
    )

    assert text.isascii()
    root = ElementTree.fromstring(text)  # noqa: S314 - ours
    assert root.get("name") == name or not name.isprintable()


@pytest.mark.parametrize(
    ("model", "metric", "message"),
    [
        (
            "rnm",
            "accuracy",
            r"--model: no model 'rnm' \(allowed: rnn, svm; did you mean 'rnn'",
        ),
        ("svm", "log_loss", "--metric log_loss: svm has no log_loss"),
        (None, "acuracy", "metric: no metric 'acuracy'"),
    ],
)
def test_what_a_badge_lacks_is_named(model, metric, message):
    results = scored_run({"rnn": [18], "svm": [9]}, records={"svm": MARGINS}).results

    with pytest.raises(UserError, match=message):
        make_badge(results, model, metric)


def test_a_p_value_is_short():
    shortened = [short_p(p) for p in (1, 0.3149, 0.0499, 0.00123, 9.9e-99)]
    assert shortened == ["1", "0.31", "0.05", "0.0012", "1e-98"]


def test_there_are_no_more_blocks_than_documents():
    assert in_blocks(2) == "in order of time, in 2 blocks that count as independent"
    assert "in 16 blocks" in in_blocks(17)


def differences(**rights):
    return scored_run(rights).results.comparisons


def test_each_number_of_few_seeds_is_explained_once():
    one_seed = differences(a=[12], b=[14])
    two_seeds = differences(a=[12, 13], b=[14, 15])

    assert (
        condition([*one_seed, *two_seeds])
        == f"{condition(one_seed)} {condition(two_seeds)}"
    )
    assert condition(differences(a=[12, 13, 14], b=[14, 15, 16])) == ""
    assert scope_of(one_seed) == "over documents"
    assert scope_of(differences(a=[12], b=[14, 15])) == "over documents and seeds"


@pytest.mark.parametrize("table", [score_table, short_table])
def test_a_caption_names_models_whose_seeds_are_uneven(table):
    even = [80, 81, 82, 83, 84, 85, 86, 87, 88, 89]
    run = scored_run({"steady": even, "collapses": [*even[:-1], 20]}, of=100)

    caption = table(run.results).caption

    assert "Uneven seeds: collapses (0.2000 to 0.8800). " in caption
    assert "steady" not in caption


def test_a_caption_says_nothing_of_seeds_around_one_mean():
    run = scored_run({"steady": [80, 81, 82, 83, 84, 85, 86, 87, 88, 89]}, of=100)

    assert "Uneven" not in score_table(run.results).caption


# Macro-F1 beside the accuracy


def headers_of_short_table(n_rare, source="files"):
    labels = [0] * 12 + [1] * n_rare
    run = finished_run({"svm": [labels]}, labels=labels, dataset={"source": source})
    return short_table(run.results).headers


def test_unequal_labels_have_macro_f1_beside_the_accuracy():
    assert headers_of_short_table(n_rare=4)[2] == "macro-F1"


def test_labels_of_which_none_is_three_times_as_frequent_have_accuracy_alone():
    assert "macro-F1" not in headers_of_short_table(n_rare=5)


def test_published_sets_have_accuracy_alone():
    assert "macro-F1" not in headers_of_short_table(n_rare=1, source="r8")
