"""Versions here and at workers, where differences can change results."""

import platform
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import rnnbench
from rnnbench.plugin import listed, sha256_of, versions

PYTHON = "Python"
CODE = "code of rnnbench"
NO_PACKAGES = {PYTHON, CODE, "rnnbench"}  # whose versions are compared, too
OTHER_CODE = (
    "different rnnbench code (same version, but another commit or local changes)"
)


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions on this machine, and the SHA-256 of rnnbench's files."""
    python, _, _ = platform.python_version().rpartition(".")
    sha256 = sha256_of(Path(rnnbench.__file__).parent)
    return {PYTHON: python, CODE: sha256} | versions(packages)


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Return what differs at a worker, such as ``keras 3.10.0 (here: 3.11.0)``."""
    lines = []
    for name, version in here.items():
        if there[name] == version:
            continue
        if name == CODE:
            lines.append(OTHER_CODE)
        else:
            lines.append(f"{name} {there[name]} (here: {version})")
    return lines


def describe_differences(
    at_workers: Mapping[str, Sequence[str]], here: Mapping[str, str]
) -> str:
    """Return what differs at workers, by their names, and what to do."""
    packages: dict[str, str] = {}  # with their versions
    for lines in at_workers.values():
        for line in lines:
            name = line.split()[0]
            if name in here.keys() - NO_PACKAGES:
                packages[name] = f"{name}=={here[name]}"
    advice = "use the same versions and the same commit there"
    if packages:
        advice += f" (pip install {shlex.join(packages.values())})"
    head = "workers differ from this machine in what can change results:"
    return "\n".join([head, *grouped(at_workers), advice])


def grouped(at_workers: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for each thing that is said of workers, by their names."""
    workers_of: dict[str, list[str]] = {}
    for worker, lines in at_workers.items():
        for line in lines:
            workers_of.setdefault(line, []).append(worker)
    return [f"  {line}: {listed(names, 3)}" for line, names in workers_of.items()]
