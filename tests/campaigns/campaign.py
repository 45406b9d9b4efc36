"""A campaign: many cases of one kind, each repeatable on its own, and what they found."""

import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any
from unittest.mock import patch

from campaigns.bench import Bench, Done


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
        prepare: takes the bench and an empty folder, and returns what all cases share.
        attempt: tries one case and yields a description of each problem. It takes the number of
            the case, its own random generator, what ``prepare`` returned, and an empty folder.
        is_list: whether the cases are a fixed list; if not, there can be any number of them.
    """

    long: int
    short: int
    prepare: Callable[[Bench, Path], Any]
    attempt: Callable[[int, Random, Any, Path], Iterable[str]]
    is_list: bool = False

    def numbers(self, count: int) -> range:
        """Return the numbers of at most ``count`` cases; those of a list are spread over it."""
        if not self.is_list:
            return range(count)
        return range(0, self.long, -(-self.long // count)) if count else range(0)


@dataclass(frozen=True)
class Finding:
    """Something that should not be.

    Attributes:
        campaign: the name of the campaign.
        case: the number of the case.
        what: what is wrong.
    """

    campaign: str
    case: int
    what: str


@dataclass(frozen=True)
class Outcome:
    """The end of a campaign: the number of cases, what was found and skipped, and the time."""

    name: str
    cases: int
    findings: list[Finding]
    skipped: list[str]
    seconds: float


def carry_out(
    name: str, campaign: Campaign, seed: int, numbers: Iterable[int], bench: Bench
) -> Outcome:
    """Try cases, each in a temporary folder of its own."""
    begun = time.monotonic()
    findings, skipped, cases = [], [], 0
    with TemporaryDirectory(prefix=f"campaign-{name}-") as folder, _cache_in(Path(folder, "cache")):
        shared = Path(folder, "shared")
        shared.mkdir()
        context = campaign.prepare(bench, shared)
        for number in numbers:
            place = Path(folder, f"case-{number}")
            place.mkdir()
            try:
                whats = _tried(campaign, number, Random(f"{seed} {name} {number}"), context, place)
            except Skip as skip:
                skipped.append(f"{name} {number}: {skip}")
                continue
            for what in whats:  # at once: a long campaign may be interrupted
                findings.append(Finding(name, number, what))
                print(f"{name} {number}: {what}", file=sys.stderr)  # noqa: T201
            cases += 1
            shutil.rmtree(place, ignore_errors=True)  # long campaigns would fill the disk
    return Outcome(name, cases, findings, skipped, time.monotonic() - begun)


def _tried(
    campaign: Campaign, number: int, random: Random, context: Any, folder: Path
) -> list[str]:
    """Return what is wrong in a case; an exception of the campaign itself is wrong, too."""
    try:
        return list(campaign.attempt(number, random, context, folder))
    except Skip:
        raise
    except TooSlow as slow:
        return [f"no answer within {slow} s"]
    except Exception as error:
        return [f"the case could not be tried: {spell(error)}"]


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    with patch.dict(os.environ, {"RNNBENCH_CACHE": str(folder)}):
        yield


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise ``TooSlow`` if the block does not end in time; only the main thread can be stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"{seconds:g}")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def warnings_heard() -> Iterator[list[str]]:
    """Collect the warnings of the package, which are then shown nowhere else."""
    log = logging.getLogger("rnnbench")
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    before = log.handlers, log.propagate
    log.handlers, log.propagate = [handler], False
    try:
        yield heard
    finally:
        log.handlers, log.propagate = before


def spell(error: BaseException) -> str:
    """Return an exception as a short text, with the place in the package that it comes from."""
    place, trace = "", error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if "rnnbench" in file.parts:
            place = f" ({file.name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {str(error)[:200]!r}{place}"


def misbehaviour(done: Done, statuses: Iterable[int], lines: int = 6) -> Iterator[str]:
    """Yield what is wrong with a command that should have ended with a short message.

    Args:
        done: the command.
        statuses: the allowed ones; with 0, no message is needed.
        lines: how many a message may have.
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
