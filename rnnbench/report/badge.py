"""A badge: the result of a model in a few words, as shields.io reads it."""

import math
from typing import Any

from rnnbench.analysis.boards import score_of
from rnnbench.errors import UserError, did_you_mean
from rnnbench.metrics import find_quantity
from rnnbench.report.numbers import quantity_text
from rnnbench.results.schema import ModelSummary, Results

BETTER, WORSE, NO_BETTER, NEUTRAL = "brightgreen", "red", "lightgrey", "blue"
"""The colours of an accuracy against that of the most frequent topic, and of other metrics."""


def badge(results: Results, model: str | None, metric: str) -> dict[str, Any]:
    """Return the JSON of an endpoint badge (https://shields.io/badges/endpoint-badge).

    Args:
        results: of a run.
        model: the name of a model; by default that with the best value.
        metric: a metric or a cost. An accuracy is green if it is clearly better than that of always
            answering the most frequent topic, red if it is clearly worse, and else grey.

    Raises:
        UserError: there is no such model or metric, or the model does not have the metric.
    """
    quantity = find_quantity(metric, "--metric")
    chosen = _find(results, model, metric)
    value = chosen.statistic(metric)
    if value is None:
        raise UserError(f"--metric {metric}: {chosen.name} has no {metric}")
    partial = " (partial run)" if results.missing else ""
    return {
        "schemaVersion": 1,
        "label": quantity.header,
        "message": f"{chosen.name} {quantity_text(quantity, value)}{partial}",
        "color": _colour(results, chosen.name) if metric == "accuracy" else NEUTRAL,
    }


def _find(results: Results, name: str | None, metric: str) -> ModelSummary:
    if name is None:
        scores = [(score_of(each, metric), each) for each in results.models]
        return max(scores, key=lambda pair: -math.inf if pair[0] is None else pair[0])[1]
    models = {each.name: each for each in results.models}
    if name not in models:
        raise UserError(f"--model: no model '{name}' ({did_you_mean(name, models)})")
    return models[name]


def _colour(results: Results, name: str) -> str:
    found = results.comparisons_of(name)[results.dataset.majority_name]
    if not found.is_clear:
        return NO_BETTER
    return BETTER if found.difference > 0 else WORSE
