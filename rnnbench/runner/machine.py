"""Checks whether this machine has what rnnbench needs."""

import platform
import shutil
from collections.abc import Callable

from rnnbench.data import cache
from rnnbench.data.fetch import ask_index
from rnnbench.data.sources import BUILT_IN
from rnnbench.data.sources.r52 import REQUIREMENT
from rnnbench.environment import cpu, missing, versions
from rnnbench.errors import OutOfReachError, RnnbenchError
from rnnbench.records import Record
from rnnbench.runner.executors.local import usable_cores
from rnnbench.text import counted, listed
from rnnbench.training.engines import ENGINES

LEAST_FREE = 100 * 10**6
"""A disk with fewer free bytes counts as full."""


class Finding(Record):
    """One thing that was looked at."""

    name: str
    found: str
    """The finding: a fact, or a problem and what to do about it."""
    exit_code: int = 0
    """0 if there is no problem; otherwise that of the command: see ``docs/faults.md``."""


def check_machine() -> list[Finding]:
    """Check everything in turn; the package index is asked, but nothing is downloaded."""
    looks = {
        "Python": lambda: f"{platform.python_version()}, {platform.platform()}",
        "packages": _packages,
        "processor": lambda: f"{cpu()}, {counted(usable_cores(), 'core')}",
        "engine": _engine,
        "cache": _cache,
        "disk": _disk,
        "package index": _index,
    }
    return [_check(name, look) for name, look in looks.items()]


def _check(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, found=look())
    except RnnbenchError as error:
        return Finding(name=name, found=str(error), exit_code=error.exit_code)


def _packages() -> str:
    names = dict.fromkeys(each for engine in ENGINES.usable() for each in engine.packages)
    if lacking := missing(names):
        raise RnnbenchError(f"not installed: {listed(lacking)} (pip install {' '.join(lacking)})")
    return ", ".join(f"{name} {version}" for name, version in versions(names).items())


def _engine() -> str:
    why = ENGINES["native"].why_not()
    return f"compiled; native cannot train here: {why}" if why else "native"


def _cache() -> str:
    folder = cache.folder()
    probe = folder / "doctor"
    with cache.writing(probe):
        pass
    probe.unlink()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    names = [source.name for source in BUILT_IN if cache.newest(source.name)]
    documents = f"documents of {listed(names)}" if names else "no documents (rnnbench data prepare)"
    return f"{folder}, {size / 1e6:,.0f} MB, {documents}"


def _disk() -> str:
    free = shutil.disk_usage(".").free
    if free < LEAST_FREE:
        raise RnnbenchError(f"only {free / 1e6:,.0f} MB are free here (delete or move files)")
    return f"{free / 1e9:,.1f} GB are free here"


def _index() -> str:
    try:
        ask_index(REQUIREMENT)
    except OutOfReachError as error:
        raise OutOfReachError(f"{error} (check pip's settings, or use --path)") from None
    return "can be reached"
