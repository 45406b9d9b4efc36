"""The outcome of gates: as lines, as a table, for GitHub Actions, and as JUnit XML."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from rnnbench.analysis.compare import Failure, Verdict
from rnnbench.escape import visible
from rnnbench.report.numbers import short_p
from rnnbench.report.table import Table
from rnnbench.words import counted, listed

Outcome = Literal["passed", "failed", "not measured"]
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that XML 1.0 does not have, not even escaped."""


@dataclass(frozen=True)
class Case:
    """The outcome of a gate for one model, and why."""

    gate: str
    model: str
    outcome: Outcome
    reason: str = ""


def cases_of(verdict: Verdict) -> list[Case]:
    """Return the outcome of a gate for each model."""
    reasons = {failure.model: _reason(failure) for failure in verdict.failures}
    passed = [name for name in verdict.checked if name not in reasons]
    return [
        *(Case(verdict.gate, name, "failed", reason) for name, reason in reasons.items()),
        *(Case(verdict.gate, name, "passed") for name in passed),
        *(Case(verdict.gate, name, "not measured") for name in verdict.unmeasured),
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
    rows = [[case.gate, case.model, case.outcome, case.reason] for case in cases]
    return Table(["gate", "model", "outcome", ""], rows, caption, text_columns=4, keys=2)


def annotations(verdicts: Sequence[Verdict]) -> list[str]:
    """Return workflow commands of GitHub Actions: an error for each model that failed a gate.

    A gate that passed is a notice.
    """
    lines = []
    for verdict in verdicts:
        if verdict.passed:
            message = listed(verdict.checked)
            lines.append(workflow_command("notice", f"passed: {verdict.gate}", message))
        for failure in verdict.failures:
            message = f"{failure.model}: {_reason(failure)}"
            lines.append(workflow_command("error", f"failed: {verdict.gate}", message))
    return lines


def workflow_command(kind: Literal["notice", "error"], title: str, message: str) -> str:
    """Return the line that makes GitHub Actions show an annotation.

    Text is escaped as in GitHub's own toolkit (actions/toolkit, packages/core/src/command.ts):
    a message may have colons and commas, but a property such as the title may not.
    """
    heading = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={heading}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def junit(name: str, verdicts: Sequence[Verdict]) -> str:
    """Return JUnit XML: a test suite for each gate, a test case in it for each model.

    All characters are ASCII, so that it is right in every encoding.
    """
    root = ElementTree.Element("testsuites", name=_for_xml(name))
    for verdict in verdicts:
        cases = cases_of(verdict)
        outcomes = [case.outcome for case in cases]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=verdict.gate,
            tests=str(len(cases)),
            failures=str(outcomes.count("failed")),
            errors="0",
            skipped=str(outcomes.count("not measured")),
        )
        for case in cases:
            _add_case(suite, case)
    ElementTree.indent(root, " ")
    page: bytes = ElementTree.tostring(root, "us-ascii", xml_declaration=True)
    return page.decode() + "\n"


def _add_case(suite: ElementTree.Element, case: Case) -> None:
    # Dots in the name of a class would be read as those of a package.
    facts = {"classname": "rnnbench", "name": f"{case.model}: {case.gate}"}
    element = ElementTree.SubElement(suite, "testcase", facts)
    if case.outcome == "failed":
        ElementTree.SubElement(element, "failure", message=_for_xml(case.reason))
    elif case.outcome == "not measured":
        ElementTree.SubElement(element, "skipped", message="A has no such value")


def _for_xml(text: str) -> str:
    return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", visible(text))
