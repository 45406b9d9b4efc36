import multiprocessing
import os
import signal
import time

import pytest

from rnnbench.runner import workers
from rnnbench.runner.workers import Workforce, divide_cores, start_workers
from rnnbench.training.engines import ENGINES


@pytest.mark.parametrize(
    ("cores", "jobs", "expected"),
    [
        (2, None, Workforce(2, 1)),
        (2, 1, Workforce(1, 2)),
        (8, None, Workforce(8, 1)),
        (8, 3, Workforce(3, 2)),
        (2, 5, Workforce(5, 1)),
    ],
)
def test_cores_are_divided_among_the_jobs(monkeypatch, cores, jobs, expected):
    monkeypatch.setattr(workers, "usable_cores", lambda: cores)

    assert divide_cores(jobs) == expected


def _threads():
    import tensorflow as tf

    return (
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
        tf.config.get_visible_devices("GPU"),
    )


def _speak():
    os.write(1, b"from C++\n")
    print("from Python")  # noqa: T201
    return os.getpid()


def _sleep():
    time.sleep(600)


@pytest.fixture(scope="module")
def pool():
    with start_workers(Workforce(jobs=1, threads=1), ENGINES["keras"].prepare) as started:
        yield started


def test_a_worker_has_its_share_of_the_threads_and_no_gpu(pool):
    assert pool.submit(_threads).result() == (1, 1, [])


def test_what_workers_print_does_not_reach_the_terminal_but_is_kept(pool, capfd):
    pid = pool.submit(_speak).result()

    assert pid != os.getpid()
    assert capfd.readouterr() == ("", "")
    assert "from C++" in pool.last_words()


def test_ctrl_c_does_not_reach_a_worker(pool):
    pid = pool.submit(_speak).result()
    os.kill(pid, signal.SIGINT)

    assert pool.submit(_speak).result() == pid


def test_no_worker_outlives_its_block():
    others = set(multiprocessing.active_children())
    with start_workers(Workforce(jobs=1, threads=1), ENGINES["keras"].prepare) as started:
        started.submit(_sleep)
        children = set(multiprocessing.active_children()) - others
        assert children

    deadline = time.monotonic() + 10
    while any(child.is_alive() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(child.is_alive() for child in children)
