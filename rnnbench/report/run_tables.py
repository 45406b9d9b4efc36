"""The tables of a run."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rnnbench.metrics import COSTS, FIT_SECONDS, Metric, usable_metrics
from rnnbench.points import model_of, short, values_of
from rnnbench.report.findings import unclear_from, which_epoch
from rnnbench.report.numbers import (
    MISSING,
    condition,
    interval_text,
    mean_and_interval,
    mean_text,
    remarks_on_tests,
    scope,
    scope_of,
    short_p,
    signed_interval_text,
)
from rnnbench.report.published import published_tables
from rnnbench.report.rows import to_csv
from rnnbench.report.table import FAILED, Columns, Table, table_of, to_markdown, with_points
from rnnbench.results.schema import (
    Comparison,
    MissingTrial,
    ModelSummary,
    Results,
)
from rnnbench.section import spell_parameters
from rnnbench.text import counted, listed, numbers, plural

SECOND = "macro_f1"
"""The metric that is shown with its spread, as accuracy is."""


def result_tables(results: Results) -> list[Table]:
    """Return the tables of a run: accuracies, published ones, other metrics, costs."""
    published = published_tables(results)
    return [accuracy_table(results), *published, metrics_table(results), cost_table(results)]


def table_files(results: Results) -> dict[str, str]:
    """Return the tables of a run as text, by the names of their files."""
    return {
        "table.md": "\n".join(map(to_markdown, result_tables(results))),
        "table.csv": to_csv(results),
    }


def accuracy_table(results: Results, *, is_wide: bool = False) -> Table:
    """Return the accuracies, and whether each clearly differs from the best and the majority.

    If it ``is_wide``, the accuracies without duplicates have a column.
    """
    dataset, n, best = results.dataset, len(results.seeds_used), results.best

    def unclear(model: ModelSummary) -> str:
        itself = ["best"] if model is best else []
        return ", ".join([*itself, *unclear_from(results, model.name)]) or MISSING

    columns: Columns[ModelSummary] = {
        "model": lambda model: model.name,
        f"test accuracy ({_over(n)})": partial(_over_its_seeds, results, "accuracy"),
        f"95 % interval {scope(n)}": lambda model: interval_text(model.accuracy_interval),
        "no clear difference from": unclear,
    }
    always = [dataset.majority_name, f"{dataset.majority_accuracy:.4f}", MISSING, MISSING]
    if is_wide and (rest := results.without_duplicates):
        columns["without duplicates"] = lambda model: mean_and_interval(rest.accuracy[model.name])
        always.append(f"{rest.majority_accuracy:.4f}")
    table = table_of(results.models, columns, _caption(results))
    open_cells = [MISSING] * (len(columns) - 2)
    without = [
        [name, _short_reason(trial), *open_cells] for name, trial in results.missing_models.items()
    ]
    rows = [*table.rows, *without, always]
    return with_points(replace(table, rows=rows, is_last_apart=True))


def _short_reason(trial: MissingTrial) -> str:
    """Return why a model has no result, in a few words; the caption has the full reason."""
    if trial.error is None:
        return trial.reason
    innermost = trial.error.rpartition(" failed: ")[2]
    return f"{FAILED}: {textwrap.shorten(innermost, 40, placeholder='...')}"


def metrics_of(models: Sequence[ModelSummary]) -> list[Metric]:
    """Return the metrics, other than accuracy, that any of ``models`` has."""
    present = {name for model in models for name in model.metrics} - {"accuracy"}
    return [metric for name, metric in usable_metrics().items() if name in present]


def metrics_table(results: Results) -> Table:
    """Return the other metrics of each model."""
    metrics = metrics_of(results.models)
    columns: Columns[ModelSummary] = {"model": lambda model: model.name}
    for metric in metrics:
        if metric.name == SECOND:
            header = f"{metric.header} ({_over(len(results.seeds_used))})"
            columns[header] = partial(_over_its_seeds, results, SECOND)
        else:
            columns[metric.header] = partial(mean_text, metric)
    columns["topics missed"] = lambda model: str(len(model.topics_never_predicted))
    in_test = sum(count.test > 0 for count in results.dataset.topics)
    sentences = [
        *["Means over seeds."] * (len(results.seeds_used) > 1),
        *(f"{each.header}: {each.description}." for each in metrics if each.description),
        f"topics missed: how many of the {in_test} topics in the test set no seed ever predicted.",
    ]
    return with_points(table_of(results.models, columns, " ".join(sentences)))


def cost_table(results: Results) -> Table:
    """Return what each model costs: settings tried, size, and the time it takes to train it."""
    columns: Columns[ModelSummary] = {
        "model": lambda model: model.name,
        "params": lambda model: f"{model.params:,}",
        **{cost.header: partial(mean_text, cost) for cost in COSTS.values()},
    }
    means = "Means over seeds; " if len(results.seeds_used) > 1 else ""
    caption = f"{means}{FIT_SECONDS.header} is a whole training."
    if any(model.chosen_from for model in results.models):
        columns["chosen from"] = lambda model: f"{model.chosen_from or MISSING}"
        caption += (
            " chosen from: how many settings were tried in the last choice on training documents; "
            "earlier ones are not counted."
        )
    return with_points(table_of(results.models, columns, caption))


def comparisons_table(results: Results) -> Table:
    """Return the differences of pairs of models, and of each model and the majority."""
    columns: Columns[Comparison] = {
        "accuracy of": lambda each: f"{each.a} - {each.b}",
        "difference": lambda each: f"{each.difference:+z.4f}",
        f"95 % interval {scope_of(results.comparisons)}": lambda each: signed_interval_text(
            each.interval
        ),
        "p": lambda each: short_p(each.p),
        "p (Holm)": lambda each: short_p(each.p_holm),
        "": lambda each: "" if each.is_clear else each.verdict,
    }
    methods = "; ".join(sorted({each.method for each in results.comparisons}))
    n = counted(results.n_corrected_for, "comparison")
    caption = f"p-values: {methods}; corrected for {n} (Holm). {condition(results.comparisons)}"
    pairs = [(each.a, each.b) for each in results.comparisons]
    return replace(table_of(results.comparisons, columns, caption.rstrip()), models=pairs)


def _over(n_seeds: int) -> str:
    return f"mean ± 95 % over {n_seeds} seeds" if n_seeds > 1 else "1 seed"


def _over_its_seeds(results: Results, metric: str, model: ModelSummary) -> str:
    """Return a metric over the seeds of a model and, if some are missing, how many it has."""
    text, n = mean_and_interval(model.metrics[metric]), len(model.trials)
    n_missing = sum(each.model == model.name for each in results.missing)
    return f"{text} ({n} of {n + n_missing} seeds)" if n_missing else text


def _own_training(model: ModelSummary) -> str:
    """Return what a model has for itself in ``training``, without what its columns show."""
    shown = values_of(model.name)
    own = {
        key: value
        for key, value in model.training.items()
        if shown.get(short(key)) not in (str(value), json.dumps(value))
    }
    return f"{model_of(model.name)} ({spell_parameters(own)})" if own else ""


def _caption(results: Results) -> str:
    dataset, share = results.dataset, results.validation_split
    left_to_keras = [
        f"{model.name} ({', '.join(model.stock_layers)})"
        for model in results.models
        if model.stock_layers
    ]
    held_out = f" (less {100 * share:.3g}%, held out)" if share else ""
    sentences = [
        f"Data: {dataset.source} ({dataset.origin}), {dataset.train_size:,} documents to train on"
        f"{held_out}, {dataset.test_size:,} to test on{remarks_on_tests(dataset)}, "
        f"{dataset.timesteps} steps, fingerprint {dataset.fingerprint[:12]}.",
        f"Seeds: {numbers(results.seeds_used)}.",
    ]
    noun = plural(max(results.threads, default=0), "thread")
    threads = f"{' or '.join(map(str, results.threads))} {noun} per training."
    if all(model.is_baseline for model in results.models):
        sentences.append(threads)
    else:
        sentences.append(f"Epoch: {which_epoch(results)}. Engine: {results.engine}, {threads}")
    if own := dict.fromkeys(filter(None, map(_own_training, results.models))):
        sentences.append(f"Models with their own training values: {', '.join(own)}.")
    if left_to_keras:
        sentences.append(f"Layers left to Keras's own code: {', '.join(left_to_keras)}.")
    n = counted(results.n_corrected_for, "comparison")
    sentences.append(f"No clear difference: a p-value of 0.05 or more, corrected for {n} (Holm).")
    if results.missing:
        sentences.insert(0, f"This run is partial; {results.missing_in_words()}.")
    return " ".join(filter(None, [*sentences, condition(results.comparisons), _rest(results)]))


def _rest(results: Results) -> str:
    """Return which verdicts change without duplicates."""
    dataset = results.dataset
    if dataset.duplicates is None:
        return "It was not recorded whether test documents are also in the training set."
    if not dataset.duplicate_positions:
        return ""
    if not results.without_duplicates:
        return f"{dataset.duplicates_in_words()}."
    n_left = results.without_duplicates.test_size
    changes = [
        f"{one.a} - {one.b} ({one.verdict} with them, {other.verdict} without)"
        if one.verdict != other.verdict
        else f"{one.a} - {one.b} (clear in the other direction)"
        for one, other in results.changed_verdicts
    ]
    return (
        f"{dataset.duplicates_in_words()}. On the other {n_left:,}, "
        f"{'verdicts change: ' + listed(changes) if changes else 'all verdicts are the same'}."
    )
