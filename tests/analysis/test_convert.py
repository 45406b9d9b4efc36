"""Runs of rnnbench 0.4, which are converted when they are first read."""

import json
import logging
import os
import shutil

import numpy as np
import pytest
from factories import MARGINS, finished_run, write_run

from rnnbench.analysis import convert
from rnnbench.analysis.load import load_run, load_summary
from rnnbench.errors import UserError
from rnnbench.results import run as runs
from rnnbench.results.lock import lock_folder
from rnnbench.results.store import Store
from rnnbench.storage import DamagedResultError, OtherVersionError, sha256_file, write_facts

ANSWERS = {"rnn": [[0, 0, 0, 1], [0, 0, 1, 2]], "svm": [[2, 0, 1, 1]]}
CONVERTED = (
    "converted from rnnbench 0.4, which stored no probabilities below 1.2e-38; table.md and "
    "table.csv still show its intervals, p-values and log-loss"
)


def change(file, **changes):
    """Change a document, or remove keys with the value ``...``, and store its new checksum."""
    document = json.loads(file.read_text()) | changes
    del document["checksum"]
    write_facts(file, {key: value for key, value in document.items() if value is not ...})


def as_written_by_0_4(folder):
    """Turn the folder of a run back: probabilities, and a log-loss that is too low."""
    for file in folder.glob("trials/*.json"):
        changes = {"schema_version": 3}
        if json.loads(file.read_text())["score_kind"] == "log_probabilities":
            predictions = folder / "predictions" / f"{file.stem}.npz"
            with np.load(predictions) as stored:
                labels, logs = stored["labels"], stored["scores"]
            probabilities = np.exp(logs).round(6)
            np.savez_compressed(predictions, labels=labels, scores=probabilities)
            changes |= {
                "score_kind": "probabilities",
                "predictions_sha256": sha256_file(predictions),
            }
        change(file, **changes)
    summary = folder / "results.json"
    document = json.loads(summary.read_text())
    models, dataset = document["models"], document["dataset"]
    for each in (*models, *(trial for model in models for trial in model["trials"])):
        each["metrics"] |= {"log_loss": each["metrics"]["accuracy"]}
    for model in models:
        del model["is_random"]
        model["accuracy_interval_method"] = "Wilson"
    for comparison in document["comparisons"]:
        del comparison["n_seeds"]
    del dataset["duplicates"], dataset["whole_duplicates"]
    dataset |= {"overlap": 2, "overlap_same_label": 1}
    change(summary, **document | {"schema_version": 3, "without_duplicates": ...})
    return folder


@pytest.fixture
def run(tmp_path):
    unknown = {"duplicates": None, "whole_duplicates": None}
    folder = tmp_path / "old"
    return finished_run(ANSWERS, folder=folder, records={"svm": MARGINS}, dataset=unknown)


@pytest.fixture
def old(run):
    """The folder of a run, as rnnbench 0.4 left it."""
    return as_written_by_0_4(write_run(run))


@pytest.fixture
def predictions(old):
    """The predictions of a trial with probabilities."""
    (file,) = old.glob("predictions/rnn-seed0*.npz")
    return file


@pytest.fixture
def record(old, predictions):
    """The record of that trial."""
    return old / "trials" / f"{predictions.stem}.json"


def files_of(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*.*") if file.is_file()}


def test_a_run_is_converted_once_and_says_so(run, old, caplog):
    before = files_of(old)

    converted = load_run(old)
    again = load_run(old)

    assert converted.results == again.results == run.results
    for name, trials in run.trials.items():
        for ours, theirs in zip(again.trials[name], trials, strict=True):
            assert ours.record == theirs.record
            np.testing.assert_array_equal(ours.scores, theirs.scores)
    assert files_of(old) == before | {".lock"}
    assert caplog.messages == [f"{old}: {CONVERTED}"]


def test_a_command_converts_a_run_and_says_so(cli, old):
    result = cli("leaderboard", old, "--metric", "log_loss")

    assert result.exit_code == 0
    assert f"{old}: {CONVERTED}" in " ".join(result.stderr.split())
    assert "0.866" in result.stdout, "six right answers have 1/2, the other two topics 1/4"


def test_a_summary_that_is_read_alone_is_converted_with_its_trials(run, old):
    assert load_summary(old) == run.results
    shutil.rmtree(old / "predictions")
    assert load_summary(old) == run.results


def test_a_probability_of_0_has_a_finite_logarithm(old, predictions, record):
    scores = np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [1, 0, 0]], np.float32)
    np.savez_compressed(predictions, labels=[0, 0, 1, 2], scores=scores)
    change(record, predictions_sha256=sha256_file(predictions))

    found = load_run(old)

    floor = np.log(np.finfo(np.float32).tiny)
    assert found.trials["rnn"][0].scores.min() == pytest.approx(floor)
    loss = found.results.models[0].trials[0].metrics["log_loss"]
    assert loss == pytest.approx((np.log(2) - floor) / 4)


def test_a_report_with_the_old_log_loss_is_removed(old):
    (old / "report.md").write_text("# old\n\n## Accuracy\n\n0.5\n\n## Reproduce\n")

    load_run(old)

    assert not (old / "report.md").exists()


STEPS = [(convert, "write_facts", 3), (runs, "write_text", 1), (convert, "sha256_file", 4)]
"""The conversion of older runs, which is done once."""


@pytest.mark.parametrize(
    ("module", "name", "after"),
    [(module, name, after) for module, name, times in STEPS for after in range(times)],
)
def test_a_conversion_that_was_interrupted_is_taken_up_again(
    run, old, monkeypatch, module, name, after
):
    step, calls = getattr(module, name), iter(range(after))

    def fail(*arguments):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(module, name, fail)
    with pytest.raises(KeyboardInterrupt):
        load_run(old)
    monkeypatch.undo()
    before = files_of(old)

    found = load_run(old)

    assert found.results == run.results
    np.testing.assert_array_equal(found.trials["rnn"][1].scores, run.trials["rnn"][1].scores)
    assert files_of(old) == {file for file in before if not file.endswith(".new")}


def test_a_trial_that_was_trained_again_after_an_interrupted_conversion_is_kept(run, old):
    (trial, _) = run.trials["rnn"]
    Store(old).save(trial)
    (predictions,) = old.glob("predictions/rnn-seed0*.npz")
    predictions.with_name(f"{predictions.name}.new").write_bytes(b"of the conversion")

    assert load_run(old).results == run.results

    assert not list(old.glob("predictions/*.new"))


def test_a_summary_whose_trials_were_not_kept_loses_its_log_loss_and_keeps_its_verdicts(run, old):
    shutil.rmtree(old / "trials")
    shutil.rmtree(old / "predictions")

    found = load_summary(old)

    assert "log_loss" not in found.metrics
    expected = run.results.model_dump()
    expected["metrics"].remove("log_loss")
    for model in expected["models"]:
        for each in (model, *model["trials"]):
            each["metrics"].pop("log_loss", None)
    for model in expected["models"]:
        model["pretrained"] = "nothing"
    assert found.model_dump() == expected


def test_a_run_that_was_finished_while_the_conversion_waited_is_kept(run, old, monkeypatch):
    """As if another process had written it just before the folder was locked."""
    lock, newer = (
        convert.lock_folder,
        finished_run(ANSWERS | {"more": [[0, 0, 0, 0]]}, folder=run.folder),
    )

    def finish_and_lock(*arguments):
        write_run(newer)
        return lock(*arguments)

    monkeypatch.setattr(convert, "lock_folder", finish_and_lock)

    assert load_run(old).results == newer.results


@pytest.mark.parametrize(
    ("scores", "fault"),
    [
        (-np.ones((4, 3), np.float32), "its scores are not probabilities"),
        (np.ones((4, 2), np.float32), "has other test documents"),
        (np.ones((4, 3), np.int32), "wrong type"),
    ],
    ids=["below 0", "other topics", "no numbers"],
)
def test_forged_scores_are_refused(old, predictions, record, scores, fault):
    np.savez(predictions, labels=np.zeros(4, np.int32), scores=scores)
    change(record, predictions_sha256=sha256_file(predictions))

    with pytest.raises(DamagedResultError, match=f"^unusable result: .*{fault}"):
        load_run(old)


@pytest.mark.parametrize("kind", [..., None, "scores", ["probabilities"]])
def test_a_record_without_a_kind_of_scores_is_named(old, record, kind):
    change(record, score_kind=kind)

    with pytest.raises(DamagedResultError, match=rf"^unusable result: {record}: score_kind: "):
        load_run(old)


@pytest.mark.parametrize("forged", [{"fingerprint": "../" * 20}, {"fingerprint": "7"}])
def test_a_forged_summary_names_no_file(old, forged):
    models = json.loads((old / "results.json").read_text())["models"]
    models[0]["trials"][0] |= forged
    change(old / "results.json", models=models)
    before = files_of(old)

    with pytest.raises(DamagedResultError, match="is not the name of a trial"):
        load_run(old)

    assert files_of(old) == before | {".lock"}


@pytest.mark.parametrize(
    "forged",
    [
        {"models": None},
        {"models": [{}]},
        {"models": [[]]},
        {"models": [{"name": [], "trials": []}]},
        {"models": [{"name": "rnn", "trials": [7], "metrics": []}]},
        {"metrics": None},
    ],
    ids=str,
)
def test_a_forged_summary_is_refused(old, forged):
    change(old / "results.json", **forged)

    with pytest.raises(DamagedResultError, match=rf"^unusable result: {old / 'results.json'}: "):
        load_run(old)


@pytest.mark.parametrize("damaged", ["trials/rnn-seed1*", "predictions/rnn-seed1*", "config.yaml"])
@pytest.mark.parametrize("is_missing", [False, True], ids=["damaged", "missing"])
def test_a_file_that_is_not_as_it_was_written_is_named(old, damaged, is_missing):
    (file,) = old.glob(damaged)
    file.write_bytes(file.read_bytes()[:-20])
    if is_missing:
        file.unlink()

    with pytest.raises(DamagedResultError, match=f"{file}: "):
        load_run(old)


def test_a_folder_that_another_process_writes_into_is_not_converted(old):
    before = files_of(old)

    with lock_folder(old, "rnnbench run x"), pytest.raises(UserError, match="rnnbench run x"):
        load_run(old)

    assert files_of(old) == before | {".lock"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(old):  # pragma: no cover
    old.chmod(0o500)

    with pytest.raises(UserError, match=f"{old}: cannot be written"):
        load_run(old)


def test_a_run_of_this_version_is_left_alone(run, caplog):
    folder = write_run(run)
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}

    with caplog.at_level(logging.INFO):
        load_run(folder)

    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before
    assert not caplog.messages


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (2, "rnnbench 0.3 wrote it; read it once with rnnbench 0.4, which converts it, or run "),
        (5, "it has schema version 5, but this rnnbench reads version 4; run the benchmark again"),
    ],
)
def test_a_run_of_any_other_version_is_refused(old, version, message):
    change(old / "results.json", schema_version=version)
    before = files_of(old)

    with pytest.raises(OtherVersionError, match=f"^unusable result: {old}/results.json: {message}"):
        load_run(old)

    assert files_of(old) == before
