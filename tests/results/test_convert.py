"""Runs of rnnbench 0.3, which are converted when they are first read."""

import json
import logging
import os
import re

import numpy as np
import pytest
from factories import finished_run, write_run

from rnnbench.analysis.load import load_run
from rnnbench.errors import UserError
from rnnbench.results import convert
from rnnbench.results.lock import lock_folder
from rnnbench.results.store import Store
from rnnbench.storage import DamagedResultError, sha256_file, write_facts

ANSWERS = {"rnn": [[0, 0, 0, 1], [0, 0, 1, 2]], "svm": [[2, 0, 1, 1]]}


def as_written_by_0_3(folder, *, superseded=()):
    """Turn the folder of a run back; trials of the models ``superseded`` were set aside."""
    for file in [*folder.glob("trials/*.json")]:
        document = json.loads(file.read_text())
        del document["checksum"]
        old = {"schema_version": 2, "accuracy": 0.5, "scores": document.pop("score_kind")}
        write_facts(file, document | old)
        stem = re.sub(r"-[0-9a-f]{16}$", "", file.stem)
        for each in folder.glob(f"*/{file.stem}.*"):
            if document["model"] in superseded:
                (folder / "superseded").mkdir(exist_ok=True)
                each.rename(folder / "superseded" / each.name)
            else:
                each.rename(each.with_stem(stem))
    document = json.loads((folder / "results.json").read_text())
    metrics = document.pop("metrics")
    del document["checksum"]
    for model in document["models"]:
        for each in (model, *model["trials"]):
            each.update(dict.fromkeys(metrics) | each.pop("metrics"))
    write_facts(folder / "results.json", document | {"schema_version": 2})
    return folder


@pytest.fixture
def run(tmp_path):
    return finished_run(ANSWERS, folder=tmp_path / "old")


@pytest.fixture
def old(run):
    """The folder of a run, as rnnbench 0.3 left it."""
    return as_written_by_0_3(write_run(run))


def files_of(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*.*") if file.is_file()}


@pytest.mark.parametrize("superseded", [(), ("rnn",), ("rnn", "svm")])
def test_a_run_is_converted_once_and_says_so(run, caplog, superseded):
    before = files_of(write_run(run))
    as_written_by_0_3(run.folder, superseded=superseded)
    assert files_of(run.folder) != before

    converted = load_run(run.folder)
    again = load_run(run.folder)

    assert converted.results == again.results == run.results
    for name, trials in run.trials.items():
        for ours, theirs in zip(again.trials[name], trials, strict=True):
            assert ours.record == theirs.record
            np.testing.assert_array_equal(ours.scores, theirs.scores)
    assert files_of(run.folder) == before | {".lock"}
    assert caplog.messages == [f"{run.folder}: converted from an older version of rnnbench"]


def test_a_network_that_was_kept_moves_with_its_trial(old):
    (old / "models").mkdir()
    network = old / "models" / "rnn-seed0.keras"
    network.write_bytes(b"a trained network")
    file = old / "trials" / "rnn-seed0.json"
    document = json.loads(file.read_text()) | {"model_sha256": sha256_file(network)}
    del document["checksum"]
    write_facts(file, document)

    trial = load_run(old).trials["rnn"][0].record

    kept = Store(old).model_file("rnn", trial.seed, trial.fingerprint)
    assert kept.read_bytes() == b"a trained network"


@pytest.mark.parametrize("after", range(4))
def test_a_conversion_that_was_interrupted_is_taken_up_again(run, old, monkeypatch, after):
    write, calls = convert.write_facts, iter(range(after))

    def fail(*arguments):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        write(*arguments)

    monkeypatch.setattr(convert, "write_facts", fail)
    with pytest.raises(KeyboardInterrupt):
        load_run(old)
    monkeypatch.undo()

    assert load_run(old).results == run.results


def test_a_trial_of_another_config_stays_where_it_is(run):
    """The trial that was set aside is the one of the summary."""
    as_written_by_0_3(write_run(run), superseded=["rnn"])
    other = run.folder / "trials" / "rnn-seed0.json"
    document = json.loads((run.folder / "trials" / "svm-seed0.json").read_text())
    del document["checksum"]
    write_facts(other, document | {"model": "rnn", "fingerprint": "f" * 64})
    before = other.read_bytes()

    assert load_run(run.folder).results == run.results

    assert other.read_bytes() == before


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


def test_a_record_without_scores_is_named_and_nothing_moves(old):
    file = old / "trials" / "rnn-seed0.json"
    document = json.loads(file.read_text())
    del document["checksum"], document["scores"]
    write_facts(file, document)
    before = files_of(old)

    with pytest.raises(DamagedResultError, match=rf"^unusable result: {file}: it has no scores$"):
        load_run(old)

    assert files_of(old) == before | {".lock"}


@pytest.mark.parametrize("change", [{"fingerprint": "../" * 20}, {"fingerprint": 7}, {"seed": "/"}])
def test_a_forged_summary_names_no_file(old, change):
    file = old / "results.json"
    document = json.loads(file.read_text())
    del document["checksum"]
    document["models"][0]["trials"][0] |= change
    write_facts(file, document)
    before = files_of(old)

    with pytest.raises(DamagedResultError, match="is not the name of a trial"):
        load_run(old)

    assert files_of(old) == before | {".lock"}


@pytest.mark.parametrize("change", [{"models": None}, {"models": [{}]}, {"models": [[]]}])
def test_a_forged_summary_is_refused(old, change):
    document = json.loads((old / "results.json").read_text()) | change
    del document["checksum"]
    write_facts(old / "results.json", document)

    with pytest.raises(DamagedResultError, match=rf"^unusable result: {old / 'results.json'}: "):
        load_run(old)


def test_a_damaged_trial_is_named(old):
    file = old / "trials" / "rnn-seed1.json"
    file.write_text(file.read_text().replace("1.5", "1.4"))

    with pytest.raises(DamagedResultError, match=f"{file}: .* match its checksum$"):
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
