"""Two runs side by side, and the outcome of gates: as tables, as Markdown, and as JUnit XML."""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple
from xml.etree import ElementTree

from rnnbench.analysis.compare import ComparedRuns, Failure, ModelChange, Verdict, branches
from rnnbench.metrics import METRICS, MS_PER_STEP, Metric
from rnnbench.report.table import (
    MISSING,
    SECOND,
    Columns,
    Table,
    condition,
    interval_text,
    mean_and_interval,
    mean_text,
    metrics_of,
    remarks_on_tests,
    scope_of,
    short_p,
    table_of,
    to_markdown,
    with_points,
)
from rnnbench.report.tables_of_runs import short_hash
from rnnbench.results.schema import TOO_FEW_SEEDS, ModelSummary
from rnnbench.text import counted, for_markdown, visible

KEY_WIDTH, VALUE_WIDTH = 34, 19
"""The widths at which cells are wrapped, so that three columns fit into 80 characters."""
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that XML 1.0 does not have, not even escaped."""


def comparison_tables(comparison: ComparedRuns) -> list[Table]:
    """Return how accuracy, other metrics and costs changed, and all other differences."""
    return [
        changes_table(comparison),
        metric_changes_table(comparison),
        cost_changes_table(comparison),
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


def changes_table(comparison: ComparedRuns) -> Table:
    """Return the accuracy of each model in both runs, and how certain the difference is."""
    columns: Columns[ModelChange] = {
        "accuracy of": lambda change: change.name,
        "in A": lambda change: f"{change.a.accuracy.mean:.4f}",
        "in B": lambda change: f"{change.b.accuracy.mean:.4f}",
        "B - A": lambda change: f"{change.difference:+z.4f}",
        f"95 % interval of B - A {scope_of(comparison.models)}": lambda change: interval_text(
            change.interval, "+z.4f"
        ),
        "p (Holm)": lambda change: short_p(change.p_holm),
    }
    return with_points(table_of(comparison.models, columns, _caption(comparison)))


def _caption(comparison: ComparedRuns) -> str:
    models = comparison.models
    methods = " or ".join(sorted({change.method for change in models}))
    return " ".join(
        [
            f"A: {comparison.a}, {_seeds([change.a for change in models])}.",
            f"B: {comparison.b}, {_seeds([change.b for change in models])}.",
            f"Accuracies are means over seeds, on {comparison.dataset.test_size:,} test documents"
            f"{remarks_on_tests(comparison.dataset)}.",
            f"p: {methods}, corrected for {counted(len(models), 'model')}; clear: below 0.05.",
            *findings(comparison),
            *filter(None, [condition(models)]),
        ]
    )


def _seeds(models: Sequence[ModelSummary]) -> str:
    """Return how many seeds models were trained with: one if none of them depends on the seed."""
    found = {change.accuracy.n for change in models if change.is_random} or {1}
    least, most = min(found), max(found)
    return counted(most, "seed") if least == most else f"{least:,} to {counted(most, 'seed')}"


def findings(comparison: ComparedRuns) -> list[str]:
    """Return in sentences which differences of accuracy are clear, and which models lack a pair."""
    clear = [change for change in comparison.models if change.is_clear]
    undecided = [change.name for change in comparison.models if change.has_too_few_seeds]
    named = {
        "Clearly better in B": [change.name for change in clear if change.difference > 0],
        "Clearly worse in B": [change.name for change in clear if change.difference < 0],
        f"{TOO_FEW_SEEDS.capitalize()} for a verdict on": undecided,
        "Only in A": comparison.only_in_a,
        "Only in B": comparison.only_in_b,
    }
    return [
        *(["No difference is clear."] if not clear and not undecided else []),
        *(f"{label}: {', '.join(names)}." for label, names in named.items() if names),
    ]


def metric_changes_table(comparison: ComparedRuns) -> Table:
    """Return how much the mean of each other metric changed."""
    metrics = metrics_of([model for change in comparison.models for model in (change.a, change.b)])
    columns: Columns[ModelChange] = {"B - A of": lambda change: change.name}
    columns |= {metric.header: partial(_moved, metric) for metric in metrics}
    lower = ", ".join(metric.header for metric in metrics if not metric.higher_is_better)
    caption = "Differences of means over seeds." + (f" Lower is better: {lower}." if lower else "")
    return with_points(table_of(comparison.models, columns, caption))


def _moved(metric: Metric, change: ModelChange) -> str:
    a, b = change.a.mean_of(metric.name), change.b.mean_of(metric.name)
    return MISSING if a is None or b is None else format(b - a, f"+z{metric.format}")


def cost_changes_table(comparison: ComparedRuns) -> Table:
    """Return macro-F1 and speed of each model in both runs."""
    second, over = METRICS[SECOND].header, "(mean ± 95 % over seeds)"
    columns: Columns[ModelChange] = {
        "model": lambda change: change.name,
        f"{second} in A {over}": lambda change: mean_and_interval(change.a.metrics[SECOND]),
        f"{second} in B {over}": lambda change: mean_and_interval(change.b.metrics[SECOND]),
        f"{MS_PER_STEP.header} in A": lambda change: mean_text(MS_PER_STEP, change.a),
        f"{MS_PER_STEP.header} in B": lambda change: mean_text(MS_PER_STEP, change.b),
        "A/B": lambda change: f"{change.speed_ratio:.2f}" if change.speed_ratio else MISSING,
    }
    is_same_cpu = all(fact.key != "cpu" for fact in comparison.differences)
    caption = "A/B: ms per step in A divided by that in B; above 1, B is faster"
    caption += "." if is_same_cpu else "; the processors differ."
    return with_points(table_of(comparison.models, columns, caption))


def differences_table(comparison: ComparedRuns) -> Table:
    """Return the differences in config, data and environment; a part without any is the same."""
    rows = []
    for part in ("config", "data", "environment"):
        differing = [fact for fact in comparison.differences if fact.part == part]
        rows += [
            [_folded(f"{part}: {fact.key}", KEY_WIDTH), _shown(fact.a), _shown(fact.b)]
            for fact in differing
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
        return short_hash(text)
    return _folded(textwrap.shorten(text, 4 * VALUE_WIDTH, placeholder=" ..."), VALUE_WIDTH)


def _folded(text: str, width: int) -> str:
    """Return ``text`` in lines of at most ``width``, broken after punctuation if possible."""
    lines = [""]
    for part in re.split(r"(?<=[ /-])|(?<=\.)(?!\d)", text):
        if len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


# Gates


class GateCase(NamedTuple):
    """The outcome of a gate for one model, and why."""

    gate: str
    model: str
    outcome: Literal["passed", "failed", "not measured"]
    reason: str = ""


def cases_of(verdict: Verdict) -> list[GateCase]:
    """Return the outcome of a gate for each model."""
    reasons = {failure.model: _reason(failure) for failure in verdict.failures}
    passed = [name for name in verdict.checked if name not in reasons]
    return [
        *(GateCase(verdict.gate, name, "failed", reason) for name, reason in reasons.items()),
        *(GateCase(verdict.gate, name, "passed") for name in passed),
        *(GateCase(verdict.gate, name, "not measured") for name in verdict.unmeasured),
    ]


def _reason(failure: Failure) -> str:
    if failure.b is None:
        return "B lacks " + ("the model" if failure.a is None else "the metric")
    p = "" if failure.p_holm is None else f", p {short_p(failure.p_holm)}"
    return f"{failure.a:.6g} in A, {failure.b:.6g} in B{p}"


def verdict_lines(verdicts: Sequence[Verdict]) -> tuple[list[str], list[str]]:
    """Return a line for each gate that passed, and one for each model that failed one."""
    passed = [
        f"passed: {verdict.gate}: {counted(len(verdict.checked), 'model')}"
        + (f" (not measured: {', '.join(verdict.unmeasured)})" if verdict.unmeasured else "")
        for verdict in verdicts
        if verdict.passed
    ]
    failed = [
        f"failed: {verdict.gate}: {failure.model}: {_reason(failure)}"
        for verdict in verdicts
        for failure in verdict.failures
    ]
    return passed, failed


def gates_table(verdicts: Sequence[Verdict]) -> Table:
    """Return the outcome of each gate for each model, failures first."""
    cases = [case for verdict in verdicts for case in cases_of(verdict)]
    n_failed = sum(not verdict.passed for verdict in verdicts)
    caption = f"{n_failed} of {counted(len(verdicts), 'gate')} failed."
    return Table(["gate", "model", "outcome", ""], cases, caption, text_columns=4, keys=2)


def junit(name: str, verdicts: Sequence[Verdict]) -> str:
    """Return JUnit XML: a test suite for each gate, a test case in it for each model.

    All characters are ASCII, so that it is right in every encoding.
    """

    def clean(text: str) -> str:
        return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", visible(text))

    root, add = ElementTree.Element("testsuites", name=clean(name)), ElementTree.SubElement
    for verdict in verdicts:
        cases = cases_of(verdict)
        n = Counter(case.outcome for case in cases)
        counts = {"tests": len(cases), "failures": n["failed"], "errors": 0}
        counts |= {"skipped": n["not measured"]}
        facts = {"name": verdict.gate} | {key: str(count) for key, count in counts.items()}
        suite = add(root, "testsuite", facts)
        for case in cases:
            # Dots in the name of a class would be read as those of a package.
            facts = {"classname": "rnnbench", "name": f"{case.model}: {case.gate}"}
            element = add(suite, "testcase", facts)
            if case.outcome == "failed":
                add(element, "failure", message=clean(case.reason))
            elif case.outcome == "not measured":
                add(element, "skipped", message="A has no such value")
    ElementTree.indent(root, " ")
    page: bytes = ElementTree.tostring(root, "us-ascii", xml_declaration=True)
    return page.decode() + "\n"
