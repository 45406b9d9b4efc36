import csv
import io

import pytest
from factories import benchmark, dataset_summary, result
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rnnbench.analysis.summary import statistic, summarize_run
from rnnbench.report.table import (
    Table,
    accuracy_table,
    comparisons_table,
    cost_table,
    metrics_table,
    published_table,
    result_tables,
    short_p,
    to_csv,
    to_markdown,
    to_rich,
)
from rnnbench.results.schema import Comparison, Interval

NAMES = ["vanilla_rnn", "stacked_vanilla_rnn"]
NAMES_OF_THE_BENCHMARK = [
    "vanilla_rnn",
    "stacked_vanilla_rnn",
    "lstm",
    "stacked_lstm",
    "multinomial_naive_bayes",
    "tfidf_linear_svm",
]
NETWORKS = NAMES_OF_THE_BENCHMARK[:4]
ALWAYS = "always 'earn'"
NOTEBOOK = {
    "source": "notebook",
    "dataset": "d" * 64,
    "training": {"epochs": 200},
    "models": {"vanilla_rnn": {"params": 12_746, "accuracy": 0.7562604}},
}
PAPER = {
    "source": "a paper",
    "split": "5" * 64,
    "models": {"Text GCN": {"accuracy": 0.9707}, "fastText": {"accuracy": 0.1}},
}


def summarize(names=NAMES, seeds=(0, 7), training=(), **changes):
    """The results of models whose trials all answer alike but have accuracies of their own."""
    model = benchmark().models["rnn"]
    plan = benchmark(
        models=dict.fromkeys(names, model),
        training={"seeds": list(seeds), "epochs": 200} | dict(training),
        **changes,
    )
    trials = [
        result(model=name, seed=seed, accuracy=0.74 + seed / 7000, params=12_746)
        for name in names
        for seed in seeds
    ]
    return summarize_run(plan, dataset_summary(), trials)


@pytest.fixture
def results():
    return summarize(references={"notebook": NOTEBOOK})


def change_models(results, **changes):
    """The results with facts of all models changed."""
    return results.model_copy(
        update={"models": [model.model_copy(update=changes) for model in results.models]}
    )


def compare(results, **p_holm):
    """The results with these corrected p-values, by ``a__b``, where ``always`` is the majority."""
    comparisons = [
        Comparison(
            a=a,
            b=b.replace("always", ALWAYS),
            difference=-0.0123,
            interval=Interval(low=-0.03, high=0.01),
            p=p / 2,
            p_holm=p,
            method="a test",
        )
        for (a, b), p in ((pair.split("__"), p) for pair, p in p_holm.items())
    ]
    return results.model_copy(update={"comparisons": comparisons})


def by_header(table, row=0):
    return dict(zip(table.headers, table.rows[row], strict=True))


def printed(table, width):
    console = Console(width=width, file=io.StringIO())
    console.print(to_rich(table, console), crop=False)
    return console.file.getvalue()


def test_a_run_has_a_table_of_accuracies_one_of_other_metrics_and_one_of_costs(results):
    tables = result_tables(results.model_copy(update={"published": []}))

    assert tables == [accuracy_table(results), metrics_table(results), cost_table(results)]


def test_published_accuracies_have_a_table_of_their_own_right_after_ours(results):
    assert result_tables(results) == [
        accuracy_table(results),
        published_table(results),
        metrics_table(results),
        cost_table(results),
    ]


def test_each_model_has_a_row_and_the_majority_baseline_the_last(results):
    table = accuracy_table(results)

    assert [row[0] for row in table.rows] == [*NAMES, ALWAYS]
    assert table.is_last_apart
    assert table.rows[0] == [
        "vanilla_rnn", "0.7405 ± 0.0064", "0.1500 to 0.8500", "best, always 'earn'"
    ]  # fmt: skip
    assert table.rows[1][3] == "the best, always 'earn'"
    assert table.rows[2] == [ALWAYS, "0.5000", "-", "-"]


def test_every_mean_says_over_what_its_interval_is(results):
    assert accuracy_table(results).headers == [
        "model",
        "test accuracy (mean ± 95 % over 2 seeds)",
        "95 % interval over wires and seeds",
        "no clear difference from",
    ]
    assert "macro-F1 (mean ± 95 % over 2 seeds)" in metrics_table(results).headers


def test_one_seed_has_no_interval_over_seeds():
    results = summarize(seeds=[0])

    for table, header in (
        (accuracy_table(results), "test accuracy (1 seed)"),
        (metrics_table(results), "macro-F1 (1 seed)"),
    ):
        assert header in table.headers
        assert not any("±" in text for row in (table.headers, *table.rows) for text in row)


def test_the_interval_of_one_seed_is_over_wires_alone_and_the_caption_says_what_that_leaves_out():
    one, two = (accuracy_table(summarize(seeds=seeds)) for seeds in ([0], [0, 7]))

    assert one.headers[2] == "95 % interval over wires"
    assert one.caption.endswith(" One seed tells of these trainings alone.")
    assert "seed tells" not in two.caption


@pytest.mark.parametrize(
    ("p_best", "p_always", "unclear"),
    [
        (0.01, 0.01, "-"),
        (0.05, 0.01, "the best"),
        (0.01, 0.05, ALWAYS),
        (0.3, 0.3, f"the best, {ALWAYS}"),
    ],
)
def test_a_model_tells_what_it_has_no_clear_difference_from(results, p_best, p_always, unclear):
    best, other = NAMES
    first, *rest = results.models
    results = results.model_copy(
        update={"models": [first.model_copy(update={"accuracy": statistic([0.9, 0.8])}), *rest]}
    )

    table = accuracy_table(
        compare(
            results,
            **{f"{best}__{other}": p_best, f"{other}__always": p_always, f"{best}__always": 0.001},
        )
    )

    assert by_header(table, row=1)["no clear difference from"] == unclear
    assert by_header(table, row=0)["no clear difference from"] == "best"


def test_the_best_is_called_so_and_not_said_to_be_like_itself(results):
    (only,) = [model for model in results.models if model.name == NAMES[0]]
    alone = results.model_copy(update={"models": [only]})

    table = accuracy_table(compare(alone, **{f"{NAMES[0]}__always": 0.5}))

    assert by_header(table)["no clear difference from"] == f"best, {ALWAYS}"


def test_of_models_with_the_same_accuracy_only_one_is_called_the_best(results):
    cells = [row[3] for row in accuracy_table(results).rows]

    assert [cell.split(", ")[0] for cell in cells] == ["best", "the best", "-"]


def test_other_models_than_the_best_are_not_named(results):
    names = ["a", "b", "c"]
    models = [
        results.models[0].model_copy(update={"name": name, "accuracy": statistic([accuracy])})
        for name, accuracy in zip(names, (0.9, 0.8, 0.7), strict=True)
    ]

    pairs = dict.fromkeys(["a__b", "a__c", "a__always", "b__always", "c__always"], 0.01)
    table = accuracy_table(
        compare(results.model_copy(update={"models": models}), **pairs, b__c=0.9)
    )

    assert [row[3] for row in table.rows] == ["best", "-", "-", "-"]


def test_the_caption_says_on_what_it_was_measured(results):
    assert accuracy_table(results).caption == (
        "Data: made-up (nowhere), 1,395 wires to train on, 4 to test on, 49 steps, "
        "fingerprint dddddddddddd. Seeds: 0, 7. Epoch: the last of 200. Engine: compiled, "
        "1 thread(s) a training. No clear difference: a p-value of 0.05 or more, corrected for "
        "3 comparisons (Holm)."
    )


def test_the_caption_says_that_the_best_epoch_was_chosen_and_on_what():
    results = summarize(training={"validation_split": 0.2})

    caption = accuracy_table(results).caption

    assert "Epoch: the best of 200 on 20% of the training wires. Engine:" in caption
    assert "the last" not in caption


def test_the_caption_names_the_layers_that_were_not_trained_by_our_cores(results):
    (model, *others) = results.models
    model = model.model_copy(update={"stock_layers": ["gru: dropout", "gru_1: masking"]})
    changed = results.model_copy(update={"models": [model, *others]})

    assert (
        f" Layers left to Keras's own code: {model.name} (gru: dropout, gru_1: masking). "
        in accuracy_table(changed).caption
    )
    assert "Layers left" not in accuracy_table(results).caption


def test_the_metrics_table_has_all_other_metrics(results):
    table = metrics_table(results)

    assert [row[0] for row in table.rows] == NAMES
    assert by_header(table) == {
        "model": "vanilla_rnn",
        "macro-F1 (mean ± 95 % over 2 seeds)": "0.2667 ± 0.0000",
        "balanced accuracy": "0.3333",
        "weighted F1": "0.4000",
        "top-3": "1.0000",
        "log-loss": "1.040",
        "topics missed": "1",
    }


def test_the_cost_table_has_the_size_of_each_model_and_the_time_it_takes(results):
    table = cost_table(results)

    assert [row[0] for row in table.rows] == NAMES
    assert by_header(table) == {
        "model": "vanilla_rnn",
        "params": "12,746",
        "ms per step": "2.50",
        "fit s": "1.5",
    }


def test_the_metrics_caption_counts_the_topics_in_the_test_set(results):
    topics = [
        each.model_copy(update={"test": 0}) if each.topic == "grain" else each
        for each in results.dataset.topics
    ]
    dataset = results.dataset.model_copy(update={"topics": topics})

    assert "of the 3 in the test set" in metrics_table(results).caption
    assert (
        "of the 2 in the test set"
        in metrics_table(results.model_copy(update={"dataset": dataset})).caption
    )


def test_what_a_baseline_does_not_have_is_left_open(results):
    missing = change_models(results, log_loss=None, ms_per_step=None)

    assert by_header(metrics_table(missing))["log-loss"] == "-"
    assert by_header(cost_table(missing))["ms per step"] == "-"


def test_a_published_accuracy_has_a_row_for_each_model_of_ours_that_it_is_held_against():
    table = published_table(summarize(references={"paper": PAPER, "notebook": NOTEBOOK}))

    assert table.rows == [
        ["vanilla_rnn", "0.1500 to 0.8500", "Text GCN (a paper)", "0.9707", "above"],
        ["stacked_vanilla_rnn", "0.1500 to 0.8500", "Text GCN (a paper)", "0.9707", "above"],
        ["vanilla_rnn", "0.1500 to 0.8500", "fastText (a paper)", "0.1000", "below"],
        ["stacked_vanilla_rnn", "0.1500 to 0.8500", "fastText (a paper)", "0.1000", "below"],
        ["vanilla_rnn", "0.7295 to 0.7515", "notebook", "0.7563", "above"],
    ]


@pytest.mark.parametrize(
    ("accuracy", "lies"),
    [(0.69, "below"), (0.7, "inside"), (0.75, "inside"), (0.8, "inside"), (0.81, "above")],
)
def test_a_published_accuracy_lies_where_the_results_have_it(results, accuracy, lies):
    (published,) = results.published
    moved = published.model_copy(
        update={"accuracy": accuracy, "intervals": {"ours": Interval(low=0.7, high=0.8)}}
    )

    table = published_table(results.model_copy(update={"published": [moved]}))

    assert by_header(table)["lies"] == lies
    assert moved.lies("ours") == lies


@pytest.mark.parametrize(
    ("references", "of"),
    [
        ([NOTEBOOK], "of one more training"),
        ([PAPER], "over wires and seeds"),
        ([PAPER, NOTEBOOK], "of one more training or over wires and seeds"),
    ],
    ids=["ours", "others", "both"],
)
def test_the_caption_says_what_published_accuracies_are_held_against(references, of):
    named = {f"reference{number}": each for number, each in enumerate(references)}

    caption = published_table(summarize(references=named)).caption

    assert caption.startswith(f"Intervals are {of}; how sure the published")


def test_each_comparison_has_a_row_with_its_interval_and_p_values(results):
    table = comparisons_table(compare(results, lstm__rnn=0.0246, lstm__always=0.31))

    assert table.rows == [
        ["lstm - rnn", "-0.0123", "-0.0300 to +0.0100", "0.012", "0.025", ""],
        ["lstm - always 'earn'", "-0.0123", "-0.0300 to +0.0100", "0.15", "0.31", "not clear"],
    ]
    assert table.caption == "p-values: a test; corrected for 2 comparisons (Holm)."


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1, "1"),
        (0.3149, "0.31"),
        (0.0499, "0.05"),
        (0.00123, "0.0012"),
        (0.00099, "1e-03"),
        (0.0000272, "3e-05"),
        (1e-12, "1e-12"),
    ],
)
def test_a_p_value_keeps_its_size_however_small_it_is(p, text):
    assert short_p(p) == text


@given(st.floats(1e-99, 1))
def test_a_p_value_takes_six_characters_at_most_and_is_right_to_its_first_digit(p):
    assert len(short_p(p)) <= 6
    assert float(short_p(p)) == pytest.approx(p, rel=0.5)


def summarize_the_benchmark(n_seeds=5):
    """Results with the names, the published accuracies and the widest numbers of the benchmark."""
    references = {
        "notebook": NOTEBOOK | {"models": {name: {"accuracy": 0.8} for name in NETWORKS}},
        "paper": PAPER | {"source": "Yao 2019"},
    }
    results = summarize(NAMES_OF_THE_BENCHMARK, seeds=range(n_seeds), references=references)
    return change_models(
        results,
        params=1_234_567,
        log_loss=statistic([10.4321]),
        fit_seconds=statistic([236.21]),
        ms_per_step=statistic([26.374]),
    )


@pytest.fixture
def wide_results():
    return summarize_the_benchmark()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_a_terminal_shows_every_number_whole(wide_results, width):
    for table in (*result_tables(wide_results), comparisons_table(wide_results)):
        text = printed(table, width)

        for row in table.rows:
            for cell in row:
                assert all(part in text for part in cell.split(" ± "))


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_a_table_is_no_wider_than_the_terminal_from_80_columns_on(wide_results, width):
    for table in result_tables(wide_results):
        lines = printed(table, width).splitlines()

        assert max(map(len, lines)) <= max(width, 80)


@pytest.mark.parametrize("n_seeds", [1, 2, 5])
def test_what_a_run_has_found_fits_into_80_columns_however_many_seeds_it_has(n_seeds):
    accuracy, published, metrics, cost = result_tables(summarize_the_benchmark(n_seeds))

    assert ["lstm", "Text GCN (Yao 2019)"] in [row[::2][:2] for row in published.rows]
    for table in (accuracy, published, metrics, cost):
        assert max(map(len, printed(table, 80).splitlines())) <= 80


def test_all_comparisons_fit_into_120_columns(wide_results):
    assert max(map(len, printed(comparisons_table(wide_results), 120).splitlines())) <= 120


def test_a_header_is_broken_between_words_and_after_hyphens_where_its_column_is_narrow():
    table = Table(
        ["model", "log-loss", "macro-F1", "topics missed"], [["rnn", "1.234", "1", "2"]], ""
    )

    lines = [line.split() for line in printed(table, 80).splitlines()]

    assert lines[1:3] == [["log-", "topics"], ["model", "loss", "macro-F1", "missed"]]


def test_on_a_narrow_terminal_what_follows_a_mean_stands_below_it(wide_results):
    table = metrics_table(wide_results)

    narrow, wide = printed(table, 80), printed(table, 200)

    assert "0.2667 ± 0.0000" in wide
    assert "0.2667 ± 0.0000" not in narrow
    assert narrow.count("± 0.0000") == len(NAMES_OF_THE_BENCHMARK)


def test_markdown_has_one_line_a_row_and_the_caption_below(results):
    table = accuracy_table(results)

    lines = to_markdown(table).splitlines()

    assert len({line.count("|") for line in lines[:5]}) == 1
    assert lines[1] == "| --- | ---: | ---: | ---: |"
    assert lines[2].startswith("| vanilla_rnn | 0.7405 ± 0.0064 | 0.1500 to 0.8500 |")
    assert lines[-1] == table.caption


def test_columns_of_text_are_left_aligned_in_markdown():
    table = Table(["a", "b", "c"], [["x", "y", "1"]], "caption", text_columns=2)

    assert to_markdown(table).splitlines()[1] == "| --- | --- | ---: |"


def test_a_bar_in_a_cell_does_not_end_it_in_markdown():
    table = Table(["a|b", "c"], [["x|y", "1"]], "caption")

    header, _, row, *_ = to_markdown(table).splitlines()

    assert (header, row) == (r"| a\|b | c |", r"| x\|y | 1 |")


def test_csv_has_one_number_a_column_in_full_precision(results):
    rows = list(csv.DictReader(io.StringIO(to_csv(results))))

    model, row = results.models[0], rows[0]
    assert [row["model"] for row in rows] == [*NAMES, ALWAYS]
    assert float(row["accuracy_mean"]) == model.accuracy.mean
    assert float(row["accuracy_std"]) == model.accuracy.std
    assert float(row["accuracy_low"]) == model.accuracy_interval.low
    assert float(row["accuracy_high"]) == model.accuracy_interval.high
    assert float(row["log_loss_mean"]) == model.log_loss.mean
    assert (row["trials"], row["topics_never_predicted"]) == ("2", "1")


def test_csv_has_the_majority_baseline_last_and_nothing_where_there_is_no_number(results):
    margins = change_models(results, log_loss=None, ms_per_step=None)

    *models, majority = csv.DictReader(io.StringIO(to_csv(margins)))

    assert {row["log_loss_mean"] + row["ms_per_step_mean"] for row in models} == {""}
    assert float(majority["accuracy_mean"]) == 0.5
    assert float(majority["macro_f1_mean"]) == pytest.approx(2 / 9)
    assert majority["accuracy_low"] == ""
