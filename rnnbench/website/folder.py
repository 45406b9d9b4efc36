"""The folder of a site: only the files of an earlier site are ever replaced or removed.

``site.json`` lists the files of a site and marks the folder as its own. A whole folder cannot be
replaced atomically, but each file can. So that no link is ever broken, reports are written before
the pages that link to them, and files that are no longer linked are removed last.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rnnbench.errors import UserError
from rnnbench.records import Record
from rnnbench.results.lock import HINT, SITE, check_folder, lock_folder
from rnnbench.storage import (
    DamagedResultError,
    OtherVersionError,
    UnwritableError,
    read_document,
    sweep,
    validate,
    version_of,
    write_document,
)

INDEX, LEADERBOARD, HISTORY = "index.html", "leaderboard.html", "history.html"
REPORT, CONFIG, CONSTRAINTS = "report.html", "config.yaml", "constraints.txt"
RUNS = "runs"
"""The folder that holds a folder for each run."""
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""The pattern of the names of these folders."""
LONGEST = 80
"""The most characters that such a name takes from the name of a run."""
_FILE = (
    rf"^({INDEX}|{LEADERBOARD}|{HISTORY}|{RUNS}/{NAME}/({REPORT}|{CONFIG}|{CONSTRAINTS}))$"
).replace(".html", r"\.html")


class Site(Record):
    """The content of ``site.json``."""

    schema_version: Literal[1] = 1
    files: list[Annotated[str, Field(pattern=_FILE)]]
    """All other files: paths with slashes, relative to the folder of the site."""
    reports: dict[str, str]
    """The file of each report, by the name of its run."""


def folders_of(names: Iterable[str]) -> dict[str, str]:
    """Return the folder of the pages of each run: safe in addresses and in paths.

    >>> folders_of(["all", "old/all", "old all", ".."])
    {'all': 'runs/all', 'old/all': 'runs/old-all', 'old all': 'runs/old-all-2', '..': 'runs/run'}
    """
    taken: set[str] = set()
    found = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:LONGEST].strip("._-") or "run"
        folder, number = plain, 1
        while folder.casefold() in taken:  # a file system may ignore case
            number += 1
            folder = f"{plain}-{number}"
        taken.add(folder.casefold())
        found[name] = f"{RUNS}/{folder}"
    return found


def files_in(folder: Path) -> set[str]:
    """Return the files of the site in a folder; none if it is new or empty.

    Hidden files, such as those of Git, do not count.

    Raises:
        UserError: the folder holds something else, or its list of files cannot be trusted.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is not a folder ({HINT})")
    try:
        document = read_document(folder / SITE, version_of(Site))
        return set(validate(folder / SITE, Site, document).files)
    except FileNotFoundError:
        check_folder(folder, SITE)
        return set()
    except OtherVersionError:
        what = "another version of rnnbench wrote it, or another program"
        raise UserError(f"{folder / SITE}: {what} ({HINT})") from None
    except DamagedResultError as error:
        what = "it is not as rnnbench wrote it"
        raise UserError(f"{folder / SITE}: {what} ({HINT}, or remove this one)") from error


@contextmanager
def open_site(folder: Path, site: Site, command: str) -> Iterator[None]:
    """Let the block write the files of a site; then remove those of an earlier one.

    If the block raises an exception, the files of both stay, and ``site.json`` lists them all.

    Args:
        folder: the folder of the site.
        site: the files that it will hold.
        command: the command of this process, which the message to others names.

    Raises:
        UserError: the folder holds something else, or another process is writing into it.
        UnwritableError: a file cannot be written.
    """
    files_in(folder)  # before the lock is written: the folder may be somebody else's
    with lock_folder(folder, command, SITE):
        before, after = files_in(folder), set(site.files)
        _check_places(folder, before, after)
        both = site.model_copy(update={"files": sorted(before | after)})
        write_document(folder / SITE, both)
        for place in {(folder / file).parent for file in both.files}:
            sweep(place)
        yield
        _remove(folder, before - after)
        write_document(folder / SITE, site)


def _remove(folder: Path, files: set[str]) -> None:
    """Remove files of an earlier site, and the folders that this leaves empty."""
    for file in files:
        try:
            (folder / file).unlink(missing_ok=True)
        except OSError as error:
            raise UnwritableError(folder / file, error) from error
    for place in {(folder / file).parent for file in files} - {folder}:
        with suppress(OSError):  # it holds something else, or is gone
            place.rmdir()


def _check_places(folder: Path, before: set[str], after: set[str]) -> None:
    """Make sure that no other file is in the way, and that no folder is a link to elsewhere."""
    for file in sorted(after - before):
        if os.path.lexists(folder / file):  # or it is a link to nothing
            raise UserError(f"{folder / file}: is not a file of the site (move it away, or {HINT})")
    for file in sorted(before | after):
        for place in (folder / file).parents:
            if place == folder:
                break
            if place.is_symlink():
                raise UserError(f"{place}: is a link (remove it, or {HINT})")
