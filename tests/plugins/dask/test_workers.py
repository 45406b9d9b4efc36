"""Which workers of a cluster take trials: late, differing, full, broken and missing
ones.
"""

import os
import resource
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import cluster_tasks
import pytest
from cluster_runs import baselines, run, start
from clusters import WORKER, cluster

import rnnbench
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.plugins.dask.executor import DaskExecutor
from rnnbench.runner.executors import Task

OTHER_VERSION = """
from importlib import metadata
real = metadata.version
metadata.version = lambda name: "0.1" if name == "scikit-learn" else real(name)
from distributed.cli.dask_worker import main
main()
"""
WITHOUT_RNNBENCH = f"import sys; sys.modules['rnnbench'] = None; {WORKER}"
WITHOUT_PYDANTIC = f"import sys; sys.modules['pydantic'] = None; {WORKER}"


@pytest.fixture
def trials(tmp_path):
    return baselines(tmp_path, 6)


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory):
    """A cluster of one worker without a nanny, which no test kills."""
    with cluster(tmp_path_factory.mktemp("cluster"), 0) as made:
        made.add_worker("w0", "--no-nanny")
        yield made


@contextmanager
def added(where, **workers):
    """Have other workers for a while, by name; without nannies unless they have
    options.
    """
    processes = [
        where.start_worker(name, *how.pop("options", ["--no-nanny"]), **how)
        for name, how in workers.items()
    ]
    try:
        where.wait_for_workers(workers.keys())
        yield
    finally:
        for process in processes:
            process.kill()
        where.wait_for_the_end_of(workers.keys())


def test_late_workers_take_a_trial_for_each_thread_unless_they_differ(
    one_worker, tmp_path, trials, caplog
):
    outcomes = start(one_worker, trials, tmp_path, cluster_tasks.nap)
    first = [next(outcomes)]

    two = {"options": ["--no-nanny", "--nthreads", 2]}
    with added(one_worker, other={"code": OTHER_VERSION}, two=two):
        assert DaskExecutor(address=one_worker.address).jobs == 4
        pids = {pid for _, pid in [*first, *outcomes]}

    assert len(pids) == 3
    assert caplog.text.count("scikit-learn 0.1") == 1


def test_workers_with_another_version_are_named_before_anything_is_trained(
    one_worker, tmp_path, trials
):
    copy = shutil.copytree(
        Path(rnnbench.__file__).parent, tmp_path / "copy" / "rnnbench"
    )
    with (copy / "models" / "baselines.py").open("a") as file:
        file.write("\n# changed\n")
    path = os.pathsep.join([str(copy.parent), one_worker.environment["PYTHONPATH"]])

    with (
        added(one_worker, altered={"PYTHONPATH": path}, other={"code": OTHER_VERSION}),
        pytest.raises(
            UserError, match=r"different rnnbench code \(.*changes\): altered"
        ) as caught,
    ):
        run(one_worker, trials, tmp_path, cluster_tasks.process)

    assert "scikit-learn 0.1 (here: " in str(caught.value)
    assert "): other\n" in str(caught.value)
    assert "pip install scikit-learn==" in str(caught.value)


def test_workers_that_lack_something_do_not_get_the_whole_queue(
    one_worker, tmp_path, trials, caplog
):
    workers = {
        "bare": {"code": WITHOUT_RNNBENCH},
        "half": {"code": WITHOUT_PYDANTIC},
        "full": {"DASK_TEMPORARY_DIRECTORY": str(tmp_path)},  # has nothing to share
        "lacking": {"BROKEN": "import"},
        "dying": {"BROKEN": "crash"},
    }
    with added(one_worker, **workers):
        full = one_worker.workers()["full"]["address"]
        with one_worker.client() as client:
            client.run(_allow_files_of, 100, workers=[full])
        work = Task(cluster_tasks.nap, cluster_tasks.prepare_unless_broken)
        outcomes = run(one_worker, trials, tmp_path, work)

    assert len(set(outcomes.values())) == 1, "the first one has carried out all of them"
    for text in (
        "bare takes no trials: rnnbench is not installed; pip install -e '.[",
        "half takes no trials: rnnbench is not usable there: ",
        "import of pydantic halted",
        "full takes no trials: ",
        "cannot be written: File too large",
        "ImportError: no such library (on lacking); it is tried again",
    ):
        assert text in caplog.text


def _allow_files_of(size):
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def test_workers_that_all_fail_are_not_to_blame(one_worker, tmp_path, trials, caplog):
    outcomes = run(one_worker, trials, tmp_path, cluster_tasks.lack)

    assert {outcome.reason for outcome in outcomes.values()} == {
        "OSError: no licence (on w0)"
    }
    assert not caplog.text


def test_a_cluster_without_usable_workers_is_told_how_to_get_some(tmp_path, trials):
    with cluster(tmp_path / "cluster", 0) as made:
        line = f"dask worker {made.address} --nthreads 1 --nworkers 4"
        with pytest.raises(
            OutOfReachError, match=f"the scheduler has no workers.*\\n  {line}"
        ):
            run(made, trials, tmp_path, cluster_tasks.process)
        with pytest.raises(OutOfReachError, match="the scheduler has no workers"):
            print(DaskExecutor(address=made.address).jobs)  # noqa: T201

        made.add_worker("bare", "--no-nanny", code=WITHOUT_RNNBENCH)
        begin = time.monotonic()
        with pytest.raises(
            UserError, match=r"no worker takes trials\n  rnnbench is not installed"
        ):
            run(made, trials, tmp_path, cluster_tasks.process)
        assert time.monotonic() - begin < 15
