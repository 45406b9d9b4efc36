"""A grid, from its config to the leaderboard; baselines train fast."""

import csv
import json
from pathlib import Path

import pytest
from in_process import InProcess

import rnnbench
from rnnbench import job

CONFIG = """\
name: mine
data: {source: files, path: texts.csv, test_split: 0.4}
training: {epochs: 1, batch_size: 4}
models:
  nb:
    baseline: multinomial_naive_bayes
    grid: {baseline.multinomial_naive_bayes: {alpha: [0.1, 1.5], max_ngram: [1, 2]}}
  rnn:
    layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]
"""
POINTS = [f"nb[alpha={alpha},max_ngram={n}]" for alpha in (0.1, 1.5) for n in (1, 2)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(job, "executor_class", lambda _: InProcess)  # workers start slowly
    Path("mine.yaml").write_text(CONFIG)
    with Path("texts.csv").open("w", newline="") as file:
        rows = [
            (f"cheap pills {n}", "spam") if n % 2 else (f"lunch at {n}", "ham") for n in range(20)
        ]
        csv.writer(file).writerows([("text", "label"), *rows])


def test_the_points_of_a_grid_are_models_like_any_other(cli):
    first = json.loads(cli("run", "mine.yaml", "--models", "nb", "--json").stdout)
    assert [model["name"] for model in first["models"]] == POINTS

    only = cli("run", "mine.yaml", "--models", f"{POINTS[1]},{POINTS[2]}", "--out", "two")
    assert only.exit_code == 0
    again = cli("run", "results/mine/config.yaml", "--out", "results/mine")
    assert "nb[alpha=0.1,max_ngram=1] seed 0: started" not in again.stderr, "all were stored"
    board = cli("leaderboard", "results/mine", "two", "--json")
    (ranked,) = json.loads(board.stdout)["leaderboards"]
    assert len(ranked["entries"]) == 4, "the same trials in both runs are shown once"
    compared = cli("compare", "results/mine", "two", "--json")
    assert [each["name"] for each in json.loads(compared.stdout)["models"]] == POINTS[1:3]
    assert cli("report", "results/mine").exit_code == 0
    assert "max_ngram" in Path("results/mine/report.md").read_text()


def test_frames_have_a_column_for_each_setting_that_differs():
    run = rnnbench.run("mine.yaml", models="nb", progress=False)

    parameters = "baseline.multinomial_naive_bayes"
    frame = run.to_frame()
    assert list(frame[f"{parameters}.alpha"]) == [0.1, 0.1, 1.5, 1.5]
    assert list(frame[f"{parameters}.max_ngram"]) == [1, 2, 1, 2]
    assert list(run.summary_frame()["alpha"][:4]) == [0.1, 0.1, 1.5, 1.5]


def test_a_list_on_the_command_line_makes_a_grid(cli):
    key = "models.nb.baseline.multinomial_naive_bayes.alpha"
    run = cli("run", "mine.yaml", "--models", "nb", "--set", f"{key}=[3]", "--json")
    assert [model["name"] for model in json.loads(run.stdout)["models"]] == [
        "nb[max_ngram=1]",
        "nb[max_ngram=2]",
    ]


def test_models_trained_in_their_own_way_say_so(cli):
    own = cli("run", "mine.yaml", "--set", "models.rnn.training.epochs=2", "--json")
    (rnn,) = [each for each in json.loads(own.stdout)["models"] if each["name"] == "rnn"]
    assert rnn["training"] == {"epochs": 2}
    (stored,) = Path("results/mine/trials").glob("rnn-*.json")
    assert json.loads(stored.read_text())["epochs"] == 2
