"""``rnnbench bench-speed``, as it is typed."""

import json
from pathlib import Path

import pytest
from in_process import InProcess

from rnnbench.plugins.speed import contenders, measure
from rnnbench.plugins.speed.records import SpeedResults

TINY = """\
name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 2, batch_size: 4}
models:
  rnn: {layers: [simple_rnn: {units: 6}, dense: {units: topics, activation: softmax}]}
"""
SVM = "models.svm={baseline: tfidf_linear_svm}"
FOLDER = Path("results/speed-tiny")


@pytest.fixture
def bench(cli, tmp_path, tiny_sgml_folder, monkeypatch):
    """Run the command on one small model and made-up newswires, in a working folder of
    its own.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measure, "PRODUCT_SECONDS", 0.02)
    Path("tiny.yaml").write_text(
        TINY.replace("path: sgml", f"path: {tiny_sgml_folder}")
    )
    return lambda *arguments: cli("bench-speed", "tiny.yaml", *arguments)


def test_it_prints_the_tables_that_it_stores(bench):
    result = bench("--only", "native,native-1", "--rounds", "1")

    assert result.exit_code == 0, result.stderr
    for words in ("all trainings, s", "native /", "Native: machine code", "GFLOP/s"):
        assert words in result.stdout
    assert "round 1 of 1: native-1" in result.stderr
    stored = SpeedResults.model_validate_json((FOLDER / "speed.json").read_text())
    assert [contender.name for contender in stored.contenders] == ["native", "native-1"]
    assert [len(contender.rounds) for contender in stored.contenders] == [1, 1]
    assert [product.model for product in stored.product_times] == ["rnn"]
    for rate in stored.products:
        work = 2 * rate.rows * rate.inner * rate.columns
        assert rate.gflops == pytest.approx(work / rate.microseconds / 1000)
    tables = (FOLDER / "speed.md").read_text()
    for words in ("| all trainings, s |", "| contender |", "| product |"):
        assert tables.count(words) == 1


def test_only_networks_are_timed_on_all_documents(bench):
    result = bench(
        "--only", "native", "--rounds", "2", "--json", "--quiet",
        "--set", SVM, "--set", "training.validation_split=0.5",
        "--set", "training.early_stopping={patience: 1}",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    assert "round" not in result.stderr
    assert json.loads(result.stdout) == json.loads((FOLDER / "speed.json").read_text())
    timed = SpeedResults.model_validate_json(result.stdout)
    assert (timed.schema_version, [time.model for time in timed.product_times]) == (
        1,
        ["rnn"],
    )
    trials = [trial for table in timed.contenders[0].rounds for trial in table.trials]
    assert [(trial.model, trial.steps) for trial in trials] == 2 * [("rnn", 2 * 6)], (
        "22 documents are six batches of 4"
    )
    assert "svm" not in (FOLDER / "speed-config.yaml").read_text()


def test_pytorch_takes_part_in_both_ways(bench):
    pytest.importorskip("torch")

    result = bench("--only", "torch,torch-packed,native", "--rounds", "1")

    assert result.exit_code == 0, result.stderr
    for words in ("| torch / native |", "| torch-packed / native |"):
        assert words in (FOLDER / "speed.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", ","], "--only: no contender '' (allowed: native,"),
        (["--epochs", "1"], "training.epochs: got 1 (allowed: 2 or more,"),
        (["--rounds", "0"], "greater than or equal to 1"),
        (["--models", "lstm"], "--models: no model 'lstm'"),
        (
            ["--set", SVM, "--models", "svm"],
            "tiny: no model to time (should have a model with",
        ),
        (
            ["--out", "tiny.yaml"],
            "tiny.yaml: is a file, not a folder (use --out to name a new",
        ),
    ],
)
def test_a_wrong_option_trains_nothing(bench, arguments, message):
    result = bench(*arguments)

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


class Here(InProcess):
    """Trains in this process, where TensorFlow may have been imported before."""

    def __init__(self, jobs, threads):
        super().__init__(jobs)
        self.threads = threads


def test_a_model_that_one_contender_cannot_train_is_timed_with_the_others(
    bench, monkeypatch
):
    monkeypatch.setattr(contenders, "LocalExecutor", Here)
    layers = (
        "[gru: {units: 2, dropout: 0.5}, dense: {units: topics, activation: softmax}]"
    )
    only = ["--only", "native,keras", "--rounds", "1", "--json"]

    result = bench(*only, "--set", f"models.dropping={{layers: {layers}}}")

    assert result.exit_code == 0, result.stderr
    native, keras = json.loads(result.stdout)["contenders"]
    assert [trial["model"] for trial in native["rounds"][0]["trials"]] == ["rnn"]
    assert (native["cannot_train"], keras["cannot_train"]) == (["dropping"], [])
    assert "native cannot train dropping" in (FOLDER / "speed.md").read_text()


def test_a_training_that_fails_is_named(bench):
    result = bench("--only", "native", "--set", "training.learning_rate=1.0e+300")

    assert result.exit_code == 1
    assert "native: rnn seed 0 failed: it diverged" in result.stderr
    assert not (FOLDER / "speed.json").exists()


def test_ctrl_c_says_how_many_rounds_are_stored(bench, monkeypatch):
    def press_ctrl_c(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "time_products", press_ctrl_c)
    result = bench("--only", "native")

    assert result.exit_code == 130
    assert "Interrupted. 0 of 3 rounds are stored." in result.stderr
