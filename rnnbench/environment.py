"""On what a benchmark ran: versions, processor, threads, commit."""

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import rnnbench

SCHEMA_VERSION = 2
"""Of ``environment.json``."""
NETWORK_PACKAGES = ("tensorflow", "keras", "numpy")
"""Those that can change what a network learns."""
BASELINE_PACKAGES = ("scikit-learn", "scipy", "numpy")
"""Those that can change what a baseline learns."""


def versions(packages: Iterable[str] = NETWORK_PACKAGES + BASELINE_PACKAGES) -> dict[str, str]:
    """Return the versions of this package and of ``packages``."""
    return {"rnnbench": rnnbench.__version__} | {each: _version(each) for each in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def environment(*, jobs: int, threads: int) -> dict[str, Any]:
    """Return what ``environment.json`` holds.

    Args:
        jobs: processes that train side by side.
        threads: threads of each of them.
    """
    return {"schema_version": SCHEMA_VERSION, "jobs": jobs, "threads_per_job": threads} | machine()


def machine(*packages: str) -> dict[str, Any]:
    """Return processor, system and commit, and the versions of what trains and of ``packages``."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "versions": versions() | {each: _version(each) for each in packages},
        "git_commit": _commit(Path(rnnbench.__file__).parent),
    }


def cpu() -> str:
    """Return the name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit(folder: Path) -> str | None:
    """Return the commit that ``folder`` is checked out from, with ``+`` where it was changed."""
    try:
        head, changes = (
            subprocess.run(  # noqa: S603
                ["git", "-C", str(folder), *arguments],  # noqa: S607
                capture_output=True,
                text=True,
                check=True,
                timeout=10,
            ).stdout.strip()
            for arguments in (
                ["rev-parse", "HEAD"],
                ["status", "--porcelain", "--untracked-files=no", "--", "."],
            )
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+" if changes else "")
