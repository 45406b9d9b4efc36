"""``rnnbench run``, as it is typed, on made-up documents and on real ones."""

import csv
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from terminals import run_in_terminal

from rnnbench.analysis.summary import load_run
from rnnbench.results.run import load_results
from rnnbench.results.schema import Results
from rnnbench.results.store import Store

TINY = """\
name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 6, batch_size: 4, seeds: [3, 8], validation_split: 0.25}
models:
  rnn: {layers: [simple_rnn: {units: 3}, dense: {units: topics, activation: softmax}]}
  gru: {layers: [gru: {units: 3}, dense: {units: topics, activation: softmax}]}
  bayes: {baseline: multinomial_naive_bayes}
  random: {baseline: stratified}
  svm: {baseline: {tfidf_linear_svm: {C: 0.5}}}
"""
TRIALS = [f"{name}-seed{seed}" for name in ("gru", "random", "rnn") for seed in (3, 8)]
TRIALS = sorted([*TRIALS, "bayes-seed3", "svm-seed3"])


@pytest.fixture(autouse=True)
def config(tmp_path, tiny_sgml, monkeypatch):
    """A config of small models on made-up documents, in the working folder."""
    monkeypatch.chdir(tmp_path)
    _write_tiny(tmp_path, tiny_sgml)


def _files(folder, kind="trials"):
    """Return the files of the trials in a results folder, by model and seed:
    ``rnn-seed0``.
    """
    files = sorted(Path(folder, kind).glob("*-seed*"))
    return {file.stem.rpartition("-")[0]: file for file in files}


def _write_tiny(folder, files):
    (folder / "tiny.yaml").write_text(TINY)
    (folder / "sgml").mkdir()
    for name, content in files.items():
        (folder / "sgml" / name).write_bytes(content)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_sgml):
    """The folder of a run by a process of its own that kept its networks, and what it
    printed.
    """
    folder = tmp_path_factory.mktemp("finished")
    _write_tiny(folder, tiny_sgml)
    command = [sys.executable, "-m", "rnnbench", "run", "tiny.yaml", "--save-models"]
    environment = os.environ | {
        "RNNBENCH_CACHE": str(folder / "cache"),
        "PYTHONIOENCODING": "utf8",
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "results" / "tiny", done


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of that folder, where the same command goes on with it."""
    return shutil.copytree(finished[0], tmp_path / "results/tiny")


def test_a_run_prints_one_table(finished):
    _, done = finished

    table = done.stdout.partition("─\n")[2]
    first_words = [line.split()[0] for line in table.splitlines() if line.strip()]
    assert first_words == ["rnn", "gru", "bayes", "random", "svm", "always", "Data:"]
    assert done.stdout.endswith(
        "Data: sgml (sgml), 22 documents to test on. Seeds: 3, 8.\n"
    )


def test_a_run_ends_with_the_best_model_before_the_next_command(finished):
    _, done = finished

    for trial in ("gru seed 8", "random seed 8", "svm seed 3"):
        assert f"{trial}: test accuracy" in done.stderr
    best, stored = done.stderr.splitlines()[-2:]
    assert re.fullmatch(
        r"\w+ leads with a test accuracy of [01]\.\d{3} \(95 % .*\. This took \d+ (s|min)\.",
        best,
    )
    assert stored == "Stored in results/tiny/; next: rnnbench report results/tiny"
    for chatter in ("cuda", "oneDNN", "WARNING", "absl", "rebuild TensorFlow"):
        assert chatter not in done.stdout + done.stderr


def test_the_run_leaves_everything_in_its_folder(finished):
    folder, _ = finished

    stems = [
        f"{model.name}-seed{trial.seed}-{trial.fingerprint[:16]}"
        for model in load_results(folder).models
        for trial in model.trials
    ]
    assert sorted(
        str(file.relative_to(folder)) for file in folder.rglob("*.*")
    ) == sorted(
        [".lock", "config.yaml", "constraints.txt", "environment.json", "results.json"]
        + ["table.csv", "table.md", "models/vocabulary.json"]
        + [f"trials/{stem}.json" for stem in stems]
        + [f"predictions/{stem}.npz" for stem in stems]
        + [f"models/{stem}.npz" for stem in stems]
    )
    assert list(_files(folder)) == TRIALS, (
        "a baseline that no seed changes is tried once"
    )


def test_results_json_holds_what_was_measured(finished):
    folder, _ = finished
    results = load_results(folder)

    dataset = results.dataset
    assert (dataset.train_size, dataset.test_size, dataset.source) == (22, 22, "sgml")
    assert [
        (model.name, model.is_baseline, len(model.trials)) for model in results.models
    ] == [
        ("rnn", False, 2),
        ("gru", False, 2),
        ("bayes", True, 1),
        ("random", True, 2),
        ("svm", True, 1),
    ]
    assert results.validation_split == 0.25


def test_the_means_of_results_json_are_those_of_its_predictions(finished):
    folder, _ = finished

    for model in load_results(folder).models:
        accuracies = [trial.metrics["accuracy"] for trial in model.trials]
        assert model.metrics["accuracy"].mean == pytest.approx(np.mean(accuracies))
        for trial in model.trials:
            stored = np.load(
                _files(folder, "predictions")[f"{model.name}-seed{trial.seed}"]
            )
            predicted = stored["scores"].argmax(axis=1)
            assert trial.metrics["accuracy"] == np.mean(predicted == stored["labels"])


def test_results_json_holds_the_costs_of_all_models(finished):
    for model in load_results(finished[0]).models:
        assert (model.ms_per_step is None) is model.is_baseline
        assert 0 < model.predict_ms_per_document.mean < 1000
        assert (model.peak_memory_mb is None) is (sys.platform != "linux")


def test_words_tell_topics_apart(finished):
    results = load_results(finished[0])

    svm = results.models[-1]
    assert svm.metrics["accuracy"].mean > results.dataset.majority_score


def test_the_history_of_a_network_is_stored(finished):
    folder, _ = finished

    for trial in load_run(folder).trials["rnn"]:
        history = trial.record.history
        assert (
            len(history.val_score) == len(history.val_loss) == trial.record.epochs == 6
        )
        assert history.val_score[trial.record.best_epoch - 1] == max(history.val_score)
        assert trial.record.steps == 6 * 5, "17 of 22 documents are five batches of 4"


NAMES = ["rnn", "gru", "bayes", "random", "svm", "always 'earn'"]


def test_the_table_is_stored_with_a_row_for_each_model(finished):
    rows = [*csv.DictReader((finished[0] / "table.csv").open())]

    without = {}
    for column in ("ms_per_step", "predict_ms_per_document", "log_loss"):
        without[column] = [row["model"] for row in rows if not row[f"{column}_mean"]]
    assert [row["model"] for row in rows] == NAMES
    assert without == {
        "ms_per_step": NAMES[2:],
        "predict_ms_per_document": NAMES[-1:],
        "log_loss": ["svm", "always 'earn'"],
    }


def test_a_quiet_run_prints_the_first_table_alone(cli, copied):  # noqa: ARG001
    quiet = _run(cli, "--quiet")

    assert not re.search("stored|Stored|best", quiet.stderr)
    assert "ms per step" not in quiet.stdout


def test_all_stored_tables_are_printed_if_wanted(cli, copied):
    verbose = _run(cli, "--verbose")

    starts = tuple(f"| {name} |" for name in NAMES)
    in_tables = [
        line
        for line in (copied / "table.md").read_text().splitlines()
        if line.startswith(starts)
    ]
    assert len(in_tables) > len(NAMES)
    printed = " ".join(verbose.stdout.split())
    assert all(
        cell in printed for line in in_tables for cell in line.strip("| ").split(" | ")
    )
    assert "Seeds: 3, 8. Epoch: the best of 6 on 25% of the training" in printed
    assert "Engine: native" in printed


def _run(cli, *arguments):
    """Run the tiny benchmark, or what ``arguments`` make of it; return its output."""
    result = cli("run", "tiny.yaml", *arguments)
    assert result.exit_code == 0, result.output
    return result


def _content(folder):
    """Return the content of all files of trials, and when each was written."""
    files = [
        file
        for kind in ("trials", "predictions", "models")
        for file in folder.glob(f"{kind}/*")
    ]
    return {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def test_a_rerun_of_the_stored_config_trains_nothing_without_tensorflow(
    copied, finished
):
    before = _content(copied)
    environment = (copied / "environment.json").read_text()
    (copied / "constraints.txt").unlink()
    code = (
        "import sys\n"
        "sys.argv = 'rnnbench run results/tiny/config.yaml --json'.split()\n"
        "from rnnbench.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )

    rerun = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )

    assert rerun.returncode == 0, rerun.stderr
    assert "8 of 8 trials are stored already and are not trained again" in rerun.stderr
    assert _content(copied) == before
    assert (copied / "environment.json").read_text() == environment
    assert (copied / "constraints.txt").read_text() == (
        finished[0] / "constraints.txt"
    ).read_text()
    printed = Results.model_validate_json(rerun.stdout)
    assert printed == load_results(copied)
    assert printed.models == load_results(finished[0]).models


@pytest.mark.usefixtures("quick")
def test_what_is_damaged_or_was_not_kept_is_trained_again(cli, copied):
    run = load_run(copied)
    Store(copied).save(run.trials["gru"][0])  # as without --save-models
    network = _files(copied, "models")["rnn-seed3"]
    record = _files(copied)["svm-seed3"]
    for file in (network, record):
        file.write_bytes(file.read_bytes()[:-30])

    said = _run(cli, "--save-models").stderr

    for file in (network, record):
        assert f"unusable result: {file.relative_to(Path.cwd())}: " in said
    assert "5 of 8 trials are stored already and are not trained again" in said
    assert set(re.findall(r"(\w+ seed \d): test", said)) == {
        "gru seed 3",
        "rnn seed 3",
        "svm seed 3",
    }
    assert [*_files(copied, "models")] == TRIALS
    again = load_run(copied).trials
    for name in ("gru", "rnn", "svm"):
        assert_array_equal(again[name][0].scores, run.trials[name][0].scores)


@pytest.mark.usefixtures("one_plot")
def test_a_compact_run_gives_the_same_tables_and_keeps_its_networks(cli, copied):
    def shown():
        printed = [
            cli(command, copied).stdout for command in ("leaderboard", "compare")
        ]
        cli("report", copied, "--words", "0")
        page, _, _ = (copied / "report.md").read_text().partition("## Reproduce")
        return [*printed, page, (copied / "table.md").read_text()]

    tables = shown()
    files = _content(copied)
    results = load_results(copied)

    said = _run(cli, "--save-models", "--compact").stderr

    assert "8 of 8 trials are stored already and are not trained again" in said
    compact = _content(copied)
    networks = set(copied.glob("models/*.npz"))
    assert {file for file in files if compact[file] == files[file]} == networks
    assert (
        load_results(copied).model_copy(update={"command": results.command}) == results
    )
    assert shown() == tables
    _run(cli)
    assert _content(copied) == compact, "stored trials stay compact"


@pytest.mark.usefixtures("quick")
def test_trials_of_two_configurations_stand_beside_each_other(cli, copied):
    before = _content(copied)
    arguments = ("--models", "gru,svm")

    said = _run(
        cli, *arguments, "--epochs", "1", "--set", "training.batch_size=8"
    ).stderr

    assert "1 of 3 trials are stored" in said, "the baseline knows no batches"
    assert _content(copied).items() > before.items()
    assert load_results(copied).epochs == 1
    assert "3 of 3 trials are stored already" in _run(cli, *arguments).stderr
    assert load_results(copied).epochs == 6


@pytest.mark.usefixtures("quick")
def test_trials_that_are_made_afresh_replace_those_that_are_stored(cli, copied):
    before = _content(copied)
    _run(cli, "--models", "bayes", "--fresh", "--quiet", "--json")
    after = _content(copied)
    changed = {
        file.stem.partition("-")[0]
        for file in before
        if after.get(file) != before[file]
    }
    assert changed == {"bayes"}


@pytest.mark.usefixtures("quick")
def test_stored_trials_of_another_version_are_trained_again(cli, copied):
    record = _files(copied)["svm-seed3"]
    record.write_text(
        json.dumps(json.loads(record.read_text()) | {"schema_version": 1})
    )

    said = _run(cli, "--models", "svm,bayes").stderr

    assert (
        "not used, but trained again: 1 stored trial of another version of rnnbench\n"
        in said
    )
    assert "1 of 2 trials are stored already" in said


def test_what_cannot_fit_in_memory_is_not_begun(cli, copied, monkeypatch):  # noqa: ARG001
    monkeypatch.setattr("rnnbench.runner.forecast.usable_memory", lambda: 10**6)

    stored = cli("run", "tiny.yaml")
    assert stored.exit_code == 0, "nothing is trained"

    done = cli("run", "tiny.yaml", "--fresh", "--models", "svm")
    assert done.exit_code == 2
    assert "(models.svm: leave it out (--models))" in done.stderr


def test_a_narrow_terminal_without_unicode_gets_progress_and_table_all_the_same():
    command = [
        sys.executable,
        "-m",
        "rnnbench",
        "run",
        "tiny.yaml",
        "--models",
        "random",
    ]
    environment = os.environ | {
        "PYTHONIOENCODING": "ascii",
        "TERM": "xterm",
        "NO_COLOR": "1",
    }

    table, shown = run_in_terminal([*command, "--jobs", "1"], 40, environment)

    assert "? 0." in table
    assert max(map(len, table.splitlines())) <= 40, (
        "as wide as the terminal beside the pipe"
    )
    rows = [
        line.rstrip()
        for line in shown
        if re.match(r"0/2 trials|random +seed \d +[a-z]", line)
    ]
    assert "0/2 trials" in rows
    assert any(re.fullmatch(r"random +seed [38] +[a-zA-Z ]+", row) for row in rows)
    assert max(map(len, rows)) <= 40
    assert any(
        re.match(r"random seed 8: test accuracy 0\.\d{4},", line) for line in shown
    )
    assert list(_files("results/tiny")) == ["random-seed3", "random-seed8"]
    assert not Path("results/tiny/models").exists(), "nothing was to be kept"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--epochs", "0"],
            "--epochs: training.epochs: got 0 (should be greater than 0)",
        ),
        (["--seeds", "x"], "--seeds: training.seeds: got 'x'"),
        (
            ["--seeds", ","],
            "--seeds: training.seeds: got [] (allowed: a number from 1 to 10,000",
        ),
        (
            ["--models", ""],
            "models: names no model (allowed: rnn, gru, bayes, random, svm)",
        ),
        (["--data", "kears"], "did you mean 'keras'?"),
        (["--path", "nowhere"], "nowhere: no such file or folder"),
        (
            ["--set", "training.validation_split=0.04"],
            "training.validation_split: 0.04 of 22 training documents leaves 0 to validate on",
        ),
        (["--out", "tiny.yaml"], "tiny.yaml: is a file, not a folder (use --out"),
        (["--out", "q/\udcff"], r"q/\udcff: the name of the folder is not in UTF-8"),
        (["--out", "x" * 300], "File name too long"),
        (
            ["--executor", "locl"],
            "no executor 'locl' (allowed: local, dask; did you mean",
        ),
    ],
)
def test_a_wrong_option_trains_nothing(cli, arguments, message):
    result = cli("run", "tiny.yaml", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("results").exists()


def _start_and_wait_for(words, *arguments):
    """Start a run in a process group of its own; return it, and what it said until
    ``words``.
    """
    command = [sys.executable, "-m", "rnnbench", "run", "tiny.yaml", "--jobs", "1"]
    command += ["--models", "bayes,rnn", "--seeds", "1", "--epochs", "100000"]
    command += arguments
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = subprocess.Popen(command, start_new_session=True, **pipes)
    assert running.stderr is not None
    said = ""
    for line in running.stderr:
        said += line
        if words in line:
            break
    return running, said


def test_a_signal_ends_a_run_at_once_with_the_results_of_what_finished(
    cli, tmp_path, monkeypatch
):
    how = signal.SIGTERM
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    signal.signal(
        how, signal.SIG_DFL
    )  # else the run inherits it from tests under nohup
    running, said = _start_and_wait_for("bayes seed 0: test accuracy", "--fresh")

    os.killpg(running.pid, how)
    start = time.monotonic()
    table, more = running.communicate()
    said += more

    assert running.returncode == 128 + how, said
    assert time.monotonic() - start < 10
    assert "Interrupted; 1 of 2 trials are stored in results/tiny/" in said
    again = said.strip().rpartition("\n")[2]
    assert again.startswith(
        "  rnnbench run tiny.yaml --jobs 1 --models bayes,rnn --seeds 1"
    )
    assert "--fresh" not in again
    assert "Traceback" not in said
    assert "1 of 2 trials are missing: rnn seed 0 (not run: interrupted)" in " ".join(
        table.split()
    )
    assert "rnn not run: interrupted - -" in " ".join(table.split())
    assert list(_files("results/tiny")) == ["bayes-seed0"]
    assert _is_gone_within(10, running.pid)
    assert not list((tmp_path / "temporary").iterdir())
    shown = cli("leaderboard", "results/tiny")
    assert shown.exit_code == 0
    assert (
        "results/tiny: partial: 1 of 2 trials are missing: rnn seed 0" in shown.stderr
    )


def test_a_second_run_is_refused_until_the_first_one_is_killed_which_leaves_no_process(
    cli,
):
    running, _ = _start_and_wait_for("rnn seed 0: started")

    refused = cli("run", "tiny.yaml", "--models", "bayes", "--seeds", "1")
    running.kill()
    running.wait()

    assert refused.exit_code == 2
    holder = f"process {running.pid} on {platform.node()}, since 20"
    assert f"results/tiny: another process is writing there: {holder}" in refused.stderr
    assert "--models bayes,rnn --seeds 1 --epochs 100000\nWait until" in refused.stderr
    assert _is_gone_within(20, running.pid)
    _run(cli, "--models", "bayes")


def _is_gone_within(seconds, group):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
