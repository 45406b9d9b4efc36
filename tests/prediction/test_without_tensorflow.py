"""Without TensorFlow and Keras, all works but networks without machine code."""

import csv
import json

import pytest
from newswires import write_files
from plugin_files import run_rnnbench, write_module

CONFIG = """\
name: tiny
data: {source: sgml, path: sgml, num_words: 60, pad_length: 9, test_split: 0.5}
training: {epochs: 1, batch_size: 8}
models:
  vanilla_rnn:
    layers: [simple_rnn: {units: 5}, dense: &last {units: topics, activation: softmax}]
  lstm: {layers: [lstm: {units: 5}, dense: *last]}
  stacked_gru:
    layers:
      - gru: {units: 4, return_sequences: true}
      - gru: {units: 3}
      - dense: *last
  bayes: {baseline: multinomial_naive_bayes}
  svm: {baseline: tfidf_linear_svm}
  chance: {baseline: most_frequent}
"""
OTHER = """\
name: other
extends: tiny.yaml
models:
  old_gru:
    layers:
      - gru: {units: 3, reset_after: false}
      - dense: {units: topics, activation: softmax}
"""
TEXT = "Net profit rose 7 pct in the quarter"
BLOCKED = "raise ModuleNotFoundError(f'{__name__} is blocked', name=__name__)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_sgml):
    """A working folder, in which both packages cannot be imported."""
    folder = tmp_path_factory.mktemp("blocked")
    write_files(folder / "sgml", tiny_sgml)
    (folder / "tiny.yaml").write_text(CONFIG)
    for package in ("tensorflow", "keras"):
        write_module(folder / "site", package, BLOCKED)
    return folder


@pytest.fixture(scope="module")
def rnnbench(folder):
    """Return the standard output of a command that succeeds."""

    def run(*arguments):
        done = run_rnnbench(*arguments, site=folder / "site", cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def finished(rnnbench):
    """The folder of a run of the notebook's networks and of baselines."""
    rnnbench("run", "tiny.yaml", "--jobs", "1", "--save-models")
    return "results/tiny"


def test_a_run_trains_all_its_models(folder, finished):
    results = json.loads((folder / finished / "results.json").read_text())

    n_trials = {model["name"]: len(model["trials"]) for model in results["models"]}
    assert n_trials == {
        "vanilla_rnn": 1,
        "lstm": 1,
        "stacked_gru": 1,
        "bayes": 1,
        "svm": 1,
        "chance": 1,
    }


@pytest.mark.parametrize("model", ["lstm", "svm"])
def test_a_kept_model_answers_a_text(rnnbench, finished, model):
    answer = json.loads(rnnbench("predict", finished, model, TEXT, "--json"))

    assert answer["model"] == model
    assert answer["predictions"][0]["topics"]


def test_a_table_gets_answers(folder, rnnbench, finished):
    (folder / "new.csv").write_text(f"text\n{TEXT}\n")

    rnnbench("predict", finished, "stacked_gru", "--in", "new.csv", "--out", "out.csv")

    with (folder / "out.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["predicted"]


def test_a_report_is_written(folder, rnnbench, finished):
    rnnbench("report", finished)

    assert (folder / finished / "report.html").is_file()


def test_answers_of_others_are_judged(folder, rnnbench):
    for name in ("good", "poor"):
        right = "yes" if name == "good" else "no"
        rows = ["id,label,prediction"]
        for number in range(40):
            answer = right if number % 2 else "yes"
            rows.append(f"{number},yes,{answer}")
        (folder / f"{name}.csv").write_text("\n".join([*rows, ""]))

    sentence = "good is clearly better than poor"
    assert rnnbench("verdict", "good.csv", "poor.csv").startswith(sentence)


def test_a_network_that_needs_them_names_what_is_missing(folder):
    (folder / "other.yaml").write_text(OTHER)

    command = ("run", "other.yaml", "--models", "old_gru")
    done = run_rnnbench(*command, site=folder / "site", cwd=folder)

    assert done.returncode != 0
    assert "keras is blocked" in done.stderr
