"""A child process of a worker of a Dask cluster, in which trials are carried out."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import rnnbench
from rnnbench.plugin import Child, Died, Done, Report, work

REPORT_SECONDS = 0.5  # between two events of a trial
LOOK_SECONDS = 1.0  # between two looks at its child
END_SECONDS = 3.0  # for killed children to be gone


class WorkerChild(Child):
    """A child process; it imports modules from ``place``, after all installed ones."""

    def __init__(self, folder: Path, place: Path):
        place.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="child-", dir=folder))
        log = self._folder / "log"
        ours, theirs = Pipe()
        super().__init__(ours, log)
        # Our end of the second pipe closes when this process ends, however it ends.
        line, self._line = Pipe(duplex=False)
        numbers = [theirs.fileno(), line.fileno()]
        # The child may not find rnnbench by itself: this process may have found it in
        # its folder.
        path = str(Path(rnnbench.__file__).parents[1])
        program = f"import sys; sys.path.append({path!r})"
        program += f"; from {__name__} import main; main()"
        try:
            # ``multiprocessing`` starts no process from a daemonic worker.
            with log.open("ab") as printed:
                self._process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-P", "-c", program, *map(str, numbers), str(log)],
                    cwd=place,
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=printed,
                    pass_fds=numbers,
                    # which hears no Ctrl-C of the worker's terminal
                    start_new_session=True,
                )
        finally:
            theirs.close()
            line.close()

    def carry_out(self, message: bytes, tell: Callable[[Report], None]) -> Done | Died:
        """Have it carry out a trial, and tell its progress.

        Of many quick epochs, most are left out.
        """
        self.give(message)
        held = None
        last = 0.0
        while True:
            has_ended = self._process.poll() is not None  # before looking for a report
            if not self.connection.poll(LOOK_SECONDS) and not has_ended:
                continue
            report = self.receive()
            now = time.monotonic()
            match report:
                case Died():
                    return report
                case (epoch, _, _):
                    if epoch > 0 and now - last < REPORT_SECONDS:
                        held = report
                        continue
                case _ if held is not None:
                    tell(held)
            if isinstance(report, Done):
                return report
            held = None
            last = now
            tell(report)

    def end(self) -> None:
        """Kill the process and those that it started, and remove its files."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)


def main() -> None:
    """Carry out trials in a child process; the arguments are its pipes and its log."""
    connection, line, log = sys.argv[1:]

    def end_with_worker() -> None:
        os.read(int(line), 1)  # returns when the worker has ended
        os.killpg(0, signal.SIGKILL)

    work(Connection(int(connection)), 1, Path(log), end_with_worker)
