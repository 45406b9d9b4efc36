"""Your own texts, from the table to a prediction, and from a grid to the
leaderboard.
"""

import json
from pathlib import Path

import pytest
from newswires import write_table

import rnnbench

CONFIG = """\
name: mine
data: {source: files, train: data/train.csv, test: data/test.csv, label: kind}
training: {epochs: 1, batch_size: 4}
models:
  rnn: {layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]}
  nb: {baseline: multinomial_naive_bayes}
"""
GRID = """\
    grid: {baseline.multinomial_naive_bayes: {alpha: [0.1, 1.5], max_ngram: [1, 2]}}
"""
POINTS = [f"nb[alpha={alpha},max_ngram={n}]" for alpha in (0.1, 1.5) for n in (1, 2)]
TRAIN = [("Cheap pills, buy now", "spam"), ("See you at lunch", "ham")] * 4
TEST = [("Buy cheap pills", "spam"), ("Lunch at noon?", "ham")]


pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder with ``sub/mine.yaml``, ``sub/grid.yaml`` and the tables they
    name.
    """
    monkeypatch.chdir(tmp_path)
    Path("sub/data").mkdir(parents=True)
    Path("sub/mine.yaml").write_text(CONFIG)
    nb = "  nb: {baseline: multinomial_naive_bayes}\n"
    with_grid = f"  nb:\n    baseline: multinomial_naive_bayes\n{GRID}"
    Path("sub/grid.yaml").write_text(CONFIG.replace(nb, with_grid))
    for name, rows in {"train": TRAIN, "test": TEST}.items():
        write_table(Path(f"sub/data/{name}.csv"), rows, ("text", "kind"))


def as_json(cli, *command):
    done = cli(*command, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("one_plot")
def test_a_report_shows_errors_as_they_were_written_with_their_rows(cli):
    rows = [("CHEAP pills?", "ham"), ("Lunch:  cheap!", "spam")]
    write_table(Path("sub/data/test.csv"), rows, ("text", "kind"))
    command = ("run", "sub/mine.yaml", "--models", "nb", "--jobs", 1, "--out", "run")
    assert cli(*command).exit_code == 0

    assert cli("report", "run").exit_code == 0

    report = Path("run/report.md").read_text()
    assert "**ham**, test.csv:2: CHEAP pills?" in report
    assert "**spam**, test.csv:3: Lunch: cheap!" in report


@pytest.mark.usefixtures("one_plot")
def test_your_own_texts_take_the_way_of_all_others(cli):
    info = as_json(cli, "data", "prepare", "sub/mine.yaml")
    assert (info["source"], info["train_size"], info["test_size"]) == ("files", 8, 2)

    run = as_json(cli, "run", "sub/mine.yaml", "--save-models", "--jobs", 1)
    assert [model["name"] for model in run["models"]] == ["rnn", "nb"]
    assert run["models"][1]["metrics"]["accuracy"]["mean"] == 1
    again = cli("run", "results/mine/config.yaml", "--save-models", "--jobs", 1)
    assert "2 of 2 trials are stored already" in again.stderr

    shown = as_json(cli, "data", "show", "results/mine/config.yaml", 9)
    assert (shown["topic"], shown["place"]) == ("ham", "test")
    assert shown["words"] == ["lunch", "at", "noon"]
    assert [entry["models"] for entry in shown["inputs"]] == [["rnn"], ["nb"]]

    assert cli("report", "results/mine").stdout == "results/mine/report.html\n"
    assert "Buy cheap pills" in Path("results/mine/report.html").read_text()
    (predicted,) = as_json(cli, "predict", "results/mine", "rnn", "Pills at NOON")[
        "predictions"
    ]
    assert predicted["unknown_words"] == ["noon"]


def test_a_messy_table_is_enough(cli):
    rows = [
        (number, f"{'buy' if number % 2 else 'see'} you {number}")
        for number in range(40)
    ]
    lines = [f"{n};{text} à côté;{['ham', 'spam'][n % 2]}" for n, text in rows]
    Path("tweets.csv").write_bytes(
        "\n".join(["id;tweet;mood", *lines, "40;;ham"]).encode("cp1252")
    )

    models = "multinomial_naive_bayes,tfidf_linear_svm"
    done = cli("run", "tweets.csv", "--models", models)
    assert done.exit_code == 0, done.stderr
    assert (
        "read as semicolons, cp1252, texts in 'tweet', labels in 'mood'\n"
        in done.stderr
    )
    assert "1 of 41 rows cannot be used: 1 empty text\n  tweets.csv:42: " in done.stderr
    listed = Path("results/tweets/bad_rows.csv").read_text()
    assert listed == "place,reason,fault\ntweets.csv:42,empty text,the text is empty\n"
    assert "without 1 bad row" in Path("results/tweets/table.md").read_text()

    again = cli(
        "run",
        "results/tweets/config.yaml",
        "--models",
        models,
        "--out",
        "results/tweets",
    )
    assert "2 of 2 trials are stored already" in again.stderr
    Path("conf").mkdir()
    assert cli("config", "new", "conf/own.yaml", "--from", "tweets.csv").exit_code == 0
    assert "path: ../tweets.csv\n" in Path("conf/own.yaml").read_text()
    before = Path("tweets.csv").read_bytes()
    refused = cli("config", "new", "tweets.csv", "--from", "tweets.csv", "--force")
    assert refused.exit_code == 2
    assert "tweets.csv: would be read as a table of texts (use .yaml)" in refused.stderr
    assert Path("tweets.csv").read_bytes() == before

    Path("tweets.csv").write_bytes(before.rpartition(b"\n")[0])
    assert cli("run", "tweets.csv", "--models", models).exit_code == 0
    assert not Path("results/tweets/bad_rows.csv").exists(), (
        "which was about other rows"
    )


def test_what_a_flag_says_of_a_table_is_not_detected(cli):
    Path("own.csv").write_text(
        "text;mood;topic\n" + "some words;good;new\nothers;bad;old\n" * 3
    )
    flags = ("--set", "data.label=mood", "--set", "data.encoding=latin-1")
    shown = cli("config", "show", "own.csv", *flags)
    assert (
        shown.stderr
        == "own.csv: read as semicolons, latin-1, texts in 'text', labels in 'mood'\n"
    )
    assert "label: mood\n  delimiter: ;\n  encoding: latin-1\n" in shown.stdout
    wrong = cli("config", "show", "own.csv", "--set", "data.delimiter=long")
    assert wrong.stderr.startswith("--set data.delimiter=long: data.delimiter: ")


def write_folders(folder):
    """Write a folder with a folder of texts for each of two labels."""
    for label in ("cats", "dogs"):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            (folder / label / f"{number}.txt").write_text(f"{label} today {number}")


@pytest.mark.parametrize("command", ["data show", "data prepare", "run", "config show"])
def test_a_folder_of_texts_stands_for_a_config(cli, command):
    write_folders(Path("pets"))
    only = "--set=models={bayes: {baseline: multinomial_naive_bayes}}"

    done = cli(*command.split(), "pets", only)

    assert done.exit_code == 0, done.stderr
    assert "pets" in done.stdout


def test_a_config_is_made_for_a_folder_of_texts(cli):
    write_folders(Path("pets"))

    made = cli("config", "new", "pets.yaml", "--from", "pets")

    assert made.exit_code == 0, made.stderr
    assert "  path: pets\n" in Path("pets.yaml").read_text()
    assert cli("config", "check", "pets.yaml", "--no-build").exit_code == 0


def test_another_folder_is_not_a_config(cli):
    Path("empty").mkdir()

    refused = cli("data", "show", "empty")

    assert refused.exit_code == 2
    message = (
        "empty: is a folder (should be a config file, or a folder with a subfolder of"
    )
    assert refused.stderr.startswith(message)


@pytest.mark.parametrize("where", [["own.csv"], ["--path", "own.csv"]])
@pytest.mark.parametrize("command", ["prepare", "show"])
def test_options_name_the_columns_of_the_texts_to_describe(cli, command, where):
    Path("own.csv").write_text(
        "body,mood,topic\n" + "some words,good,new\nothers,bad,old\n" * 3
    )
    columns = ["--text", "body", "--label", "mood"]

    described = as_json(cli, "data", command, *where, *columns)

    assert described["majority_topic"] in {"good", "bad"}


def test_a_new_config_for_a_table_without_a_clear_label_says_what_is_left_to_do(cli):
    Path("lines.csv").write_text(
        "scene,line\n" + "".join(f"{n},line {n}\n" for n in range(9))
    )
    made = cli("config", "new", "lines.yaml", "--from", "lines.csv")
    assert (
        "holds the labels; set data.label, as in --label NAME, to one of scene (9 values)\n"
        in made.stderr
    )
    refused = cli("config", "new", "lines.yaml", "--from", "line.csv", "--force")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "line.csv: no such table of texts\n",
    )


def test_a_table_is_not_the_name_of_a_source(cli):
    refused = cli("data", "prepare", "--data", "sub/data/train.csv")

    assert refused.exit_code == 2
    assert "a file belongs in data.path, or --path" in refused.stderr


@pytest.mark.usefixtures("one_plot")
def test_the_points_of_a_grid_are_models_like_any_other(cli):
    first = as_json(cli, "run", "sub/grid.yaml", "--models", "nb")
    assert [model["name"] for model in first["models"]] == POINTS

    only = cli(
        "run", "sub/grid.yaml", "--models", f"{POINTS[1]},{POINTS[2]}", "--out", "two"
    )
    assert only.exit_code == 0
    again = cli("run", "results/mine/config.yaml", "--out", "results/mine")
    assert "nb[alpha=0.1,max_ngram=1] seed 0: started" not in again.stderr, (
        "all were stored"
    )
    (ranked,) = as_json(cli, "leaderboard", "results/mine", "two")["leaderboards"]
    assert len(ranked["entries"]) == 4, "the same trials in both runs are shown once"
    compared = as_json(cli, "compare", "results/mine", "two")
    assert [entry["name"] for entry in compared["models"]] == POINTS[1:3]
    assert cli("report", "results/mine").exit_code == 0
    assert "max_ngram" in Path("results/mine/report.md").read_text()

    parameters = "baseline.multinomial_naive_bayes"
    run = rnnbench.load_run("results/mine")
    assert list(run.to_frame()[f"{parameters}.alpha"]) == [0.1, 0.1, 1.5, 1.5]
    assert list(run.to_frame()[f"{parameters}.max_ngram"]) == [1, 2, 1, 2]
    assert list(run.summary_frame()["alpha"][:4]) == [0.1, 0.1, 1.5, 1.5]


def test_models_trained_in_their_own_way_say_so(cli):
    results = as_json(
        cli, "run", "sub/mine.yaml", "--set", "models.rnn.training.epochs=2"
    )

    (rnn,) = [entry for entry in results["models"] if entry["name"] == "rnn"]
    assert rnn["training"] == {"epochs": 2}
    (stored,) = Path("results/mine/trials").glob("rnn-*.json")
    assert json.loads(stored.read_text())["epochs"] == 2
