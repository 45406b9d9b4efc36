"""Two runs side by side, as tables, as text and as JSON."""

import json
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from rnnbench.analysis.compare_runs import ModelChange, RunComparison, branches
from rnnbench.analysis.gates import Failure, Verdict
from rnnbench.metrics import METRICS, MS_PER_STEP, Metric
from rnnbench.report.table import (
    MISSING,
    SECOND,
    Table,
    mean_and_interval,
    mean_text,
    metrics_of,
    short_p,
    signed_interval_text,
)
from rnnbench.results.schema import SUMMARY_VERSION

KEY_WIDTH, VALUE_WIDTH = 34, 19
"""Where the cells of the differences are broken, so that three columns fit into 80 characters."""
SHORT = 12
"""Characters shown of a fingerprint or a commit."""


def comparison_tables(comparison: RunComparison) -> list[Table]:
    """Return how accuracy, other metrics and costs changed, and what else differs."""
    return [
        accuracy_table(comparison),
        metrics_table(comparison),
        costs_table(comparison),
        differences_table(comparison),
    ]


def accuracy_table(comparison: RunComparison) -> Table:
    """Return the accuracy of each model in both runs, and how certain the difference is."""
    headers = [
        "accuracy of",
        "in A",
        "in B",
        "B - A",
        "95 % interval of B - A over documents and seeds",
        "p (Holm)",
    ]
    rows = [
        [
            each.name,
            f"{each.a.accuracy.mean:.4f}",
            f"{each.b.accuracy.mean:.4f}",
            f"{each.difference:+z.4f}",
            signed_interval_text(each.interval),
            short_p(each.p_holm),
        ]
        for each in comparison.models
    ]
    return Table(headers, rows, _caption(comparison))


def _caption(comparison: RunComparison) -> str:
    models = comparison.models
    n_a, n_b = max(each.a.accuracy.n for each in models), max(each.b.accuracy.n for each in models)
    clear = [each for each in models if each.is_clear]
    named = {
        "Clearly better in B": [each.name for each in clear if each.difference > 0],
        "Clearly worse in B": [each.name for each in clear if each.difference < 0],
        "Only in A": comparison.only_in_a,
        "Only in B": comparison.only_in_b,
    }
    methods = " or ".join(sorted({each.method for each in models}))
    return " ".join(
        [
            f"A: {comparison.a}, {n_a} seed(s). B: {comparison.b}, {n_b} seed(s).",
            f"Accuracies are means over seeds. p: {methods}, corrected for {len(models)} model(s);",
            "clear: below 0.05." + (not clear) * " No difference is clear.",
            *(f"{label}: {', '.join(names)}." for label, names in named.items() if names),
        ]
    )


def metrics_table(comparison: RunComparison) -> Table:
    """Return how much the mean of each other metric changed."""
    metrics = metrics_of([model for each in comparison.models for model in (each.a, each.b)])
    rows = [
        [each.name, *(_moved(each, metric) for metric in metrics)] for each in comparison.models
    ]
    headers = ["B - A of", *(metric.header for metric in metrics)]
    lower = [metric.header for metric in metrics if not metric.higher_is_better]
    caption = "Differences of means over seeds."
    return Table(
        headers, rows, caption + (f" Lower is better: {', '.join(lower)}." if lower else "")
    )


def _moved(change: ModelChange, metric: Metric) -> str:
    a, b = change.a.mean(metric.name), change.b.mean(metric.name)
    return MISSING if a is None or b is None else format(b - a, f"+z{metric.format}")


def costs_table(comparison: RunComparison) -> Table:
    """Return macro-F1 and speed of each model in both runs."""
    headers = [
        "model",
        f"{METRICS[SECOND].header} in A (mean ± 95 % over seeds)",
        "in B (mean ± 95 % over seeds)",
        f"{MS_PER_STEP.header} in A",
        "in B",
        "A/B",
    ]
    rows = [
        [
            each.name,
            *(mean_and_interval(model.metrics[SECOND]) for model in (each.a, each.b)),
            *(mean_text(model, MS_PER_STEP) for model in (each.a, each.b)),
            f"{each.speed_ratio:.2f}" if each.speed_ratio else MISSING,
        ]
        for each in comparison.models
    ]
    is_same_cpu = all(each.key != "cpu" for each in comparison.differences)
    caption = "A/B: ms per step in A by that in B; above 1, B is faster"
    return Table(headers, rows, caption + ("." if is_same_cpu else "; the processors differ."))


def differences_table(comparison: RunComparison) -> Table:
    """Return the differences in config, data and environment; a part without any is the same."""
    rows = []
    for part in ("config", "data", "environment"):
        differing = [each for each in comparison.differences if each.part == part]
        rows += [
            [_folded(f"{part}: {each.key}", KEY_WIDTH), _shown(each.a), _shown(each.b)]
            for each in differing
        ] or [[part, "the same", "the same"]]
    caption = "From config.yaml with every default, results.json and environment.json."
    return Table(["what differs", "A", "B"], rows, caption, text_columns=3)


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


def comparison_json(comparison: RunComparison, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the document that ``--json`` prints."""
    return {
        "schema_version": SUMMARY_VERSION,
        **comparison.model_dump(mode="json"),
        "gates": [verdict.model_dump(mode="json") for verdict in verdicts],
    }


def verdict_lines(verdicts: Sequence[Verdict]) -> tuple[list[str], list[str]]:
    """Return a line for each gate that passed, and one for each model that failed one."""
    passed = [
        f"passed: {verdict.gate}: {len(verdict.checked)} model(s)"
        + (f" (not measured: {', '.join(verdict.unmeasured)})" if verdict.unmeasured else "")
        for verdict in verdicts
        if verdict.passed
    ]
    failed = [
        f"failed: {verdict.gate}: {_failed(failure)}"
        for verdict in verdicts
        for failure in verdict.failures
    ]
    return passed, failed


def _failed(failure: Failure) -> str:
    if failure.b is None:
        return f"{failure.model}: B lacks " + ("the model" if failure.a is None else "the metric")
    p = "" if failure.p_holm is None else f", p {short_p(failure.p_holm)}"
    return f"{failure.model}: {failure.a:.6g} in A, {failure.b:.6g} in B{p}"
