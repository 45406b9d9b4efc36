"""Executors by name, and the one that an installed package brings."""

import inspect
import logging

import in_process
import pytest
from factories import corpora, trial
from plugin_files import write_distribution

from rnnbench.errors import RnnbenchError, UserError
from rnnbench.registry import PluginError, Registry
from rnnbench.runner import executors
from rnnbench.runner.executors import Executor, LocalExecutor, Task, executor_class


@pytest.fixture
def install(tmp_path, install, monkeypatch):
    """Installs a package that brings executors, by name."""

    def install_executors(**entries):
        modules = {"made_up": inspect.getsource(in_process), "fails": "raise OSError('no cluster')"}
        entries = {name.replace("_", "-"): place for name, place in entries.items()}
        group = "rnnbench.executors"
        install(write_distribution(tmp_path / "site", entries, modules, group=group))
        found = Registry("executor", Executor, [LocalExecutor], holds_classes=True)
        monkeypatch.setattr(executors, "EXECUTORS", found)

    return install_executors


def test_local_processes_are_the_only_executor_of_this_package():
    assert list(executors.EXECUTORS) == ["local"]
    assert executor_class("local") is LocalExecutor


def test_an_unknown_executor_is_named_with_those_there_are():
    with pytest.raises(UserError, match=r"no executor 'locl' \(allowed: local; did you mean"):
        executor_class("locl")


def test_an_executor_of_another_package_carries_out_trials(install, tmp_path):
    install(in_process="made_up:InProcess")
    events, planned = [], trial(tmp_path)
    task = Task(lambda _, corpus, on_epoch: on_epoch(1, 0.5, 0.5) or corpus, lambda _: None)

    executor = executor_class("in-process")(3)
    outcomes = list(executor.run([planned], corpora(tmp_path), events.append, task))

    assert (executor.jobs, executor.threads) == (3, 1)
    assert outcomes == [(planned, tmp_path / "made-up.npz")]
    assert [(event.trial, event.epoch) for event in events] == [(planned, 0), (planned, 1)]


def test_an_executor_that_cannot_be_loaded_is_named_with_its_package(install, caplog):
    install(broken="fails:x", in_process="made_up:InProcess")

    with pytest.raises(PluginError, match=r"executor 'broken' of the package made-up .*no cluster"):
        executor_class("broken")
    with caplog.at_level(logging.WARNING):
        assert len(executors.EXECUTORS.usable()) == 2
    assert executor_class("local") is LocalExecutor


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


def test_ctrl_c_is_no_failure_of_a_trial(tmp_path):
    task = Task(_raises(KeyboardInterrupt()), lambda _: None)

    with pytest.raises(KeyboardInterrupt):
        task.attempt(trial(tmp_path), tmp_path, lambda: None, lambda *_: None)
