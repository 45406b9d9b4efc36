"""The executor that runs trials on a Dask cluster.

``DaskExecutor.at("tcp://host:8786", jobs=None).run(trials, corpora, listener, task)``.

Plugins of Dask bring a run to the workers, and end it there however its client goes. A
worker whose versions, code and files are right gets a resource, which trials ask for.
Dask chooses the worker of each trial, and has the trials of lost workers tried again.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Self

from rnnbench import OutOfReachError
from rnnbench.plugin import Executor, Listener, Outcomes, Task, Trial
from rnnbench.plugins.dask.cluster_run import NO_WORKERS, ClusterRun
from rnnbench.plugins.dask.connection import connected, warn_if_open


class DaskExecutor(Executor):
    """The workers of a Dask cluster; ``jobs`` limits the trials that they have."""

    name = "dask"
    threads = 1

    def __init__(self, jobs: int | None = None, address: str | None = None):
        self._limit = jobs
        self._address = address

    @classmethod
    def at(cls, address: str, jobs: int | None) -> Self:
        return cls(jobs, address)

    @cached_property
    def jobs(self) -> int:  # type: ignore[override]
        with connected(self._address) as (client, scheduler):
            cores = sum(int(w["nthreads"]) for w in scheduler["workers"].values())
            if not cores:
                raise OutOfReachError(NO_WORKERS.format(client.scheduler.address))
        return min(cores, self._limit or cores)

    def run(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task,
    ) -> Outcomes:
        """Yield each trial with its outcome; those of lost workers are repeated.

        So are those of dead children. ``OutOfReachError`` is raised if the scheduler or
        all workers are lost, or there are none.
        """
        if not trials:
            return
        with connected(self._address) as (client, scheduler):
            warn_if_open(client.scheduler.address, scheduler["address"])
            with closing(ClusterRun(client, listener, task, self._limit)) as run:
                yield from run.outcomes(trials, corpora)
