"""What workers of a cluster, which import this module, run in place of training."""

import os
import signal
import time
from pathlib import Path

from rnnbench.errors import RnnbenchError
from rnnbench.runner.executors import Task


def prepare_nothing(_):
    """Be ready."""


def prepare_unless_broken(_):
    """Fail on workers that a test has started with ``BROKEN`` in their environment."""
    how = os.environ.get("BROKEN")
    if how == "crash":
        die()
    if how:
        raise ImportError("no such library")


def task(carry_out):
    """Return the task of calling a function of this module."""
    return Task(carry_out, prepare_nothing)


def process(*_):
    return os.getpid()


def nap(*_):
    time.sleep(0.5)
    return os.getpid()


def sleep(*_):
    """Go on for ever, and leave a trace; the folder of traces is in the environment."""
    Path(os.environ["TRACES"], f"asleep-{os.getpid()}").touch()
    time.sleep(600)


def sleep_with_seed_0(trial, *_):
    return sleep() if trial.seed == 0 else os.getpid()


def count_to_9(trial, _, on_epoch):
    for epoch in range(1, 10):
        on_epoch(epoch, float(trial.seed), 0.5)


def die(*_):
    os.write(2, b"out of memory, says the child\n")
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_once(trial, *_):
    """Sleep for ever, except the second time."""
    trace = Path(os.environ["TRACES"], f"slept-{trial.seed}")
    if not trace.exists():
        trace.touch()
        sleep()
    return "done"


def _leave_a_process():
    """Start a process that goes on, and keeps open whatever is open now."""
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)


def leave_a_process_and_die(trial, *_):
    """Always die with seed 0; die only once with any other seed."""
    trace = Path(os.environ["TRACES"], f"left-{trial.seed}")
    if trial.seed == 0 or not trace.exists():
        trace.touch()
        _leave_a_process()
        die()
    return "done"


def kill_worker_once(trial, *_):
    """Stand for a worker that somebody kills; its child has started a process."""
    trace = Path(os.environ["TRACES"], f"killed-{trial.seed}")
    if not trace.exists():
        trace.touch()
        _leave_a_process()
        os.kill(os.getppid(), signal.SIGKILL)
        sleep()
    return "done"


def sleep_unless_late(*_):
    """Sleep, except on workers that were started with ``LATE`` in the environment."""
    return "done" if "LATE" in os.environ else sleep()


class Unreadable:
    """Something that cannot be unpickled by the machine that starts the run."""

    def __reduce__(self):
        return _read, ()


def _read():
    if "TRACES" not in os.environ:  # as those of workers have
        raise ValueError("no traces")
    return Unreadable()


class OnlyHere:
    """Something that cannot be unpickled by another process than that which made it."""

    def __reduce__(self):
        return _here, (os.getpid(),)


def _here(pid):
    if pid != os.getpid():
        raise ValueError("made elsewhere")
    return OnlyHere()


def leave_the_folder(*_):
    folder = str(Path.cwd())
    os.chdir("/")
    return os.getpid(), folder


def fail_unless_seed_3(trial, *_):
    """Return something that this machine cannot read, or the worker, or fail."""
    if trial.seed == 2:
        raise RnnbenchError("no training today")
    return {0: Unreadable(), 1: OnlyHere()}.get(trial.seed, "done")


def lack(*_):
    raise OSError("no licence")
