"""Shared by all campaigns: a tiny benchmark, a finished run of it, and watched
processes.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from newswires import tiny_newswires, write_files

import rnnbench as rnnbench_package

CONFIG = """\
name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 4, batch_size: 4, seeds: [3], validation_split: 0.25}
models:
  rnn: {layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]}
  gru: {layers: [gru: {units: 1}, dense: {units: topics, activation: softmax}]}
  bayes: {baseline: multinomial_naive_bayes}
  random: {baseline: stratified}
"""
N_TRIALS = 4
RUN = ("run", "tiny.yaml", "--jobs", "2", "--save-models")
BASELINES = (
    *("run", "tiny.yaml", "--jobs", "1", "--models", "bayes,random"),
    "--save-models",
)
"""A run that needs no TensorFlow."""
N_OLDER = 2
"""The number of its trials."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PACKAGE = str(Path(rnnbench_package.__file__).parents[1])
"""The folder that holds the package under test, so that child processes import the same
one."""
SECONDS = 120
"""How long a command may take where nothing else is said."""


@dataclass(frozen=True)
class Bench:
    """A folder with ``tiny.yaml``, its newswires, and an undisturbed run in
    ``results/tiny``.
    """

    folder: Path

    @property
    def run(self):
        return self.folder / "results" / "tiny"

    @property
    def cache(self):
        return self.folder / "cache"

    def lay_out(self, folder):
        """Make a working folder with the same config and newswires, where nothing has
        run.
        """
        (folder / "temporary").mkdir(parents=True)
        (folder / "tiny.yaml").write_text(CONFIG)
        (folder / "sgml").symlink_to(self.folder / "sgml")
        return folder

    def copy_older(self, folder):
        """Copy a run of ``BASELINES`` to where ``folder`` would have its own."""
        older = self.folder / "older"
        if not older.exists():
            rnnbench(BASELINES, self.lay_out(older))
        return shutil.copytree(older / "results" / "tiny", folder / "results" / "tiny")

    def copy_run(self, folder):
        return shutil.copytree(self.run, folder / "results" / "tiny")


@dataclass(frozen=True)
class Done:
    """A command that has ended, by itself or because it hung and was killed.

    A signal that ended it is a negative status. The peak memory is that of the command
    or of its largest child, whichever is more.
    """

    status: int
    out: str
    err: str
    seconds: float
    peak_mb: float
    hung: bool


def make_bench(folder):
    """Run the tiny benchmark undisturbed in a new folder."""
    bench = Bench(folder)
    folder.mkdir()
    (folder / "temporary").mkdir()
    (folder / "tiny.yaml").write_text(CONFIG)
    write_files(folder / "sgml", tiny_newswires())
    done = rnnbench(RUN, folder)
    if done.status:
        raise RuntimeError(f"an undisturbed run failed: {done.err}")
    return bench


def start(
    arguments,
    folder,
    *,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    limits=None,
    variables=None,
):
    """Start ``rnnbench`` in a folder that also holds its cache and its temporary files.

    It leads its own process group, and its signals have their default handlers.
    ``limits`` are ``resource.RLIMIT_...`` with their values.
    """

    def begin():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for limit, value in (limits or {}).items():
            resource.setrlimit(limit, (value, value))

    own = {
        "RNNBENCH_CACHE": str(folder / "cache"),
        "TMPDIR": str(folder / "temporary"),
        "PYTHONUNBUFFERED": "",
        "PYTHONPATH": os.pathsep.join([PACKAGE, os.environ.get("PYTHONPATH", "")]),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "rnnbench", *arguments],
        cwd=folder,
        env=os.environ | own | dict(variables or {}),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        preexec_fn=begin,  # noqa: PLW1509 - while it starts, there is only one thread
    )


def rnnbench(arguments, folder, *, seconds=SECONDS, **options):
    """Run ``rnnbench`` to its end; the options are those of ``start``."""
    return finish(start(arguments, folder, **options), seconds)


def finish(process, seconds=SECONDS):
    """Wait for a process that ``start`` made; kill its whole group when its time is
    over.
    """
    begun = time.monotonic()
    streams = [stream for stream in (process.stdout, process.stderr) if stream]
    with ThreadPoolExecutor(2) as pool:
        texts = [pool.submit(stream.read) for stream in streams]
        peak_mb, hung = _reap(process, begun + seconds)
        end_group(process.pid)
        *out, err = (text.result().decode(errors="replace") for text in texts)
    for stream in streams:
        stream.close()
    took = time.monotonic() - begun
    return Done(process.returncode, "".join(out), err, took, peak_mb, hung)


def _reap(process, deadline):
    """Wait for a process; return its peak memory in MB, and whether it had to be
    killed.
    """
    hung = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_maxrss / 1024, hung
        if not hung and time.monotonic() > deadline:
            hung = True
            end_group(process.pid)
        time.sleep(0.02)


def end_group(group):
    """Kill whatever is left of a process group that ``start`` made."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def processes_of(group):
    """Yield each live process of a group: its id, command line and used time in clock
    ticks.
    """
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with suppress(OSError, ValueError, IndexError):
            facts = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(facts[2]) == group and facts[0] not in "ZX":
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                yield int(entry.name), command, int(facts[11]) + int(facts[12])


def wait_until(is_so, seconds, every=0.01):
    """Return whether ``is_so()`` became true in time; it is called every ``every``
    seconds.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(every)
    return False
