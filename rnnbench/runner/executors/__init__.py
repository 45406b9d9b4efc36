"""Executors, by name: this machine, a Dask cluster, and those that other packages bring."""

from rnnbench.errors import UserError, did_you_mean
from rnnbench.registry import Registry
from rnnbench.runner.executors.base import Executor as Executor
from rnnbench.runner.executors.base import Task as Task
from rnnbench.runner.executors.base import TrialFailure as TrialFailure
from rnnbench.runner.executors.local import LocalExecutor as LocalExecutor

EXECUTORS: Registry[type[Executor]] = Registry(
    "executor", Executor, [LocalExecutor], holds_classes=True
)


def executor_class(name: str) -> type[Executor]:
    """Return the executor called ``name``, or raise ``UserError``."""
    if name not in EXECUTORS:
        raise UserError(f"no executor '{name}' ({did_you_mean(name, EXECUTORS)})")
    return EXECUTORS[name]
