"""The badge of a run: JSON for https://shields.io/badges/endpoint-badge."""

from rnnbench.analysis.boards import metric_of, score_of
from rnnbench.errors import UserError, did_you_mean
from rnnbench.metrics import find_quantity
from rnnbench.report.words import mean_and_interval
from rnnbench.results.schema import ModelSummary, Results


def make_badge(
    results: Results, model: str | None, metric: str | None
) -> dict[str, str | int]:
    """Return a badge, by default about the main metric and the best model by it.

    ``UserError`` is raised if there is no such model or metric, or the model does not
    have the metric.
    """
    metric = metric_of(results.dataset, metric)
    quantity = find_quantity(metric, "--metric")
    models = results.by_name
    if model is None:
        model = max(models, key=lambda name: score_of(models[name], quantity.name))
    if model not in models:
        raise UserError(f"--model: no model '{model}' ({did_you_mean(model, models)})")
    value = models[model].statistic(metric)
    if value is None:
        raise UserError(f"--metric {metric}: {model} has no {metric}")
    message = f"{model} {mean_and_interval(value, quantity.format)}"
    if results.missing:
        message += " (partial run)"
    return {
        "schemaVersion": 1,
        "label": quantity.header,
        "message": message,
        "color": _colour(results, models[model], metric),
    }


def _colour(results: Results, model: ModelSummary, metric: str) -> str:
    """Return green or red for a model that is clearly better or worse than majority."""
    if metric != model.main:
        return "blue"
    majority = results.comparisons_of(model.name)[results.dataset.majority_name]
    if not majority.is_clear:
        return "lightgrey"
    return "brightgreen" if majority.difference > 0 else "red"
