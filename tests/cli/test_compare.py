"""``rnnbench compare``."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from factories import MARGINS, scored_run, write_run

SVM = MARGINS | {"ms_per_step": None}


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """Two finished runs, ``before`` and ``after``, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    before, after = {"rnn": [18], "svm": [9] * 3}, {"rnn": [4], "svm": [9] * 3, "gru": [9]}
    for name, rights, speed in (("before", before, 2.5), ("after", after, 2.0)):
        records = {"rnn": {"ms_per_step": speed}, "svm": SVM}
        write_run(scored_run(rights, folder=name, records=records))


def test_two_runs_stand_side_by_side(cli):
    result = cli("compare", "before", "after")

    assert result.exit_code == 0, result.stderr
    for words in ("-0.7000", "Clearly worse in B: rnn", "Only in B: gru", "config: models.gru"):
        assert words in " ".join(result.stdout.split())
    assert result.stderr == ""


def test_json_is_one_document_and_gates_are_told_on_standard_error(cli):
    result = cli("compare", "before", "after", "--json", "--fail-if", "ms_per_step rises 1%")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["schema_version"] == 4
    assert (document["only_in_a"], document["only_in_b"]) == ([], ["gru"])
    rnn, _ = document["models"]
    assert (rnn["difference"], rnn["is_clear"]) == (pytest.approx(-0.7), True)
    assert (rnn["b"]["metrics"]["accuracy"]["mean"], rnn["speed_ratio"]) == (0.2, 1.25)
    assert document["differences"][0]["key"] == "models.gru"
    assert document["gates"][0]["passed"]
    assert result.stderr == "passed: ms_per_step rises 1%: 1 model (not measured: svm)\n"


def test_a_gate_that_fails_ends_with_1_and_names_model_and_numbers(cli):
    gates = ["accuracy drops 0.5", "accuracy drops significantly", "accuracy drops 70%"]
    result = cli("compare", "before", "after", *(x for gate in gates for x in ("--fail-if", gate)))

    assert result.exit_code == 1
    assert "Clearly worse in B: rnn" in " ".join(result.stdout.split())
    assert "failed: accuracy drops 0.5: rnn: 0.9 in A, 0.2 in B\n" in result.stderr
    assert (
        "failed: accuracy drops significantly: rnn: 0.9 in A, 0.2 in B, p 2e-04\n" in result.stderr
    )
    assert "failed: accuracy drops 70%: rnn" in result.stderr
    assert "svm" not in result.stderr


def test_a_gate_on_significance_refuses_models_with_two_seeds(cli):
    for name, rights in (("two", [18, 17]), ("others", [4, 5])):
        write_run(scored_run({"rnn": rights}, folder=name))

    result = cli("compare", "two", "others", "--fail-if", "accuracy drops significantly")
    by_an_amount = cli("compare", "two", "others", "--fail-if", "accuracy drops 0.5")

    assert (result.exit_code, by_an_amount.exit_code) == (2, 1)
    assert "rnn: too few seeds to tell (use 3 or more in both runs" in result.stderr


def test_a_model_that_vanished_fails_unless_models_leaves_it_out(cli):
    gate = ["--fail-if", "accuracy rises 0.9"]

    with_it = cli("compare", "after", "before", *gate)
    without = cli("compare", "after", "before", *gate, "--models", "rnn,svm")

    assert (with_it.exit_code, without.exit_code) == (1, 0)
    assert with_it.stderr == "failed: accuracy rises 0.9: gru: B lacks the model\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "before"], "nowhere: no results.json in it (should be a folder"),
        (["before", "after", "--models", "rnm"], "no run has a model 'rnm' (allowed: rnn, svm"),
        (["nowhere", "nowhere", "--fail-if", "accuracy"], "--fail-if 'accuracy': should be METRIC"),
        (["before"], "Missing argument"),
    ],
)
def test_wrong_input_ends_with_2_and_prints_no_table(cli, arguments, message):
    result = cli("compare", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


GATES = ("--fail-if", "accuracy drops 0.5", "--fail-if", "ms_per_step rises 1%")


def test_markdown_has_gates_and_accuracies_and_the_rest_to_be_unfolded(cli):
    result = cli("compare", "before", "after", "--format", "markdown", *GATES)

    assert result.exit_code == 1
    assert result.stdout.startswith("### after compared with before\n\n| gate | model | outcome |")
    seen, _, folded = result.stdout.partition("<details>\n<summary>")
    assert "| accuracy drops 0.5 | rnn | failed | 0.9 in A, 0.2 in B |" in seen
    assert "| ms_per_step rises 1% | svm | not measured |  |" in seen
    assert "| rnn | 0.9000 | 0.2000 | -0.7000 |" in seen
    assert "| config: models.gru | - | present |" in folded
    assert folded.endswith("</details>\n")
    assert "failed: accuracy drops 0.5: rnn: 0.9 in A, 0.2 in B\n" in result.stderr


def test_junit_has_the_gates_as_test_cases(cli):
    result = cli("compare", "before", "after", "--format", "junit", *GATES)

    assert result.exit_code == 1
    suites = ElementTree.fromstring(result.stdout)  # noqa: S314 - ours
    assert [suite.get("name") for suite in suites] == [*GATES[1::2]]
    assert [suite.get("failures") for suite in suites] == ["1", "0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "junt"], "--format: no format 'junt' (allowed: table, markdown, junit; did"),
        (["--format", "json"], "--format: no format 'json' (for JSON, use --json)"),
        (["--format", "junit"], "--format junit: needs --fail-if"),
        (["--format", "markdown", "--json"], "--json: not with --format markdown"),
    ],
)
def test_a_format_that_cannot_be_is_refused(cli, arguments, message):
    result = cli("compare", "before", "after", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("arguments", [["compare", "before", "after"], ["leaderboard", "before"]])
def test_no_tensorflow_is_imported(arguments):
    code = (
        f"import sys; sys.argv = ['rnnbench', *{arguments}]\n"
        "from rnnbench.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )

    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_without_duplicates_only_the_other_documents_count(cli):
    facts = {"duplicates": {"other_topics": list(range(10))}}
    for name, right in (("few", 8), ("more", 12)):
        write_run(scored_run({"rnn": [right]}, folder=name, dataset=facts))

    whole = json.loads(cli("compare", "few", "more", "--json").stdout)
    rest = json.loads(cli("compare", "few", "more", "--json", "--without-duplicates").stdout)

    assert whole["models"][0]["difference"] == pytest.approx(4 / 20)
    assert rest["models"][0]["difference"] == pytest.approx(2 / 10)
