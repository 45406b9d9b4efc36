"""Print how busy a run keeps many workers of a Dask cluster, with trials that only
sleep.

Run it as ``python simulations/many_workers.py``; it takes about eight minutes and
two cores. The scheduler and all workers are in one process, so they have less of a
processor than they would.
"""

import os
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import cluster_tasks
from clusters import wait_for
from factories import corpora, train, trial

from rnnbench.environment import cpu
from rnnbench.plugins.dask.executor import DaskExecutor
from rnnbench.report.table import Table, to_markdown
from rnnbench.runner.events import EpochEnded

TRIALS, WORKERS, SECONDS = 10_000, 256, 10.0
SETTINGS = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "1h",
}
"""Each worker monitors its process; here, all would monitor the same one."""
BASELINE = {"models": {"random": {"baseline": "stratified"}}}


def main(arguments):
    if arguments:
        serve(Path(arguments[0]))
        return
    with TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, __file__, folder],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            address = Path(folder, "address")
            wait_for(address.exists, "the cluster", 300)
            rows = list(_measured(address.read_text(), Path(folder), server.pid))
        finally:
            server.kill()
    settings = ", ".join(f"{name}: {value}" for name, value in SETTINGS.items())
    headers = ["trials", "seconds", "busy", "client, MB", "scheduler and workers, MB"]
    caption = (
        f"{TRIALS:,} trials that sleep for {SECONDS:g} s, on {WORKERS} workers of one core each. "
        "Busy: the share of the workers' time, from the start of the first trial, in which they "
        f"slept. Memory is resident memory. The cluster is one process, with {settings}. All on "
        f"one machine: {cpu()}, {os.cpu_count()} cores."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


def serve(folder):
    """Be the cluster; each of its workers sleeps instead of training."""
    import dask
    from distributed import LocalCluster, get_worker

    from rnnbench.plugins.dask import on_worker

    outcome = pickle.dumps(train(folder, trial(folder, **BASELINE)))
    machine = {"worker": "", "host": "", "python": "", "platform": ""}

    def sleep(*_):
        at = get_worker()
        facts = {
            "key": at.get_current_task(),
            "name": str(at.name),
            "report": (0, 0.0, 0.0),
        }
        at.log_event(on_worker.TOPIC, facts)
        time.sleep(SECONDS)
        return pickle.dumps((outcome, machine | {"address": at.address}))

    on_worker.carry_out = sleep  # type: ignore[assignment]
    dask.config.set(SETTINGS)
    options = {
        "processes": False,
        "host": "127.0.0.1",
        "protocol": "tcp://",
        "memory_limit": 0,
    }
    with LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, **options
    ) as made:
        Path(folder, "address").write_text(made.scheduler_address)
        time.sleep(3_600)


def _measured(address, folder, server):
    """Return a row after each tenth of the trials."""
    one = trial(folder, **BASELINE)
    trials = [replace(one, seed=seed) for seed in range(TRIALS)]
    begun: list[float] = []

    def listen(event):
        if isinstance(event, EpochEnded):
            begun.append(time.monotonic())

    outcomes = DaskExecutor(address=address).run(
        trials, corpora(folder), listen, cluster_tasks.task(cluster_tasks.process)
    )
    rows = []
    for done, _ in enumerate(outcomes, 1):
        if done % (TRIALS // 10) == 0:
            seconds = time.monotonic() - begun[0]
            busy = done * SECONDS / WORKERS / seconds
            memory = (f"{_resident(process):,}" for process in (os.getpid(), server))
            rows.append([f"{done:,}", f"{seconds:.0f}", f"{busy:.3f}", *memory])
            print(rows[-1], file=sys.stderr)  # noqa: T201
    return rows


def _resident(process):
    """Return the resident memory of a process in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    main(sys.argv[1:])
