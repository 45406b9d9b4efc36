"""Trials on the workers of a Dask cluster, with real schedulers and nannies."""

import re
import time
from dataclasses import replace

import cluster_tasks
import pytest
from cluster_runs import baselines, run, start
from clusters import children, cluster, kept, listeners, numbers_of_corpora, wait_for
from factories import corpora, trial
from numpy.testing import assert_array_equal

from rnnbench.plugins.dask.executor import DaskExecutor
from rnnbench.runner.events import WAITING, Connected, EpochEnded, PhaseBegan
from rnnbench.runner.executors import LocalExecutor, Task


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(folder) as made:
        yield made


@pytest.fixture
def trials(tmp_path):
    return baselines(tmp_path, 3)


@pytest.fixture(scope="module")
def trained(two_workers, tmp_path_factory):
    """The folder of a network and a baseline, both trials, outcomes and events."""
    folder = tmp_path_factory.mktemp("trained")
    network = trial(folder, seed=8, training={"epochs": 2, "engine": "native"})
    both = [replace(network, keep_model=True), *baselines(folder, 1)]
    return folder, both, *run_and_listen(two_workers, both, folder, Task())


@pytest.fixture(scope="module")
def counted(two_workers, tmp_path_factory):
    """The events of three trials whose epochs are quick."""
    folder = tmp_path_factory.mktemp("counted")
    work = cluster_tasks.count_to_9
    return run_and_listen(two_workers, baselines(folder, 3), folder, work)[1]


def run_and_listen(*arguments):
    """Return the outcomes of trials by seed, and the events."""
    events = []
    return run(*arguments, listen=events.append), events


def test_results_have_the_same_bits_as_those_of_local_processes(trained):
    folder, both, there, _ = trained

    assert len(there[8].weights) == 5
    here = LocalExecutor(1, 1).run(both, corpora(folder), lambda _: None, Task())
    for own_trial, expected in here:
        result = there[own_trial.seed]
        assert_array_equal(result.scores, expected.scores)
        assert_array_equal(result.labels, expected.labels)
        weights = zip(result.weights or [], expected.weights or [], strict=True)
        for ours, theirs in weights:
            assert_array_equal(ours, theirs)
        assert result.record.history == expected.record.history
        assert result.record.fingerprint == expected.record.fingerprint
        machines = (result.record.machine.worker[:1], expected.record.machine)
        assert machines == ("w", None)


def test_the_epochs_of_a_network_are_told_with_their_phases(trained):
    *_, events = trained

    epochs = [event.epoch for event in events if _is_epoch(event, 8)]
    assert (epochs[0], epochs[-1]) == (0, 2)
    phases = [event for event in events if isinstance(event, PhaseBegan)]
    assert {"reading documents", "training"} <= {event.phase for event in phases}
    assert {event.worker for event in phases} <= {"w0", "w1"}


def _is_epoch(event, seed):
    return isinstance(event, EpochEnded) and event.trial.seed == seed


def test_events_name_the_workers_of_a_cluster(two_workers, counted):
    (connected,) = (event for event in counted if isinstance(event, Connected))
    assert connected[:3] == (two_workers.address, 2, 2)
    epochs = [event for event in counted if isinstance(event, EpochEnded)]
    assert {event.worker for event in epochs} == {"w0", "w1"}


def test_of_quick_epochs_only_some_are_told(counted):
    assert [event.epoch for event in counted if _is_epoch(event, 2)] == [0, 9]


def test_as_many_trials_run_side_by_side_as_there_are_threads(
    two_workers, tmp_path, trials
):
    executor = DaskExecutor(address=two_workers.address)

    assert (executor.jobs, executor.threads) == (2, 1)
    assert DaskExecutor(1, two_workers.address).jobs == 1

    outcomes = run(
        two_workers, trials, tmp_path, cluster_tasks.leave_the_folder, jobs=1
    )
    ((_, folder),) = set(outcomes.values())
    reason = "one child has carried out all of them, and begun each in its own folder"
    assert folder != "/", reason


def test_the_files_of_a_run_alone_are_removed_when_it_ends(
    two_workers, tmp_path, trials
):
    other = start(two_workers, trials, tmp_path, cluster_tasks.nap)
    next(other)
    during = two_workers.ask(kept)

    run(two_workers, trials[:1], tmp_path, cluster_tasks.process)
    after = two_workers.ask(kept)
    outcomes = [outcome for _, outcome in other]

    for names in [*during.values(), *after.values()]:
        assert any(name.endswith(".npz") for name in names)
    assert all(isinstance(outcome, int) for outcome in outcomes)
    assert two_workers.ask(kept) == {address: [] for address in during}
    wait_for(
        lambda: not two_workers.ask_scheduler(listeners), "the scheduler to forget them"
    )


def test_workers_of_a_machine_share_the_documents(two_workers, tmp_path, trials):
    outcomes = start(two_workers, trials, tmp_path, cluster_tasks.nap)
    next(outcomes)
    numbers = two_workers.ask(numbers_of_corpora)
    outcomes.close()

    one, other = numbers.values()
    assert len(one) == 1
    assert one == other


def test_a_child_that_dies_costs_no_trial_unless_all_of_them_do(
    two_workers, tmp_path, trials, caplog
):
    work = cluster_tasks.leave_a_process_and_die
    outcomes = run(two_workers, trials[:2], tmp_path, work)

    failed = outcomes.pop(0).reason
    assert re.match(r"a worker process died \(.*\) on w.; that was attempt 3", failed)
    assert "out of memory, says the child" in failed
    assert outcomes == {1: "done"}
    died = "svm seed 1: a worker process died (killed, or out of memory?) on w"
    assert died in caplog.text
    assert "it is tried again" in caplog.text


def test_a_child_that_dies_leaves_no_process_behind(two_workers, tmp_path):
    died_in_no_test_before = baselines(tmp_path, 4)[3:]
    work = cluster_tasks.leave_a_process_and_die

    outcomes = run(two_workers, died_in_no_test_before, tmp_path, work)

    assert outcomes == {3: "done"}
    assert (two_workers.folder / "left-3").exists()
    assert not children(two_workers.folder)


def test_a_killed_worker_costs_no_trial(two_workers, tmp_path, trials, caplog):
    outcomes, events = run_and_listen(
        two_workers, trials, tmp_path, cluster_tasks.kill_worker_once
    )

    assert outcomes == dict.fromkeys(range(3), "done")
    assert "was lost; it is tried again" in caplog.text
    waiting = [
        event
        for event in events
        if isinstance(event, PhaseBegan) and event.phase == WAITING
    ]
    assert len(waiting) == caplog.text.count("it is tried again")
    assert not any(event.worker for event in waiting)
    wait_for(
        lambda: not children(two_workers.folder), "the end of what children started"
    )
    wait_for(lambda: len(two_workers.workers()) == 2, "their nannies start them again")


def test_a_run_that_is_closed_leaves_the_cluster_usable(two_workers, tmp_path, trials):
    outcomes = start(two_workers, trials, tmp_path, cluster_tasks.sleep_with_seed_0)
    next(outcomes)
    next(outcomes)
    assert children(two_workers.folder)

    begin = time.monotonic()
    outcomes.close()

    assert time.monotonic() - begin < 10
    assert not children(two_workers.folder)
    assert run(two_workers, trials, tmp_path, cluster_tasks.process).keys() == {0, 1, 2}


def test_nothing_to_do_needs_no_cluster():
    outcomes = DaskExecutor(address="tcp://127.0.0.1:1").run(
        [], {}, lambda _: None, Task()
    )

    assert list(outcomes) == []
