"""Faults of clusters: lost, late, silent, full, differing and missing workers and schedulers."""

import os
import resource
import signal
import threading
import time

import cluster_tasks
import dask
import distributed
import pytest
from cluster_tasks import task
from clusters import ON_LOOPBACK, SCHEDULER, children, cluster, kill_session, wait_for
from factories import corpora, trial

from rnnbench.errors import OutOfReachError, UserError
from rnnbench.runner.executors import DaskExecutor
from rnnbench.runner.executors.dask import admission, messages
from rnnbench.runner.executors.dask.connection import warn_if_open

BASELINE = {"models": {"svm": {"baseline": "tfidf_linear_svm"}}}
OTHER_VERSION = """
from importlib import metadata
real = metadata.version
metadata.version = lambda name: "0.1" if name == "scikit-learn" else real(name)
from distributed.cli.dask_worker import main
main()
"""


@pytest.fixture
def trials(tmp_path):
    return [trial(tmp_path, seed=seed, **BASELINE) for seed in range(4)]


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("cluster"), 1) as made:
        yield made


def start(where, trials, folder, carry_out):
    """Return the generator of outcomes; the trials' corpus is in ``folder``."""
    return DaskExecutor(address=where.address).run(
        trials, corpora(folder), lambda _: None, task(carry_out)
    )


def run(where, trials, folder, carry_out):
    """Return the outcomes of trials by seed."""
    return {one.seed: outcome for one, outcome in start(where, trials, folder, carry_out)}


def test_a_worker_that_joins_late_takes_trials(one_worker, tmp_path, trials):
    outcomes = start(one_worker, trials, tmp_path, cluster_tasks.nap)
    first = [next(outcomes)]

    late = one_worker.add_worker("late")

    pids = {pid for _, pid in [*first, *outcomes]}
    late.terminate()
    wait_for(lambda: "late" not in one_worker.workers(), "its end")
    assert len(pids) == 2


def test_a_worker_takes_a_trial_for_each_of_its_threads(one_worker, tmp_path, trials):
    two = one_worker.add_worker("two", "--nthreads", 2)

    jobs = DaskExecutor(address=one_worker.address).jobs
    outcomes = run(one_worker, trials, tmp_path, cluster_tasks.nap)

    two.terminate()
    wait_for(lambda: "two" not in one_worker.workers(), "its end")
    assert (jobs, len(set(outcomes.values()))) == (3, 3)


def test_a_worker_with_another_version_is_named_before_anything_is_trained(
    one_worker, tmp_path, trials
):
    other = one_worker.add_worker("other", "--no-nanny", code=OTHER_VERSION)
    try:
        with pytest.raises(UserError) as caught:
            run(one_worker, trials, tmp_path, cluster_tasks.process)
    finally:
        other.terminate()
        wait_for(lambda: "other" not in one_worker.workers(), "its end")
    assert "scikit-learn 0.1 (here: " in str(caught.value)
    assert "): other\n" in str(caught.value)
    assert "pip install scikit-learn==" in str(caught.value)


def test_a_late_one_with_another_version_takes_no_trials(one_worker, tmp_path, trials, caplog):
    outcomes = start(one_worker, trials, tmp_path, cluster_tasks.nap)
    first = [next(outcomes)]

    other = one_worker.add_worker("other", "--no-nanny", code=OTHER_VERSION)

    pids = {pid for _, pid in [*first, *outcomes]}
    other.terminate()
    wait_for(lambda: "other" not in one_worker.workers(), "its end")
    assert len(pids) == 1
    assert caplog.text.count("scikit-learn 0.1") == 1


def _allow_files_of(size):
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def test_a_worker_without_room_is_named_and_not_used(one_worker, tmp_path, trials, caplog):
    full = one_worker.add_worker("full")
    address = one_worker.workers()["full"]["address"]
    with one_worker.client() as client:
        client.run(_allow_files_of, 100, workers=[address])

    outcomes = run(one_worker, trials, tmp_path, cluster_tasks.process)

    full.terminate()
    wait_for(lambda: "full" not in one_worker.workers(), "its end")
    assert len(set(outcomes.values())) == 1
    assert "full takes no trials: " in caplog.text
    assert "cannot be written: File too large" in caplog.text


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


@pytest.fixture
def own(tmp_path):
    """A cluster that a test may break."""
    with cluster(tmp_path / "cluster", 1) as made:
        yield made


def test_a_lost_scheduler_ends_the_run_after_what_has_finished(own, tmp_path, trials):
    outcomes = start(own, trials[::-1], tmp_path, cluster_tasks.sleep_with_seed_0)
    assert [next(outcomes)[0].seed for _ in range(3)] == [3, 2, 1]
    wait_for(lambda: children(own.folder), "the last trial")

    own.scheduler.kill()

    with pytest.raises(OutOfReachError, match="the connection to the scheduler is lost; finished"):
        next(outcomes)
    wait_for(lambda: not children(own.folder), "the end of its children")


def test_a_scheduler_that_restarts_ends_the_run(own, tmp_path, trials):
    port = own.address.rpartition(":")[2]
    outcomes = start(own, trials[::-1], tmp_path, cluster_tasks.sleep_with_seed_0)
    next(outcomes)

    own.scheduler.kill()
    own.scheduler.wait()
    own.start(SCHEDULER, *ON_LOOPBACK[:2], "--port", port, "--scheduler-file", own.file)

    with pytest.raises(OutOfReachError, match=r"scheduler (is lost|was restarted); finished"):
        list(outcomes)


def test_a_silent_scheduler_ends_the_run(own, tmp_path, trials, monkeypatch):
    monkeypatch.setattr(messages, "SILENCE_SECONDS", 2.0)
    outcomes = start(own, trials[::-1], tmp_path, cluster_tasks.sleep_with_seed_0)
    next(outcomes)

    own.scheduler.send_signal(signal.SIGSTOP)

    begin = time.monotonic()
    with pytest.raises(OutOfReachError, match="the scheduler has been silent for 2 s; finished"):
        list(outcomes)
    assert time.monotonic() - begin < 15


def test_the_trials_of_a_lost_machine_are_tried_on_another(own, tmp_path, trials, caplog):
    def lose_one():
        wait_for(lambda: children(own.folder), "the start")
        own.add_worker("another", LATE="yes")
        kill_session(own.processes[1])

    outcomes = start(own, trials[:1], tmp_path, cluster_tasks.sleep_unless_late)
    threading.Thread(target=lose_one).start()

    assert [outcome for _, outcome in outcomes] == ["done"]
    assert "svm seed 0: its worker w0 was lost; it is tried again" in caplog.text


def test_without_any_worker_left_the_run_ends(own, tmp_path, trials, monkeypatch):
    monkeypatch.setattr(admission, "SILENCE_SECONDS", 2.0)
    outcomes = start(own, trials[::-1], tmp_path, cluster_tasks.sleep_with_seed_0)
    next(outcomes)

    kill_session(own.processes[-1])

    with pytest.raises(OutOfReachError, match="no worker has taken trials for 2 s; finished"):
        list(outcomes)


def test_a_cluster_without_workers_is_told_how_to_get_some(tmp_path, trials):
    with cluster(tmp_path / "cluster", 0) as made:
        line = f"dask worker {made.address} --nthreads 1 --nworkers 4"
        with pytest.raises(OutOfReachError, match=f"the scheduler has no workers.*\\n  {line}"):
            run(made, trials, tmp_path, cluster_tasks.process)
        with pytest.raises(OutOfReachError, match="the scheduler has no workers"):
            print(DaskExecutor(address=made.address).jobs)  # noqa: T201


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


def test_children_end_when_the_process_that_started_the_run_was_killed(own, tmp_path):
    process = own.start(KILLED, own.address, tmp_path)
    wait_for(lambda: children(own.folder), "its child")

    process.kill()

    wait_for(lambda: not children(own.folder), "the end of its child", seconds=15)


def test_children_end_when_their_worker_was_killed(own, tmp_path):
    process = own.start(KILLED, own.address, tmp_path)
    wait_for(lambda: children(own.folder), "its child")

    kill_session(own.processes[1])

    wait_for(lambda: not children(own.folder), "the end of its child", seconds=5)
    process.kill()


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


def test_without_certificates_it_is_said_which_are_missing():
    with pytest.raises(UserError, match="needs certificates"):
        print(DaskExecutor(address="tls://127.0.0.1:8786").jobs)  # noqa: T201


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
    warn_if_open(address)

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


def test_without_an_address_dask_is_asked_for_one(one_worker):
    with pytest.raises(UserError, match="needs a scheduler: give --scheduler"):
        print(DaskExecutor().jobs)  # noqa: T201
    with dask.config.set({"scheduler-address": one_worker.address}):
        assert DaskExecutor().jobs == 1
