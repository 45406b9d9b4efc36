import csv
import io

import pytest
from factories import benchmark, dataset_summary, record
from rich.console import Console

from rnnbench.analysis.summary import statistic, summarize_run
from rnnbench.report.table import accuracy_table, to_csv, to_markdown, to_rich

NAMES = ["vanilla_rnn", "stacked_vanilla_rnn"]


@pytest.fixture
def results():
    model = benchmark().models["rnn"]
    plan = benchmark(
        models=dict.fromkeys(NAMES, model),
        training={"seeds": [0, 7], "epochs": 200},
        reference={
            "source": "notebook",
            "dataset": "d" * 64,
            "training": {"epochs": 200},
            "models": {"vanilla_rnn": {"params": 12_746, "accuracy": 0.7562604}},
        },
    )
    records = [
        record(model=name, seed=seed, accuracy=0.74 + seed / 700, params=12_746)
        for name in NAMES
        for seed in (0, 7)
    ]
    return summarize_run(plan, dataset_summary(), records)


def test_each_model_has_a_row_and_the_majority_baseline_the_last(results):
    table = accuracy_table(results)

    assert [row[0] for row in table.rows] == [*NAMES, "always 'earn'"]
    assert table.rows[0] == [
        "vanilla_rnn", "12,746", "0.7450 ± 0.0071", "0.2500 ± 0.0000", "2", "0.7563", "2.50", "1.5"
    ]  # fmt: skip
    assert table.rows[2] == ["always 'earn'", "0", "0.7500", "0.1250", "1", "-", "-", "-"]


def test_every_spread_says_over_what_it_is(results):
    headers = accuracy_table(results).headers

    assert "test accuracy (mean ± std over 2 seeds)" in headers
    assert "macro-F1 (mean ± std over 2 seeds)" in headers


def test_one_seed_has_no_spread():
    results = summarize_run(benchmark(), dataset_summary(), [record()])
    table = accuracy_table(results)

    assert "test accuracy (1 seed)" in table.headers
    assert not any("±" in cell for row in table.rows for cell in row)


def test_without_a_comparable_reference_there_is_no_column_for_it():
    results = summarize_run(benchmark(), dataset_summary(), [record()])

    assert "notebook" not in accuracy_table(results).headers
    assert {len(row) for row in accuracy_table(results).rows} == {7}


def test_the_caption_names_the_layers_that_were_not_trained_by_our_cores(results):
    (model, *others) = results.models
    model = model.model_copy(update={"stock_layers": ["gru: dropout", "gru_1: masking"]})
    changed = results.model_copy(update={"models": [model, *others]})

    assert accuracy_table(changed).caption.endswith(
        f" Layers left to Keras's own code: {model.name} (gru: dropout, gru_1: masking)."
    )


def test_the_caption_says_on_what_it_was_measured(results):
    assert accuracy_table(results).caption == (
        "Data: made-up (nowhere), 1,395 wires to train on, 599 to test on, 49 steps, "
        "fingerprint dddddddddddd. Seeds: 0, 7. Epochs: 200. Engine: compiled, "
        "1 thread(s) a training."
    )


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_terminal_shows_every_number_whole_and_all_within_80_columns(results, width):
    slow = [
        model.model_copy(
            update={"fit_seconds": statistic([236.21]), "ms_per_step": statistic([26.374])}
        )
        for model in results.models
    ]
    table = accuracy_table(results.model_copy(update={"models": slow}))
    console = Console(width=width, file=io.StringIO())

    console.print(to_rich(table, console), crop=False)

    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= max(width, 80)
    for row in table.rows:
        for cell in row:
            assert all(part in text for part in cell.split(" ± "))


def test_markdown_has_one_line_a_row_and_the_caption_below(results):
    table = accuracy_table(results)

    lines = to_markdown(table).splitlines()

    assert len({line.count("|") for line in lines[:5]}) == 1
    assert lines[2].startswith("| vanilla_rnn | 12,746 | 0.7450 ± 0.0071 |")
    assert lines[-1] == table.caption


def test_csv_has_one_number_a_column_in_full_precision(results):
    rows = list(csv.DictReader(io.StringIO(to_csv(results))))

    assert [row["model"] for row in rows] == [*NAMES, "always 'earn'"]
    assert float(rows[0]["accuracy_mean"]) == results.models[0].accuracy.mean
    assert float(rows[0]["reference_accuracy"]) == 0.7562604
    assert rows[1]["reference_accuracy"] == ""
