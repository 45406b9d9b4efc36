import os
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from factories import trial

from rnnbench.errors import RnnbenchError
from rnnbench.results.store import Store
from rnnbench.runner import trials as runner
from rnnbench.runner.events import EpochEnded, Failed, Finished
from rnnbench.runner.trials import find_stored, train_trials
from rnnbench.runner.workers import Workforce
from rnnbench.training.trial import run_trial

ONE_JOB = Workforce(jobs=1, threads=1)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")


def test_trials_are_trained_in_workers_reported_and_stored(tmp_path, store):
    planned = [trial(tmp_path, seed=seed, training={"epochs": 2}) for seed in (0, 1)]
    events = []

    train_trials(planned, store, ONE_JOB, events.append)

    assert find_stored(planned, store) == set(planned)
    assert {event.trial for event in events if isinstance(event, Finished)} == set(planned)
    epochs = [event.epoch for event in events if isinstance(event, EpochEnded)]
    assert sorted(epochs) == [0, 0, 1, 1, 2, 2]


def test_a_worker_gives_the_same_bits_as_this_process(tmp_path, store):
    planned = trial(tmp_path)

    train_trials([planned], store, ONE_JOB, lambda _: None)

    theirs, ours = store.load("rnn", 0), run_trial(planned)
    assert theirs.record.history == ours.record.history
    np.testing.assert_array_equal(theirs.scores, ours.scores)


def _in_a_process_without_tensorflow(trial, on_epoch):
    result = run_trial(trial, on_epoch)
    imported = {"tensorflow", "keras"} & set(sys.modules)
    if imported:
        raise RnnbenchError(f"needs {imported}")
    return result


def test_where_there_are_only_baselines_no_worker_imports_tensorflow(tmp_path, store, monkeypatch):
    monkeypatch.setattr(runner, "run_trial", _in_a_process_without_tensorflow)
    planned = [
        trial(tmp_path, models={kind: {"baseline": kind}})
        for kind in ("most_frequent", "tfidf_linear_svm")
    ]
    events = []

    train_trials(planned, store, ONE_JOB, events.append)

    assert find_stored(planned, store) == set(planned)
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [0, 0]


def test_a_trial_that_fails_is_named_and_the_others_are_trained_and_kept(tmp_path, store):
    good, bad = trial(tmp_path, seed=1), replace(trial(tmp_path), dataset_fingerprint="0" * 64)
    events = []

    with pytest.raises(RnnbenchError, match=r"^rnn seed 0 failed: .*changed while") as caught:
        train_trials([bad, good], store, ONE_JOB, events.append)

    assert "All other trials are stored; for a table of other models" in str(caught.value)
    assert find_stored([good, bad], store) == {good}
    assert any(isinstance(event, Failed) and event.trial == bad for event in events)


def test_a_bug_in_a_trial_keeps_its_traceback(tmp_path, store):
    broken = replace(trial(tmp_path), corpus=tmp_path / "nowhere.npz")

    with pytest.raises(RnnbenchError, match=r"Traceback[\s\S]*rnn seed 0 failed: FileNotFound"):
        train_trials([broken], store, ONE_JOB, lambda _: None)


def _die(*_):
    time.sleep(1)  # for what it reports to arrive
    os.write(2, b"out of memory, says the worker\n")
    os._exit(9)


def test_a_worker_that_dies_is_reported_with_its_trial_and_its_last_words(
    tmp_path, store, monkeypatch
):
    monkeypatch.setattr(runner, "run_trial", _die)

    with pytest.raises(RnnbenchError, match=r"died .*: rnn seed 0\n[\s\S]*says the worker"):
        train_trials([trial(tmp_path), trial(tmp_path, seed=1)], store, ONE_JOB, lambda _: None)
