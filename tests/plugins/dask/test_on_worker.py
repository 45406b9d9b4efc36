"""The child processes of a worker of a cluster, without a cluster."""

import pickle

import pytest

from rnnbench.plugins.dask.on_worker import WorkerChild
from rnnbench.runner.executors import Task
from rnnbench.runner.executors.child import Died, Done

WITHOUT_RNNBENCH = """
import os, sys
lacking = [each for each in sys.path if not os.path.exists(f"{each}/rnnbench/__init__.py")]
sys.path[:] = lacking
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a child that finds a module, and carries out what every child can import."""
    started = []

    def start_with(name, code):
        (tmp_path / name).write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        started.append(WorkerChild(tmp_path, tmp_path / "place"))
        return [*started[0].reports(pickle.dumps((Task(print, id), "trial", "corpus")))]

    yield start_with
    started[0].end()


def test_a_child_that_cannot_begin_says_why(start):
    (death,) = start("rnnbench.py", "raise ImportError('half of it is missing')")

    assert isinstance(death, Died)
    assert not death.has_started
    assert death.last_words.endswith("ImportError: half of it is missing")


def test_a_child_finds_rnnbench_where_its_worker_did(start):
    begin, end = start("sitecustomize.py", WITHOUT_RNNBENCH)

    assert begin[0] == 0, "it has started"
    assert end == Done(None)
