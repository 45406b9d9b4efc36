"""The tables of two runs side by side: their scores, metrics, costs and settings."""

import json
import textwrap
from collections.abc import Sequence

from rnnbench.analysis.compare import (
    ComparedRuns,
    DifferingFact,
    ModelChange,
    branches,
)
from rnnbench.metrics import METRICS, MS_PER_STEP, Quantity
from rnnbench.report import words
from rnnbench.report.table import MISSING, Columns, Table, table_of, with_points
from rnnbench.report.tables.boards import SPREAD
from rnnbench.report.tables.pairs import CORRECTED
from rnnbench.results.comparison import TOO_FEW_SEEDS
from rnnbench.results.schema import ModelSummary
from rnnbench.text import counted, either, sentences

LONGEST = 76
"""The most characters that are shown of a value that differs."""
HASH = 40
"""So many characters or more are a hash, if all of them are hexadecimal digits."""


def comparison_tables(comparison: ComparedRuns) -> list[Table]:
    """Return how scores, other metrics and costs changed, and all else that differs."""
    tables = [_changes_table(comparison)]
    metrics = _metrics_table(comparison)
    if metrics:
        tables.append(metrics)
    return [*tables, _costs_table(comparison), _differences_table(comparison)]


def _changes_table(comparison: ComparedRuns) -> Table:
    changes = comparison.models
    over = words.scope_of(changes)
    columns: Columns[ModelChange] = {
        f"{comparison.dataset.kind.score_name} of": lambda change: change.name,
        "in A": lambda change: f"{change.a.score.mean:.4f}",
        "in B": lambda change: f"{change.b.score.mean:.4f}",
        "B - A": lambda change: f"{change.difference:+z.4f}",
        f"95 % interval of B - A {over}": lambda change: f"{change.interval:+z.4f}",
        CORRECTED: lambda change: words.short_p(change.p_corrected),
    }
    return with_points(table_of(changes, columns, _about_changes(comparison)))


def _about_changes(comparison: ComparedRuns) -> str:
    changes = comparison.models
    dataset = comparison.dataset
    methods = either(sorted({change.method for change in changes}))
    clear = [change for change in changes if change.is_clear]
    better = [change.name for change in clear if change.difference > 0]
    worse = [change.name for change in clear if change.difference < 0]
    undecided = [change.name for change in changes if change.has_too_few_seeds]
    parts = [
        f"A: {comparison.a}, {_seeds([change.a for change in changes])}.",
        f"B: {comparison.b}, {_seeds([change.b for change in changes])}.",
        f"Scores are means over seeds, on {dataset.test_size:,} test documents"
        f"{words.remarks_on_tests(dataset)}.",
        f"p: {methods}, corrected for {counted(len(changes), 'model')}; clear: below "
        "0.05.",
    ]
    if not clear and not undecided:
        parts.append("No difference is clear.")
    for label, names in (
        ("Clearly better in B", better),
        ("Clearly worse in B", worse),
        (f"{TOO_FEW_SEEDS.capitalize()} for a verdict on", undecided),
        ("Only in A", comparison.only_in_a),
        ("Only in B", comparison.only_in_b),
    ):
        if names:
            parts.append(f"{label}: {', '.join(names)}.")
    return sentences(*parts, words.condition(changes))


def _seeds(models: Sequence[ModelSummary]) -> str:
    """Return how many seeds models have: one if none of them depends on the seed."""
    counts = {model.score.n for model in models if model.is_random} or {1}
    least = min(counts)
    most = counted(max(counts), "seed")
    if len(counts) == 1:
        return most
    return f"{least:,} to {most}"


def _metrics_table(comparison: ComparedRuns) -> Table | None:
    """Return how other metrics changed; ``None`` if no model has any."""
    models = [model for change in comparison.models for model in (change.a, change.b)]
    metrics = words.metrics_of(models)
    if not metrics:
        return None
    headers = ["B - A of", *(metric.header for metric in metrics)]
    rows = []
    for change in comparison.models:
        row = [change.name]
        for metric in metrics:
            row.append(_moved(metric, change))
        rows.append(row)
    caption = "Differences of means over seeds."
    lower = [metric.header for metric in metrics if not metric.higher_is_better]
    if lower:
        caption += f" Lower is better: {', '.join(lower)}."
    return with_points(Table(headers, rows, caption))


def _moved(metric: Quantity, change: ModelChange) -> str:
    in_a = change.a.mean_of(metric.name)
    in_b = change.b.mean_of(metric.name)
    if in_a is None or in_b is None:
        return MISSING
    return format(in_b - in_a, f"+z{metric.format}")


def _costs_table(comparison: ComparedRuns) -> Table:
    second = comparison.dataset.kind.second
    columns: Columns[ModelChange] = {"model": lambda change: change.name}
    if second is not None:
        header = METRICS[second].header
        columns[f"{header} in A {SPREAD}"] = lambda change: words.mean_and_interval(
            change.a.statistic(second)
        )
        columns[f"{header} in B {SPREAD}"] = lambda change: words.mean_and_interval(
            change.b.statistic(second)
        )
    header = MS_PER_STEP.header
    columns[f"{header} in A"] = lambda change: words.mean_text(MS_PER_STEP, change.a)
    columns[f"{header} in B"] = lambda change: words.mean_text(MS_PER_STEP, change.b)
    columns["A/B"] = lambda change: (
        f"{change.speed_ratio:.2f}" if change.speed_ratio else MISSING
    )
    caption = "A/B: ms per step in A divided by that in B; above 1, B is faster"
    if any(map(_is_of_processor, comparison.differences)):
        caption += "; the processors differ"
    return with_points(table_of(comparison.models, columns, f"{caption}."))


def _is_of_processor(difference: DifferingFact) -> bool:
    """Return whether two environments have different processors or kernels of BLAS."""
    return difference.key == "cpu" or difference.key.startswith("processor.")


def _differences_table(comparison: ComparedRuns) -> Table:
    """Return every difference in config, data and environment."""
    rows = []
    for part in ("config", "data", "environment"):
        differing = [item for item in comparison.differences if item.part == part]
        for item in differing:
            rows.append([f"{part}: {item.key}", _shown(item.a), _shown(item.b)])
        if not differing:
            rows.append([part, "the same", "the same"])
    caption = "From config.yaml with every default, results.json and environment.json."
    return Table(["difference", "A", "B"], rows, caption, text_columns=3)


def _shown(value: object) -> str:
    if value is None:
        return MISSING
    if branches(value) is not None:
        return "present"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) >= HASH and not set(text) - set("0123456789abcdef+"):
        return words.short_hash(text)
    return textwrap.shorten(text, LONGEST, placeholder=" ...")
