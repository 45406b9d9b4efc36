import csv
import inspect
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import in_process
import numpy as np
import pytest
import yaml
from plugin_files import write_distribution
from typer.testing import CliRunner

from rnnbench.analysis.load import load_run
from rnnbench.cli.app import app
from rnnbench.registry import Registry
from rnnbench.results.run import load_results
from rnnbench.results.schema import Results
from rnnbench.results.store import Store
from rnnbench.runner import executors
from rnnbench.runner.executors import Executor, LocalExecutor
from rnnbench.terminal.options import INTERRUPTED

CONFIGS = Path(__file__).parents[2] / "configs"

TINY = """\
name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 2, batch_size: 4, seeds: 2}
models:
  rnn: {layers: [simple_rnn: {units: 3}, dense: {units: topics, activation: softmax}]}
  gru: {layers: [gru: {units: 3}, dense: {units: topics, activation: softmax}]}
"""


@pytest.fixture(autouse=True)
def config(tmp_path, tiny_sgml, monkeypatch):
    """A config of two small models on made-up wires, in the working folder."""
    monkeypatch.chdir(tmp_path)
    _write_tiny(tmp_path, tiny_sgml)


def _files(folder, kind="trials", pattern="*"):
    """Return the files of the trials in a results folder, by model and seed: ``rnn-seed0``."""
    found = sorted(Path(folder, kind).glob(f"{pattern}-seed*"))
    return {file.stem.rpartition("-")[0]: file for file in found}


def _write_tiny(folder, files):
    (folder / "tiny.yaml").write_text(TINY)
    (folder / "sgml").mkdir()
    for name, content in files.items():
        (folder / "sgml" / name).write_bytes(content)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_sgml):
    """The folder of a run of the tiny benchmark by a process of its own, and what it printed."""
    folder = tmp_path_factory.mktemp("finished")
    _write_tiny(folder, tiny_sgml)
    command = [sys.executable, "-m", "rnnbench", "run", "tiny.yaml"]
    environment = os.environ | {"RNNBENCH_CACHE": str(folder / "cache")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "results" / "tiny", done


def test_the_table_goes_to_standard_output_and_all_else_to_standard_error(finished):
    _, done = finished

    assert "always 'earn'" in done.stdout
    assert "Seeds: 0, 1. Epoch: the last of 2. Engine: compiled" in " ".join(done.stdout.split())
    assert "seed 1" not in done.stdout
    assert "gru seed 1: test accuracy" in done.stderr


def test_nothing_of_tensorflows_chatter_reaches_the_user(finished):
    _, done = finished

    for word in ("cuda", "oneDNN", "WARNING", "absl", "rebuild TensorFlow"):
        assert word not in done.stdout + done.stderr


def test_the_run_leaves_everything_in_its_folder(finished):
    folder, _ = finished

    trials = [
        f"{model.name}-seed{trial.seed}-{trial.fingerprint[:16]}"
        for model in load_results(folder).models
        for trial in model.trials
    ]
    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*.*")) == sorted(
        [".lock", "config.yaml", "environment.json", "results.json", "table.csv", "table.md"]
        + [f"trials/{trial}.json" for trial in trials]
        + [f"predictions/{trial}.npz" for trial in trials]
    )


def test_results_json_holds_what_was_measured(finished):
    folder, _ = finished
    results = load_results(folder)

    assert (results.dataset.train_size, results.dataset.test_size) == (22, 22)
    assert results.dataset.source == "sgml"
    assert [model.name for model in results.models] == ["rnn", "gru"]
    for model in results.models:
        accuracies = [trial.metrics["accuracy"] for trial in model.trials]
        assert model.accuracy.mean == pytest.approx(np.mean(accuracies))
        assert model.accuracy.n == 2
        for trial in model.trials:
            stored = np.load(_files(folder, "predictions")[f"{model.name}-seed{trial.seed}"])
            predicted = stored["scores"].argmax(axis=1)
            assert trial.metrics["accuracy"] == np.mean(predicted == stored["labels"])


def test_the_resolved_config_runs_the_same_benchmark(finished, cli):
    folder, _ = finished

    rerun = cli("run", folder / "config.yaml", "--out", folder)

    assert rerun.exit_code == 0
    assert "4 of 4 trials are stored and not trained again" in rerun.stderr


def test_tables_are_stored_as_markdown_and_csv(finished):
    folder, _ = finished

    assert "| rnn |" in (folder / "table.md").read_text()
    rows = list(csv.DictReader((folder / "table.csv").open()))
    assert [row["model"] for row in rows] == ["rnn", "gru", "always 'earn'"]


def _run(cli, *arguments):
    result = cli("run", "tiny.yaml", "--models", "rnn", "--seeds", "1", "--epochs", "1", *arguments)
    assert result.exit_code == 0, result.output
    return result


def test_a_rerun_trains_nothing_says_so_and_needs_no_tensorflow(cli):
    _run(cli)
    (trial,) = _files("results/tiny").values()
    before = trial.stat().st_mtime_ns
    environment = Path("results/tiny/environment.json").read_text()

    rerun = _run(cli)

    assert "1 of 1 trials are stored and not trained again" in rerun.stderr
    assert trial.stat().st_mtime_ns == before
    assert Path("results/tiny/environment.json").read_text() == environment
    code = (
        "import sys\n"
        "sys.argv = 'rnnbench run tiny.yaml --models rnn --seeds 1 --epochs 1'.split()\n"
        "from rnnbench.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_fresh_trains_again(cli):
    _run(cli)
    (trial,) = _files("results/tiny").values()
    before = trial.stat().st_mtime_ns

    _run(cli, "--fresh")

    assert trial.stat().st_mtime_ns > before


def test_a_damaged_trial_is_named_and_trained_again(cli):
    _run(cli)
    (file,) = _files("results/tiny").values()
    file.write_text(file.read_text()[:-30])

    rerun = _run(cli)

    assert "unusable result" in rerun.stderr
    assert str(file) in rerun.stderr
    assert "rnn seed 0: test accuracy" in rerun.stderr


def test_flags_beat_the_file_only_when_given(cli):
    _run(cli, "--set", "training.batch_size=8", "--out", "elsewhere")

    resolved = yaml.safe_load(Path("elsewhere/config.yaml").read_text())
    assert resolved["training"] == {
        "epochs": 1,
        "batch_size": 8,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "validation_split": 0.0,
        "engine": "compiled",
        "seeds": [0],
    }
    assert resolved["data"]["maxlen"] == 50
    assert list(resolved["models"]) == ["rnn"]


def test_json_prints_the_results_for_machines(cli):
    result = _run(cli, "--json", "--quiet")

    printed = Results.model_validate_json(result.stdout)
    assert printed == load_results(Path("results/tiny"))
    assert "trained" not in result.stderr
    assert "test accuracy" not in result.stderr


BASELINES = """\
name: baselines
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {seeds: [3, 8]}
models:
  bayes: {baseline: multinomial_naive_bayes}
  random: {baseline: stratified}
  svm: {baseline: {tfidf_linear_svm: {C: 0.5}}}
"""


def _run_apart(folder, files, *arguments):
    """Run a config of a folder with made-up wires in it, with one worker; return the outcome."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("RNNBENCH_CACHE", str(folder / "cache"))
        _write_tiny(folder, files)
        (folder / "baselines.yaml").write_text(BASELINES)
        done = CliRunner().invoke(app, ["run", "--jobs", "1", *arguments])
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def baselines(tmp_path_factory, tiny_sgml):
    """The folder of a run of baselines, and its output."""
    folder = tmp_path_factory.mktemp("baselines")
    return folder / "results/baselines", _run_apart(folder, tiny_sgml, "baselines.yaml")


def _rows_by_model(tables):
    """Return what Markdown tables say of each model, by their headers."""
    found = {}
    for table in re.split(r"\n\n(?=\| )", tables):
        lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line[:1] == "|"]
        headers, _, *rows = lines
        for row in rows if headers[0] == "model" else ():
            found.setdefault(row[0], {}).update(zip(headers, row, strict=True))
    return found


def test_baselines_are_tried_as_often_as_a_seed_changes_them_and_come_in_the_tables(baselines):
    folder, done = baselines

    trials = ["bayes-seed3", "random-seed3", "random-seed8", "svm-seed3"]
    assert list(_files(folder)) == trials
    assert "random seed 8: test accuracy" in done.stderr
    rows = _rows_by_model((folder / "table.md").read_text())
    assert list(rows) == ["bayes", "random", "svm", "always 'earn'"]
    assert [name for name, row in rows.items() if row.get("ms per step") == "-"] == [
        "bayes",
        "random",
        "svm",
    ]
    assert [name for name, row in rows.items() if row.get("log-loss") == "-"] == ["svm"]
    printed = " ".join(done.stdout.split())
    for row in rows.values():
        for cell in row.values():
            assert cell in printed


def test_results_json_tells_of_baselines_that_they_are_some(cli, baselines):
    folder, _ = baselines

    rerun = cli("run", folder / "config.yaml", "--out", folder, "--jobs", "1", "--json")

    assert "4 of 4 trials are stored and not trained again" in rerun.stderr
    printed = Results.model_validate_json(rerun.stdout)
    assert printed == load_results(folder) == load_run(folder).results
    assert [(model.name, model.is_baseline) for model in printed.models] == [
        ("bayes", True),
        ("random", True),
        ("svm", True),
    ]
    bayes, random, svm = printed.models
    assert [trial.seed for trial in random.trials] == [3, 8]
    assert (bayes.accuracy.n, random.accuracy.n, svm.accuracy.n) == (1, 2, 1)
    assert bayes.mean("log_loss") > 0
    assert svm.mean("log_loss") is None, "a margin is no probability"
    for model in printed.models:
        assert model.ms_per_step is None
        records = [trial.record for trial in load_run(folder).trials[model.name]]
        assert {(record.epochs, record.best_epoch) for record in records} == {(0, None)}
    words_tell_the_topics_apart = svm.accuracy.mean
    assert words_tell_the_topics_apart > printed.dataset.majority_accuracy


@pytest.fixture(scope="module")
def validated(tmp_path_factory, tiny_sgml):
    """The folder of a run with validation wires, of a network and a baseline, and its output."""
    folder = tmp_path_factory.mktemp("validated")
    options = ["training.validation_split=0.25", "models.svm.baseline=tfidf_linear_svm"]
    changes = [part for option in options for part in ("--set", option)]
    arguments = ["tiny.yaml", "--models", "rnn,svm", "--epochs", "6", *changes]
    return folder / "results/tiny", _run_apart(folder, tiny_sgml, *arguments)


def test_the_caption_says_which_epoch_was_taken(validated):
    folder, done = validated

    words = "Epoch: the best of 6 on 25% of the training newswires."
    assert words in " ".join(done.stdout.split())
    assert words in (folder / "table.md").read_text()


def test_a_network_tells_its_best_epoch_and_its_scores_on_validation_wires(validated):
    folder, _ = validated
    run = load_run(folder)

    assert run.results.validation_split == 0.25
    records = {name: [trial.record for trial in each] for name, each in run.trials.items()}
    assert [record.seed for record in records["rnn"]] == [0, 1]
    for record in records["rnn"]:
        history = record.history
        assert len(history.val_accuracy) == len(history.val_loss) == record.epochs == 6
        assert history.val_accuracy[record.best_epoch - 1] == max(history.val_accuracy)
        assert record.steps == 6 * 5, "17 of 22 wires are five batches of 4"
    assert [record.best_epoch for record in records["svm"]] == [None]


SVM_TOO = ["--set", "models.svm.baseline=tfidf_linear_svm"]
ONE_EPOCH = ["--seeds", "1", "--epochs", "1", "--jobs", "1"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory, tiny_sgml):
    """The folder of a run that kept its two networks, and has a baseline too."""
    folder = tmp_path_factory.mktemp("kept")
    _run_apart(folder, tiny_sgml, "tiny.yaml", *SVM_TOO, *ONE_EPOCH, "--save-models")
    return folder / "results/tiny"


@pytest.fixture
def copy_of_kept(kept, tmp_path):
    """A copy of that folder where the same command goes on with it."""
    return shutil.copytree(kept, tmp_path / "results/tiny")


def _run_again(cli, *arguments):
    again = cli("run", "tiny.yaml", *SVM_TOO, *ONE_EPOCH, *arguments)
    assert again.exit_code == 0, again.output
    return again.stderr


def _models_in(folder):
    return {file.name: file.read_bytes() for file in folder.glob("*.keras")}


def test_trained_networks_are_kept_where_that_is_asked_for_and_baselines_are_not(kept, finished):
    assert list(_files(kept, "models")) == ["gru-seed0", "rnn-seed0"]
    assert (kept / "models/vocabulary.json").exists()
    assert list(_files(kept)) == ["gru-seed0", "rnn-seed0", "svm-seed0"]
    assert not (finished[0] / "models").exists(), "it was not asked for"


def test_a_kept_model_gives_the_scores_that_are_stored(kept):
    from rnnbench.data.dataset import make_dataset
    from rnnbench.data.load import load_corpus
    from rnnbench.models.build import predict
    from rnnbench.models.saved import load

    run = load_run(kept)
    x_test = make_dataset(load_corpus(run.benchmark.data).corpus, run.benchmark.data).x_test

    for name in ("rnn", "gru"):
        scores = predict(load(_files(kept, "models")[f"{name}-seed0"]), x_test)
        np.testing.assert_allclose(scores, run.trials[name][0].scores, atol=1e-6)


@pytest.mark.parametrize("flags", [["--save-models"], []], ids=["kept again", "not asked for"])
def test_a_network_that_was_kept_is_not_trained_again(cli, copy_of_kept, flags):
    before = _models_in(copy_of_kept / "models")

    said = _run_again(cli, *flags)

    assert "3 of 3 trials are stored and not trained again" in said
    assert _models_in(copy_of_kept / "models") == before
    assert (copy_of_kept / "models/vocabulary.json").exists()


def test_a_network_that_was_not_kept_or_is_damaged_is_trained_again_to_be_kept(cli, copy_of_kept):
    store, before = Store(copy_of_kept), load_run(copy_of_kept).trials["gru"][0]
    store.save(replace(before, model=None))  # as a run without --save-models leaves it
    damaged = _files(copy_of_kept, "models")["rnn-seed0"]
    damaged.write_bytes(damaged.read_bytes()[:-20])

    said = _run_again(cli, "--save-models")

    assert f"unusable result: {damaged.relative_to(Path.cwd())}: not what was stored" in said
    assert "gru-seed0" not in said, "it is not damaged"
    assert "1 of 3 trials are stored and not trained again" in said
    for name in ("rnn", "gru"):
        assert f"{name} seed 0: test accuracy" in said
    assert list(_files(copy_of_kept, "models")) == ["gru-seed0", "rnn-seed0"]
    again = load_run(copy_of_kept).trials["gru"][0]
    np.testing.assert_array_equal(again.scores, before.scores)


def test_networks_of_two_configurations_are_kept_beside_each_other(cli, copy_of_kept):
    before = _models_in(copy_of_kept / "models")

    said = _run_again(cli, "--save-models", "--set", "training.batch_size=8")

    assert "1 of 3 trials are stored" in said, "the baseline knows no batches"
    after = _models_in(copy_of_kept / "models")
    assert after.items() > before.items()
    assert len(after) == 4

    said = _run_again(cli, "--save-models")

    assert "3 of 3 trials are stored and not trained again" in said
    assert _models_in(copy_of_kept / "models") == after


def test_seeds_can_be_listed(cli):
    _run(cli, "--seeds", "3,5")

    assert list(_files("results/tiny")) == ["rnn-seed3", "rnn-seed5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs: training.epochs: got 0 (should be greater than 0)"),
        (["--seeds", "x"], "--seeds: training.seeds: got 'x'"),
        (["--models", "lstm"], "--models: no model 'lstm' (allowed: rnn, gru)"),
        (["--models", ""], "--models: names no model (allowed: rnn, gru)"),
        (["--data", "kears"], "did you mean 'keras'?"),
        (["--path", "nowhere"], "nowhere: no such file or folder"),
        (["--set", "training.epochs"], "should be key.path=value"),
        (["--set", "training.epoch=3"], "did you mean 'epochs'?"),
        (["--set", "models.svm.baseline=tfidf_linear_smv"], "did you mean 'tfidf_linear_svm'?"),
        (["--set", "training.validation_split=1"], "got 1 (should be less than 1)"),
        (
            ["--set", "training.validation_split=0.04"],
            "training.validation_split: 0.04 of 22 training wires leaves 0 to validate on and 22 "
            "to train on",
        ),
        (["--out", "tiny.yaml"], "tiny.yaml: cannot write there"),
        (["--executor", "locl"], "--executor: no executor 'locl' (allowed: local; did you mean"),
    ],
)
def test_a_wrong_option_trains_nothing(cli, arguments, message):
    result = cli("run", "tiny.yaml", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("results").exists()


def _start_and_wait_for(words, *arguments):
    """Start a run in a process group of its own; return it, and what it said until ``words``."""
    command = [sys.executable, "-m", "rnnbench", "run", "tiny.yaml", "--jobs", "1"]
    command += ["--seeds", "1", "--epochs", "300", *arguments]
    # Else a run would inherit it from tests in the background of a shell that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert running.stderr is not None
    said = ""
    for line in running.stderr:
        said += line
        if words in line:
            break
    return running, said


def test_ctrl_c_stops_at_once_keeps_what_finished_and_leaves_no_process():
    running, said = _start_and_wait_for("gru seed 0: test accuracy", "--epochs", "2000")
    os.killpg(running.pid, signal.SIGINT)
    start = time.monotonic()
    said += running.stderr.read()

    assert running.wait() == INTERRUPTED, said
    assert time.monotonic() - start < 10
    assert "Interrupted. Everything that finished is stored." in said
    assert "Traceback" not in said
    assert list(_files("results/tiny")) == ["gru-seed0"]
    assert _is_gone_within(10, running.pid)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_killed_leaves_no_process(how):
    running, _ = _start_and_wait_for("gru seed 0: started")
    running.send_signal(how)
    running.wait()

    assert _is_gone_within(20, running.pid)


NB = "models.nb.baseline.multinomial_naive_bayes.alpha"


def test_two_runs_that_want_one_folder_do_not_mix(cli):
    """The second one is refused while the first one trains, and later has results of its own."""
    running, said = _start_and_wait_for(
        "rnn seed 0: started", "--models", "nb,rnn", "--epochs", "600", "--set", f"{NB}=1"
    )
    other = ("run", "tiny.yaml", "--models", "nb", "--seeds", "1", "--set", f"{NB}=50")

    refused = cli(*other)

    assert refused.exit_code == 2
    message = " ".join(refused.stderr.split())
    assert "results/tiny: another process is writing there: process" in message
    assert f"process {running.pid} on {platform.node()}, since 20" in message
    assert f"--models nb,rnn --epochs 600 --set {NB}=1" in message
    assert "with --out" in message
    said += running.stderr.read()
    assert running.wait() == 0, said
    first = load_run(Path("results/tiny"))
    assert cli(*other, "--out", "alone").exit_code == 0
    assert cli(*other).exit_code == 0
    second, alone = load_run(Path("results/tiny")), load_run(Path("alone"))
    assert first.config["models"]["nb"]["baseline"]["multinomial_naive_bayes"]["alpha"] == 1
    assert second.trials["nb"][0].record.fingerprint == alone.trials["nb"][0].record.fingerprint
    assert first.trials["nb"][0].record.fingerprint != alone.trials["nb"][0].record.fingerprint
    np.testing.assert_array_equal(second.trials["nb"][0].scores, alone.trials["nb"][0].scores)


def test_the_lock_of_a_run_that_was_killed_is_no_obstacle(cli):
    running, _ = _start_and_wait_for("gru seed 0: started")
    running.kill()
    running.wait()

    _run(cli)


def test_trials_run_where_an_installed_package_has_them_run(cli, install, tmp_path, monkeypatch):
    modules = {"made_up": inspect.getsource(in_process), "fails": "raise OSError('no cluster')"}
    entries = {"in-process": "made_up:InProcess", "broken": "fails:x"}
    group = "rnnbench.executors"
    install(write_distribution(tmp_path / "site", entries, modules, group=group))
    fresh = Registry("executor", Executor, [LocalExecutor], holds_classes=True)
    monkeypatch.setattr(executors, "EXECUTORS", fresh)

    there = _run(cli, "--executor", "in-process", "--out", "there")

    assert "rnn seed 0: started" in there.stderr
    assert "1 of 1 trials are stored" in _run(cli, "--out", "there", "--jobs", "2").stderr
    refused = cli("run", "tiny.yaml", "--executor", "broken")
    assert refused.exit_code == 2
    assert "executor 'broken' of the package made-up cannot be loaded" in refused.stderr


def _is_gone_within(seconds, group):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_terminal_that_has_no_plus_minus_gets_the_table_all_the_same(cli):
    _run(cli, "--seeds", "2")
    command = [
        "-m",
        "rnnbench",
        "run",
        "tiny.yaml",
        "--models",
        "rnn",
        "--seeds",
        "2",
        "--epochs",
        "1",
    ]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}

    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, check=True
    )

    assert b"? 0." in done.stdout


def test_the_smoke_benchmark_runs_on_real_newswires():
    command = [sys.executable, "-m", "rnnbench", "run", CONFIGS / "smoke.yaml", "--json", "--quiet"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["dataset"]["source"] in ("keras", "sgml", "r52")
    dataset = results["dataset"]
    n_topics = len(dataset["topics"])
    assert (dataset["train_size"], dataset["test_size"], n_topics) in (
        (1395, 599, 46),
        (2243, 974, 52),
    )
    rest = 51 * (n_topics - 46)  # R52 has more topics than the Keras set
    networks = [model for model in results["models"] if not model["is_baseline"]]
    assert {model["name"]: model["params"] - rest for model in networks} == {
        "vanilla_rnn": 4_946,
        "stacked_vanilla_rnn": 9_996,
        "lstm": 12_746,
        "stacked_lstm": 32_946,
    }
    for model in networks:
        assert model["metrics"]["accuracy"]["mean"] >= dataset["majority_accuracy"] - 0.05
    baselines = [model for model in results["models"] if model["is_baseline"]]
    assert [model["name"] for model in baselines] == ["multinomial_naive_bayes", "tfidf_linear_svm"]
    for model in baselines:
        assert model["metrics"]["accuracy"]["mean"] > dataset["majority_accuracy"]
