"""The plugins of Dask that a run sends to a cluster: they begin it there and end it.

They are pickled by value, because the scheduler has no rnnbench, and a worker may have
another version. So they import from it late, and their attributes are plain data.
"""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cloudpickle  # type: ignore[import-untyped]
from distributed import SchedulerPlugin, WorkerPlugin
from distributed.protocol.pickle import dumps

from rnnbench.plugins.dask.on_worker import TOPIC

if TYPE_CHECKING:
    from distributed import Scheduler, Worker

    from rnnbench.plugins.dask.on_worker import RunOnWorker

cloudpickle.register_pickle_by_value(sys.modules[__name__])


class RunOnScheduler(SchedulerPlugin):
    """Brings a run to all workers, also to later ones, until its client is gone."""

    def __init__(self, run: str, client: str, plugin: "RunPlugin", corpora: bytes):
        self.name = f"{run}-on-scheduler"
        self.run = run
        self.client = client
        self.plugin = dumps(plugin)
        self.corpora = corpora
        # The event loop itself does not keep it from being collected.
        self.work: asyncio.Future[None] | None = None

    async def start(self, scheduler: "Scheduler") -> None:
        """Bring the run to the workers; do not wait, because one may be silent."""
        # What the client itself sends may come too late.
        scheduler.subscribe_topic(TOPIC, self.client)
        self.restart(scheduler)
        beginning = scheduler.register_worker_plugin(
            None, self.plugin, self.run, idempotent=False
        )
        self.work = asyncio.ensure_future(beginning)
        self.plugin = b""

    def restart(self, scheduler: "Scheduler") -> None:
        """Offer the corpora to workers that ask; a restart of all has removed them."""
        scheduler.set_metadata([self.run], self.corpora)

    def remove_client(self, scheduler: "Scheduler", client: str) -> None:
        """End the run on all workers if its client is gone, and has not done so."""

        async def end() -> None:
            scheduler.remove_plugin(name=self.name)
            scheduler.task_metadata.pop(self.run, None)
            if self.run in scheduler.worker_plugins:
                await scheduler.unregister_worker_plugin(None, self.run)

        if client == self.client:
            self.work = asyncio.ensure_future(end())


class RunPlugin(WorkerPlugin):
    """Brings a run to a worker, which gets the run's resource, or says what it lacks.

    ``here`` is what is installed where the run is started; for ``modules``, and the
    ``names`` of corpora, see ``Packed``.
    """

    def __init__(
        self, run: str, here: dict[str, str], modules: bytes, names: list[str]
    ):
        self.name = run
        self.here = here
        self.modules = modules
        self.names = names
        self.there: RunOnWorker | None = None
        self.is_over = False

    async def setup(self, worker: "Worker") -> None:
        """Begin the run; its resource is a trial for each thread."""
        differences, fault = await asyncio.to_thread(self.begin, worker)
        if self.is_over:  # by now
            await self.teardown(worker)
        elif differences or fault:
            event = {
                "run": self.name,
                "name": str(worker.name),
                "differences": differences,
                "fault": fault,
            }
            worker.log_event(TOPIC, event)
        else:
            await worker.set_resources(**{self.name: worker.state.nthreads})

    def begin(self, worker: "Worker") -> tuple[list[str], str]:
        """Return what differs in the worker, and what else keeps it from taking trials.

        Both are empty if it takes them.
        """

        def ask_for_corpora() -> bytes:
            asking = worker.scheduler.get_metadata(keys=[self.name])
            loop = worker.loop.asyncio_loop
            corpora: bytes = asyncio.run_coroutine_threadsafe(asking, loop).result()
            return corpora

        wanted = self.here["rnnbench"]
        try:
            import rnnbench

            if rnnbench.__version__ != wanted:
                return [f"rnnbench {rnnbench.__version__} (here: {wanted})"], ""
            from rnnbench.plugins.dask import on_worker

            folder = Path(worker.local_directory, "rnnbench", self.name)
            run = on_worker.RunOnWorker(folder)
            self.there = run
            return run.begin(self.here, self.modules, self.names, ask_for_corpora)
        except Exception as error:
            fault = f"not usable there: {error}"
            if isinstance(error, ModuleNotFoundError) and error.name == "rnnbench":
                fault = "not installed"
            command = "pip install -e '.[dask]' in a repository at the same commit"
            return [], f"rnnbench is {fault}; {command} installs it"

    async def teardown(self, worker: "Worker") -> None:  # noqa: ARG002 - Dask gives it
        self.is_over = True
        if self.there is not None:
            await asyncio.to_thread(self.there.end)
