"""``rnnbench badge``."""

import json
from pathlib import Path

import pytest
from factories import scored_run, write_run


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    """A finished run in the working folder."""
    monkeypatch.chdir(tmp_path)
    return write_run(scored_run({"rnn": [18], "gru": [9]}, folder="run"))


def test_a_badge_is_printed(cli):
    result = cli("badge", "run", "--metric", "macro_f1", "--model", "gru")

    badge = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert list(badge) == ["schemaVersion", "label", "message", "color"]
    assert (badge["label"], badge["color"]) == ("macro-F1", "blue")
    assert badge["message"].startswith("gru 0.")


def test_a_badge_is_written_into_a_file_of_any_folder(cli):
    printed = cli("badge", "run").stdout

    result = cli("badge", "run", "--out", "public/badge.json")

    assert (result.stdout, result.stderr) == ("", "Written to public/badge.json\n")
    assert Path("public/badge.json").read_text() == printed
    assert json.loads(printed)["message"] == "rnn 0.9000"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no results.json in it"),
        (["run", "--model", "lstm"], "--model: no model 'lstm' (allowed: rnn, gru"),
        (["run", "--metric", "f1"], "--metric: no metric 'f1'"),
        (["run", "--out", "run"], "run: cannot be written: Is a directory"),
    ],
)
def test_wrong_input_ends_with_2(cli, arguments, message):
    result = cli("badge", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
