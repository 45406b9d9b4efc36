"""The environment of a run: versions, processor, threads, commit, date."""

import ctypes
import os
import platform
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
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
NOT_INSTALLED = "not installed"  # in place of a version
PROCESS = Path("/proc/self")  # facts about this process; only on Linux
CPU_INFO = Path("/proc/cpuinfo")  # facts about the processor; only on Linux
VECTOR_INSTRUCTIONS = ("avx512f", "avx2", "avx", "sse2", "sve2", "sve", "asimd")


class ProcessorRecord(StoredRecord):
    """The facts about a processor and its matrix products that change how sums are
    rounded.

    Facts that the system does not tell are ``None``: on systems other than Linux, all
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
        numbers = {
            "family": self.family,
            "model": self.model,
            "stepping": self.stepping,
        }
        for name, number in numbers.items():
            if number is not None:
                parts.append(f"{name} {number}")
        if self.vector_instructions:
            parts.append(self.vector_instructions)
        return ", ".join([*parts, *self.blas])


class Environment(StoredRecord):
    """The content of ``environment.json``: what can change the outcome or the time of a
    trial.
    """

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
    installed: dict[
        str, str
    ] = {}  # of all packages that rnnbench needs, however indirectly
    git_commit: str | None
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")] | None = (
        None
    )
    """When the last trials were trained, in UTC, as in ISO 8601."""


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of rnnbench and of ``packages``, by name; some may be
    missing.
    """
    found = {"rnnbench": rnnbench.__version__}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = NOT_INSTALLED
    return found


def missing(packages: Iterable[str]) -> list[str]:
    """Return those of ``packages`` that are not installed."""
    return [
        name for name, found in versions(packages).items() if found == NOT_INSTALLED
    ]


def environment(
    packages: Collection[str], *, jobs: int, threads: int
) -> dict[str, Any]:
    """Return the content of ``environment.json``; ``packages`` are those that change
    results.
    """
    facts = {"schema_version": SCHEMA_VERSION, "jobs": jobs, "threads_per_job": threads}
    others = installed(["rnnbench", *packages])
    del others["rnnbench"]
    date = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return facts | machine(packages) | {"installed": others, "date": date}


def machine(packages: Iterable[str]) -> dict[str, Any]:
    """Return the processor, the system, the commit, and the versions of
    ``packages``.
    """
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
    """Return the versions of packages and of all that they need, however indirectly, by
    name.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, str] = {}
    waiting, seen = [Requirement(package) for package in packages], set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (key := (name, frozenset(wanted.extras))) in seen:
            continue
        seen.add(key)
        with suppress(PackageNotFoundError):  # needed on other systems only
            facts = distribution(name)
            found[name] = facts.version
            extras = [{"extra": extra} for extra in ("", *wanted.extras)]
            for needed in map(Requirement, facts.requires or ()):
                if not needed.marker or any(map(needed.marker.evaluate, extras)):
                    waiting.append(needed)
    return dict(sorted(found.items()))


def constraints(environment: Mapping[str, Any]) -> str:
    """Return a constraints file for pip, which installs the packages of an environment
    again.
    """
    own = environment["versions"]["rnnbench"]
    first = (
        f"# rnnbench {own}, Python {environment['python']}, {environment['platform']}"
    )
    lines = [f"{name}=={version}" for name, version in environment["installed"].items()]
    return "\n".join([first, *lines, ""])


def cpu() -> str:
    """Return the name of the processor."""
    name = _cpu_info().get("model name")
    return name or platform.processor() or platform.machine()


@cache
def processor() -> ProcessorRecord:
    """Return what is known of the processor and of the BLAS libraries of this
    process.
    """
    info = _cpu_info()
    instructions = (info.get("flags") or info.get("Features") or "").split()
    usable = [name for name in VECTOR_INSTRUCTIONS if name in instructions]
    return ProcessorRecord(
        vendor=info.get("vendor_id"),
        family=_whole_number(info.get("cpu family")),
        model=_whole_number(info.get("model")),
        stepping=_whole_number(info.get("stepping")),
        vector_instructions=usable[0] if usable else None,
        blas=_blas_kernels(),
    )


def _cpu_info() -> dict[str, str]:
    """Return what Linux tells about the first processor, by name; nothing on other
    systems.
    """
    info: dict[str, str] = {}
    if not CPU_INFO.exists():
        return info
    for line in CPU_INFO.read_text(errors="replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            info.setdefault(name.strip(), value.strip())
    return info


def _whole_number(text: str | None) -> int | None:
    if text is None or not text.isdecimal():
        return None
    return int(text)


def _blas_kernels() -> list[str]:
    """Return the library, version and kernel of each BLAS that this process has
    loaded.
    """
    import scipy.linalg  # noqa: F401 - SciPy may have a BLAS of its own
    from threadpoolctl import threadpool_info

    kernels = set()
    for library in threadpool_info():
        if library["user_api"] == "blas":
            kernel = library.get("architecture") or "unknown kernel"
            kernels.add(f"{library['internal_api']} {library['version']} {kernel}")
    return sorted(kernels)


def peak_memory() -> int:
    """Return the peak memory of this process, in bytes: ever, or since
    ``begin_peak``.
    """
    status = (
        PROCESS / "status"
    )  # on Linux, getrusage may give that of the process before this one
    text = status.read_text() if status.exists() else ""
    if peak := re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE):
        return int(peak[1]) * 1024
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def begin_peak() -> int | None:
    """Have ``peak_memory`` count from now on; return the bytes held, or ``None`` if it
    cannot.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)  # or what is allocated next would not show
        (PROCESS / "clear_refs").write_text("5")
    except (
        OSError,
        AttributeError,
        TypeError,
    ):  # another C library; no ``/proc``; Windows
        return None
    return peak_memory()


def _commit(folder: Path) -> str | None:
    """Return the commit of the package in ``folder``, with ``+`` if files differ, if it
    has one.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        found = subprocess.run(  # noqa: S603 - the words are ours
            command, capture_output=True, check=True, text=True, timeout=10
        )
        return found.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        changes = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        return git("rev-parse", "HEAD") + ("+" if changes else "")
    except (OSError, subprocess.SubprocessError):
        return None
