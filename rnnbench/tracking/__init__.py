"""Trackers, by name, and the ``tracking`` key of a config: they record a run while it goes on."""

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import BeforeValidator

from rnnbench.errors import UserError, did_you_mean
from rnnbench.registry import Registry
from rnnbench.section import problem, spell
from rnnbench.tracking.base import Tracker
from rnnbench.tracking.to_mlflow import MlflowTracker
from rnnbench.tracking.to_tensorboard import TensorBoardTracker
from rnnbench.tracking.to_wandb import WandbTracker

__all__ = ["TRACKERS", "Tracker", "TrackerNames", "check_trackers"]

TRACKERS: Registry[type[Tracker]] = Registry(
    "tracker", Tracker, [TensorBoardTracker, MlflowTracker, WandbTracker], holds_classes=True
)


def _names(value: Any) -> Any:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise problem(f"got {spell(value)}", "allowed: a tracker, or a list such as [mlflow]")
    for name in names:
        if name not in TRACKERS:
            raise problem(f"no tracker {spell(name)}", did_you_mean(name, TRACKERS))
    return tuple(dict.fromkeys(names))


TrackerNames = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""The names of trackers; in a config a single name will do."""


def check_trackers(names: Iterable[str]) -> None:
    """Make sure that trackers can be used.

    Raises:
        PluginError: one cannot be loaded; the message names its package.
        UserError: a module that one needs is not installed.
    """
    for name in names:
        tracker = TRACKERS[name]
        missing = [module for module in tracker.modules if not _is_installed(module)]
        if missing:
            hint = f": {tracker.install}" if tracker.install else ""
            raise UserError(f"{TRACKERS.label(name)} needs {', '.join(missing)}{hint}")


def _is_installed(module: str) -> bool:
    """Return whether a module can be imported.

    A folder of that name, which tools leave in the working folder, has a spec without an origin.
    """
    if module in sys.modules:
        return sys.modules[module] is not None
    spec = find_spec(module)
    return spec is not None and spec.origin is not None
