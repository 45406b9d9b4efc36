"""The commands ``models list`` and ``models show``."""

import json
import subprocess
import sys

import factories
import pytest

from rnnbench.data import cache
from rnnbench.terminal import console

CONFIG = """
name: a
data: {source: r52, pad_length: 5, num_words: 10, test_split: 0.5}
models:
  reader:
    layers:
      - embedding: {dim: 4}
      - bidirectional: {layer: {lstm: {units: 2, return_sequences: true}}}
      - pooling: {by: max}
      - dense: {units: topics, activation: softmax}
  plain:
    layers: [simple_rnn: {units: 3}, dense: {units: topics, activation: softmax}]
  svm: {baseline: tfidf_linear_svm}
"""


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    """A config in the working folder, and a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console.out, "width", 120)
    (tmp_path / "a.yaml").write_text(CONFIG)


@pytest.fixture
def cached():
    """Documents in the cache: of 8 different words, on 3 topics."""
    cache.store("r52", factories.corpus())


@pytest.mark.usefixtures("cached")
def test_models_are_listed_with_their_layers_and_parameters(cli):
    result = cli("models", "list", "a.yaml")

    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert lines[2:] == [
        "reader network embedding 4 → bidirectional lstm 2 → pooling max → dense topics 167",
        "plain network simple_rnn 3 → dense topics 27",
        "svm baseline tfidf_linear_svm -",
    ]


def test_without_data_models_are_listed_without_parameters(cli):
    result = cli("models", "list", "a.yaml")

    assert result.exit_code == 0
    assert "simple_rnn 3 → dense topics" in result.stdout
    assert "Parameters are not counted: no documents of r52 are cached" in result.stdout
    only_svm = ["--set", "models={svm: {baseline: tfidf_linear_svm}}"]
    assert "not counted" not in cli("models", "list", "a.yaml", *only_svm).stdout


@pytest.mark.usefixtures("cached")
def test_a_list_as_json(cli):
    listed = json.loads(cli("models", "list", "a.yaml", "--json").stdout)["models"]

    assert [(each["name"], each["kind"], each["trainable_params"]) for each in listed] == [
        ("reader", "network", 167),
        ("plain", "network", 27),
        ("svm", "baseline", None),
    ]


@pytest.mark.usefixtures("cached")
def test_a_network_is_shown_layer_by_layer(cli):
    result = cli("models", "show", "a.yaml", "reader")

    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    for line in (
        "reader: embedding 4 → bidirectional lstm 2 → pooling max → dense topics",
        "word ids (batch, 5) 0",
        "embedding 4 (batch, 5, 4) 40",
        "bidirectional lstm 2 (batch, 5, 4) 112",
        "return_sequences: true",
        "pooling max (batch, 4) 0",
        "dense topics (batch, 3) 15",
        "trainable 167",
        "other 0",
    ):
        assert line in lines
    assert "carries a hidden and a cell state each way" in " ".join(lines)


@pytest.mark.usefixtures("cached")
def test_the_steps_before_the_first_layer_are_shown(cli):
    shown = cli(
        *("models", "show", "a.yaml", "plain"),
        *("--set", "models.plain.inputs=scaled_ids"),
    )

    text = " ".join(shown.stdout.split())
    assert "reshape (batch, 5, 1) 0 one feature at each step: the id as a number" in text
    assert "rescaling (batch, 5, 1) 0 divided by 10" in text


@pytest.mark.usefixtures("cached")
def test_a_network_as_json(cli):
    shown = json.loads(cli("models", "show", "a.yaml", "reader", "--json").stdout)

    assert shown["data"]["timesteps"] == 5
    assert (shown["trainable_params"], shown["other_params"]) == (167, 0)
    assert [layer["outputs"] for layer in shown["layers"]] == [
        [[None, 5]],
        [[None, 5, 4]],
        [[None, 5, 4]],
        [[None, 4]],
        [[None, 3]],
    ]
    assert shown["layers"][1]["described_by"]["embedding"]["dim"] == 4


def test_without_data_a_network_cannot_be_shown(cli):
    shown = cli("models", "show", "a.yaml", "reader")
    info = cli("data", "info", "a.yaml")

    assert shown.exit_code == info.exit_code == 2
    assert shown.stderr == info.stderr
    assert "run `rnnbench data prepare --data r52`" in shown.stderr


def test_a_baseline_is_shown_without_data(cli):
    svm, dummy = (
        cli("models", "show", "a.yaml", "svm", "--set", f"models.svm.baseline={kind}")
        for kind in ("tfidf_linear_svm", "most_frequent")
    )

    assert svm.stdout.startswith("svm: tfidf_linear_svm\n\nA linear SVM on TF-IDF;")
    rows = [line.split() for line in svm.stdout.splitlines()]
    assert ["max_ngram", "2"] in rows
    assert ["sublinear_tf", "false"] in rows, "as in YAML"
    assert "It has no parameters." in dummy.stdout
    assert json.loads(cli("models", "show", "a.yaml", "svm", "--json").stdout) == {
        "schema_version": 1,
        "name": "svm",
        "kind": "baseline",
        "baseline": "tfidf_linear_svm",
        "parameters": {
            "analyzer": "word",
            "min_ngram": 1,
            "max_ngram": 2,
            "min_df": 1,
            "char_ngrams": None,
            "sublinear_tf": False,
            "C": 1.0,
        },
    }


def test_a_config_is_found_by_its_name(cli):
    listed = json.loads(cli("models", "list", "baselines", "--json").stdout)["models"]

    assert "tfidf_linear_svm" in [each["name"] for each in listed]
    assert cli("models", "show", "baselines", "tfidf_linear_svm").exit_code == 0
    assert "no such file" in cli("models", "list", "baselnes").stderr


def test_a_model_that_is_not_there_is_the_users_error(cli):
    result = cli("models", "show", "a.yaml", "raeder")

    assert result.exit_code == 2
    assert "MODEL: no model 'raeder'" in result.stderr
    assert "did you mean 'reader'?" in result.stderr


def test_a_grid_is_shown_point_by_point(cli, tmp_path):
    with_grid = "{baseline: tfidf_linear_svm, grid: {baseline.tfidf_linear_svm.C: [1, 2]}}"
    (tmp_path / "a.yaml").write_text(CONFIG.replace("{baseline: tfidf_linear_svm}", with_grid))
    grid = cli("models", "show", "a.yaml", "svm")
    assert (grid.exit_code, grid.stderr) == (
        2,
        "MODEL: 'svm' has a grid; name one of its points (allowed: svm[C=1], svm[C=2])\n",
    )
    assert cli("models", "show", "a.yaml", "svm[C=2]").exit_code == 0


def test_tensorflow_is_not_needed_where_nothing_is_counted():
    code = (
        "import sys; sys.argv = ['rnnbench', 'models', 'list', 'a.yaml']\n"
        "from rnnbench.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )

    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
