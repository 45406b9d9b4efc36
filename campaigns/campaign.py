"""A campaign: many cases of one kind, each repeatable on its own, and what they
found.
"""

import logging
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from campaigns.bench import Bench, rnnbench
from rnnbench.analysis.summary import load_run
from rnnbench.errors import MAX_CHARACTERS, RnnbenchError
from rnnbench.report.table import Table, to_markdown


class Skip(Exception):  # noqa: N818 - it is no error
    """A case cannot be tried here; the message says why."""


class TooSlow(BaseException):
    """A case did not end in time; no ``except Exception`` may swallow this."""


@dataclass(frozen=True)
class Campaign:
    """Cases of one kind.

    Attributes:
        long: the default number of cases.
        short: the number of cases with ``--short``.
        attempt: tries one case and yields a description of each problem. It takes the
            number of the case, its own random generator, what ``prepare`` returned, and
            an empty folder.
        prepare: takes the bench and an empty folder, and returns what all cases share.
        is_list: whether the cases are a fixed list; if not, there can be any number of
            them.
    """

    long: int
    short: int
    attempt: Callable[[int, Random, Any, Path], Iterable[str]]
    prepare: Callable[[Bench, Path], Any] = lambda bench, _folder: bench
    is_list: bool = False

    def numbers(self, count):
        """Return the numbers of at most ``count`` cases; those of a list are spread
        over it.
        """
        if not self.is_list:
            return range(count)
        return range(0, self.long, -(-self.long // count)) if count else range(0)


@dataclass
class Outcome:
    """What came of a campaign so far: cases, findings by number of the case, and
    skipped cases.
    """

    name: str
    cases: int = 0
    findings: list[tuple[int, str]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    seconds: float = 0.0


def carry_out(name, campaign, seed, numbers, bench):
    """Try cases, each in a temporary folder of its own."""
    begun, outcome = time.monotonic(), Outcome(name)
    with (
        TemporaryDirectory(prefix=f"campaign-{name}-") as folder,
        patch.dict(os.environ, {"RNNBENCH_CACHE": str(Path(folder, "cache"))}),
    ):
        shared = Path(folder, "shared")
        shared.mkdir()
        context = campaign.prepare(bench, shared)
        for number in numbers:
            place = Path(folder, f"case-{number}")
            place.mkdir()
            random = Random(f"{seed} {name} {number}")
            try:
                whats = list(campaign.attempt(number, random, context, place))
            except Skip as skip:
                outcome.skipped.append(f"{name} {number}: {skip}")
                continue
            except TooSlow as slow:
                whats = [f"no answer within {slow} s"]
            except Exception as error:
                whats = [f"the case could not be tried: {spell(error)}"]
            for what in whats:  # at once: a long campaign may be interrupted
                outcome.findings.append((number, what))
                print(f"{name} {number}: {what}", file=sys.stderr)  # noqa: T201
            outcome.cases += 1
            shutil.rmtree(
                place, ignore_errors=True
            )  # long campaigns would fill the disk
    outcome.seconds = time.monotonic() - begun
    print(f"{name}: {outcome.cases} cases", file=sys.stderr)  # noqa: T201
    return outcome


def as_text(outcomes, seed):
    """Return a table of the campaigns, all findings, and the reasons why cases were
    skipped.
    """
    rows = [
        [
            done.name,
            *(f"{n:,}" for n in (done.cases, len(done.findings), round(done.seconds))),
        ]
        for done in outcomes
    ]
    caption = f"Seed {seed}. Findings are listed below, each with the command that repeats it."
    lines = [
        to_markdown(Table(["campaign", "cases", "findings", "seconds"], rows, caption))
    ]
    for done in outcomes:
        for case, what in done.findings:
            command = f"--only {done.name} --seed {seed} --case {case}"
            lines += [f"- `python campaigns {command}`"]
            lines += [f"  {what.encode('unicode_escape').decode()}"]
    lines += [f"- skipped: {reason}" for done in outcomes for reason in done.skipped]
    return "\n".join([*lines, ""])


@contextmanager
def at_most(seconds):
    """Raise ``TooSlow`` if the block does not end in time; only the main thread can be
    stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number, _frame):
        raise TooSlow(f"{seconds:g}")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def warnings_heard():
    """Collect the warnings of the package, which are then shown nowhere else."""
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    with patch.multiple(
        logging.getLogger("rnnbench"), handlers=[handler], propagate=False
    ):
        yield heard


def spell(error):
    """Return an exception as a short text, with the place in the package that it comes
    from.
    """
    place, trace = "", error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if "rnnbench" in file.parts:
            place = f" ({file.name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {str(error)[:200]!r}{place}"


def misbehaviour(done, statuses, lines=6):
    """Yield what is wrong with a command that should have ended with a short message.

    It must have one of the ``statuses`` and at most ``lines`` lines, but none is needed
    with 0.
    """
    last = done.err.strip().rpartition("\n")[2][:200]
    if done.hung:
        yield f"it did not end within {done.seconds:.0f} s"
    elif done.status not in statuses:
        yield f"exit status {done.status}: {last}"
    if "Traceback" in done.err:
        yield f"a traceback: {last}"
    if "Exception ignored" in done.err:
        yield f"an exception was ignored: {last}"
    if done.status and not done.hung:
        count = len(done.err.strip().splitlines())
        if not 0 < count <= lines and "Traceback" not in done.err:
            yield f"a message of {count} lines: {last}"
        if len(done.err) > 3 * MAX_CHARACTERS:
            yield f"{len(done.err):,} characters on standard error: {last}"


def unreadable(run, ending=None):
    """Yield what is wrong with a run, if there is a summary of it; a message may end
    so.
    """
    if (run / "results.json").exists():
        try:
            with warnings_heard():
                load_run(run)
        except RnnbenchError as error:
            if ending is None or not str(error).endswith(ending):
                yield f"the run cannot be read: {spell(error)}"


def rerun(command, folder, n_stored):
    """Yield what is wrong when a command is run again, to its end; return its
    status.
    """
    done = rnnbench(command, folder)
    yield from (f"the next run: {what}" for what in misbehaviour(done, [0]))
    uses = re.search(rf"\b{n_stored} of \d+ trials are stored already", done.err)
    if n_stored and done.status == 0 and not uses:
        yield f"the next run does not say that {n_stored} trials are stored"
    return done.status


def replace_value(random, tree, new_value, new_keys):
    """Replace a random value in a tree, or add one; return its path and the new
    value.
    """
    keys: list[str] = []
    while True:
        key = random.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
        keys.append(str(key))
        below = tree[key]
        if not isinstance(below, dict | list) or not below or random.random() < 0.2:
            break
        tree = below
    new = new_value(below)
    if isinstance(tree, dict) and random.random() < 0.1:
        del tree[key]
        key = random.choice([*new_keys, "x"])
    tree[key] = new
    return ".".join(keys), new
