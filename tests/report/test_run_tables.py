import io

import pytest
from factories import finished_run
from rich.console import Console
from summaries import (
    ALWAYS,
    GRID,
    NAMES,
    NAMES_OF_THE_BENCHMARK,
    NETWORKS,
    NOTEBOOK,
    PAPER,
    TOO_FEW,
    by_header,
    summarize,
    with_accuracy,
    with_models,
)

from rnnbench.analysis.summary import statistic
from rnnbench.report.published import published_tables
from rnnbench.report.run_tables import (
    accuracy_table,
    comparisons_table,
    cost_table,
    metrics_table,
    result_tables,
)
from rnnbench.report.table import to_rich
from rnnbench.results.schema import Comparison, Interval, MissingTrial


@pytest.fixture
def results():
    return summarize(references=[NOTEBOOK])


def with_p(results, **p_holm):
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
            n_seeds=5,
        )
        for (a, b), p in ((pair.split("__"), p) for pair, p in p_holm.items())
    ]
    return results.model_copy(update={"comparisons": comparisons})


def interval_of(model):
    return f"{model.accuracy_interval.low:.4f} to {model.accuracy_interval.high:.4f}"


def printed(table, width):
    console = Console(width=width, file=io.StringIO())
    console.print(to_rich(table, console), crop=False)
    return console.file.getvalue()


def test_a_run_has_tables_of_accuracies_published_ones_other_metrics_and_costs(results):
    expected = [accuracy_table(results), metrics_table(results), cost_table(results)]

    assert result_tables(results.model_copy(update={"published": []})) == expected
    assert result_tables(results) == [expected[0], *published_tables(results), *expected[1:]]


def test_a_model_without_some_of_its_trials_says_over_how_many_seeds_its_means_are(results):
    missing = [MissingTrial(model=NAMES[0], seed=seed, error=None) for seed in (2, 3)]
    results = results.model_copy(update={"seeds": [0, 1, 2, 3], "missing": missing})

    assert [row[1] for row in accuracy_table(results).rows] == [
        "0.7250 ± 0.3177 (2 of 4 seeds)", "0.7250 ± 0.3177", "1.0000",
    ]  # fmt: skip
    assert [row[1] for row in metrics_table(results).rows] == [
        "0.8403 ± 0.2135 (2 of 4 seeds)", "0.8403 ± 0.2135",
    ]  # fmt: skip
    assert max(map(len, printed(accuracy_table(results), 80).splitlines())) <= 80


def test_each_model_has_a_row_and_the_majority_baseline_the_last(results):
    table = accuracy_table(results)

    assert table.headers == [
        "model",
        "test accuracy (mean ± 95 % over 2 seeds)",
        "95 % interval over documents and seeds",
        "no clear difference from",
    ]
    assert table.is_last_apart
    assert table.rows == [
        ["vanilla_rnn", "0.7250 ± 0.3177", interval_of(results.models[0]), f"best, {TOO_FEW}"],
        ["stacked_vanilla_rnn", "0.7250 ± 0.3177", interval_of(results.models[1]), TOO_FEW],
        [ALWAYS, "1.0000", "-", "-"],
    ]


def test_with_two_seeds_the_caption_asks_for_more(results):
    said = "Too few seeds: with 1 or 2, p-values cannot be relied on; use 3 or more, preferably 5."

    assert accuracy_table(results).caption.endswith(said)
    assert {row[-1] for row in comparisons_table(results).rows} == {TOO_FEW}
    three = accuracy_table(summarize(n_seeds=3))
    assert [row[-1] for row in three.rows] == ["best", "the best", "-"]
    assert three.caption.endswith("(Holm).")


def test_one_seed_has_no_interval_over_seeds_and_the_caption_explains_that(results):
    one = summarize(n_seeds=1)

    for table, header in (
        (accuracy_table(one), "test accuracy (1 seed)"),
        (accuracy_table(one), "95 % interval over documents"),
        (metrics_table(one), "macro-F1 (1 seed)"),
    ):
        assert header in table.headers
        assert not any("±" in text for row in (table.headers, *table.rows) for text in row)
    said = " With one seed, intervals are over documents alone, and p-values are about these "
    said += "trainings, not about the models."
    assert accuracy_table(one).caption.endswith(said)
    assert said not in accuracy_table(results).caption


@pytest.mark.parametrize(
    ("p_best", "p_always", "unclear"),
    [
        (0.01, 0.01, "-"),
        (0.05, 0.01, "the best"),
        (0.01, 0.05, ALWAYS),
        (0.3, 0.3, f"the best, {ALWAYS}"),
    ],
)
def test_a_model_names_only_the_best_and_the_majority_as_not_clearly_different(
    p_best, p_always, unclear
):
    results = with_models(summarize(["a", "b", "c"]), *map(with_accuracy, (0.9, 0.8, 0.7)))
    p = {"a__b": p_best, "b__always": p_always, "a__always": p_always, "b__c": 0.9, "a__c": 0.001}

    table = accuracy_table(with_p(results, **p))

    best = f"best, {ALWAYS}" if ALWAYS in unclear else "best"
    assert [row[3] for row in table.rows] == [best, unclear, "-", "-"]


def test_the_caption_names_data_seeds_epoch_and_engine():
    assert accuracy_table(summarize(n_seeds=3)).caption == (
        "Data: made-up (nowhere), 1,395 documents to train on, 20 to test on, 49 steps, "
        "fingerprint dddddddddddd. Seeds: 0, 1, 2. Epoch: the last of 200. Engine: keras, "
        "1 thread per training. No clear difference: a p-value of 0.05 or more, corrected for "
        "3 comparisons (Holm)."
    )


def test_the_caption_says_that_the_best_epoch_was_chosen_and_on_what():
    caption = accuracy_table(summarize(validation_split=0.2)).caption

    assert "1,395 documents to train on (less 20%, held out), 20 to test on" in caption
    assert "Epoch: the best of 200 on 20% of the training documents. Engine:" in caption


def test_the_caption_names_the_layers_that_keras_trained(results):
    changed = with_models(results, {"stock_layers": ["gru: dropout", "gru_1: masking"]}, {})

    left = " Layers left to Keras's own code: vanilla_rnn (gru: dropout, gru_1: masking). "
    assert left in accuracy_table(changed).caption
    assert "Layers left" not in accuracy_table(results).caption


def test_the_caption_names_the_models_that_are_trained_with_values_of_their_own(results):
    changed = with_models(results, {"training": {"epochs": 20, "engine": "keras"}}, {})

    own = " Models with their own training values: vanilla_rnn (epochs: 20, engine: keras). "
    assert own in accuracy_table(changed).caption
    assert "their own training" not in accuracy_table(results).caption


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
def test_the_caption_says_which_epochs_of_models_that_differ(results, trainings, epoch):
    changed = with_models(results, *({"training": each} for each in trainings))
    assert f" Epoch: {epoch}. Engine:" in accuracy_table(changed).caption


def test_the_points_of_grids_have_a_column_for_each_parameter_that_differs():
    results = summarize(GRID)
    rows = [["rnn", "3", "0.1", "-"], ["rnn", "4", "0.1", "-"], ["svm", "-", "-", "2"]]
    rows += [["bayes", "-", "-", "-"]]
    for table in result_tables(results):
        assert list(table.headers[:4]) == ["model", "units", "lr", "C"]
        assert [list(row[:4]) for row in table.rows[:4]] == rows
    assert accuracy_table(results).rows[-1][:4] == [ALWAYS, "-", "-", "-"]


def test_the_caption_does_not_repeat_what_columns_show():
    changed = with_models(summarize(GRID[:1]), {"training": {"learning_rate": 0.1, "epochs": 3}})

    assert (
        "Models with their own training values: rnn (epochs: 3)." in accuracy_table(changed).caption
    )


def test_a_run_of_baselines_has_no_epoch_and_no_engine():
    run = finished_run({"svm": [[0, 0, 1, 2]]}, models={"svm": {"baseline": "tfidf_linear_svm"}})

    caption = accuracy_table(run.results).caption

    assert " 1 thread per training." in caption
    assert "poch" not in caption
    assert "Engine" not in caption


def test_the_other_tables_have_all_other_metrics_and_the_costs(results):
    metrics, costs = metrics_table(results), cost_table(results)

    assert [row[0] for row in metrics.rows] == [row[0] for row in costs.rows] == NAMES
    assert by_header(metrics) == {
        "model": "vanilla_rnn",
        "macro-F1 (mean ± 95 % over 2 seeds)": "0.8403 ± 0.2135",
        "balanced accuracy": "0.7250",
        "weighted F1": "0.8403",
        "top-3": "1.0000",
        "log-loss": "0.884",
        "topics missed": "0",
    }
    assert by_header(costs) == {
        "model": "vanilla_rnn", "params": "12,746", "ms per step": "2.50", "fit s": "1.5"
    }  # fmt: skip

    assert "log-loss: cross-entropy in nats" in metrics.caption
    assert "how many of the 3 topics in the test set" in metrics.caption


def test_the_costs_include_the_number_of_settings_that_a_model_was_chosen_from(results):
    table = cost_table(with_models(results, {"chosen_from": 24}, {}))

    assert [row[-1] for row in table.rows] == ["24", "-"]
    assert table.headers[-1] == "chosen from"
    assert "chosen from: how many settings were tried in the last choice" in table.caption
    assert "chosen from" not in cost_table(results).headers


def test_a_metric_that_a_model_lacks_is_left_open_and_one_that_all_lack_has_no_column(results):
    lacking = with_accuracy(0.5) | {"ms_per_step": None}
    one, all_of_them = with_models(results, lacking, {}), with_models(results, lacking, lacking)

    assert by_header(metrics_table(one))["log-loss"] == "-"
    assert by_header(cost_table(one))["ms per step"] == "-"
    assert metrics_table(all_of_them).headers[2:] == ["topics missed"]


def test_each_comparison_has_a_row_with_its_interval_and_p_values(results):
    table = comparisons_table(with_p(results, lstm__rnn=0.0246, lstm__always=0.31))

    assert table.rows == [
        ["lstm - rnn", "-0.0123", "-0.0300 to +0.0100", "0.012", "0.025", ""],
        ["lstm - always 'earn'", "-0.0123", "-0.0300 to +0.0100", "0.15", "0.31", "not clear"],
    ]
    assert table.caption == "p-values: a test; corrected for 3 comparisons (Holm)."


def widest(n_seeds):
    """Results with the names, the published accuracies and the widest numbers of the benchmark."""
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
    }
    return with_models(
        results,
        *(
            changes | {"metrics": model.metrics | {"log_loss": statistic([10.4321])}}
            for model in results.models
        ),
    )


@pytest.mark.parametrize("n_seeds", [1, 5])
@pytest.mark.parametrize("width", [40, 50, 80, 120, 200])
def test_tables_fit_any_terminal_and_no_number_or_word_is_broken(n_seeds, width):
    results = widest(n_seeds)
    for table in (*result_tables(results), comparisons_table(results)):
        lines = printed(table, width).splitlines()

        assert max(map(len, lines)) <= width
        for cell in (cell for row in table.rows for cell in row):
            parts = [cell] if cell[:1].isdigit() or cell[:1] in "+-" else cell.split()
            assert all(any(part in line for line in lines) for part in parts)


def run_with_duplicates(duplicates):
    """Three seeds each of a model ahead and one behind; the duplicates are where it is ahead."""
    labels = [0, 0, 1, 2] * 10
    answers = {"ahead": [labels] * 3, "behind": [[1] * 20 + labels[20:]] * 3}
    facts = {"test_size": 40, "duplicates": {"other_topics": duplicates}}
    return finished_run(answers, labels=labels, dataset=facts, training={"seeds": 3}).results


def test_the_caption_names_the_verdicts_that_rest_on_duplicates():
    caption = accuracy_table(run_with_duplicates(list(range(20)))).caption

    assert caption.endswith(
        "20 of 40 test documents are also in the training set: 0 only with the same topic, 20 only "
        "with other topics, 0 with both. On the other 20, verdicts change: ahead - behind (clear "
        "with them, not clear "
        "without), behind - always 'earn' (not clear with them, clear without)."
    )


def test_the_caption_says_that_no_verdict_rests_on_duplicates():
    caption = accuracy_table(run_with_duplicates([39])).caption

    assert caption.endswith("On the other 39, all verdicts are the same.")


def test_a_wide_table_has_the_accuracies_without_duplicates():
    results = run_with_duplicates([0, 1])

    table = accuracy_table(results, is_wide=True)

    assert table.headers[-1] == "without duplicates"
    assert [row[-1] for row in table.rows] == ["1.0000 ± 0.0000", "0.6579 ± 0.0000", "0.4737"]
    assert "without duplicates" not in accuracy_table(results).headers
    assert "without duplicates" not in accuracy_table(run_with_duplicates([]), is_wide=True).headers
