"""``rnnbench history``."""

import json

import pytest
from factories import scored_run, write_run


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """Runs of three days in the working folder; the last ones are worse."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for name, day, right in (("third", 3, 4), ("first", 1, 18), ("second", 2, 3)):
        environment = {"date": f"2026-11-0{day}T10:20:30Z"}
        write_run(scored_run({"rnn": [right] * 3}, folder=name, environment=environment))


def test_the_oldest_run_comes_first_and_clear_changes_are_marked(cli):
    result = cli("history", "third", "first", "second")

    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    places = [
        text.index(words)
        for words in (
            "first 2026-11-01 10:20 000000000000 - 0.9000",
            "second 2026-11-02 10:20 000000000000 rnn down 0.1500",
            "third 2026-11-03 10:20 000000000000 - 0.2000",
        )
    ]
    assert places == sorted(places)
    assert result.stderr == ""


def test_json_is_one_document(cli):
    result = cli("history", "first", "second", "--json", "--metric", "accuracy")

    document = json.loads(result.stdout)
    assert document["schema_version"] == 4
    (history,) = document["histories"]
    assert (history["metric"], history["models"]) == ("accuracy", ["rnn"])
    first, second = history["entries"]
    assert (first["date"], first["changes"]) == ("2026-11-01T10:20:30Z", {})
    assert second["values"]["rnn"]["mean"] == 0.15
    assert second["changes"]["rnn"]["is_clear"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["nowhere"], "nowhere: no results.json in it (should be a folder"),
        (["first", "--metric", "acuracy"], "--metric: no metric 'acuracy' (allowed: accuracy, "),
    ],
)
def test_wrong_input_ends_with_2(cli, arguments, message):
    result = cli("history", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
