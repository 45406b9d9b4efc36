"""Executors by name, and the attempt at a trial that all of them make."""

import pytest
from factories import trial

from rnnbench.errors import RnnbenchError, UserError
from rnnbench.plugins.dask.executor import DaskExecutor
from rnnbench.runner.executors import EXECUTORS, LocalExecutor, Task, executor_class


def test_trials_run_in_local_processes_or_on_a_cluster():
    assert list(EXECUTORS) == ["local", "dask"]
    assert executor_class("local") is LocalExecutor
    assert executor_class("dask") is DaskExecutor


def test_an_unknown_executor_is_named_with_those_there_are():
    with pytest.raises(UserError, match=r"no executor 'locl' \(allowed: local, dask; did you mean"):
        executor_class("locl")


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
    functions = {"carry_out": lambda *_: None, "prepare": lambda _: None} | {where: _raises(error)}

    failure = Task(**functions).attempt(trial(tmp_path), tmp_path, lambda: None, lambda *_: None)

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
