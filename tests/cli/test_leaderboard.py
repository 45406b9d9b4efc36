"""``rnnbench leaderboard``."""

import json
from pathlib import Path

import pytest
from factories import runs_on_datasets, scored_run, write_run


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


@pytest.fixture
def datasets():
    """Runs on three datasets, of which one has a model more."""
    models = {"rnn": [9], "lstm": [15], "svm": [18]}
    rights = {"r8": models, "r52": models, "mine": models | {"mlp": [3]}}
    return [write_run(run) for run in runs_on_datasets(rights, folder="sets")]


@pytest.mark.parametrize("name", ["ranks.svg", "new/ranks.png", "ranks.PDF"])
def test_a_diagram_of_mean_ranks_over_datasets_is_written(cli, datasets, name):
    result = cli("leaderboard", *datasets, "--plot", name)

    assert result.exit_code == 0, result.stderr
    assert Path(name).stat().st_size > 1000
    assert result.stderr.splitlines() == [
        "mlp: left out, no accuracy on r8 (r8), r52 (r52)",
        f"Written to {name}",
    ]
    text = " ".join(result.stdout.split())
    assert "svm 1.00 1, 1, 1 lstm 2.00 2, 2, 2 rnn 3.00 3, 3, 3" in text
    assert "datasets, the tests have almost no power" in text
    assert "Seeds are not datasets" in text


def test_json_has_the_mean_ranks(cli, datasets):
    result = cli("leaderboard", *datasets, "--plot", "ranks.svg", "--json")

    ranks = json.loads(result.stdout)["mean_ranks"]
    assert ranks["models"] == {"svm": 1, "lstm": 2, "rnn": 3}
    assert ranks["groups"] == [["svm", "lstm"], ["lstm", "rnn"]]
    assert ranks["test"]["df"] == [2, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sets/r8", "--plot", "a.jpg"], "--plot a.jpg: got '.jpg' (allowed: .png, .svg, .pdf)"),
        (["sets/r8", "--plot", "a"], "--plot a: got '' (allowed: .png, .svg, .pdf)"),
        (
            ["old/run", "new/run", "--plot", "a.svg"],
            "needs 2 datasets or more, got 1, made-up (old",
        ),
        (["new/run", "r52", "--plot", "a.svg"], "needs 2 models or more that all datasets have"),
        (["sets/r8", "sets/mine", "--plot", "file/b.svg"], "file: cannot be written: File exists"),
    ],
)
@pytest.mark.usefixtures("datasets")
def test_what_a_diagram_lacks_is_named_and_nothing_is_written(cli, arguments, message):
    Path("file").touch()

    result = cli("leaderboard", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not Path("a.svg").exists()


def test_the_help_says_what_a_diagram_cannot_show(cli):
    text = " ".join(cli("leaderboard", "--help").output.split())

    assert "seeds are not datasets" in text
    assert "describes these datasets and proves nothing about others" in text
