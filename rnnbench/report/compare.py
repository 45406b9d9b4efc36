"""Two runs side by side, as tables and as text."""

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from rnnbench.analysis.compare import ComparedRuns, ModelChange, Verdict, branches
from rnnbench.escape import for_markdown
from rnnbench.metrics import METRICS, MS_PER_STEP, Metric
from rnnbench.report.gates import annotations, gates_table, workflow_command
from rnnbench.report.numbers import (
    MISSING,
    condition,
    mean_and_interval,
    mean_text,
    remarks_on_tests,
    scope_of,
    short_p,
    signed_interval_text,
)
from rnnbench.report.run_tables import SECOND, metrics_of
from rnnbench.report.table import Columns, Table, table_of, to_markdown, with_points
from rnnbench.results.schema import TOO_FEW_SEEDS, ModelSummary
from rnnbench.words import counted

KEY_WIDTH, VALUE_WIDTH = 34, 19
"""The widths at which cells are wrapped, so that three columns fit into 80 characters."""
SHORT = 12
"""Characters shown of a fingerprint or a commit."""


def comparison_tables(comparison: ComparedRuns) -> list[Table]:
    """Return how accuracy, other metrics and costs changed, and all other differences."""
    return [
        accuracy_table(comparison),
        metrics_table(comparison),
        costs_table(comparison),
        differences_table(comparison),
    ]


def comparison_markdown(comparison: ComparedRuns, verdicts: Sequence[Verdict]) -> str:
    """Return a page in GitHub's Markdown: gates and accuracies, and all else to be unfolded."""
    accuracy, *others = comparison_tables(comparison)
    heading = for_markdown(f"{comparison.b} compared with {comparison.a}")
    tables = [gates_table(verdicts), accuracy] if verdicts else [accuracy]
    return "\n".join(
        [
            f"### {heading}\n",
            *map(to_markdown, tables),
            "<details>\n<summary>Other metrics, costs and differences</summary>\n",
            *(to_markdown(_unfolded(table)) for table in others),
            "</details>\n",
        ]
    )


def _unfolded(table: Table) -> Table:
    """Return a table with each cell in one line; words were broken to fold it."""
    rows = [[cell.replace("\n", "") for cell in row] for row in table.rows]
    return replace(table, rows=rows)


def comparison_annotations(comparison: ComparedRuns, verdicts: Sequence[Verdict]) -> list[str]:
    """Return workflow commands of GitHub Actions: what is clear, and the outcome of each gate."""
    message = f"A: {comparison.a}. B: {comparison.b}. {' '.join(findings(comparison))}"
    return [workflow_command("notice", "rnnbench compare", message), *annotations(verdicts)]


def accuracy_table(comparison: ComparedRuns) -> Table:
    """Return the accuracy of each model in both runs, and how certain the difference is."""
    columns: Columns[ModelChange] = {
        "accuracy of": lambda each: each.name,
        "in A": lambda each: f"{each.a.accuracy.mean:.4f}",
        "in B": lambda each: f"{each.b.accuracy.mean:.4f}",
        "B - A": lambda each: f"{each.difference:+z.4f}",
        f"95 % interval of B - A {scope_of(comparison.models)}": lambda each: signed_interval_text(
            each.interval
        ),
        "p (Holm)": lambda each: short_p(each.p_holm),
    }
    return with_points(table_of(comparison.models, columns, _caption(comparison)))


def _caption(comparison: ComparedRuns) -> str:
    models = comparison.models
    methods = " or ".join(sorted({each.method for each in models}))
    return " ".join(
        [
            f"A: {comparison.a}, {_seeds([each.a for each in models])}.",
            f"B: {comparison.b}, {_seeds([each.b for each in models])}.",
            f"Accuracies are means over seeds, on {comparison.dataset.test_size:,} test documents"
            f"{remarks_on_tests(comparison.dataset)}.",
            f"p: {methods}, corrected for {counted(len(models), 'model')}; clear: below 0.05.",
            *findings(comparison),
            *filter(None, [condition(models)]),
        ]
    )


def _seeds(models: Sequence[ModelSummary]) -> str:
    """Return how many seeds models were trained with: one if none of them depends on the seed."""
    found = {each.accuracy.n for each in models if each.is_random} or {1}
    least, most = min(found), max(found)
    return counted(most, "seed") if least == most else f"{least:,} to {counted(most, 'seed')}"


def findings(comparison: ComparedRuns) -> list[str]:
    """Return in sentences which differences of accuracy are clear, and which models lack a pair."""
    clear = [each for each in comparison.models if each.is_clear]
    undecided = [each.name for each in comparison.models if each.has_too_few_seeds]
    named = {
        "Clearly better in B": [each.name for each in clear if each.difference > 0],
        "Clearly worse in B": [each.name for each in clear if each.difference < 0],
        f"{TOO_FEW_SEEDS.capitalize()} for a verdict on": undecided,
        "Only in A": comparison.only_in_a,
        "Only in B": comparison.only_in_b,
    }
    return [
        *(["No difference is clear."] if not clear and not undecided else []),
        *(f"{label}: {', '.join(names)}." for label, names in named.items() if names),
    ]


def metrics_table(comparison: ComparedRuns) -> Table:
    """Return how much the mean of each other metric changed."""
    metrics = metrics_of([model for each in comparison.models for model in (each.a, each.b)])
    columns: Columns[ModelChange] = {"B - A of": lambda each: each.name}
    columns |= {metric.header: partial(_moved, metric) for metric in metrics}
    lower = ", ".join(metric.header for metric in metrics if not metric.higher_is_better)
    caption = "Differences of means over seeds." + (f" Lower is better: {lower}." if lower else "")
    return with_points(table_of(comparison.models, columns, caption))


def _moved(metric: Metric, change: ModelChange) -> str:
    a, b = change.a.mean_of(metric.name), change.b.mean_of(metric.name)
    return MISSING if a is None or b is None else format(b - a, f"+z{metric.format}")


def costs_table(comparison: ComparedRuns) -> Table:
    """Return macro-F1 and speed of each model in both runs."""
    second, over = METRICS[SECOND].header, "(mean ± 95 % over seeds)"
    columns: Columns[ModelChange] = {
        "model": lambda each: each.name,
        f"{second} in A {over}": lambda each: mean_and_interval(each.a.metrics[SECOND]),
        f"{second} in B {over}": lambda each: mean_and_interval(each.b.metrics[SECOND]),
        f"{MS_PER_STEP.header} in A": lambda each: mean_text(MS_PER_STEP, each.a),
        f"{MS_PER_STEP.header} in B": lambda each: mean_text(MS_PER_STEP, each.b),
        "A/B": lambda each: f"{each.speed_ratio:.2f}" if each.speed_ratio else MISSING,
    }
    is_same_cpu = all(each.key != "cpu" for each in comparison.differences)
    caption = "A/B: ms per step in A divided by that in B; above 1, B is faster"
    caption += "." if is_same_cpu else "; the processors differ."
    return with_points(table_of(comparison.models, columns, caption))


def differences_table(comparison: ComparedRuns) -> Table:
    """Return the differences in config, data and environment; a part without any is the same."""
    rows = []
    for part in ("config", "data", "environment"):
        differing = [each for each in comparison.differences if each.part == part]
        rows += [
            [_folded(f"{part}: {each.key}", KEY_WIDTH), _shown(each.a), _shown(each.b)]
            for each in differing
        ] or [[part, "the same", "the same"]]
    caption = "From config.yaml with every default, results.json and environment.json."
    return Table(["difference", "A", "B"], rows, caption, text_columns=3)


def _shown(value: Any) -> str:
    if value is None:
        return MISSING
    if branches(value) is not None:
        return "present"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    is_hash = len(text) >= 40 and not set(text) - set("0123456789abcdef+")
    if is_hash:
        return text[:SHORT] + "+" * text.endswith("+")
    return _folded(textwrap.shorten(text, 4 * VALUE_WIDTH, placeholder=" ..."), VALUE_WIDTH)


def _folded(text: str, width: int) -> str:
    """Return ``text`` in lines of at most ``width``, broken after punctuation if possible."""
    lines = [""]
    for part in re.split(r"(?<=[ /-])|(?<=\.)(?!\d)", text):
        if len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
