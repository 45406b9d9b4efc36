import json
from pathlib import Path

import pytest

from rnnbench.cli.options import INTERRUPTED
from rnnbench.results.speed import SpeedResults
from rnnbench.speed import benchmark, gemm

TINY = """\
name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 2, batch_size: 4}
models:
  rnn: {layers: [simple_rnn: {units: 6}, dense: {units: topics, activation: softmax}]}
"""


@pytest.fixture(autouse=True)
def config(tmp_path, tiny_sgml_folder, monkeypatch):
    """A config of one small model on made-up wires, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gemm, "SECONDS", 0.02)
    text = TINY.replace("path: sgml", f"path: {tiny_sgml_folder}")
    Path("tiny.yaml").write_text(text)


def test_it_prints_the_tables_and_stores_what_was_measured(cli):
    result = cli("bench-speed", "tiny.yaml", "--only", "compiled,keras", "--rounds", "2")

    assert result.exit_code == 0, result.stderr
    for words in ("all trainings, s", "keras /", "Compiled: one process a core", "GFLOP/s"):
        assert words in result.stdout
    assert "round 2 of 2: keras" in result.stderr
    stored = SpeedResults.model_validate_json(Path("results/speed-tiny/speed.json").read_text())
    assert [each.name for each in stored.contenders] == ["compiled", "keras"]
    assert [len(each.rounds) for each in stored.contenders] == [2, 2]
    assert [each.model for each in stored.product_times] == ["rnn"]
    assert "| all trainings, s |" in Path("results/speed-tiny/speed.md").read_text()


def test_json_prints_what_is_stored(cli):
    result = cli(
        "bench-speed", "tiny.yaml", "--only", "compiled-1", "--rounds", "1", "--json", "--quiet"
    )

    assert json.loads(result.stdout) == json.loads(
        Path("results/speed-tiny/speed.json").read_text()
    )
    assert "round" not in result.stderr


SVM = "models.svm={baseline: tfidf_linear_svm}"


def test_baselines_are_not_timed_and_no_wires_are_held_out(cli):
    changes = ["--set", SVM, "--set", "training.validation_split=0.5"]
    result = cli(
        "bench-speed", "tiny.yaml", "--only", "compiled-1", "--rounds", "1", "--json", *changes
    )

    assert result.exit_code == 0, result.stderr
    timed = SpeedResults.model_validate_json(result.stdout)
    assert [each.model for each in timed.product_times] == ["rnn"]
    (trial,) = timed.contenders[0].rounds[0].trials
    assert (trial.model, trial.steps) == ("rnn", 2 * 6), "22 wires are six batches of 4"
    assert "svm" not in Path("results/speed-tiny/speed-config.yaml").read_text()


def test_baselines_alone_cannot_be_timed(cli):
    result = cli("bench-speed", "tiny.yaml", "--set", SVM, "--models", "svm")

    assert result.exit_code == 2
    assert "tiny: no model to time (should have a model with layers)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "fastest"], "--only: unknown contender 'fastest'"),
        (["--only", "keras,keras"], "--only: 'keras' is named twice"),
        (["--epochs", "1"], "training.epochs: got 1, allowed: 2 or more"),
        (["--rounds", "0"], "greater than or equal to 1"),
        (["--models", "lstm"], "--models: no model 'lstm'"),
        (["--out", "tiny.yaml"], "tiny.yaml: cannot write there"),
    ],
)
def test_a_wrong_option_trains_nothing(cli, arguments, message):
    result = cli("bench-speed", "tiny.yaml", *arguments)

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_training_that_fails_is_named(cli):
    changes = ["--set", "training.optimizer=sgd", "--set", "training.learning_rate=1.0e+300"]
    result = cli("bench-speed", "tiny.yaml", "--only", "compiled-1", *changes)

    assert result.exit_code == 1
    assert "compiled-1: rnn seed 0 failed: it diverged" in result.stderr
    assert not Path("results/speed-tiny/speed.json").exists()


def test_ctrl_c_says_how_many_rounds_are_stored(cli, monkeypatch):
    def press_ctrl_c(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "measure_products", press_ctrl_c)
    result = cli("bench-speed", "tiny.yaml", "--only", "compiled")

    assert result.exit_code == INTERRUPTED
    assert "Interrupted. 0 of 3 rounds are stored." in result.stderr
