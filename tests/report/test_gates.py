"""The outcome of gates, for people and for CI."""

from xml.etree import ElementTree

import pytest
from factories import MARGINS, scored_run

from rnnbench.analysis.compare import compare_runs, judge, parse_gate
from rnnbench.report.gates import (
    annotations,
    cases_of,
    gates_table,
    junit,
    verdict_lines,
    workflow_command,
)

SPEED = "ms_per_step rises 1%"


@pytest.fixture(scope="module")
def verdicts():
    """Of three gates on three models, of which one has no steps, and one is gone in B."""
    before, after = (
        scored_run(rights, records={"svm": MARGINS | {"ms_per_step": None}})
        for rights in ({"rnn": [18], "svm": [9], "gru": [5]}, {"rnn": [4], "svm": [9]})
    )
    both = compare_runs(before, after, ["rnn", "svm"])
    gates = ((both, SPEED), (both, "accuracy drops 0.5"), (compare_runs(before, after), SPEED))
    return [judge(parse_gate(text), comparison) for comparison, text in gates]


def test_a_case_is_a_gate_and_a_model(verdicts):
    found = [
        [(case.model, case.outcome, case.reason) for case in cases_of(each)] for each in verdicts
    ]

    assert found == [
        [("rnn", "passed", ""), ("svm", "not measured", "")],
        [("rnn", "failed", "0.9 in A, 0.2 in B"), ("svm", "passed", "")],
        [
            ("gru", "failed", "B lacks the model"),
            ("rnn", "passed", ""),
            ("svm", "not measured", ""),
        ],
    ]


def test_lines_tell_gates_that_passed_and_models_that_failed(verdicts):
    assert verdict_lines(verdicts) == (
        ["passed: ms_per_step rises 1%: 1 model (not measured: svm)"],
        [
            "failed: accuracy drops 0.5: rnn: 0.9 in A, 0.2 in B",
            "failed: ms_per_step rises 1%: gru: B lacks the model",
        ],
    )


def test_the_table_has_a_row_for_each_case(verdicts):
    table = gates_table(verdicts)

    assert table.rows[2] == ["accuracy drops 0.5", "rnn", "failed", "0.9 in A, 0.2 in B"]
    assert len(table.rows) == 7
    assert table.caption == "2 of 3 gates failed."


def test_annotations_are_errors_for_models_that_failed_and_notices_for_gates_that_passed(verdicts):
    assert annotations(verdicts) == [
        "::notice title=passed%3A ms_per_step rises 1%25::rnn",
        "::error title=failed%3A accuracy drops 0.5::rnn: 0.9 in A, 0.2 in B",
        "::error title=failed%3A ms_per_step rises 1%25::gru: B lacks the model",
    ]


def test_text_cannot_end_a_workflow_command_or_begin_another():
    line = workflow_command("error", "a,b:c%\n", "50 %, a: b\r\n::set-output name=x::y\x1b[31m")

    assert line == ("::error title=a%2Cb%3Ac%25%0A::50 %25, a: b␍%0A::set-output name=x::y␛[31m")


def test_junit_has_a_suite_for_each_gate_and_a_test_case_for_each_model(verdicts):
    root = ElementTree.fromstring(junit("after compared with before", verdicts))  # noqa: S314 - ours

    assert (root.tag, root.get("name")) == ("testsuites", "after compared with before")
    counts = [
        [suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")]
        for suite in root
    ]
    assert counts == [
        [SPEED, "2", "0", "0", "1"],
        ["accuracy drops 0.5", "2", "1", "0", "0"],
        [SPEED, "3", "1", "0", "1"],
    ]
    cases = [
        (case.get("name"), [(each.tag, each.get("message")) for each in case]) for case in root[1]
    ]
    assert cases == [
        ("rnn: accuracy drops 0.5", [("failure", "0.9 in A, 0.2 in B")]),
        ("svm: accuracy drops 0.5", []),
    ]


@pytest.mark.parametrize("name", ['<a> & "b"', "é ☃", "\x1b\x00\ufffe\ud800"])
def test_junit_is_ascii_and_well_formed_whatever_a_folder_is_called(verdicts, name):
    text = junit(name, verdicts)

    assert text.isascii()
    root = ElementTree.fromstring(text)  # noqa: S314 - ours
    assert root.get("name") == name or not name.isprintable()
