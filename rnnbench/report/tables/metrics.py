"""The tables of other metrics and of costs of a run."""

from collections.abc import Iterable
from functools import partial

from rnnbench.metrics import COSTS, Quantity
from rnnbench.report import words
from rnnbench.report.findings import cheapest
from rnnbench.report.table import MISSING, Columns, Table, table_of, with_points
from rnnbench.results.schema import ModelSummary, Results
from rnnbench.text import sentences


def metrics_table(results: Results) -> Table:
    """Return the other metrics of each model."""
    dataset = results.dataset
    noun = dataset.noun
    columns: Columns[ModelSummary] = {"model": lambda model: model.name}
    shown = []
    for metric in words.metrics_of(results.models):
        if metric.name == "top3_accuracy" and len(dataset.topics) <= 3:
            continue
        shown.append(metric)
        if metric.name == dataset.kind.second:
            over = words.over_seeds(len(results.seeds_used))
            columns[f"{metric.header} ({over})"] = partial(
                words.over_its_seeds, results, metric.name
            )
        else:
            columns[words.header_of(metric)] = partial(words.with_interval, metric)
    columns[f"{noun}s missed"] = lambda model: str(len(model.topics_never_predicted))
    in_test = sum(count.test > 0 for count in dataset.topics)
    caption = sentences(
        _explained(shown, results),
        f"topics missed: how many of the {in_test} topics in the test set no seed ever "
        "predicted.",
    )
    return with_points(
        table_of(results.models, columns, caption.replace("topic", noun))
    )


def cost_table(results: Results) -> Table:
    """Return what each model costs: settings tried, size, times and memory."""
    columns: Columns[ModelSummary] = {
        "model": lambda model: model.name,
        "params": lambda model: words.number_text(model.params, ","),
    }
    for cost in COSTS.values():
        columns[cost.header] = partial(words.mean_text, cost)
    caption = sentences(_explained(COSTS.values(), results), cheapest(results))
    if any(model.chosen_from for model in results.models):
        columns["chosen from"] = lambda model: str(model.chosen_from or MISSING)
        caption += (
            " chosen from: how many settings were tried in the last choice on training "
            "documents; earlier ones are not counted."
        )
    return with_points(table_of(results.models, columns, caption))


def _explained(quantities: Iterable[Quantity], results: Results) -> str:
    parts = []
    if len(results.seeds_used) > 1:
        parts.append("Means over seeds.")
    for quantity in quantities:
        if quantity.description:
            parts.append(f"{quantity.header}: {quantity.description}.")
    return sentences(*parts)
