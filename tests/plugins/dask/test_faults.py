"""Faults of clusters: workers, schedulers and connections that are lost, silent or
restarted.
"""

import os
import signal
import time
from functools import partial

import cluster_tasks
import pytest
from cluster_runs import baselines, run, start
from clusters import (
    after,
    asleep,
    children,
    cluster,
    cut_at_gather,
    kept,
    kill_session,
    wait_for,
)

from rnnbench.errors import OutOfReachError
from rnnbench.plugins.dask import cluster_run


@pytest.fixture
def trials(tmp_path, monkeypatch):
    # What is silent is waited for.
    monkeypatch.setattr(cluster_run, "END_SECONDS", 1.0)
    return baselines(tmp_path, 4)


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(folder, 1) as made:
        yield made


def start_until_last(where, trials, folder, act):
    """Return the generator of outcomes after all trials but one, which goes on.

    As soon as somebody waits for its outcome, something is done.
    """
    outcomes = start(where, trials[::-1], folder, cluster_tasks.sleep_with_seed_0)
    assert [next(outcomes)[0].seed for _ in trials[1:]] == [3, 2, 1]
    after(lambda: asleep(where.folder), act)
    return outcomes


def test_neither_the_begin_nor_the_end_of_a_run_waits_for_a_worker_that_stalls(
    one_worker, tmp_path, trials, monkeypatch
):
    monkeypatch.setattr(cluster_run, "BEGIN_SECONDS", 1.0)
    outcomes = start(
        one_worker, trials[::-1], tmp_path, cluster_tasks.sleep_with_seed_0
    )
    stalled = one_worker.add_worker("stalled", "--no-nanny")
    os.kill(stalled.pid, signal.SIGSTOP)
    try:
        next(outcomes)
        begin = time.monotonic()
        outcomes.close()
        assert time.monotonic() - begin < 10
    finally:
        os.kill(stalled.pid, signal.SIGCONT)
        stalled.terminate()
    one_worker.wait_for_the_end_of({"stalled"})
    wait_for(lambda: not children(one_worker.folder), "the end of all children")


def test_a_connection_that_is_cut_ends_the_run_although_the_scheduler_goes_on(
    one_worker, tmp_path, trials
):
    outcomes = start_until_last(one_worker, trials, tmp_path, one_worker.cut_clients)

    with pytest.raises(
        OutOfReachError, match="the connection to the scheduler is lost; finished"
    ):
        next(outcomes)
    wait_for(lambda: not children(one_worker.folder), "the end of its child")
    wait_for(lambda: not any(one_worker.ask(kept).values()), "the removal of its files")


@pytest.mark.parametrize("itself", [False, True])
def test_a_connection_that_is_cut_while_an_outcome_is_fetched_ends_the_run(
    one_worker, tmp_path, trials, caplog, itself
):
    one_worker.ask_scheduler(cut_at_gather, clients=True, itself=itself)

    with pytest.raises(
        OutOfReachError, match="the connection to the scheduler is lost; finished"
    ):
        run(one_worker, trials[:1], tmp_path, cluster_tasks.process)

    assert "tried again" not in caplog.text
    wait_for(lambda: not children(one_worker.folder), "the end of its child")
    wait_for(lambda: not any(one_worker.ask(kept).values()), "the removal of its files")


def test_an_outcome_is_fetched_again_if_only_its_own_connection_is_cut(
    one_worker, tmp_path, trials, caplog
):
    one_worker.ask_scheduler(cut_at_gather, clients=False, itself=True)

    outcomes = run(one_worker, trials[:1], tmp_path, cluster_tasks.process)

    assert outcomes.keys() == {0}
    assert not caplog.text, "it is not tried again"


def test_a_silent_scheduler_ends_the_run(one_worker, tmp_path, trials, monkeypatch):
    monkeypatch.setattr(cluster_run, "SILENCE_SECONDS", 2.0)
    stop = partial(one_worker.scheduler.send_signal, signal.SIGSTOP)
    outcomes = start_until_last(one_worker, trials, tmp_path, stop)
    begin = time.monotonic()

    with pytest.raises(
        OutOfReachError, match="the scheduler has been silent for 2 s; finished"
    ):
        next(outcomes)

    assert time.monotonic() - begin < 15
    one_worker.scheduler.send_signal(signal.SIGCONT)
    wait_for(lambda: not children(one_worker.folder), "the end of its child")


def test_what_fails_or_cannot_be_read_fails_only_its_trial(
    one_worker, tmp_path, trials
):
    outcomes = run(one_worker, trials, tmp_path, cluster_tasks.fail_unless_seed_3)

    reasons = [outcomes.pop(seed).reason for seed in (0, 1, 2)]
    assert reasons[0].startswith("its task was lost: ValueError: no traces (on w0)")
    assert reasons[1].startswith("ValueError: made elsewhere (on w0)")
    assert reasons[2] == "no training today (on w0)"
    assert outcomes == {3: "done"}


def test_a_restart_of_all_workers_costs_no_trial(one_worker, tmp_path, trials, caplog):
    outcomes = start(one_worker, trials[:1], tmp_path, cluster_tasks.sleep_once)

    def restart():
        with one_worker.client() as client:
            client.restart()

    after(lambda: asleep(one_worker.folder), restart)

    assert [outcome for _, outcome in outcomes] == ["done"]
    assert "svm seed 0: its " in caplog.text


def test_a_worker_that_retires_costs_no_trial(one_worker, tmp_path, trials):
    leaving = one_worker.add_worker("leaving", "--no-nanny")
    address = one_worker.workers()["leaving"]["address"]
    outcomes = start(one_worker, trials, tmp_path, cluster_tasks.nap)
    first = next(outcomes)

    with one_worker.client() as client:
        client.retire_workers([address])

    done = [first, *outcomes]
    assert {one.seed for one, _ in done} == {0, 1, 2, 3}
    assert all(isinstance(outcome, int) for _, outcome in done)
    leaving.wait(30)


KILLED = """
import sys
from pathlib import Path
import cluster_tasks
from factories import corpora, trial
from rnnbench.plugins.dask.executor import DaskExecutor
folder = Path(sys.argv[2])
trials = [trial(folder, models={"svm": {"baseline": "tfidf_linear_svm"}})]
work = cluster_tasks.task(cluster_tasks.sleep)
executor = DaskExecutor(address=sys.argv[1])
list(executor.run(trials, corpora(folder), lambda _: None, work))
"""


def test_children_end_when_the_process_that_started_the_run_was_killed(
    one_worker, tmp_path
):
    process = one_worker.start(KILLED, one_worker.address, tmp_path)
    wait_for(lambda: children(one_worker.folder), "its child")

    process.kill()

    wait_for(
        lambda: not any(one_worker.ask(kept).values()),
        "the end of its files",
        seconds=15,
    )
    wait_for(
        lambda: not children(one_worker.folder), "the end of its child", seconds=15
    )


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A cluster that tests may break; each adds the workers that it needs."""
    with cluster(tmp_path_factory.mktemp("own"), 0) as made:
        yield made


def test_the_trials_of_a_lost_machine_are_tried_on_another_if_there_is_one(
    own, tmp_path, trials, caplog, monkeypatch
):
    first = own.add_worker("first", "--no-nanny")

    def lose_one():
        own.add_worker("another", "--no-nanny", LATE="yes")
        lost = children(own.folder)
        kill_session(first)
        wait_for(
            lambda: not {*lost} & {*children(own.folder)}, "the end of its child", 5
        )

    outcomes = start(own, trials[:1], tmp_path, cluster_tasks.sleep_unless_late)
    acting = after(lambda: asleep(own.folder), lose_one)
    assert [outcome for _, outcome in outcomes] == ["done"]
    acting.result()
    assert "svm seed 0: its worker first was lost; it is tried again" in caplog.text

    monkeypatch.setattr(cluster_run, "SILENCE_SECONDS", 2.0)
    kill = partial(kill_session, own.processes[-1])
    outcomes = start_until_last(own, trials, tmp_path, kill)
    with pytest.raises(
        OutOfReachError, match="no worker has taken trials for 2 s; finished"
    ):
        next(outcomes)
