"""The accuracy table: results as rows of text, and those as terminal, Markdown or CSV table."""

import csv
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnbench.results.schema import ModelSummary, Results, Statistic

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

MISSING = "-"


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        headers: of the columns; the first column is text, all others are numbers.
        rows: one a model, the baseline last.
        caption: what was measured on what.
        is_last_apart: whether a line stands above the last row.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    is_last_apart: bool = False


def accuracy_table(results: Results) -> Table:
    """Return one row a model, and one for always answering the most frequent topic."""
    dataset, n = results.dataset, len(results.seeds)
    over = f"mean ± std over {n} seeds" if n > 1 else "1 seed"
    has_reference = any(model.reference_accuracy is not None for model in results.models)
    headers = [
        "model",
        "params",
        f"test accuracy ({over})",
        f"macro-F1 ({over})",
        f"topics ever given (of {dataset.classes})",
        *([f"{results.reference_source}"] if has_reference else []),
        "ms per step",
        "fit s",
    ]
    baseline = [
        f"always '{dataset.majority_topic}'",
        "0",
        f"{dataset.majority_accuracy:.4f}",
        f"{dataset.majority_macro_f1:.4f}",
        "1",
        *([MISSING] if has_reference else []),
        MISSING,
        MISSING,
    ]
    rows = [_row(model, has_reference) for model in results.models]
    return Table(headers, [*rows, baseline], _caption(results), is_last_apart=True)


def _row(model: ModelSummary, has_reference: bool) -> list[str]:
    reference = model.reference_accuracy
    return [
        model.name,
        f"{model.params:,}",
        _mean_and_std(model.accuracy),
        _mean_and_std(model.macro_f1),
        str(model.topics_predicted),
        *([MISSING if reference is None else f"{reference:.4f}"] if has_reference else []),
        f"{model.ms_per_step.mean:.2f}",
        f"{model.fit_seconds.mean:.3g}",
    ]


def _mean_and_std(statistic: Statistic) -> str:
    spread = "" if statistic.std is None else f" ± {statistic.std:.4f}"
    return f"{statistic.mean:.4f}{spread}"


def _caption(results: Results) -> str:
    dataset = results.dataset
    seeds = ", ".join(map(str, results.seeds))
    stock = [
        f"{model.name} ({', '.join(model.stock_layers)})"
        for model in results.models
        if model.stock_layers
    ]
    return (
        f"Data: {dataset.source} ({dataset.origin}), {dataset.train_size:,} wires to train on, "
        f"{dataset.test_size:,} to test on, {dataset.timesteps} steps, "
        f"fingerprint {dataset.fingerprint[:12]}. "
        f"Seeds: {seeds}. Epochs: {results.epochs}. Engine: {results.engine}, "
        f"{' or '.join(map(str, results.threads))} thread(s) a training."
        + (f" Layers left to Keras's own code: {', '.join(stock)}." if stock else "")
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
            narrowest = max(len(text) for text in (*lines, *header.split()))
            rich.add_column(
                textwrap.fill(header, narrowest),
                justify="right" if index else "left",
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
    alignment = ["---", *["---:"] * (len(table.headers) - 1)]
    lines = [f"| {' | '.join(row)} |" for row in (table.headers, alignment, *table.rows)]
    return "\n".join([*lines, "", table.caption, ""])


def to_csv(results: Results) -> str:
    """Return the same rows for machines: one number a column, in full precision."""
    dataset = results.dataset
    rows: list[dict[str, object]] = [
        {
            "source": dataset.source,
            "model": model.name,
            "params": model.params,
            "seeds": model.accuracy.n,
            "accuracy_mean": model.accuracy.mean,
            "accuracy_std": model.accuracy.std,
            "macro_f1_mean": model.macro_f1.mean,
            "macro_f1_std": model.macro_f1.std,
            "topics_predicted": model.topics_predicted,
            "reference_accuracy": model.reference_accuracy,
            "ms_per_step_mean": model.ms_per_step.mean,
            "fit_seconds_mean": model.fit_seconds.mean,
        }
        for model in results.models
    ]
    baseline = {
        "source": dataset.source,
        "model": f"always '{dataset.majority_topic}'",
        "params": 0,
        "accuracy_mean": dataset.majority_accuracy,
        "macro_f1_mean": dataset.majority_macro_f1,
        "topics_predicted": 1,
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows([*rows, baseline])
    return text.getvalue()
