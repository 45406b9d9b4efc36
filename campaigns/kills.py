"""Sends signals to runs at any moment: stored files stay intact, and the next run uses
them.

Each case sends one signal to the run, to its whole process group, or to one of its
workers. In half of the cases, a smaller run has finished in the same folder before.
Then the same command is run to its end. It has to give what an undisturbed run gives.
"""

import json
import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from campaigns.bench import (
    N_OLDER,
    N_TRIALS,
    RUN,
    SECONDS,
    end_group,
    processes_of,
    start,
    wait_until,
)
from campaigns.campaign import Campaign, rerun, spell, unreadable
from rnnbench.errors import RnnbenchError
from rnnbench.results.run import load_results
from rnnbench.storage import sha256_json

RUN_FOLDER = Path("results", "tiny")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
TARGETS = ("parent", "group", "busy worker", "idle worker")
MOMENTS = ("start", "trial", "result", "file", "end", "config")
"""When a signal is sent: after the start; after a trial has started or ended; after a
file was written; near the end; after ``config.yaml`` was written, but before
``results.json``."""
AGAIN = "results.json was stored; run the benchmark again"
KEPT = "keeps its earlier, whole run until this one is whole"
PATIENCE = 10
"""Seconds within which a run ends, and everything that it has started."""


def attempt(_number, random, bench, folder):
    """Yield what is wrong after a random strike, and after the same command was run
    again.
    """
    moment = random.choice(MOMENTS)
    delays = {"start": [random.uniform(0.1, 3)], "config": [0, 0.001, 0.003]}
    delay = random.choice(delays.get(moment, [0, 0.01, 0.1, 0.5])) * random.uniform(
        0.5, 1.5
    )
    number, target = random.choice(SIGNALS), random.choice(TARGETS)
    over_older = random.random() < 0.5
    bench.lay_out(folder)
    if over_older:
        bench.copy_older(folder)
    whats = [
        *_after_strike(number, target, moment, delay, folder),
        *_damaged(folder, over_older=over_older),
    ]
    for file in (*(folder / "temporary").rglob("*"), *folder.rglob(".*.tmp")):
        long_ago = (
            file.stat().st_mtime - 3_600
        )  # those that have just been made may be in use
        os.utime(file, (long_ago, long_ago))
    whats += _after_rerun(_stored(folder), bench, folder)
    strike = f"{number.name} to {target}, {delay:.3f} s after {moment}"
    older = ", over an older run" if over_older else ""
    yield from (f"{strike}{older}: {what}" for what in whats)


def _after_strike(number, target, moment, delay, folder):
    """Yield what is wrong with a run that gets a signal, and with what it says when it
    ends.
    """
    before = _files(folder)
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        running = start(RUN, folder, stdout=out, stderr=err)
    try:
        _wait_for(moment, running, folder, before)
        time.sleep(delay)
        target, process = _target(running.pid, target)
        with suppress(ProcessLookupError):
            (os.killpg if target == "group" else os.kill)(process, number)
        try:
            running.wait(SECONDS if target.endswith("worker") else PATIENCE)
        except subprocess.TimeoutExpired:
            yield "the run did not end in time"
        else:
            yield from _misjudged(running.returncode, _said(folder), target, number)
            yield from _unsummarised(_said(folder), folder)
        if not wait_until(lambda: not list(processes_of(running.pid)), PATIENCE):
            yield f"processes are left: {[command for _, command, _ in processes_of(running.pid)]}"
    finally:
        end_group(running.pid)
        running.wait()


def _files(folder):
    """Return the files of the run, and when each was written, in nanoseconds."""
    run = folder / RUN_FOLDER
    files = [
        file for pattern in ("config.yaml", "[!.]*/[!.]*") for file in run.glob(pattern)
    ]
    return {file: file.stat().st_mtime_ns for file in files}


def _wait_for(moment, running, folder, before):
    """Wait for a moment of a run, or for its end; ``before`` are the files it started
    with.
    """
    config = folder / RUN_FOLDER / "config.yaml"
    n_stored = sum(file.parent.name == "trials" for file in before)
    is_there = {
        "start": lambda: True,
        "trial": lambda: "started" in _said(folder),
        "result": lambda: "test accuracy" in _said(folder),
        "file": lambda: _files(folder) != before,
        "end": lambda: _said(folder).count("test accuracy") == N_TRIALS - n_stored,
        "config": lambda: (
            config.exists() and config.stat().st_mtime_ns != before.get(config)
        ),
    }[moment]
    wait_until(lambda: is_there() or running.poll() is not None, SECONDS, every=0.001)


def _said(folder):
    return (folder / "err").read_text(errors="replace")


def _target(group, wanted):
    """Return the name and the id of the target; without a worker, it is the parent."""
    if not wanted.endswith("worker"):
        return wanted, group
    before = _ticks_of_workers(group)
    time.sleep(0.05)
    used = {
        entry: n - before.get(entry, 0) for entry, n in _ticks_of_workers(group).items()
    }
    if not used:
        return "parent", group
    choose = max if wanted.startswith("busy") else min
    return wanted, choose(used, key=used.get)


def _ticks_of_workers(group):
    return {
        entry: n for entry, command, n in processes_of(group) if "spawn_main" in command
    }


def _misjudged(status, said, target, number):
    """Yield what is wrong with the status and the messages of a run that ended."""
    had_finished = "Stored in" in said
    allowed = [0] if had_finished or target.endswith("worker") else []
    if not target.endswith("worker"):
        allowed += [-number if number == signal.SIGKILL else 128 + number]
        # Before the first line of Python, and after the last one, a signal has its
        # default effect.
        allowed += [-number] if had_finished or not said else []
    last = said.strip().rpartition("\n")[2][:200]
    if status not in allowed:
        yield f"exit status {status}, not {' or '.join(map(str, allowed))}: {last}"
    if "Traceback" in said:
        yield f"a traceback: {last}"


def _unsummarised(said, folder):
    """Yield what is wrong with the summary of a run that said how many trials it has
    stored.
    """
    count = re.search(r"Interrupted; (\d+) of \d+ trials are stored", said)
    if count is None or count[1] == "0":
        return
    n_expected = int(count[1])
    if KEPT in said:
        n_expected = N_OLDER
    try:
        n_trials = sum(
            len(model.trials) for model in load_results(folder / RUN_FOLDER).models
        )
    except RnnbenchError as error:
        yield f"{count[0]}, but the summary cannot be read: {spell(error)}"
    else:
        if n_trials != n_expected:
            yield f"{count[0]}, but {n_trials} are in the summary"


def _damaged(folder, *, over_older):
    """Yield what is wrong with the files that a run left."""
    results = folder / RUN_FOLDER
    for file in results.rglob("*.json"):
        try:
            document = json.loads(file.read_bytes())
            if file.name != ".lock.json" and document.pop("checksum") != sha256_json(
                document
            ):
                yield f"{file.name}: a wrong checksum"
        except (ValueError, KeyError, AttributeError) as error:
            yield f"{file.name}: {spell(error)}"
    # Killed between the two files, over an older run: the message says what to do.
    yield from unreadable(results, AGAIN if over_older else None)


def _stored(folder):
    """Return the records of trials that are stored: when each was written, and its
    content.
    """
    records = (folder / RUN_FOLDER / "trials").glob("[!.]*.json")
    return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in records}


def _after_rerun(stored, bench, folder):
    """Yield what is wrong when the same command is run to its end, as in the
    undisturbed run.
    """
    if (yield from rerun(RUN, folder, len(stored))):
        return
    if any(now != stored.get(file, now) for file, now in _stored(folder).items()):
        yield "the next run trained a stored trial again"
    run = folder / RUN_FOLDER
    for place, other in ((run, bench.run), (folder / "cache", bench.cache)):
        ours, theirs = (
            {str(file.relative_to(root)) for file in root.rglob("*")}
            for root in (place, other)
        )
        if ours != theirs:
            yield f"left over: {sorted(ours - theirs)}, missing: {sorted(theirs - ours)}"
    if left := [file.name for file in (folder / "temporary").iterdir()]:
        yield f"left over in TMPDIR: {left}"
    yield from other_results(run, bench)


def other_results(run, bench):
    """Yield how predictions and accuracies differ from those of the undisturbed run."""
    for file in (bench.run / "predictions").iterdir():
        ours = run / "predictions" / file.name
        if not ours.is_file() or ours.read_bytes() != file.read_bytes():
            yield f"other predictions: {file.name}"
    ours, theirs = (
        [
            [trial.metrics for trial in model.trials]
            for model in load_results(folder).models
        ]
        for folder in (run, bench.run)
    )
    if ours != theirs:
        yield "other accuracies"


CAMPAIGN = Campaign(long=200, short=0, attempt=attempt)
