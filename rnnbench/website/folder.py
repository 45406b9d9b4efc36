"""The folder of a site, in which only what an earlier site left is ever replaced or removed.

``site.json`` lists the files of a site and so makes the folder its own. A folder cannot be replaced
at once, but each file can. The order leaves no link without its page: reports are written before
the pages that link to them, and what is no longer linked is removed last.
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
from rnnbench.results.lock import lock_folder
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
from rnnbench.words import listed

SITE = "site.json"
"""The file that makes a folder that of a site."""
INDEX, LEADERBOARD, HISTORY = "index.html", "leaderboard.html", "history.html"
REPORT, CONFIG, CONSTRAINTS = "report.html", "config.yaml", "constraints.txt"
RUNS = "runs"
"""The folder with a folder for each run."""
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""The pattern of the names of these folders."""
LONGEST = 80
"""The most characters of such a name that come from the name of a run."""
_FILE = (
    rf"^({INDEX}|{LEADERBOARD}|{HISTORY}|{RUNS}/{NAME}/({REPORT}|{CONFIG}|{CONSTRAINTS}))$"
).replace(".html", r"\.html")
HINT = "use --out to name another folder, which may be new or empty"


class Site(Record):
    """The content of ``site.json``."""

    schema_version: Literal[1] = 1
    files: list[Annotated[str, Field(pattern=_FILE)]]
    """All others, with slashes and seen from the folder of the site."""
    reports: dict[str, str]
    """By the name of each run, the file of its report."""


def folders_of(names: Iterable[str]) -> dict[str, str]:
    """Return for each run the folder of its pages: safe in addresses and in paths.

    >>> folders_of(["all", "old/all", "old all", ".."])
    {'all': 'runs/all', 'old/all': 'runs/old-all', 'old all': 'runs/old-all-2', '..': 'runs/run'}
    """
    taken: set[str] = set()
    found = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:LONGEST].strip("._-") or "run"
        folder, number = plain, 1
        while folder.casefold() in taken:  # a file system may not tell capitals from small letters
            number += 1
            folder = f"{plain}-{number}"
        taken.add(folder.casefold())
        found[name] = f"{RUNS}/{folder}"
    return found


def files_in(folder: Path) -> set[str]:
    """Return the files of the site in a folder; none in one that is new or empty.

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
        others = [each.name for each in folder.glob("*") if not each.name.startswith(".")]
        if others:
            what = f"holds other things than a site: {listed(sorted(others))}"
            raise UserError(f"{folder}: {what} ({HINT})") from None
        return set()
    except OtherVersionError:
        what = "another version of rnnbench wrote it, or another program"
        raise UserError(f"{folder / SITE}: {what} ({HINT})") from None
    except DamagedResultError as error:
        raise UserError(f"{error} ({HINT}, or remove this one)") from error


@contextmanager
def open_site(folder: Path, site: Site, command: str) -> Iterator[None]:
    """Let the block write the files of a site; then remove those of an earlier one.

    If the block raises an exception, the files of both remain, and belong to the folder's site.

    Args:
        folder: of the site.
        site: what it will hold.
        command: the command of this process, for the message to others.

    Raises:
        UserError: the folder holds something else, or another process is writing into it.
        UnwritableError: a file cannot be written.
    """
    files_in(folder)  # nothing is written into a folder that is somebody else's
    with lock_folder(folder, command):
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
    """Remove files of an earlier site, and the folders that are empty without them."""
    for file in files:
        try:
            (folder / file).unlink(missing_ok=True)
        except OSError as error:
            raise UnwritableError(folder / file, error) from error
    for place in {(folder / file).parent for file in files} - {folder}:
        with suppress(OSError):  # it holds something else, or is gone
            place.rmdir()


def _check_places(folder: Path, before: set[str], after: set[str]) -> None:
    """Make sure that no other file is in the place of one, and that no link leads elsewhere."""
    for file in sorted(after - before):
        if os.path.lexists(folder / file):  # or it is a link to nothing
            raise UserError(f"{folder / file}: is not of the site (move it away, or {HINT})")
    for file in sorted(before | after):
        for place in (folder / file).parents:
            if place == folder:
                break
            if place.is_symlink():
                raise UserError(f"{place}: is a link (remove it, or {HINT})")
