"""The tables of a run, and any table for a terminal, as Markdown or as CSV."""

import csv
import io
import json
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from rnnbench.analysis.summary import majority_name
from rnnbench.escape import for_markdown, visible
from rnnbench.metrics import COSTS, FIT_SECONDS, Metric, Quantity, usable_metrics
from rnnbench.points import model_of, short, values_of
from rnnbench.results.schema import (
    Comparison,
    Interval,
    MissingTrial,
    ModelSummary,
    Results,
    Statistic,
)
from rnnbench.section import spell_parameters

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

T = TypeVar("T")
Columns = dict[str, Callable[[T], str]]
"""The cell of an item, by the header of its column."""

MISSING, FAILED = "-", "failed"
SECOND = "macro_f1"
"""The metric that is shown with its spread, as accuracy is."""


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        headers: of the columns.
        rows: one for each model, the baseline last.
        caption: the facts that a reader needs beside the numbers.
        is_last_apart: whether a line stands above the last row.
        text_columns: how many of the first columns are text; all others are numbers.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    is_last_apart: bool = False
    text_columns: int = 1


def table_of(items: Sequence[T], columns: Columns[T], caption: str) -> Table:
    """Return a table with a row for each item; ``columns`` gives the cell under each header."""
    rows = [[cell(item) for cell in columns.values()] for item in items]
    return Table(list(columns), rows, caption)


def with_points(table: Table, position: int = 0) -> Table:
    """Return ``table`` with a column for each parameter in which the points of grids differ.

    The names of the models are in the column ``position``.
    """
    names = [row[position] for row in table.rows]
    parameters = list(dict.fromkeys(key for name in names for key in values_of(name)))

    def spread(row: Sequence[str]) -> list[str]:
        values = values_of(row[position])
        cells = [model_of(row[position]), *(values.get(key, MISSING) for key in parameters)]
        return [*row[:position], *cells, *row[position + 1 :]]

    headers = [*table.headers[: position + 1], *parameters, *table.headers[position + 1 :]]
    is_inside_text = position + 1 < table.text_columns
    return replace(
        table,
        headers=headers,
        rows=list(map(spread, table.rows)),
        text_columns=table.text_columns + (len(parameters) if is_inside_text else 0),
    )


def result_tables(results: Results) -> list[Table]:
    """Return the tables of a run: accuracies, published ones, other metrics, costs."""
    published = [published_table(results)] if results.published else []
    return [accuracy_table(results), *published, metrics_table(results), cost_table(results)]


def accuracy_table(results: Results) -> Table:
    """Return the accuracies, and whether each clearly differs from the best and the majority."""
    dataset, n, best = results.dataset, len(results.seeds), best_model(results)

    def unclear(model: ModelSummary) -> str:
        itself = ["best"] if model is best else []
        return ", ".join([*itself, *unclear_from(results, model.name)]) or MISSING

    columns: Columns[ModelSummary] = {
        "model": lambda model: model.name,
        f"test accuracy ({_over(n)})": partial(_over_its_seeds, results, "accuracy"),
        f"95 % interval over documents{' and seeds' if n > 1 else ''}": lambda model: interval_text(
            model.accuracy_interval
        ),
        "no clear difference from": unclear,
    }
    table = table_of(results.models, columns, _caption(results))
    without = [
        [name, _short_reason(trial), MISSING, MISSING]
        for name, trial in results.missing_models.items()
    ]
    always = [majority_name(dataset), f"{dataset.majority_accuracy:.4f}", MISSING, MISSING]
    rows = [*table.rows, *without, always]
    return with_points(replace(table, rows=rows, is_last_apart=True))


def _short_reason(trial: MissingTrial) -> str:
    """Return why a model has no result, in a few words; the caption has the full reason."""
    if trial.error is None:
        return trial.reason
    innermost = trial.error.rpartition(" failed: ")[2]
    return f"{FAILED}: {textwrap.shorten(innermost, 40, placeholder='...')}"


def best_model(results: Results) -> ModelSummary:
    """Return the model with the highest mean test accuracy; the first of equals."""
    return max(results.models, key=lambda model: model.accuracy.mean)


def unclear_from(results: Results, name: str) -> list[str]:
    """Return those of the best model and the baseline that do not clearly differ from ``name``."""
    best = best_model(results).name
    others = {best: "the best", majority_name(results.dataset): majority_name(results.dataset)}
    unclear = {
        frozenset((comparison.a, comparison.b))
        for comparison in results.comparisons
        if not comparison.is_clear
    }
    return [text for other, text in others.items() if frozenset((name, other)) in unclear]


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
            header = f"{metric.header} ({_over(len(results.seeds))})"
            columns[header] = partial(_over_its_seeds, results, SECOND)
        else:
            columns[metric.header] = partial(mean_text, metric)
    columns["topics missed"] = lambda model: str(len(model.topics_never_predicted))
    in_test = sum(count.test > 0 for count in results.dataset.topics)
    sentences = [
        "Means over seeds.",
        *(f"{each.header}: {each.description}." for each in metrics if each.description),
        f"topics missed: how many of the {in_test} topics in the test set no seed ever predicted.",
    ]
    return with_points(table_of(results.models, columns, " ".join(sentences)))


def cost_table(results: Results) -> Table:
    """Return the size of each model, and the time it takes to train it."""
    columns: Columns[ModelSummary] = {
        "model": lambda model: model.name,
        "params": lambda model: f"{model.params:,}",
        **{cost.header: partial(mean_text, cost) for cost in COSTS.values()},
    }
    caption = f"Means over seeds; {FIT_SECONDS.header} is a whole training."
    return with_points(table_of(results.models, columns, caption))


def comparisons_table(results: Results) -> Table:
    """Return the difference of each pair of models, and of each model and the baseline."""
    columns: Columns[Comparison] = {
        "accuracy of": lambda each: f"{each.a} - {each.b}",
        "difference": lambda each: f"{each.difference:+z.4f}",
        "95 % interval over documents and seeds": lambda each: signed_interval_text(each.interval),
        "p": lambda each: short_p(each.p),
        "p (Holm)": lambda each: short_p(each.p_holm),
        "": lambda each: "" if each.is_clear else "not clear",
    }
    methods = "; ".join(sorted({each.method for each in results.comparisons}))
    n = results.n_corrected_for
    caption = f"p-values: {methods}; corrected for {n} comparison{'s' * (n != 1)} (Holm)."
    return table_of(results.comparisons, columns, caption)


def published_table(results: Results) -> Table:
    """Return the published accuracies, and whether the intervals of our models contain them."""
    rows = [
        [
            name,
            interval_text(interval),
            published.source
            if published.model == name
            else f"{published.model} ({published.source})",
            f"{published.accuracy:.4f}",
            published.lies(name),
        ]
        for published in results.published
        for name, interval in published.intervals.items()
    ]
    yardsticks = sorted({published.yardstick for published in results.published})
    return Table(
        ["our model", "its 95 % interval", "published", "scored", "lies"],
        rows,
        f"Intervals are {' or '.join(yardsticks)}; the uncertainty of the published accuracies is "
        "not known. Only accuracies on the same documents are shown.",
    )


def interval_text(interval: Interval) -> str:
    """Return both ends of an interval."""
    return f"{interval.low:.4f} to {interval.high:.4f}"


def signed_interval_text(interval: Interval) -> str:
    """Return both ends of an interval of a difference."""
    return f"{interval.low:+z.4f} to {interval.high:+z.4f}"


def mean_text(quantity: Quantity, model: ModelSummary) -> str:
    """Return the mean of a metric or cost over the seeds of a model."""
    mean = model.mean_of(quantity.name)
    return MISSING if mean is None else format(mean, quantity.format)


def _over(n_seeds: int) -> str:
    return f"mean ± 95 % over {n_seeds} seeds" if n_seeds > 1 else "1 seed"


def _over_its_seeds(results: Results, metric: str, model: ModelSummary) -> str:
    """Return a metric over the seeds of a model and, if some are missing, how many it has."""
    text, n = mean_and_interval(model.metrics[metric]), len(model.trials)
    n_missing = sum(each.model == model.name for each in results.missing)
    return f"{text} ({n} of {n + n_missing} seeds)" if n_missing else text


def mean_and_interval(statistic: Statistic) -> str:
    """Return a mean and half the width of its 95 % interval over seeds; one seed has none."""
    if statistic.over_seeds is None:
        return f"{statistic.mean:.4f}"
    return f"{statistic.mean:.4f} ± {statistic.over_seeds.high - statistic.mean:.4f}"


def short_p(p: float) -> str:
    """Return a p-value in at most six characters: two digits, or one digit and a power of ten."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}"


def which_epoch(results: Results) -> str:
    """Return which epoch the networks of a run are evaluated at."""
    own = [model.training for model in results.models if not model.is_baseline]
    epochs = sorted({each.get("epochs", results.epochs) for each in own})
    shares = sorted({each.get("validation_split", results.validation_split) for each in own})
    counts = " or ".join(map(str, epochs))
    held_out = " or ".join(f"{share:.0%}" for share in shares if share)
    best = f"the best of {counts} on {held_out} of the training documents"
    ways = [*([f"the last of {counts}"] if 0 in shares else []), *([best] if held_out else [])]
    return ", or ".join(ways)


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
    held_out = f" (less {share:.0%}, held out)" if share else ""
    sentences = [
        f"Data: {dataset.source} ({dataset.origin}), {dataset.train_size:,} documents to train on"
        f"{held_out}, {dataset.test_size:,} to test on, {dataset.timesteps} steps, "
        f"fingerprint {dataset.fingerprint[:12]}.",
        f"Seeds: {', '.join(map(str, results.seeds))}.",
    ]
    threads = f"{' or '.join(map(str, results.threads))} thread(s) per training."
    if all(model.is_baseline for model in results.models):
        sentences.append(threads)
    else:
        sentences.append(f"Epoch: {which_epoch(results)}. Engine: {results.engine}, {threads}")
    if own := dict.fromkeys(filter(None, map(_own_training, results.models))):
        sentences.append(f"Models with their own training values: {', '.join(own)}.")
    if left_to_keras:
        sentences.append(f"Layers left to Keras's own code: {', '.join(left_to_keras)}.")
    n = results.n_corrected_for
    sentences.append(
        "No clear difference: a p-value of 0.05 or more, corrected for "
        f"{n} comparison{'s' * (n != 1)} (Holm)."
    )
    if results.missing:
        sentences.insert(0, f"This run is partial; {results.missing_in_words()}.")
    if len(results.seeds) == 1:
        sentences.append("With one seed, this holds for these trainings only.")
    return " ".join(sentences)


def to_rich(table: Table, console: "Console") -> "RichTable":
    """Return the table for a terminal; on a narrow one, each ± is put below its mean."""
    from rich import box
    from rich.table import Table as RichTable

    def build(rows: Sequence[Sequence[str]]) -> "RichTable":
        rich = RichTable(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        rich.caption, rich.caption_justify = visible(table.caption), "left"
        for index, header in enumerate(map(visible, table.headers)):
            lines = [line for row in rows for line in row[index].split("\n")]
            words = textwrap.wrap(header, 1, break_long_words=False)
            narrowest = max(len(text) for text in (*lines, *words))
            rich.add_column(
                textwrap.fill(header, narrowest),
                justify="left" if index < table.text_columns else "right",
                vertical="bottom",
                no_wrap=True,
            )
        for position, row in enumerate(rows, start=1):
            is_above = table.is_last_apart and position == len(rows) - 1
            rich.add_row(*row, end_section=is_above)
        return rich

    shown = [[visible(cell) for cell in row] for row in table.rows]
    wide = build(shown)
    if console.measure(wide, options=console.options.update(width=1000)).maximum <= console.width:
        return wide
    narrow = build([[_folded(cell) for cell in row] for row in shown])
    narrow.width = console.measure(narrow, options=console.options.update(width=1000)).maximum
    return narrow


def _folded(cell: str) -> str:
    """Return a cell of a narrow table, in several lines."""
    if cell.startswith(FAILED):
        return textwrap.fill(cell, 20, break_long_words=False, break_on_hyphens=False)
    return re.sub(r" (± |\(\d+ of )", r"\n\1", cell)


def to_markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown, its caption below."""
    n_text = table.text_columns
    alignment = ["---"] * n_text + ["---:"] * (len(table.headers) - n_text)
    rows = (map(for_markdown, row) for row in (table.headers, *table.rows))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"| {' | '.join(alignment)} |")
    return "\n".join([*lines, "", for_markdown(table.caption), ""])


def to_csv(results: Results) -> str:
    """Return ``summary_rows`` as CSV, without control characters."""
    rows = summary_rows(results)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return visible(text.getvalue())


def summary_rows(results: Results) -> list[dict[str, object]]:
    """Return the models, and the majority baseline last, with every number in full precision.

    Each parameter in which the points of grids differ has a column.
    """
    parameters = dict.fromkeys(key for model in results.models for key in values_of(model.name))
    return [
        *(_summary_row(results, model, list(parameters)) for model in results.models),
        {
            "source": results.dataset.source,
            "model": majority_name(results.dataset),
            "params": 0,
            "accuracy_mean": results.dataset.majority_accuracy,
            "macro_f1_mean": results.dataset.majority_macro_f1,
        },
    ]


RESERVED = ("source", "model", "params", "trials")
"""Columns of ``table.csv`` that a parameter of the same name must not replace."""


def _summary_row(
    results: Results, model: ModelSummary, parameters: Sequence[str]
) -> dict[str, object]:
    row: dict[str, object] = {
        "source": results.dataset.source,
        "model": model.name,
        **parameter_columns(model.name, parameters, RESERVED),
        "params": model.params,
        "trials": model.accuracy.n,
        "accuracy_low": model.accuracy_interval.low,
        "accuracy_high": model.accuracy_interval.high,
        "topics_never_predicted": len(model.topics_never_predicted),
    }
    for name in [*results.metrics, *COSTS]:
        statistic = model.statistic(name)
        row[f"{name}_mean"] = statistic and statistic.mean
        row[f"{name}_std"] = statistic and statistic.std
    return row


def parameter_columns(
    name: str, parameters: Sequence[str], reserved: Sequence[str]
) -> dict[str, object]:
    """Return the values of a point for a row; a name that is ``reserved`` gets a prefix."""
    values = values_of(name)
    return {
        f"parameter_{each}" if each in reserved else each: (
            _number(values[each]) if each in values else None
        )
        for each in parameters
    }


def _number(text: str) -> float | str:
    """Return the number that a text stands for, if it does."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d+(\.\d*)?(e[+-]?\d+)?", text) else text


def table_files(results: Results) -> dict[str, str]:
    """Return the tables of a run as text, by the names of their files."""
    return {
        "table.md": "\n".join(map(to_markdown, result_tables(results))),
        "table.csv": to_csv(results),
    }
