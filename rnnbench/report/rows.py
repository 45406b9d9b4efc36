"""The models of a run as rows of numbers in full precision, and ``table.csv``."""

import csv
import io
import re
from collections.abc import Sequence

from rnnbench.metrics import COSTS
from rnnbench.points import values_of
from rnnbench.results.schema import ModelSummary, Results
from rnnbench.text import visible

RESERVED = ("source", "model", "params", "trials")
"""Columns of ``table.csv`` that a parameter of the same name must not replace."""


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
            "model": results.dataset.majority_name,
            "params": 0,
            "accuracy_mean": results.dataset.majority_accuracy,
            "macro_f1_mean": results.dataset.majority_macro_f1,
        },
    ]


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
