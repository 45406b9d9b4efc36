"""Faults of clusters: workers, schedulers and connections that are lost, silent or restarted."""

import asyncio
import os
import pickle
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cluster_tasks
import dask
import distributed
import pytest
from cluster_tasks import task
from clusters import (
    ON_LOOPBACK,
    SCHEDULER,
    asleep,
    children,
    cluster,
    cut_at_gather,
    kept,
    kill_session,
    run_out_of_memory,
    wait_for,
)
from factories import corpora, trial

from rnnbench.errors import OutOfReachError, UserError
from rnnbench.runner.executors import DaskExecutor
from rnnbench.runner.executors.dask import connection, on_worker
from rnnbench.runner.executors.dask import executor as dask_executor
from rnnbench.runner.executors.dask.connection import warn_if_open

BASELINE = {"models": {"svm": {"baseline": "tfidf_linear_svm"}}}


@pytest.fixture
def trials(tmp_path):
    return [trial(tmp_path, seed=seed, **BASELINE) for seed in range(4)]


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(folder, 1) as made:
        yield made


def start(where, trials, folder, carry_out):
    """Return the generator of outcomes; the trials' corpus is in ``folder``."""
    return DaskExecutor(address=where.address).run(
        trials, corpora(folder), lambda _: None, task(carry_out)
    )


def run(where, trials, folder, carry_out):
    """Return the outcomes of trials by seed."""
    return {one.seed: outcome for one, outcome in start(where, trials, folder, carry_out)}


def start_until_last(where, trials, folder, act):
    """Return the generator of outcomes after all trials but one, which goes on.

    As soon as somebody waits for its outcome, something is done.
    """
    outcomes = start(where, trials[::-1], folder, cluster_tasks.sleep_with_seed_0)
    assert [next(outcomes)[0].seed for _ in trials[1:]] == [3, 2, 1]
    after(lambda: asleep(where.folder), act)
    return outcomes


def after(moment, act):
    """Do something in a thread, after something else; return what its result can be asked of."""

    def wait_and_act():
        wait_for(moment, "the moment")
        act()

    pool = ThreadPoolExecutor(1)
    acting = pool.submit(wait_and_act)
    pool.shutdown(wait=False)
    return acting


def test_closing_does_not_wait_for_a_worker_that_stalls(one_worker, tmp_path, trials):
    outcomes = start(one_worker, trials, tmp_path, cluster_tasks.sleep_with_seed_0)
    stalled = one_worker.add_worker("stalled", "--no-nanny")
    try:
        next(outcomes)
        os.kill(stalled.pid, signal.SIGSTOP)
        begin = time.monotonic()
        outcomes.close()
        assert time.monotonic() - begin < 10
    finally:
        os.kill(stalled.pid, signal.SIGCONT)
        stalled.terminate()
    wait_for(lambda: "stalled" not in one_worker.workers(), "its end")
    wait_for(lambda: not children(one_worker.folder), "the end of all children")


def test_a_connection_that_is_cut_ends_the_run_although_the_scheduler_goes_on(
    one_worker, tmp_path, trials
):
    outcomes = start_until_last(one_worker, trials, tmp_path, one_worker.cut_clients)

    with pytest.raises(OutOfReachError, match="the connection to the scheduler is lost; finished"):
        next(outcomes)
    wait_for(lambda: not children(one_worker.folder), "the end of its child")
    assert not any(one_worker.ask(kept).values())


@pytest.mark.parametrize("itself", [False, True])
def test_a_connection_that_is_cut_while_an_outcome_is_fetched_ends_the_run(
    one_worker, tmp_path, trials, caplog, itself
):
    one_worker.ask_scheduler(cut_at_gather, clients=True, itself=itself)

    with pytest.raises(OutOfReachError, match="the connection to the scheduler is lost; finished"):
        run(one_worker, trials[:1], tmp_path, cluster_tasks.process)

    assert "tried again" not in caplog.text
    wait_for(lambda: not children(one_worker.folder), "the end of its child")
    assert not any(one_worker.ask(kept).values())


def test_an_outcome_is_fetched_again_if_only_its_own_connection_is_cut(
    one_worker, tmp_path, trials, caplog
):
    one_worker.ask_scheduler(cut_at_gather, clients=False, itself=True)

    outcomes = run(one_worker, trials[:1], tmp_path, cluster_tasks.process)

    assert outcomes.keys() == {0}
    assert not caplog.text, "it is not tried again"


def test_a_silent_scheduler_ends_the_run(one_worker, tmp_path, trials, monkeypatch):
    monkeypatch.setattr(dask_executor, "SILENCE_SECONDS", 2.0)
    stop = partial(one_worker.scheduler.send_signal, signal.SIGSTOP)
    outcomes = start_until_last(one_worker, trials, tmp_path, stop)
    begin = time.monotonic()

    with pytest.raises(OutOfReachError, match="the scheduler has been silent for 2 s; finished"):
        next(outcomes)

    assert time.monotonic() - begin < 15
    one_worker.scheduler.send_signal(signal.SIGCONT)
    wait_for(lambda: not children(one_worker.folder), "the end of its child")


@pytest.fixture
def in_one_process(monkeypatch):
    """A cluster of eight workers in this process, which say at once that a trial is done."""
    done = pickle.dumps((pickle.dumps("done"), {}))
    monkeypatch.setattr(on_worker, "carry_out", lambda *_: done)
    options = {"processes": False, "host": "127.0.0.1", "protocol": "tcp://", "memory_limit": 0}
    with distributed.LocalCluster(
        n_workers=8, threads_per_worker=1, dashboard_address=None, **options
    ) as made:
        yield made.scheduler


def test_a_worker_that_is_lost_takes_no_results_of_others_with_it(
    in_one_process, tmp_path, monkeypatch
):
    scheduler, lost = in_one_process, []
    fetch = scheduler.handlers["gather"]

    async def lose_a_worker_meanwhile(keys, serializers=None):
        if not lost:
            await asyncio.sleep(0.5)  # until all are finished; Dask fetches five, then the others
        if len(keys) > 1 and not lost:
            (address,) = scheduler.get_who_has(keys[:1])[keys[0]]
            lost.append(address)
            await scheduler.remove_worker(address, stimulus_id="test")
            await asyncio.sleep(1)  # until the run has seen that it is lost
        return await fetch(keys=keys, serializers=serializers)

    monkeypatch.setitem(scheduler.handlers, "gather", lose_a_worker_meanwhile)
    monkeypatch.setattr(dask_executor, "LOOK_SECONDS", 0.1)
    trials = [trial(tmp_path, seed=seed, **BASELINE) for seed in range(8)]

    outcomes = run(scheduler, trials, tmp_path, cluster_tasks.process)

    assert outcomes == dict.fromkeys(range(8), "done")
    assert len(lost) == 1


def test_what_cannot_be_read_fails_only_its_trial(one_worker, tmp_path, trials):
    outcomes = run(one_worker, trials, tmp_path, cluster_tasks.unreadable_with_seed_0_or_1)

    reasons = [outcomes.pop(seed).reason for seed in (0, 1)]
    assert reasons[0].startswith("its task was lost: ValueError: no traces (on w0)")
    assert reasons[1].startswith("ValueError: made elsewhere (on w0)")
    assert outcomes == dict.fromkeys((2, 3), "done")


def test_whatever_happens_to_the_worker_while_a_trial_goes_on_its_child_ends(
    one_worker, tmp_path, trials
):
    outcomes = start(one_worker, trials[:1], tmp_path, cluster_tasks.sleep)
    after(lambda: asleep(one_worker.folder), partial(one_worker.ask, run_out_of_memory))

    _, failure = next(outcomes)

    assert failure.reason.startswith("MemoryError")
    wait_for(lambda: not children(one_worker.folder), "the end of its child", 10)
    outcomes.close()


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
from rnnbench.runner.executors import DaskExecutor
folder = Path(sys.argv[2])
one = trial(folder, models={"svm": {"baseline": "tfidf_linear_svm"}})
work = cluster_tasks.task(cluster_tasks.sleep)
list(DaskExecutor(address=sys.argv[1]).run([one], corpora(folder), lambda _: None, work))
"""


def test_children_end_when_the_process_that_started_the_run_was_killed(one_worker, tmp_path):
    process = one_worker.start(KILLED, one_worker.address, tmp_path)
    wait_for(lambda: children(one_worker.folder), "its child")

    process.kill()

    wait_for(lambda: not children(one_worker.folder), "the end of its child", seconds=15)


@pytest.fixture
def own(tmp_path):
    """A cluster that a test may break."""
    with cluster(tmp_path / "cluster", 1) as made:
        yield made


@pytest.mark.parametrize("restarts", [False, True])
def test_a_lost_scheduler_ends_the_run_after_what_has_finished(own, tmp_path, trials, restarts):
    port = own.address.rpartition(":")[2]

    def lose():
        own.scheduler.kill()
        if restarts:
            own.scheduler.wait()
            own.start(SCHEDULER, *ON_LOOPBACK[:2], "--port", port, "--scheduler-file", own.file)

    outcomes = start_until_last(own, trials, tmp_path, lose)

    with pytest.raises(OutOfReachError, match="the connection to the scheduler is lost; finished"):
        next(outcomes)
    wait_for(lambda: not children(own.folder), "the end of its child")


def test_the_trials_of_a_lost_machine_are_tried_on_another_if_there_is_one(
    own, tmp_path, trials, caplog, monkeypatch
):
    def lose_one():
        own.add_worker("another", LATE="yes")
        lost = children(own.folder)
        kill_session(own.processes[1])
        wait_for(lambda: not {*lost} & {*children(own.folder)}, "the end of its child", 5)

    outcomes = start(own, trials[:1], tmp_path, cluster_tasks.sleep_unless_late)
    acting = after(lambda: asleep(own.folder), lose_one)
    assert [outcome for _, outcome in outcomes] == ["done"]
    acting.result()
    assert "svm seed 0: its worker w0 was lost; it is tried again" in caplog.text

    monkeypatch.setattr(dask_executor, "SILENCE_SECONDS", 2.0)
    kill = partial(kill_session, own.processes[-1])
    outcomes = start_until_last(own, trials, tmp_path, kill)
    with pytest.raises(OutOfReachError, match="no worker has taken trials for 2 s; finished"):
        next(outcomes)


@pytest.fixture
def certificates(tmp_path):
    """Dask's configuration with a certificate and its key, for all that take part."""
    made = distributed.Security.temporary()
    texts = {"ca-file": made.tls_ca_file}
    for role in ("scheduler", "worker", "client"):
        texts[f"{role}.cert"] = getattr(made, f"tls_{role}_cert")
        texts[f"{role}.key"] = getattr(made, f"tls_{role}_key")
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {f"distributed.comm.tls.{name}": str(tmp_path / name) for name in texts}


def _as_environment(configuration):
    names = str.maketrans({".": "__", "-": "_"})
    return {f"DASK_{key.translate(names).upper()}": value for key, value in configuration.items()}


def test_with_certificates_everything_is_encrypted(tmp_path, trials, certificates, caplog):
    environment = _as_environment(certificates)
    with (
        dask.config.set(certificates),
        cluster(tmp_path / "cluster", 1, "--protocol", "tls", **environment) as made,
    ):
        assert made.address.startswith("tls://")
        outcomes = run(made, trials[:2], tmp_path, cluster_tasks.process)
    assert outcomes.keys() == {0, 1}
    assert not caplog.text


def test_certificates_that_are_missing_or_cannot_be_read_are_named(certificates):
    executor = DaskExecutor(address="tls://127.0.0.1:8786")
    with pytest.raises(UserError, match="needs certificates"):
        print(executor.jobs)  # noqa: T201
    missing = {"distributed.comm.tls.client.cert": "/no/such.pem"}
    message = r"distributed\.comm\.tls .*No such file.*, /no/such\.pem, /"
    with dask.config.set(certificates | missing), pytest.raises(UserError, match=message):
        print(executor.jobs)  # noqa: T201


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("tcp://localhost:8786", False),
        ("tcp://192.0.2.7:8786", True),
        ("tls://192.0.2.7:8786", False),
    ],
)
def test_only_a_port_that_others_reach_without_encryption_is_warned_of(address, is_open, caplog):
    for addresses in (("tcp://127.0.0.1:8786", address), (address, "tcp://127.0.0.1:8786")):
        caplog.clear()
        warn_if_open(*addresses)

        assert ("whoever reaches this port can run code" in caplog.text) is is_open


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("nowhere.json", UserError, "nowhere.json: No such file or directory"),
        ("foo://host:1", UserError, "unknown address scheme 'foo'"),
        ("tcp://127.0.0.1", UserError, "missing port number"),
        ("tcp://nowhere.invalid:1", OutOfReachError, "no Dask scheduler can be reached"),
    ],
)
def test_an_address_that_is_none_is_named(address, error, message):
    with pytest.raises(error, match=message):
        print(DaskExecutor(address=address).jobs)  # noqa: T201


def test_something_that_listens_but_says_nothing_is_no_scheduler(monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        begin = time.monotonic()
        with pytest.raises(OutOfReachError, match="no Dask scheduler can be reached: no answer"):
            print(DaskExecutor(address=f"tcp://127.0.0.1:{mute.getsockname()[1]}").jobs)  # noqa: T201
    assert time.monotonic() - begin < 5


def test_the_address_of_a_worker_is_not_taken_for_that_of_a_scheduler(one_worker):
    worker = one_worker.workers()["w0"]

    for address, kind in ((worker["address"], "worker"), (worker["nanny"], "nanny")):
        with pytest.raises(OutOfReachError, match=f"a Dask {kind} listens there"):
            print(DaskExecutor(address=address).jobs)  # noqa: T201


def test_without_an_address_dask_is_asked_for_one(one_worker):
    with pytest.raises(UserError, match="needs a scheduler: give --scheduler"):
        print(DaskExecutor().jobs)  # noqa: T201
    with dask.config.set({"scheduler-address": one_worker.address}):
        assert DaskExecutor().jobs == 1
