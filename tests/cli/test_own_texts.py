"""A benchmark on texts of the user's own, from the table to a prediction."""

import csv
import json
from pathlib import Path

import pytest

CONFIG = """\
name: mine
data: {source: files, train: data/train.csv, test: data/test.csv, label_column: kind}
training: {epochs: 1, batch_size: 4}
models:
  rnn: {layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]}
  nb: {baseline: multinomial_naive_bayes}
"""
TRAIN = [("Cheap pills, buy now", "spam"), ("See you at lunch", "ham")] * 4
TEST = [("Buy cheap pills", "spam"), ("Lunch at noon?", "ham")]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder with ``sub/mine.yaml`` and the tables it names."""
    monkeypatch.chdir(tmp_path)
    Path("sub/data").mkdir(parents=True)
    Path("sub/mine.yaml").write_text(CONFIG)
    for name, rows in {"train": TRAIN, "test": TEST}.items():
        with Path(f"sub/data/{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "kind"), *rows])


def test_own_texts_take_the_way_of_all_others(cli):
    info = json.loads(cli("data", "prepare", "sub/mine.yaml", "--json").stdout)
    assert (info["source"], info["train_size"], info["test_size"]) == ("files", 8, 2)

    run = json.loads(cli("run", "sub/mine.yaml", "--save-models", "--jobs", 1, "--json").stdout)
    assert [model["name"] for model in run["models"]] == ["rnn", "nb"]
    assert run["models"][1]["metrics"]["accuracy"]["mean"] == 1

    shown = json.loads(cli("data", "show", 9, "results/mine/config.yaml", "--json").stdout)
    assert (shown["topic"], shown["place"]) == ("ham", "test")
    assert shown["words"] == ["lunch", "at", "noon"]
    assert [each["models"] for each in shown["inputs"]] == [["rnn"], ["nb"]]

    assert cli("report", "results/mine").exit_code == 0
    assert "buy cheap pills" in Path("results/mine/report.html").read_text()
    (predicted,) = json.loads(
        cli("predict", "results/mine", "rnn", "Pills at NOON", "--json").stdout
    )["predictions"]
    assert predicted["unknown_words"] == ["noon"]


def test_a_stored_run_of_own_texts_can_be_run_again_from_its_config(cli):
    assert cli("run", "sub/mine.yaml", "--models", "nb", "--jobs", 1).exit_code == 0

    again = cli("run", "results/mine/config.yaml", "--jobs", 1)

    assert "1 of 1 trials are stored already" in again.stderr


def test_a_mistake_in_a_table_is_named_with_its_line(cli):
    Path("sub/data/test.csv").write_text("text,kind\n,ham\n")

    refused = cli("run", "sub/mine.yaml")

    assert (refused.exit_code, refused.stderr) == (2, "sub/data/test.csv:2: the text is empty\n")


def test_a_table_is_not_the_name_of_a_source(cli):
    refused = cli("data", "prepare", "--data", "sub/data/train.csv")

    assert refused.exit_code == 2
    assert "a file belongs in data.path, or --path" in refused.stderr
