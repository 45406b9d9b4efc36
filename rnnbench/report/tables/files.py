"""The tables of a run as files: ``table.md`` and ``table.csv``."""

import csv
import io
import re

from rnnbench.metrics import COSTS
from rnnbench.points import values_of
from rnnbench.report.table import to_markdown
from rnnbench.report.tables.scores import result_tables
from rnnbench.results.schema import ModelSummary, Results
from rnnbench.text import visible

Row = dict[str, object]
RESERVED = ["source", "model", "params", "trials"]
"""Columns that no parameter must replace."""


def table_files(results: Results) -> dict[str, str]:
    """Return the tables of a run as text without control characters, by file."""
    rows = summary_rows(results)
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    markdown = "\n".join(map(to_markdown, result_tables(results)))
    return {"table.md": markdown, "table.csv": visible(text.getvalue())}


def summary_rows(results: Results) -> list[Row]:
    """Return the models and the majority, in full precision.

    The parameters of grids have columns of their own.
    """
    dataset = results.dataset
    parameters = dict.fromkeys(
        key for model in results.models for key in values_of(model.name)
    )
    rows = [_row(results, model, list(parameters)) for model in results.models]
    majority: Row = {
        "source": dataset.source,
        "model": dataset.majority_name,
        "params": 0,
        f"{dataset.kind.main}_mean": dataset.majority_score,
    }
    if dataset.kind.second in results.metrics:
        majority[f"{dataset.kind.second}_mean"] = dataset.majority_second
    return [*rows, majority]


def _row(results: Results, model: ModelSummary, parameters: list[str]) -> Row:
    row: Row = {"source": results.dataset.source, "model": model.name}
    row |= parameter_columns(model.name, parameters, RESERVED)
    row["params"] = model.params
    row["trials"] = model.score.n
    intervals = {model.main: model.interval} | model.intervals
    for name, interval in intervals.items():
        row[f"{name}_low"] = interval.low
        row[f"{name}_high"] = interval.high
    row["topics_never_predicted"] = len(model.topics_never_predicted)
    for name in [*results.metrics, *COSTS]:
        statistic = model.statistic(name)
        row[f"{name}_mean"] = model.mean_of(name)
        row[f"{name}_std"] = statistic.std if statistic else None
    return row


def parameter_columns(name: str, parameters: list[str], reserved: list[str]) -> Row:
    """Return the values of a point for a row; ``reserved`` names get a prefix."""
    values = values_of(name)
    columns: Row = {}
    for key in parameters:
        header = f"parameter_{key}" if key in reserved else key
        columns[header] = _as_number(values.get(key))
    return columns


def _as_number(text: str | None) -> float | str | None:
    """Return a text as the number that it is, if it is one."""
    if text is None or not re.fullmatch(r"-?\d+(\.\d*)?(e[+-]?\d+)?", text):
        return text
    return int(text) if text.removeprefix("-").isdecimal() else float(text)
