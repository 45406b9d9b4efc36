"""The accuracy table: results as rows of text, and those as terminal, Markdown or CSV table."""

import csv
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnbench.analysis.summary import majority_name
from rnnbench.results.schema import Interval, Metrics, ModelSummary, Results, Statistic

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

MISSING = "-"


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        headers: of the columns.
        rows: one a model, the baseline last.
        caption: what was measured on what.
        is_last_apart: whether a line stands above the last row.
        text_columns: how many of the first columns are text; all others are numbers.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    is_last_apart: bool = False
    text_columns: int = 1


def result_tables(results: Results) -> list[Table]:
    """Return all that a run has found: accuracies, published ones, other metrics, costs."""
    published = [published_table(results)] if results.published else []
    return [accuracy_table(results), *published, metrics_table(results), cost_table(results)]


def accuracy_table(results: Results) -> Table:
    """Return the accuracy of each model, how sure it is, and what it is not better than."""
    dataset, n = results.dataset, len(results.seeds)
    headers = [
        "model",
        f"test accuracy ({_over(n)})",
        f"95 % interval over wires{' and seeds' if n > 1 else ''}",
        "no clear difference from",
    ]
    best = best_model(results)
    rows = [
        [
            model.name,
            mean_and_interval(model.accuracy),
            interval_text(model.accuracy_interval),
            ", ".join([*(["best"] if model is best else []), *unclear_from(results, model.name)])
            or MISSING,
        ]
        for model in results.models
    ]
    rows.append([majority_name(dataset), f"{dataset.majority_accuracy:.4f}", MISSING, MISSING])
    return Table(headers, rows, _caption(results), is_last_apart=True)


def best_model(results: Results) -> ModelSummary:
    """Return the model with the highest mean test accuracy; the first of equals."""
    return max(results.models, key=lambda model: model.accuracy.mean)


def unclear_from(results: Results, name: str) -> list[str]:
    """Return which of the best model and the majority baseline ``name`` is not clearly unlike."""
    best = best_model(results).name
    others = {best: "the best", majority_name(results.dataset): majority_name(results.dataset)}
    unclear = {
        frozenset((comparison.a, comparison.b))
        for comparison in results.comparisons
        if not comparison.is_clear
    }
    return [text for other, text in others.items() if frozenset((name, other)) in unclear]


def metrics_table(results: Results) -> Table:
    """Return the other metrics of each model."""
    headers = [
        "model",
        f"macro-F1 ({_over(len(results.seeds))})",
        "balanced accuracy",
        "weighted F1",
        "top-3",
        "log-loss",
        "topics missed",
    ]
    rows = [
        [
            model.name,
            mean_and_interval(model.macro_f1),
            f"{model.balanced_accuracy.mean:.4f}",
            f"{model.weighted_f1.mean:.4f}",
            f"{model.top3_accuracy.mean:.4f}",
            f"{model.log_loss.mean:.3f}" if model.log_loss else MISSING,
            str(len(model.topics_never_predicted)),
        ]
        for model in results.models
    ]
    in_test = sum(count.test > 0 for count in results.dataset.topics)
    caption = (
        f"Means over seeds. Topics missed: of the {in_test} in the test set, those that no seed "
        "ever answered; macro-F1 and balanced accuracy are means over these topics."
    )
    return Table(headers, rows, caption)


def cost_table(results: Results) -> Table:
    """Return the size of each model, and the time it takes to train it."""
    rows = [
        [
            model.name,
            f"{model.params:,}",
            f"{model.ms_per_step.mean:.2f}" if model.ms_per_step else MISSING,
            f"{model.fit_seconds.mean:.3g}",
        ]
        for model in results.models
    ]
    headers = ["model", "params", "ms per step", "fit s"]
    return Table(headers, rows, "Means over seeds; fit s is a whole training.")


def comparisons_table(results: Results) -> Table:
    """Return the difference of each two models, and of each from the majority baseline."""
    rows = [
        [
            f"{each.a} - {each.b}",
            f"{each.difference:+z.4f}",
            signed_interval_text(each.interval),
            short_p(each.p),
            short_p(each.p_holm),
            "" if each.is_clear else "not clear",
        ]
        for each in results.comparisons
    ]
    methods = sorted({each.method for each in results.comparisons})
    return Table(
        ["accuracy of", "difference", "95 % interval over wires and seeds", "p", "p (Holm)", ""],
        rows,
        f"p-values: {'; '.join(methods)}; corrected for {len(rows)} comparisons (Holm).",
    )


def published_table(results: Results) -> Table:
    """Return the published accuracies, and whether the intervals of our models hold them."""
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
        f"Intervals are {' or '.join(yardsticks)}; how sure the published accuracies are is not "
        "known. Only accuracies on the same wires are shown.",
    )


def interval_text(interval: Interval) -> str:
    """Return both ends of an interval."""
    return f"{interval.low:.4f} to {interval.high:.4f}"


def signed_interval_text(interval: Interval) -> str:
    """Return both ends of an interval of a difference."""
    return f"{interval.low:+z.4f} to {interval.high:+z.4f}"


def _over(n_seeds: int) -> str:
    return f"mean ± 95 % over {n_seeds} seeds" if n_seeds > 1 else "1 seed"


def mean_and_interval(statistic: Statistic) -> str:
    """Return a mean and how far its 95 % interval over seeds reaches; one seed has none."""
    if statistic.over_seeds is None:
        return f"{statistic.mean:.4f}"
    return f"{statistic.mean:.4f} ± {statistic.over_seeds.high - statistic.mean:.4f}"


def short_p(p: float) -> str:
    """Return a p-value in at most six characters: two digits, or one and a power of ten."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}"


def _caption(results: Results) -> str:
    dataset = results.dataset
    seeds = ", ".join(map(str, results.seeds))
    stock = [
        f"{model.name} ({', '.join(model.stock_layers)})"
        for model in results.models
        if model.stock_layers
    ]
    share = results.validation_split
    held_out = f" (less {share:.0%}, held out)" if share else ""
    has_networks = not all(model.is_baseline for model in results.models)
    epoch = (
        f"the best of {results.epochs} on {results.validation_split:.0%} of the training wires"
        if results.validation_split
        else f"the last of {results.epochs}"
    )
    return (
        f"Data: {dataset.source} ({dataset.origin}), {dataset.train_size:,} wires to train on"
        f"{held_out}, "
        f"{dataset.test_size:,} to test on, {dataset.timesteps} steps, "
        f"fingerprint {dataset.fingerprint[:12]}. "
        f"Seeds: {seeds}. "
        + (f"Epoch: {epoch}. Engine: {results.engine}, " if has_networks else "")
        + f"{' or '.join(map(str, results.threads))} thread(s) a training."
        + (f" Layers left to Keras's own code: {', '.join(stock)}." if stock else "")
        + " No clear difference: a p-value of 0.05 or more, corrected for "
        f"{len(results.comparisons)} comparisons (Holm)."
        + ("" if len(results.seeds) > 1 else " One seed tells of these trainings alone.")
    )


def to_rich(table: Table, console: "Console") -> "RichTable":
    """Return the table for a terminal; on a narrow one each ± stands below its mean."""
    from rich import box
    from rich.table import Table as RichTable

    def build(rows: Sequence[Sequence[str]]) -> "RichTable":
        rich = RichTable(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        rich.caption, rich.caption_justify = table.caption, "left"
        for index, header in enumerate(table.headers):
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

    wide = build(table.rows)
    if console.measure(wide, options=console.options.update(width=1000)).maximum <= console.width:
        return wide
    narrow = build([[cell.replace(" ± ", "\n± ") for cell in row] for row in table.rows])
    narrow.width = console.measure(narrow, options=console.options.update(width=1000)).maximum
    return narrow


def to_markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown, its caption below."""
    n_text = table.text_columns
    alignment = ["---"] * n_text + ["---:"] * (len(table.headers) - n_text)
    rows = ([cell.replace("|", "\\|") for cell in row] for row in (table.headers, *table.rows))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"| {' | '.join(alignment)} |")
    return "\n".join([*lines, "", table.caption, ""])


def to_csv(results: Results) -> str:
    """Return the models for machines: one number a column, in full precision."""
    rows = [_csv_row(results, model) for model in results.models]
    rows.append(
        {
            "source": results.dataset.source,
            "model": majority_name(results.dataset),
            "params": 0,
            "accuracy_mean": results.dataset.majority_accuracy,
            "macro_f1_mean": results.dataset.majority_macro_f1,
        }
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _csv_row(results: Results, model: ModelSummary) -> dict[str, object]:
    row: dict[str, object] = {
        "source": results.dataset.source,
        "model": model.name,
        "params": model.params,
        "trials": model.accuracy.n,
        "accuracy_low": model.accuracy_interval.low,
        "accuracy_high": model.accuracy_interval.high,
        "topics_never_predicted": len(model.topics_never_predicted),
    }
    for key in (*Metrics.model_fields, "ms_per_step", "fit_seconds"):
        statistic: Statistic | None = getattr(model, key)
        row[f"{key}_mean"] = statistic and statistic.mean
        row[f"{key}_std"] = statistic and statistic.std
    return row
