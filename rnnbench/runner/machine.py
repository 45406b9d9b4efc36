"""Checks of this machine: what a run needs of it.

``check_machine()`` looks at Python, packages, processor, engine, cache and disk.
"""

import platform
import shutil

from rnnbench.data import cache
from rnnbench.data.sources import BUILT_IN
from rnnbench.environment import cpu, missing, versions
from rnnbench.errors import RnnbenchError
from rnnbench.runner.executors import usable_cores
from rnnbench.section import StoredRecord
from rnnbench.text import counted, listed
from rnnbench.training.engines import ENGINES
from rnnbench.training.settings import KERAS, NATIVE

LEAST_FREE = 100 * 10**6  # a disk with fewer free bytes counts as full


class Finding(StoredRecord):
    """One thing that was looked at."""

    name: str
    found: str
    """A fact, or a problem and what to do about it."""
    exit_code: int = 0
    """If there is a problem, that of the command: see ``docs/faults.md``."""


def check_machine() -> list[Finding]:
    """Check what a run needs of this machine."""
    looks = {
        "Python": _python,
        "packages": _packages,
        "processor": _processor,
        "engine": _engine,
        "cache": _cache,
        "disk": _disk,
    }
    findings = []
    for name, look in looks.items():
        try:
            finding = Finding(name=name, found=look())
        except RnnbenchError as error:
            finding = Finding(name=name, found=str(error), exit_code=error.exit_code)
        findings.append(finding)
    return findings


def _python() -> str:
    return f"{platform.python_version()}, {platform.platform()}"


def _packages() -> str:
    names: dict[str, None] = {}
    optional = {*ENGINES.plugins, KERAS}
    for engine in ENGINES.usable():
        if engine.name not in optional or not engine.why_not():
            names |= dict.fromkeys(engine.packages)
    lacking = missing(names)
    if lacking:
        install = f"pip install {' '.join(lacking)}"
        raise RnnbenchError(f"not installed: {listed(lacking)} ({install})")
    return ", ".join(f"{name} {version}" for name, version in versions(names).items())


def _processor() -> str:
    return f"{cpu()}, {counted(usable_cores(), 'core')}"


def _engine() -> str:
    why = ENGINES[NATIVE].why_not()
    why_not_keras = ENGINES[KERAS].why_not()
    if why and why_not_keras:
        raise RnnbenchError(f"none: native: {why}; keras: {why_not_keras}")
    if why:
        return f"keras; native cannot train here: {why}"
    if why_not_keras:
        return f"native; keras {why_not_keras}"
    return "native"


def _cache() -> str:
    folder = cache.folder()
    with cache.writing(folder / "doctor"):
        pass
    (folder / "doctor").unlink()
    names = [source.name for source in BUILT_IN if cache.find(source.name)]
    if names:
        return f"{folder}, documents of {listed(names)}"
    return f"{folder}, no documents (rnnbench data prepare)"


def _disk() -> str:
    free = shutil.disk_usage(".").free
    if free < LEAST_FREE:
        message = f"only {free / 1e6:,.0f} MB are free here (delete or move files)"
        raise RnnbenchError(message)
    return f"{free / 1e9:,.1f} GB are free here"
