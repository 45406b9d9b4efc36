"""Differences between workers and the machine that starts a run that can change results."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnbench.models.code import plugins_of
from rnnbench.text import listed
from rnnbench.training.trial import Trial

MOST_NAMED = 3
"""Workers that are named for each difference."""
OTHER_CODE = "different rnnbench code (same version, but another commit or local changes)"


@dataclass(frozen=True)
class Site:
    """The description that a worker gives of itself.

    Attributes:
        host: its machine.
        python: its version of Python.
        platform: its system.
        versions: of packages, by name.
        code: the sha256 of all Python files of rnnbench; a version can have several commits.
    """

    host: str
    python: str
    platform: str
    versions: Mapping[str, str]
    code: str = ""  # older commits do not say


@dataclass(frozen=True)
class Wanted:
    """The versions and the code that all workers must have; see ``Site``."""

    python: str
    versions: Mapping[str, str]
    code: str

    @property
    def packages(self) -> list[str]:
        """The packages besides rnnbench."""
        return [name for name in self.versions if name != "rnnbench"]


def packages_of(trials: Sequence[Trial]) -> list[str]:
    """Return the distributions that trials need, those of plug-ins too."""
    packages = (each for trial in trials for each in (*trial.packages, *plugins_of(trial.model)))
    return list(dict.fromkeys(packages))


def differences(site: Site, wanted: Wanted) -> list[str]:
    """Return what differs at a worker, such as ``keras 3.10.0 (here: 3.11.0)``."""
    found = [
        f"{name} {site.versions[name]} (here: {version})"
        for name, version in wanted.versions.items()
        if site.versions.get(name, version) != version
    ]
    is_same_version = site.versions.get("rnnbench") == wanted.versions.get("rnnbench")
    if is_same_version and site.code != wanted.code:
        found.insert(0, OTHER_CODE)
    if site.python and _minor(site.python) != _minor(wanted.python):
        found.insert(0, f"Python {site.python} (here: {wanted.python})")
    return found


def _minor(python: str) -> list[str]:
    return python.split(".")[:2]


def describe_differences(found: Mapping[str, Sequence[str]], wanted: Wanted) -> str:
    """Return what differs at workers, by their names, and what to do."""
    names = dict.fromkeys(each.split()[0] for of_worker in found.values() for each in of_worker)
    exact = [f"{name}=={wanted.versions[name]}" for name in names if name in wanted.packages]
    install = f" (pip install {shlex.join(exact)})" if exact else ""
    return "\n".join(
        [
            "workers differ from this machine in what can change results:",
            *grouped(found),
            f"use the same versions and the same commit there{install}",
        ]
    )


def grouped(found: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for each thing that was found at workers, by their names."""
    workers: dict[str, list[str]] = {}
    for name, of_worker in found.items():
        for each in of_worker:
            workers.setdefault(each, []).append(name)
    return [f"  {each}: {listed(where, MOST_NAMED)}" for each, where in workers.items()]
