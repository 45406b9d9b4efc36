"""The gates of a comparison: as lines, as Markdown for CI, and as JUnit XML."""

import re
from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from rnnbench.analysis.compare import ComparedRuns
from rnnbench.analysis.gates import Failure, GateVerdict
from rnnbench.report import words
from rnnbench.report.table import Table, to_markdown
from rnnbench.report.tables.two_runs import comparison_tables
from rnnbench.report.template import find_template
from rnnbench.text import counted, for_markdown, visible

PASSED = "passed"
FAILED = "failed"
UNMEASURED = "not measured"
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that XML 1.0 does not have, not even escaped."""


class Outcome(NamedTuple):
    """The outcome of a gate for a model."""

    gate: str
    model: str
    outcome: str
    reason: str = ""


def _outcomes(verdict: GateVerdict) -> list[Outcome]:
    """Return the outcome of a gate for each model; failures come first."""
    gate = verdict.gate
    outcomes = [
        Outcome(gate, failure.model, FAILED, verdict.reason or _reason(failure))
        for failure in verdict.failures
    ]
    failed = {failure.model for failure in verdict.failures}
    for name in verdict.checked:
        if name not in failed:
            outcomes.append(Outcome(gate, name, PASSED))
    outcomes += [Outcome(gate, name, UNMEASURED) for name in verdict.unmeasured]
    return outcomes


def _reason(failure: Failure) -> str:
    if failure.a is None:
        return "B lacks the model"
    if failure.b is None:
        return "B lacks the metric"
    reason = f"{failure.a:.6g} in A, {failure.b:.6g} in B"
    if failure.p_corrected is not None:
        reason += f", p {words.short_p(failure.p_corrected)}"
    if failure.bound is not None:
        points = ceil(-1000 * failure.bound + 1e-9) / 10
        reason += (
            f"; surely no more than {points:g} points worse (one-sided, 5 %), so "
            f"'may be worse by {points:g} points' would pass"
        )
    return reason


def verdict_lines(verdicts: Sequence[GateVerdict]) -> tuple[list[str], list[str]]:
    """Return a line for each gate that passed, and for each model that failed one."""
    passed = []
    failed = []
    for verdict in verdicts:
        if verdict.passed:
            about = verdict.reason or counted(len(verdict.checked), "model")
            line = f"{PASSED}: {verdict.gate}: {about}"
            if verdict.unmeasured:
                line += f" ({UNMEASURED}: {', '.join(verdict.unmeasured)})"
            passed.append(line)
        for failure in verdict.failures:
            reason = verdict.reason or _reason(failure)
            failed.append(f"{FAILED}: {verdict.gate}: {failure.model}: {reason}")
    return passed, failed


def comparison_markdown(
    comparison: ComparedRuns, verdicts: Sequence[GateVerdict]
) -> str:
    """Return a page in GitHub's Markdown: gates and scores, and all else to unfold."""
    scores, *others = comparison_tables(comparison)
    title = for_markdown(f"{comparison.b} compared with {comparison.a}")
    parts = [f"### {title}\n"]
    if verdicts:
        n_failed = sum(not verdict.passed for verdict in verdicts)
        caption = f"{n_failed} of {counted(len(verdicts), 'gate')} failed."
        rows = [row for verdict in verdicts for row in _outcomes(verdict)]
        headers = ["gate", "model", "outcome", ""]
        gates = Table(headers, rows, caption, text_columns=4, keys=2)
        parts.append(to_markdown(gates))
    parts += [
        to_markdown(scores),
        "<details>\n<summary>Other metrics, costs and differences</summary>\n",
        *map(to_markdown, others),
        "</details>\n",
    ]
    return "\n".join(parts)


def junit(name: str, verdicts: Sequence[GateVerdict]) -> str:
    """Return JUnit XML, all ASCII: a suite for each gate, a test for each model."""
    suites = []
    for verdict in verdicts:
        outcomes = _outcomes(verdict)
        counts = Counter(outcome.outcome for outcome in outcomes)
        suites.append((verdict.gate, outcomes, counts))
    template = find_template("junit.xml.j2", clean=_for_xml)
    text = template.render(name=name, suites=suites)
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _for_xml(text: str) -> str:
    return NOT_IN_XML.sub("\ufffd", visible(text))
