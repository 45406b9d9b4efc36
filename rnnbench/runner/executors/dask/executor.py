"""The executor that runs trials on a Dask cluster.

It places trials itself: one on each core of each worker, by address, so that Dask never has to
move or repeat one. What happens in the cluster arrives as messages, one after the other.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Self

from rnnbench.runner.events import Listener
from rnnbench.runner.executors.base import Executor, T, Task, TrialFailure
from rnnbench.runner.executors.dask.connection import connected, cores_of, identity_of, warn_if_open
from rnnbench.runner.executors.dask.parcels import pack
from rnnbench.runner.executors.dask.run import Run
from rnnbench.training.trial import Trial


class DaskExecutor(Executor):
    """The workers of a Dask cluster, each of whose threads takes one trial at a time.

    Args:
        jobs: the most trials that run side by side; by default one per thread of the workers.
        address: of the scheduler, or its scheduler file; by default that of Dask's configuration.
    """

    name = "dask"
    threads = 1

    def __init__(self, jobs: int | None = None, address: str | None = None):
        self._limit, self._address = jobs, address

    @classmethod
    def at(cls, address: str, jobs: int | None) -> Self:
        """Return the executor for the scheduler at ``address``."""
        return cls(jobs, address)

    @cached_property
    def jobs(self) -> int:  # type: ignore[override]
        """How many trials run side by side when the run starts.

        Raises:
            UserError: it is not said where the cluster is.
            OutOfReachError: no scheduler answers, or it has no workers.
        """
        with connected(self._address) as client:
            cores = cores_of(client)
        return min(cores, self._limit or cores)

    def run(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task[T],
    ) -> Generator[tuple[Trial, T | TrialFailure], None, None]:
        """Yield each trial with its outcome.

        The trial of a dead child, or of a worker that is lost, is tried again elsewhere, and then
        alone on a machine.

        Raises:
            UserError: workers differ from this machine in what can change results, or none can be
                given trials.
            OutOfReachError: the scheduler or all workers are lost, or there are none.
            RnnbenchError: children die before they can start a trial.
        """
        if not trials:
            return
        parcels = pack(trials, corpora)
        with connected(self._address) as client:
            warn_if_open(client.scheduler.address, identity_of(client)["address"])
            run = Run(client, trials, parcels, listener, task, self._limit)
            try:
                with closing(run.outcomes()) as outcomes:
                    yield from outcomes
            finally:
                run.end()
