"""Dask clusters on this machine: a scheduler and workers with nannies, as processes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parent
SCHEDULER = (  # it needs no rnnbench
    "import sys; sys.modules['rnnbench'] = None; "
    "from distributed.cli.dask_scheduler import main; main()"
)
WORKER = "from distributed.cli.dask_worker import main; main()"
QUIET = {  # as ``docs/cluster.md`` recommends: idle workers cost less
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}
ON_LOOPBACK = ("--host", "127.0.0.1", "--port", 0, "--dashboard-address", "127.0.0.1:0")


@dataclass
class Cluster:
    """A scheduler, its workers, and the environment of all of them."""

    folder: Path
    environment: Mapping[str, str]
    processes: list[subprocess.Popen] = field(default_factory=list)

    @property
    def file(self):
        return self.folder / "scheduler.json"

    @property
    def address(self):
        return json.loads(self.file.read_text())["address"]

    @property
    def scheduler(self):
        return self.processes[0]

    def start(self, code, *arguments, **environment):
        log = (self.folder / f"{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**self.environment, **environment},
            cwd=self.folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self.processes.append(process)
        return process

    def start_worker(self, name, *options, code=WORKER, **environment):
        """Start a worker of one thread with its nanny."""
        options = ("--nthreads", 1, "--no-dashboard", "--name", name, *options)
        return self.start(code, "--scheduler-file", self.file, *options, **environment)

    def add_worker(self, name, *options, code=WORKER, **environment):
        """Start a worker, and wait until it has joined."""
        process = self.start_worker(name, *options, code=code, **environment)
        self.wait_for_workers({name})
        return process

    def wait_for_workers(self, names):
        """Wait until workers of these names have joined."""
        with self.client() as client:
            wait_for(lambda: names <= _workers(client).keys(), f"workers {names}")

    def wait_for_the_end_of(self, names):
        """Wait until no worker of these names is left."""
        with self.client() as client:
            wait_for(lambda: not names & _workers(client).keys(), f"end of {names}")

    def workers(self):
        """Return what the scheduler knows of its workers, by their names."""
        with self.client() as client:
            return _workers(client)

    def ask(self, function, *arguments):
        """Return the results of a function in all workers, by their addresses."""
        with self.client() as client:
            return client.run(function, *arguments)

    def cut_clients(self):
        self.ask_scheduler(_cut_clients)

    def ask_scheduler(self, function, **arguments):
        with self.client() as client:
            return client.run_on_scheduler(function, **arguments)

    @contextmanager
    def client(self):
        import distributed

        with distributed.Client(
            self.address, set_as_default=False, timeout=10
        ) as client:
            yield client

    def close(self):
        for process in self.processes:
            kill_session(process)


def _workers(client):
    workers = {}
    for address, state in client.scheduler_info(n_workers=-1)["workers"].items():
        workers[str(state["name"])] = state | {"address": address}
    return workers


def _cut_clients(dask_scheduler):
    for comm in list(dask_scheduler.client_comms.values()):
        comm.abort()


def listeners(dask_scheduler):
    """Return the clients that the scheduler tells of epochs; it is asked for them."""
    return dask_scheduler._broker._topics["rnnbench"].subscribers


def cut_at_gather(dask_scheduler, *, clients, itself):
    """Have the scheduler cut connections when an outcome is fetched next.

    It cuts those of all clients, or the one through which it is fetched, or both.
    """
    fetch = dask_scheduler.handlers["gather"]

    async def gather(keys, serializers=None):
        dask_scheduler.handlers["gather"] = fetch
        if clients:
            _cut_clients(dask_scheduler)
            await asyncio.sleep(0.5)
        if itself:
            for comm, purpose in list(dask_scheduler._comms.items()):
                if purpose == "gather":
                    comm.abort()
        return await fetch(keys=keys, serializers=serializers)

    dask_scheduler.handlers["gather"] = gather


def kill_session(process):
    """Kill a process and those that it started, except the children that train."""
    try:
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


@contextmanager
def cluster(folder, n_workers=2, *options, **environment):
    """Start a scheduler, and workers called ``w0``, ``w1`` and so on; end them."""
    folder.mkdir(parents=True, exist_ok=True)
    variables = {
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
        "TRACES": str(folder),
        "DASK_TEMPORARY_DIRECTORY": str(folder / "tmp"),
    }
    made = Cluster(folder, os.environ | QUIET | variables | environment)
    try:
        made.start(SCHEDULER, *ON_LOOPBACK, *options, "--scheduler-file", made.file)
        wait_for(lambda: made.file.exists() and made.file.read_text(), "the scheduler")
        names = {f"w{number}" for number in range(n_workers)}
        for name in sorted(names):
            made.start_worker(name)
        made.wait_for_workers(names)
        yield made
    finally:
        made.close()


def wait_for(condition, event, seconds=60.0):
    """Wait until a condition holds, and return what it returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"{event}: not within {seconds:.0f} s")


def after(moment, act):
    """Do something in a thread once something else has happened; return its future."""

    def wait_and_act():
        wait_for(moment, "the moment", 300)
        act()

    pool = ThreadPoolExecutor(1)
    acting = pool.submit(wait_and_act)
    pool.shutdown(wait=False)
    return acting


def children(folder):
    """Return the processes that train for workers of the cluster in ``folder``."""
    numbers = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"dask.worker_child import main" in line and str(folder).encode() in line:
            numbers.append(int(process.name))
    return numbers


def asleep(folder):
    """Return those of them that carry out ``cluster_tasks.sleep``."""
    traces = {int(trace.name.partition("-")[2]) for trace in folder.glob("asleep-*")}
    return traces & set(children(folder))


def kept(dask_worker):
    """Return the files that a worker keeps for runs; workers are asked for it."""
    kept_files = []
    # Some may just be removed.
    places = os.walk(Path(dask_worker.local_directory, "rnnbench"))
    for place, folders, files in places:
        kept_files += [f"{place}/{name}" for name in (*folders, *files)]
    return kept_files


def numbers_of_corpora(dask_worker):
    """Return the inodes of the corpora of a worker; workers are asked for them."""
    corpora = Path(dask_worker.local_directory).glob("rnnbench/*/*.npz")
    return [corpus.stat().st_ino for corpus in corpora]
