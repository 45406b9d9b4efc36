"""The options of commands that train models: how trials run, and where."""

from functools import partial
from typing import Annotated

import typer

from rnnbench.runner.executors import EXECUTORS
from rnnbench.terminal import options
from rnnbench.tracking import TRACKERS

_option = partial(typer.Option, rich_help_panel="How trials run")


def _executors() -> list[str]:
    return list(EXECUTORS)


JOBS = "Trials side by side; by default one per core."
Jobs = Annotated[int | None, options.number(min=1, max=1024, help=JOBS)]
EXECUTOR = "Where trials run: local, dask, or an executor that another package brings."
_executor = _option(metavar="NAME", autocompletion=_executors, help=EXECUTOR)
ExecutorName = Annotated[str, _executor]
SCHEDULER = "The scheduler of Dask; by default that of its configuration."
Scheduler = Annotated[str | None, _option(metavar="ADDRESS|FILE", help=SCHEDULER)]
FRESH = "Train stored trials again."
Fresh = Annotated[bool, _option("--fresh", help=FRESH)]
TRACK = f"Record the run while it goes on, with {', '.join(TRACKERS)}; repeatable."
_trackers = options.among(*TRACKERS, is_list=True)
_track = _option(metavar="A,B", autocompletion=_trackers, help=TRACK)
Track = Annotated[list[str] | None, _track]
