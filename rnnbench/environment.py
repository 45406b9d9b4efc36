"""The environment of a run: versions, processor, threads, commit, date.

``environment(["keras"], jobs=2, threads=1)`` is the content of ``environment.json``.
"""

import ctypes
import os
import platform
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

import rnnbench
from rnnbench.section import StoredRecord

SCHEMA_VERSION: Literal[2] = 2
SAME_SINCE = "0.5.0"
"""The version of rnnbench since which trainings have the same outcomes."""
NOT_INSTALLED = "not installed"  # in place of a version
PROCESS = Path("/proc/self")  # facts about this process; only on Linux
GROUPS = Path("/sys/fs/cgroup")  # limits of groups of processes; only on Linux
CPU_INFO = Path("/proc/cpuinfo")  # facts about the processor; only on Linux
VECTOR_INSTRUCTIONS = ("avx512f", "avx2", "avx", "sse2", "sve2", "sve", "asimd")

Facts = dict[str, Any]
"""An ``Environment`` as plain data."""


class ProcessorRecord(StoredRecord):
    """The facts about a processor that change how sums are rounded.

    Facts that the system does not give are ``None``: on systems other than Linux, all
    but ``blas``.
    """

    vendor: str | None = None
    family: int | None = None
    model: int | None = None
    stepping: int | None = None
    vector_instructions: str | None = None
    """The widest ones that the processor has, such as ``avx512f``."""
    blas: list[str] = []
    """The BLAS libraries of NumPy and SciPy, each with the kernel that it has chosen
    for the processor, such as ``openblas 0.3.30 Haswell``."""

    def in_words(self) -> str:
        """Return what is known, in one line; empty if nothing is."""
        parts = []
        if self.vendor:
            parts.append(self.vendor)
        for name in ("family", "model", "stepping"):
            number = getattr(self, name)
            if number is not None:
                parts.append(f"{name} {number}")
        if self.vector_instructions:
            parts.append(self.vector_instructions)
        return ", ".join([*parts, *self.blas])


class Environment(StoredRecord):
    """All that can change the outcome or the time of a trial."""

    schema_version: Literal[2] = SCHEMA_VERSION
    jobs: int  # processes that trained side by side
    threads_per_job: int
    python: str
    platform: str
    cpu: str
    processor: ProcessorRecord | None = None
    """``None`` in files of earlier versions."""
    cores: int | None
    versions: dict[str, str]  # of the packages that can change a result, by name
    installed: dict[str, str] = {}
    """Of all packages that rnnbench needs, however indirectly."""
    git_commit: str | None
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")] | None = (
        None
    )
    """When the last trials were trained, in UTC, as in ISO 8601."""


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of rnnbench and of ``packages``; some may be missing."""
    versions_by_name = {"rnnbench": rnnbench.__version__}
    for name in packages:
        try:
            versions_by_name[name] = version(name)
        except PackageNotFoundError:
            versions_by_name[name] = NOT_INSTALLED
    return versions_by_name


def identifying_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions that fingerprints have, ours only since outcomes changed."""
    return versions(packages) | {"rnnbench": SAME_SINCE}


def missing(packages: Iterable[str]) -> list[str]:
    """Return those of ``packages`` that are not installed."""
    items = versions(packages).items()
    return [name for name, number in items if number == NOT_INSTALLED]


def environment(packages: Collection[str], *, jobs: int, threads: int) -> Facts:
    """Return the content of ``environment.json``; ``packages`` change results."""
    others = installed(["rnnbench", *packages])
    del others["rnnbench"]
    return {
        "schema_version": SCHEMA_VERSION,
        "jobs": jobs,
        "threads_per_job": threads,
        **machine(packages),
        "installed": others,
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def machine(packages: Iterable[str]) -> Facts:
    """Return the processor, the system, the commit, and versions of ``packages``."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu(),
        "processor": processor().model_dump(),
        "cores": os.cpu_count(),
        "versions": versions(packages),
        "git_commit": _commit(Path(rnnbench.__file__).parent),
    }


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of packages, and of all that they need, by name."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    versions_by_name: dict[str, str] = {}
    waiting = [Requirement(package) for package in packages]
    seen = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            package = distribution(name)
        except PackageNotFoundError:  # needed on other systems only
            continue
        versions_by_name[name] = package.version
        extras = [{"extra": extra} for extra in ("", *requirement.extras)]
        for needed in map(Requirement, package.requires or ()):
            if not needed.marker or any(map(needed.marker.evaluate, extras)):
                waiting.append(needed)
    return dict(sorted(versions_by_name.items()))


def constraints(environment: Facts) -> str:
    """Return a file for ``pip install -c``, with the packages of an environment."""
    ours = f"rnnbench {environment['versions']['rnnbench']}"
    python = f"Python {environment['python']}"
    lines = [f"# {ours}, {python}, {environment['platform']}"]
    for name, number in environment["installed"].items():
        lines.append(f"{name}=={number}")
    return "\n".join([*lines, ""])


def cpu() -> str:
    """Return the name of the processor."""
    name = _cpu_info().get("model name")
    return name or platform.processor() or platform.machine()


@cache
def processor() -> ProcessorRecord:
    """Return what is known of the processor, and of the BLAS of this process."""
    info = _cpu_info()
    instructions = (info.get("flags") or info.get("Features") or "").split()
    widest = None
    for name in VECTOR_INSTRUCTIONS:
        if name in instructions:
            widest = name
            break
    return ProcessorRecord(
        vendor=info.get("vendor_id"),
        family=_whole_number(info.get("cpu family")),
        model=_whole_number(info.get("model")),
        stepping=_whole_number(info.get("stepping")),
        vector_instructions=widest,
        blas=_blas_kernels(),
    )


def _cpu_info() -> dict[str, str]:
    """Return what Linux knows of the first processor; nothing on other systems."""
    info: dict[str, str] = {}
    if not CPU_INFO.exists():
        return info
    for line in CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            info.setdefault(name.strip(), value.strip())
    return info


def _whole_number(text: str | None) -> int | None:
    if text is None or not text.isdecimal():
        return None
    return int(text)


def _blas_kernels() -> list[str]:
    """Return the library, version and kernel of each BLAS in this process."""
    import scipy.linalg  # noqa: F401 - SciPy may have a BLAS of its own
    from threadpoolctl import threadpool_info

    kernels = set()
    for library in threadpool_info():
        if library["user_api"] == "blas":
            kernel = library.get("architecture") or "unknown kernel"
            kernels.add(f"{library['internal_api']} {library['version']} {kernel}")
    return sorted(kernels)


def peak_memory() -> int:
    """Return the peak memory of this process in bytes, since ``begin_peak`` if any.

    Return 0 on Windows, where it is not measured.
    """
    # On Linux, getrusage may give the peak of the process before this one.
    status = PROCESS / "status"
    if status.exists():
        pattern = r"^VmHWM:\s+(\d+) kB"
        peak = re.search(pattern, status.read_text(encoding="utf-8"), re.MULTILINE)
        if peak:
            return int(peak[1]) * 1024
    try:
        import resource
    except ImportError:  # on Windows
        return 0
    maximum = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if sys.platform == "darwin":
        return maximum
    return maximum * 1024


def usable_memory() -> int | None:
    """Return the bytes of memory that this machine or its container allows.

    ``None`` on Windows, where that is not known.
    """
    try:
        limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):
        return None
    for folder in _groups():
        for name in ("memory.max", "memory.limit_in_bytes"):
            with suppress(OSError, ValueError):  # or it says "max"
                limits.append(int((folder / name).read_text(encoding="utf-8")))
    return min(limits)


def _groups() -> Iterator[Path]:
    """Yield the folders with the limits of this process; only on Linux."""
    groups = PROCESS / "cgroup"
    if not groups.exists():
        return
    for line in groups.read_text(encoding="utf-8").splitlines():
        _, kind, place = line.split(":", 2)
        if kind in ("", "memory"):
            folder = GROUPS / kind
            yield folder
            for name in place.strip("/").split("/"):
                folder /= name
                yield folder


def begin_peak() -> int | None:
    """Have ``peak_memory`` count from now on, and return the bytes held.

    Return ``None`` with another C library, without ``/proc``, and on Windows.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)  # or what is allocated next would not show
        (PROCESS / "clear_refs").write_text("5")
    except (OSError, AttributeError, TypeError):
        return None
    return peak_memory()


def _commit(folder: Path) -> str | None:
    """Return the commit of the package in ``folder``, with ``+`` if files differ."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        process = subprocess.run(  # noqa: S603 - the words are ours
            command, capture_output=True, check=True, text=True, timeout=10
        )
        return process.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        changes = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        commit = git("rev-parse", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return None
    if changes:
        return f"{commit}+"
    return commit
