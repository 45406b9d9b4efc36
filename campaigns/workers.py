"""Strikes a Dask cluster at any moment of a run: no finished trial is lost or differs.

Each case has a cluster of its own: a scheduler and two workers with nannies. What is
killed is a process that trains, a worker, which its nanny starts again, a worker with
its nanny, or the scheduler. Or a worker is retired, the connection to the scheduler is
cut, the scheduler is stopped, or the run gets Ctrl-C, also while the scheduler is
stopped. A run that ends early is finished by local processes.
"""

import os
import signal
import time
from contextlib import suppress

from clusters import children, cluster, kept, kill_session

from campaigns.bench import N_TRIALS, RUN, SECONDS, end_group, start, wait_until
from campaigns.campaign import Campaign, rerun
from campaigns.kills import PATIENCE, RUN_FOLDER, other_results

ENDINGS = {
    "scheduler": 3,
    "connection": 3,
    "silence": 3,
    "ctrl-c": 130,
    "ctrl-c in silence": 130,
}
"""The exit status of a run that was struck so, if it ends early."""
TARGETS = ("child", "worker", "machine", "retirement", *ENDINGS)
MOMENTS = ("started", "test accuracy")


def attempt(_number, random, bench, folder):
    """Yield what is wrong after a random strike, before the last trial has ended."""
    text, target = random.choice(MOMENTS), random.choice(TARGETS)
    count = random.randint(1, N_TRIALS - (text == "test accuracy"))
    delay = random.choice([0, 0.1, 1, 4])
    bench.lay_out(folder)
    with cluster(folder / "cluster", 2) as made:
        workers = [*made.ask(os.getpid).values()]
        log = folder / "err"
        options = ["--executor", "dask", "--scheduler", str(made.file)]
        with (folder / "out").open("wb") as out, log.open("wb") as err:
            running = start([*RUN, *options], folder, stdout=out, stderr=err)
        try:
            wait_until(
                lambda: (
                    log.read_text().count(text) >= count or running.poll() is not None
                ),
                SECONDS,
            )
            time.sleep(delay)
            _strike(target, random, made, workers, running.pid)
            wait_until(lambda: running.poll() is not None, SECONDS)
        finally:
            made.scheduler.send_signal(signal.SIGCONT)
            end_group(running.pid)
        status = running.wait() if running.returncode is not None else None
        whats = [*_after_strike(target, status, log.read_text(), made, bench, folder)]
    strike = f"{target}, {delay:.2f} s after '{text}' number {count}"
    yield from (f"{strike}: {what}" for what in whats)


def _after_strike(target, status, said, made, bench, folder):
    if status is None:
        yield "the run did not end in time"
    if "Traceback" in said:
        yield "a traceback"
    if not wait_until(lambda: not children(made.folder), PATIENCE, every=0.1):
        yield "processes that train are left"
    reached = ("child", "worker", "connection", "ctrl-c")
    if target in reached and not wait_until(
        lambda: _is_clean(made), PATIENCE, every=0.5
    ):
        yield "files of the run are left in workers"
    if status and status == ENDINGS.get(target):
        yield from rerun(RUN, folder, said.count("test accuracy"))
    elif status:
        yield f"exit status {status}: {said[-300:]}"
    with suppress(FileNotFoundError):
        yield from other_results(folder / RUN_FOLDER, bench)


def _is_clean(made):
    """Return whether no worker keeps files of the run; a worker that restarts cannot
    say so.
    """
    try:
        return not any(made.ask(kept).values())
    except OSError:
        return False


def _strike(target, random, made, workers, run):
    if target == "scheduler":
        made.scheduler.kill()
    elif target == "machine":
        kill_session(random.choice(made.processes[1:]))
    elif target == "retirement":
        with made.client() as client:
            client.retire_workers(
                [random.choice([*client.scheduler_info()["workers"]])]
            )
    elif target == "connection":
        made.cut_clients()
    if target.endswith("silence"):
        made.scheduler.send_signal(signal.SIGSTOP)
    if target.startswith("ctrl-c"):
        with suppress(ProcessLookupError):
            os.kill(run, signal.SIGINT)
    if target in ("child", "worker"):
        pids = workers if target == "worker" else children(made.folder)
        with suppress(ProcessLookupError):
            os.kill(random.choice(pids or workers), signal.SIGKILL)


CAMPAIGN = Campaign(long=20, short=0, attempt=attempt)
