"""Executors by name, the attempt at a trial that all make, and worker processes."""

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from factories import corpora, train, trial
from numpy.testing import assert_array_equal

from rnnbench.errors import RnnbenchError
from rnnbench.plugins.dask.executor import DaskExecutor
from rnnbench.results.store import LOCK
from rnnbench.runner import executors
from rnnbench.runner.events import EpochEnded, PhaseBegan
from rnnbench.runner.executors import (
    EXECUTORS,
    LocalExecutor,
    Task,
    TrialFailure,
    prepare_engine,
)
from rnnbench.runner.workers import Child, start_process
from rnnbench.training import checkpoints
from rnnbench.training.epochs import CONTINUING, threads_now
from rnnbench.training.trial import run_trial


def _prepare_nothing(_):
    """Be ready."""


def run(trials, folder, carry_out=None, *, jobs=1, prepare=_prepare_nothing):
    """Train trials, or do something else; return outcomes by seed, and the events."""
    events = []
    task = Task()
    if carry_out:
        task = Task(carry_out, prepare)
    outcomes = LocalExecutor(jobs, 1).run(trials, corpora(folder), events.append, task)
    return {trial.seed: outcome for trial, outcome in outcomes}, events


def phases_of(trial, events):
    phases = [event for event in events if isinstance(event, PhaseBegan)]
    return [event.phase for event in phases if event.trial == trial]


@pytest.fixture
def trials(tmp_path):
    training = {"epochs": 2, "engine": "native"}
    return [trial(tmp_path, seed=seed, training=training) for seed in (1, 0, 2)]


@pytest.mark.parametrize(
    ("cores", "jobs", "expected"),
    [
        (2, None, (2, 1)),
        (2, 1, (1, 2)),
        (8, None, (8, 1)),
        (8, 3, (3, 2)),
        (2, 5, (5, 1)),
    ],
)
def test_cores_are_divided_among_the_jobs(monkeypatch, cores, jobs, expected):
    monkeypatch.setattr(executors, "usable_cores", lambda: cores)

    executor = LocalExecutor(jobs)

    assert (executor.jobs, executor.threads) == expected


@pytest.fixture(scope="module")
def two_trained(tmp_path_factory):
    """The folder of two trials, the trials, their outcomes by seed, and the events."""
    folder = tmp_path_factory.mktemp("two")
    training = {"epochs": 2, "engine": "native"}
    two = [trial(folder, seed=seed, training=training) for seed in (1, 0)]
    return folder, two, *run(two, folder)


def test_trials_are_trained_to_the_same_bits_as_in_this_process(two_trained):
    folder, trials, outcomes, events = two_trained

    assert outcomes.keys() == {0, 1}
    ours = train(folder, trials[0])
    assert outcomes[1].record.history == ours.record.history
    assert_array_equal(outcomes[1].scores, ours.scores)
    epochs = [event.epoch for event in events if isinstance(event, EpochEnded)]
    assert sorted(epochs) == [0, 0, 1, 1, 2, 2]


def test_the_phases_of_a_training_are_reported(two_trained):
    _, trials, _, events = two_trained

    of_network = ["reading documents", "training", "compiling", "training", "testing"]
    assert phases_of(trials[0], events) == ["starting worker", *of_network]
    assert phases_of(trials[1], events) == of_network


def _train_and_die_once(trial, corpus, on_epoch):
    """Train; the process is killed after the third epoch, unless it continues."""
    checkpoints.SECONDS = 0.0
    epochs = []

    def on_epoch_or_die(epoch, *judged):
        epochs.append(epoch)
        on_epoch(epoch, *judged)
        if epochs == [1, 2, 3] and not trial.died.exists():
            trial.died.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return run_trial(trial, corpus, on_epoch_or_die)


def test_the_trial_of_a_killed_process_continues_from_its_checkpoint(tmp_path):
    planned = trial(tmp_path, training={"epochs": 6, "engine": "native"})
    object.__setattr__(planned, "died", tmp_path / "died")
    (tmp_path / LOCK).touch()
    task = Task(_train_and_die_once, folder=tmp_path)
    events = []

    executor = LocalExecutor(1, 1)
    ((_, outcome),) = executor.run([planned], corpora(tmp_path), events.append, task)

    assert planned.died.exists()
    assert CONTINUING in phases_of(planned, events)
    expected = train(tmp_path, planned)
    assert outcome.record.history == expected.record.history
    assert_array_equal(outcome.scores, expected.scores)


def test_without_the_folder_of_a_run_there_is_no_checkpoint(tmp_path):
    task = Task(folder=tmp_path)

    assert task._checkpoint(trial(tmp_path)).file is None


def _threads_at_last(trial, *_):
    """Return the threads of a trial at its end; seed 0 waits for more than one."""
    patience = time.monotonic() + 60
    while trial.seed == 0 and threads_now() == 1 and time.monotonic() < patience:
        time.sleep(0.01)
    return threads_now()


def test_the_last_trial_may_use_the_threads_of_all(tmp_path, trials):
    outcomes, _ = run(trials, tmp_path, _threads_at_last, jobs=2)

    assert outcomes == {1: 1, 0: 2, 2: 1}
    assert run([trials[1]], tmp_path, _threads_at_last, jobs=3)[0] == {0: 3}


def _speak(*_):
    os.write(1, b"from C++\n")
    print("from Python")  # noqa: T201
    os.kill(os.getpid(), signal.SIGINT)
    variables = (os.environ["OMP_NUM_THREADS"], os.environ["CUDA_VISIBLE_DEVICES"])
    large = {"tensorflow", "keras"} & set(sys.modules)
    return os.getpid(), tempfile.mkdtemp(), variables, len(large)


@pytest.fixture
def baselines(tmp_path):
    """Two trials of a baseline."""
    baseline = trial(tmp_path, models={"svm": {"baseline": "tfidf_linear_svm"}})
    return [replace(baseline, seed=seed) for seed in (0, 1)]


def test_the_worker_of_a_baseline_loads_no_tensorflow(tmp_path, baselines):
    outcomes, _ = run(baselines, tmp_path, _speak, prepare=prepare_engine)

    pids = {pid for pid, *_ in outcomes.values()}
    assert len(pids - {os.getpid()}) == 1
    for _, _, variables, n_large in outcomes.values():
        assert variables == ("1", "-1")
        assert n_large == 0


def test_a_worker_leaves_nothing_behind(tmp_path, baselines, capfd):
    outcomes, _ = run(baselines, tmp_path, _speak, prepare=prepare_engine)

    assert capfd.readouterr() == ("", ""), "it prints nothing"
    for _, name, *_ in outcomes.values():
        folder = Path(name)
        assert folder.parent.name.startswith("rnnbench-")
        assert not folder.exists()


def test_no_trials_need_no_worker(tmp_path):
    assert run([], tmp_path) == ({}, [])


def _sleep(*_):
    time.sleep(600)


def _sleep_with_seed_0(trial, *_):
    if trial.seed == 0:
        _sleep()


def test_no_worker_outlives_a_run_that_is_closed(tmp_path, trials):
    others = set(multiprocessing.active_children())
    task = Task(_sleep_with_seed_0, _prepare_nothing)
    outcomes = LocalExecutor(2, 1).run(trials, corpora(tmp_path), lambda _: None, task)
    next(outcomes)
    children = set(multiprocessing.active_children()) - others
    assert len(children) == 2

    outcomes.close()

    assert not any(child.is_alive() for child in children)


def _die(*_):
    os.write(2, b"out of memory, says the worker\n")
    os._exit(9)


def _chatter(_):
    os.write(2, b"oneDNN is on\n")  # as TensorFlow does when it is imported


def _misbehave(trial, *_):
    """Fail or die, by seed."""
    if trial.seed == 0:
        raise RnnbenchError("no training today")
    if trial.seed == 1:
        _die()
    return "done"


def test_trials_that_fail_or_kill_their_worker_cost_no_other_trial(tmp_path, trials):
    three = [replace(trials[0], seed=seed) for seed in range(3)]

    outcomes, _ = run(three, tmp_path, _misbehave, prepare=_chatter)

    assert outcomes.pop(0) == TrialFailure("no training today")
    died = outcomes.pop(1).reason
    assert died.startswith("a worker process died (killed, or out of memory?)\n")
    assert "out of memory, says the worker" in died
    assert "oneDNN" not in died
    assert outcomes == {2: "done"}


def test_only_the_end_of_what_a_dead_worker_printed_is_read(tmp_path):
    ours, theirs = multiprocessing.Pipe()
    theirs.close()
    with (tmp_path / "log").open("wb") as log:
        log.seek(2**30)  # as much as a library in a loop would print
        log.write(b"the end")

    said = Child(ours, tmp_path / "log").receive().last_words

    assert said.endswith("the end")
    assert len(said) <= 10_000


def _die_beside_another(trial, corpus, _):
    """Stand for two trials that fit into memory one at a time, not both at a time."""
    others = corpus.with_name("others")
    others.mkdir(exist_ok=True)
    if len(list(others.iterdir())) < 2:
        (others / str(trial.seed)).touch()
        while len(list(others.iterdir())) < 2:
            time.sleep(0.05)
        if trial.seed == 0:
            pid = os.fork()
            if not pid:  # a process of the worker keeps open whatever is open
                time.sleep(600)
            corpus.with_name("left").write_text(str(pid))
            _die()
    return "done"


def test_a_trial_whose_worker_died_is_tried_again_by_itself(tmp_path, trials, caplog):
    outcomes, events = run(trials[:2], tmp_path, _die_beside_another, jobs=2)

    (left,) = tmp_path.rglob("left")
    os.kill(int(left.read_text()), signal.SIGKILL)
    assert outcomes == {0: "done", 1: "done"}
    assert phases_of(trials[1], events) == [
        "starting worker",
        "waiting to be tried again",
        "starting worker",
    ]
    assert (
        "rnn seed 0: a worker process died (killed, or out of memory?); it is"
        in caplog.text
    )


def test_workers_that_die_before_they_come_to_a_trial_end_the_run(tmp_path, trials):
    with pytest.raises(
        RnnbenchError, match=r"died .* before it could start a trial\nout of memory"
    ):
        run(trials[:1], tmp_path, _die, prepare=_die)


# How processes start.


def _answer(connection):
    """Tell which signals this process does not hear, after some were sent to it."""
    connection.recv()
    connection.send(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def test_a_process_ignores_what_ends_its_group_from_its_first_moment():
    with ThreadPoolExecutor() as threads:  # in whichever thread it is started
        connection, process = threads.submit(start_process, _answer).result()
    ending = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    for number in ending:
        os.kill(process.pid, number)
    connection.send(None)

    assert connection.recv() >= ending
    process.join(10)
    assert process.exitcode == 0


def test_a_ctrl_c_while_a_process_starts_is_heard_afterwards(monkeypatch):
    started = []

    def start(process):
        # To this thread; test_main has one to any thread.
        signal.raise_signal(signal.SIGINT)
        started.append(process)

    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", start)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start_process(_answer)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert len(started) == 1


def test_trials_run_in_local_processes_or_on_a_cluster():
    assert dict(EXECUTORS) == {"local": LocalExecutor, "dask": DaskExecutor}


def _raises(error):
    def carry_out(*_):
        raise error

    return carry_out


@pytest.mark.parametrize(
    ("error", "reason", "has_traceback"),
    [
        (RnnbenchError("it diverged"), "it diverged", False),
        (ValueError("two\nlines"), "ValueError: two", True),
        (SystemExit(0), "SystemExit: 0", True),
    ],
)
@pytest.mark.parametrize("where", ["carry_out", "prepare"])
def test_whatever_is_raised_for_a_trial_is_its_failure(
    tmp_path, where, error, reason, has_traceback
):
    functions = {"carry_out": lambda *_: None, "prepare": lambda _: None}
    functions[where] = _raises(error)
    task = Task(**functions)

    failure = task.attempt(trial(tmp_path), tmp_path, lambda: None, lambda *_: None)

    assert failure.reason == reason
    assert ("Traceback" in failure.traceback) is has_traceback


def test_a_long_reason_is_shortened(tmp_path):
    task = Task(_raises(ValueError("x" * 10**6)), lambda _: None)

    failure = task.attempt(trial(tmp_path), tmp_path, lambda: None, lambda *_: None)

    assert failure.reason == f"ValueError: {'x' * 1985}..."
    assert len(failure.traceback) == 20_000


def test_ctrl_c_is_no_failure_of_a_trial(tmp_path):
    task = Task(_raises(KeyboardInterrupt()), lambda _: None)

    with pytest.raises(KeyboardInterrupt):
        task.attempt(trial(tmp_path), tmp_path, lambda: None, lambda *_: None)


def test_more_workers_than_windows_waits_for_are_awaited_in_parts(monkeypatch):
    awaited = []

    def wait(connections, seconds):
        awaited.append((len(connections), seconds))
        return connections[:1]

    monkeypatch.setattr(executors, "wait", wait)
    living = SimpleNamespace(is_alive=lambda: True)
    workers = [SimpleNamespace(connection=n, process=living) for n in range(130)]

    ready = executors._with_news(workers)

    assert [worker.connection for worker in ready] == [0, 60, 120]
    assert awaited == [(60, 1 / 3), (60, 1 / 3), (10, 1 / 3)]
