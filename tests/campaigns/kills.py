"""Sends signals to runs at any moment: stored files stay intact, and the next run uses them.

Each case sends one signal to the run, to its whole process group, or to one of its workers. In
half of the cases, a smaller run has finished in the same folder before. Then the same command is
run to its end. It has to give what an undisturbed run gives.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from campaigns.bench import (
    N_TRIALS,
    RUN,
    SECONDS,
    Bench,
    end_group,
    processes_of,
    rnnbench,
    start,
    wait_until,
)
from campaigns.campaign import Campaign, misbehaviour, spell, warnings_heard

from rnnbench.analysis.summary import load_run
from rnnbench.errors import RnnbenchError
from rnnbench.results.run import load_results
from rnnbench.storage import sha256_json

RUN_FOLDER = Path("results", "tiny")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
TARGETS = ("parent", "group", "busy worker", "idle worker")
MOMENTS = ("start", "trial", "result", "file", "end", "config")
"""When a signal is sent: after the start; after a trial has started or ended; after a file was
written; near the end; after ``config.yaml`` was written, but before ``results.json``."""
AGAIN = "results.json was stored; run the benchmark again"
PATIENCE = 10
"""Seconds within which a run ends, and everything that it has started."""


@dataclass(frozen=True)
class Strike:
    """A signal, its target, its moment, the delay after that, and whether an older run exists."""

    number: signal.Signals
    target: str
    moment: str
    delay: float
    over_older: bool

    def __str__(self) -> str:
        older = ", over an older run" if self.over_older else ""
        return f"{self.number.name} to {self.target}, {self.delay:.3f} s after {self.moment}{older}"


def draw(random: Random) -> Strike:
    """Return a random strike."""
    moment = random.choice(MOMENTS)
    delays = {"start": [random.uniform(0.1, 3)], "config": [0, 0.001, 0.003]}
    delay = random.choice(delays.get(moment, [0, 0.01, 0.1, 0.5])) * random.uniform(0.5, 1.5)
    number, target = random.choice(SIGNALS), random.choice(TARGETS)
    return Strike(number, target, moment, delay, random.random() < 0.5)


def attempt(_number: int, random: Random, bench: Bench, folder: Path) -> Iterator[str]:
    """Yield what is wrong after a random strike, and after the same command was run again."""
    strike = draw(random)
    bench.lay_out(folder)
    if strike.over_older:
        bench.copy_older(folder)
    whats = [*_after_strike(strike, folder)]
    for file in (*(folder / "temporary").rglob("*"), *folder.rglob(".*.tmp")):
        long_ago = file.stat().st_mtime - 3_600  # those that have just been made may be in use
        os.utime(file, (long_ago, long_ago))
    whats += _after_rerun(_stored(folder), bench, folder)
    yield from (f"{strike}: {what}" for what in whats)


def _after_strike(strike: Strike, folder: Path) -> Iterator[str]:
    before = _files(folder)
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        running = start(RUN, folder, stdout=out, stderr=err)
    try:
        _wait_for(strike.moment, running, folder, before)
        time.sleep(strike.delay)
        target, process = _target(running.pid, strike.target)
        with suppress(ProcessLookupError):
            send = os.killpg if target == "group" else os.kill
            send(process, strike.number)
        try:
            running.wait(SECONDS if target.endswith("worker") else PATIENCE)
        except subprocess.TimeoutExpired:
            yield "the run did not end in time"
        else:
            yield from _misjudged(running.returncode, _said(folder), target, strike)
            yield from _unsummarised(_said(folder), folder)
        if not wait_until(lambda: not list(processes_of(running.pid)), PATIENCE):
            yield f"processes are left: {[command for _, command, _ in processes_of(running.pid)]}"
    finally:
        end_group(running.pid)
        running.wait()
    yield from _damaged(folder, over_older=strike.over_older)


def _files(folder: Path) -> dict[Path, int]:
    """Return the files of the run, and when each was written, in nanoseconds."""
    run = folder / RUN_FOLDER
    files = [file for pattern in ("config.yaml", "[!.]*/*") for file in run.glob(pattern)]
    return {file: file.stat().st_mtime_ns for file in files}


def _wait_for(
    moment: str, running: "subprocess.Popen[bytes]", folder: Path, before: dict[Path, int]
) -> None:
    """Wait for a moment of a run, or for its end; ``before`` are the files it started with."""
    config = folder / RUN_FOLDER / "config.yaml"
    n_stored = sum(file.parent.name == "trials" for file in before)
    is_there = {
        "start": lambda: True,
        "trial": lambda: "started" in _said(folder),
        "result": lambda: "test accuracy" in _said(folder),
        "file": lambda: _files(folder) != before,
        "end": lambda: _said(folder).count("test accuracy") == N_TRIALS - n_stored,
        "config": lambda: config.exists() and config.stat().st_mtime_ns != before.get(config),
    }[moment]
    wait_until(lambda: is_there() or running.poll() is not None, SECONDS, every=0.001)


def _said(folder: Path) -> str:
    return (folder / "err").read_text(errors="replace")


def _target(group: int, wanted: str) -> tuple[str, int]:
    """Return the name and the id of the target; without a worker, it is the parent."""
    if not wanted.endswith("worker"):
        return wanted, group
    before = {process: ticks for process, _, ticks in _workers(group)}
    time.sleep(0.05)
    used = {process: ticks - before.get(process, 0) for process, _, ticks in _workers(group)}
    if not used:
        return "parent", group
    choose = max if wanted.startswith("busy") else min
    return wanted, choose(used, key=lambda process: used[process])


def _workers(group: int) -> list[tuple[int, str, int]]:
    return [each for each in processes_of(group) if "spawn_main" in each[1]]


def _misjudged(status: int, said: str, target: str, strike: Strike) -> Iterator[str]:
    """Yield what is wrong with the status and the messages of a run that ended."""
    had_finished = "Stored in" in said
    allowed = [0] if had_finished or target.endswith("worker") else []
    if not target.endswith("worker"):
        allowed += [-strike.number if strike.number == signal.SIGKILL else 128 + strike.number]
        # Before the first line of Python, and after the last one, a signal has its default effect.
        allowed += [-strike.number] if had_finished or not said else []
    last = said.strip().rpartition("\n")[2][:200]
    if status not in allowed:
        yield f"exit status {status}, not {' or '.join(map(str, allowed))}: {last}"
    if "Traceback" in said:
        yield f"a traceback: {last}"


def _unsummarised(said: str, folder: Path) -> Iterator[str]:
    """Yield what is wrong with the summary of a run that said how many trials it has stored."""
    count = re.search(r"Interrupted; (\d+) of \d+ trials are stored", said)
    if count is None or count[1] == "0":
        return
    try:
        n_trials = sum(len(model.trials) for model in load_results(folder / RUN_FOLDER).models)
    except RnnbenchError as error:
        yield f"{count[0]}, but the summary cannot be read: {spell(error)}"
    else:
        if n_trials != int(count[1]):
            yield f"{count[0]}, but {n_trials} are in the summary"


def _damaged(folder: Path, *, over_older: bool) -> Iterator[str]:
    """Yield what is wrong with the files that a run left."""
    results = folder / RUN_FOLDER
    for file in results.rglob("*.json"):
        try:
            document = json.loads(file.read_bytes())
            if file.name != ".lock.json" and document.pop("checksum") != sha256_json(document):
                yield f"{file.name}: a wrong checksum"
        except (ValueError, KeyError, AttributeError) as error:
            yield f"{file.name}: {spell(error)}"
    if (results / "results.json").exists():
        with warnings_heard():
            try:
                load_run(results)
            except RnnbenchError as error:
                # Killed between the two files, over an older run: the message says what to do.
                if not (over_older and str(error).endswith(AGAIN)):
                    yield f"the run cannot be read: {spell(error)}"


def _stored(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Return the records of trials that are stored: when each was written, and its content."""
    records = (folder / RUN_FOLDER / "trials").glob("[!.]*.json")
    return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in records}


def _after_rerun(
    stored: dict[Path, tuple[int, bytes]], bench: Bench, folder: Path
) -> Iterator[str]:
    """Yield what is wrong when the same command is run to its end."""
    done = rnnbench(RUN, folder)
    yield from (f"the next run: {what}" for what in misbehaviour(done, [0]))
    if done.status:
        return
    if stored and f"{len(stored)} of {N_TRIALS} trials are stored already" not in done.err:
        yield f"the next run does not say that {len(stored)} trials are stored"
    if any(now != stored.get(file, now) for file, now in _stored(folder).items()):
        yield "the next run trained a stored trial again"
    yield from _differences(bench, folder)


def _differences(bench: Bench, folder: Path) -> Iterator[str]:
    """Yield the files that a finished run has more or less than the undisturbed one."""
    run = folder / RUN_FOLDER
    for place, other in ((run, bench.run), (folder / "cache", bench.cache)):
        ours, theirs = (
            {str(file.relative_to(root)) for file in root.rglob("*")} for root in (place, other)
        )
        if ours != theirs:
            yield f"left over: {sorted(ours - theirs)}, missing: {sorted(theirs - ours)}"
    if left := [file.name for file in (folder / "temporary").iterdir()]:
        yield f"left over in TMPDIR: {left}"
    yield from other_results(run, bench)


def other_results(run: Path, bench: Bench) -> Iterator[str]:
    """Yield how predictions and accuracies differ from those of the undisturbed run."""
    for file in (bench.run / "predictions").iterdir():
        ours = run / "predictions" / file.name
        if not ours.is_file() or ours.read_bytes() != file.read_bytes():
            yield f"other predictions: {file.name}"
    ours, theirs = (
        [[trial.metrics for trial in model.trials] for model in load_results(folder).models]
        for folder in (run, bench.run)
    )
    if ours != theirs:
        yield "other accuracies"


CAMPAIGN = Campaign(long=200, short=1, attempt=attempt)
