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
    os.write(2, b"out of memory, says the worker\n")
    os._exit(9)


def _die_with_seed_0(one, on_epoch):
    if one.seed == 0:
        _die()
    return run_trial(one, on_epoch)


def _die_beside_another(one, on_epoch):
    """Stand for two trials that fit into memory one at a time, not both at a time."""
    others = one.corpus.with_name("others")
    others.mkdir(exist_ok=True)
    if len(list(others.iterdir())) < 2:
        (others / str(one.seed)).touch()
        while len(list(others.iterdir())) < 2:
            time.sleep(0.05)
        if one.seed == 0:
            _die()
        time.sleep(600)
    return run_trial(one, on_epoch)


def test_a_trial_whose_worker_dies_is_named_with_its_last_words_and_the_others_are_trained(
    tmp_path, store, monkeypatch
):
    monkeypatch.setattr(runner, "run_trial", _die_with_seed_0)
    trials = [trial(tmp_path, seed=seed) for seed in (1, 0, 2)]
    events = []

    with pytest.raises(RnnbenchError) as caught:
        train_trials(trials, store, ONE_JOB, events.append)

    said = str(caught.value)
    assert said.startswith("rnn seed 0 failed: a worker process died (killed, or out of memory?)\n")
    assert "out of memory, says the worker" in said
    assert "oneDNN" not in said  # nor what else TensorFlow says whenever it starts
    assert find_stored(trials, store) == {trials[0], trials[2]}
    assert [event.trial for event in events if isinstance(event, Failed)] == [trials[1]]


def test_what_was_in_training_when_a_worker_died_is_trained_again_one_at_a_time(
    tmp_path, store, monkeypatch, caplog
):
    monkeypatch.setattr(runner, "run_trial", _die_beside_another)
    trials = [trial(tmp_path, seed=seed) for seed in (0, 1)]

    train_trials(trials, store, Workforce(jobs=2, threads=1), lambda _: None)

    assert find_stored(trials, store) == set(trials)
    assert "in training: rnn seed 0, rnn seed 1\n" in caplog.text


def test_workers_that_die_before_they_come_to_a_trial_end_the_run(tmp_path, store, monkeypatch):
    monkeypatch.setattr(runner, "prepare_engines", _die)

    with pytest.raises(RnnbenchError, match=r"died .*: nothing yet\nout of memory"):
        train_trials([trial(tmp_path)], store, ONE_JOB, lambda _: None)


def _exit(*_):
    raise SystemExit(0)


def test_a_trial_that_ends_its_process_politely_is_named_as_well(tmp_path, store, monkeypatch):
    monkeypatch.setattr(runner, "run_trial", _exit)

    with pytest.raises(RnnbenchError, match="rnn seed 0 failed: SystemExit: 0"):
        train_trials([trial(tmp_path)], store, ONE_JOB, lambda _: None)
