"""``rnnbench leaderboard``."""

import json
from pathlib import Path

import pytest
from factories import scored_run, write_run


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """Two runs on the same documents and one on others, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    others = {"split_fingerprint": "6" * 64, "source": "r52"}
    for name, rights, dataset in (
        ("old/run", {"rnn": [18], "gru": [2]}, {}),
        ("new/run", {"rnn": [17], "lstm": [19]}, {}),
        ("r52", {"lstm": [9]}, others),
    ):
        write_run(scored_run(rights, folder=name, dataset=dataset))


def test_models_of_all_runs_are_ranked_in_one_table_for_each_set_of_documents(cli):
    result = cli("leaderboard", "old/run", "new/run", "r52")

    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    places = [
        text.index(words)
        for words in (
            "1 lstm new/run", "2 rnn old/run", "3 rnn new/run", "4 gru old/run", "Data: made-up",
            "1 lstm r52", "Data: r52",
        )
    ]  # fmt: skip
    assert places == sorted(places)


def test_json_is_one_document(cli):
    result = cli("leaderboard", "old/run", "new/run", "r52", "--json", "--metric", "macro_f1")

    document = json.loads(result.stdout)
    assert document["schema_version"] == 4
    first, second = document["leaderboards"]
    assert (first["metric"], first["runs"]) == ("macro_f1", ["old/run", "new/run"])
    assert (second["dataset"]["source"], second["entries"][0]["against_best"]) == ("r52", None)
    assert [entry["rank"] for entry in first["entries"]] == [1, 2, 3, 4]
    assert first["entries"][0]["model"]["accuracy_interval_method"] == "Wilson"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["nowhere"], "nowhere: no results.json in it (should be a folder"),
        (["r52", "nowhere"], "nowhere: no results.json in it (should be a folder"),
        (["nowhere", "--metric", "acuracy"], "--metric: no metric 'acuracy' (allowed: accuracy, "),
    ],
)
def test_wrong_input_ends_with_2(cli, arguments, message):
    result = cli("leaderboard", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_files_and_folders_that_are_no_runs_are_left_out_with_a_warning(cli):
    Path("notes.txt").touch()
    Path("empty").mkdir()

    result = cli("leaderboard", "notes.txt", "r52", "empty")

    assert result.exit_code == 0
    assert "r52" in result.stdout
    assert result.stderr.splitlines() == [
        f"{path}: no finished run, left out" for path in ("notes.txt", "empty")
    ]
