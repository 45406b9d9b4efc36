"""Differences between workers and the machine that starts a run that can change results."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnbench.models.code import plugins_of
from rnnbench.runner.executors.dask.worker import Site
from rnnbench.training.trial import Trial

MOST_NAMED = 3
"""Workers that are named for each difference."""


@dataclass(frozen=True)
class Wanted:
    """The versions that all workers must have: of Python, and of packages by name."""

    python: str
    versions: Mapping[str, str]


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
    if site.python and _minor(site.python) != _minor(wanted.python):
        found.insert(0, f"Python {site.python} (here: {wanted.python})")
    return found


def _minor(python: str) -> list[str]:
    return python.split(".")[:2]


def describe_differences(found: Mapping[str, Sequence[str]], wanted: Wanted) -> str:
    """Return what differs where, and what to do.

    Args:
        found: the differences at each worker, by its name.
        wanted: what all workers have to have.
    """
    workers: dict[str, list[str]] = {}
    for name, of_worker in found.items():
        for difference in of_worker:
            workers.setdefault(difference, []).append(name)
    names = dict.fromkeys(difference.split()[0] for difference in workers)
    exact = [f"{name}=={wanted.versions[name]}" for name in names if name in wanted.versions]
    install = f" (pip install {shlex.join(exact)})" if exact else ""
    return "\n".join(
        [
            "workers differ from this machine in what can change results:",
            *(f"  {difference}: {_listed(where)}" for difference, where in workers.items()),
            f"install the same versions there{install}",
        ]
    )


def _listed(names: Sequence[str]) -> str:
    others = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{others}"
