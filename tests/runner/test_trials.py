import os
from dataclasses import replace

import pytest
from factories import trial

from rnnbench.errors import RnnbenchError
from rnnbench.results.store import Store
from rnnbench.runner import trials as runner
from rnnbench.runner.events import EpochEnded, Finished
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

    records = train_trials(planned, store, ONE_JOB, events.append)

    assert find_stored(planned, store) == records
    assert {event.trial for event in events if isinstance(event, Finished)} == set(planned)
    epochs = [event.epoch for event in events if isinstance(event, EpochEnded)]
    assert sorted(epochs) == [0, 0, 1, 1, 2, 2]


def test_a_worker_gives_the_same_bits_as_this_process(tmp_path, store):
    planned = trial(tmp_path)

    records = train_trials([planned], store, ONE_JOB, lambda _: None)

    assert records[planned].history == run_trial(planned).record.history


def test_trials_finished_before_an_error_are_kept(tmp_path, store):
    good, bad = trial(tmp_path), replace(trial(tmp_path, seed=1), dataset_fingerprint="0" * 64)

    with pytest.raises(RnnbenchError, match="changed while"):
        train_trials([good, bad], store, ONE_JOB, lambda _: None)

    assert list(find_stored([good, bad], store)) == [good]


def _die(_):
    os.write(2, b"out of memory, says the worker\n")
    os._exit(9)


def test_a_worker_that_dies_is_reported_with_its_last_words(tmp_path, store, monkeypatch):
    monkeypatch.setattr(runner, "train", _die)

    with pytest.raises(RnnbenchError, match=r"worker process died[\s\S]*says the worker"):
        train_trials([trial(tmp_path)], store, ONE_JOB, lambda _: None)
