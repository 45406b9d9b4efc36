"""The folder of a site: only the files of an earlier site are replaced or removed.

``site.json`` lists the files of a site and marks the folder as its own. A whole folder
cannot be replaced atomically, but each file can. So that no link is ever broken,
reports are written before the pages that link to them, and files that are no longer
linked are removed last.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rnnbench import DamagedResultError, UserError
from rnnbench.plugin import (
    CONSTRAINTS,
    HINT,
    SITE,
    StoredRecord,
    UnwritableError,
    check_folder,
    lock_folder,
    read_record,
    sweep,
    write_document,
)

INDEX = "index.html"
LEADERBOARD = "leaderboard.html"
HISTORY = "history.html"
REPORT = "report.html"
CONFIG = "config.yaml"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""The pattern of the names of the folders of runs."""
LONGEST = 80
"""The most characters that such a name takes from the name of a run."""
_OF_RUN = rf"runs/{NAME}/({REPORT}|{CONFIG}|{CONSTRAINTS})"
_FILE = rf"^({INDEX}|{LEADERBOARD}|{HISTORY}|{_OF_RUN})$".replace(".html", r"\.html")


class SiteFiles(StoredRecord):
    """The content of ``site.json``."""

    schema_version: Literal[1] = 1
    files: list[Annotated[str, Field(pattern=_FILE)]]
    """All others, relative to the folder."""
    reports: dict[str, str]
    """The file of each report, by the name of its run."""


def folders_of(names: Iterable[str]) -> dict[str, str]:
    """Return the folder of the pages of each run, safe in addresses: ``runs/old-all``.

    No two of them differ in case alone, which a file system may ignore.
    """
    folders: dict[str, str] = {}
    taken = set()
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:LONGEST].strip("._-") or "run"
        folder = f"runs/{plain}"
        number = 1
        while folder.casefold() in taken:
            number += 1
            folder = f"runs/{plain}-{number}"
        folders[name] = folder
        taken.add(folder.casefold())
    return folders


def files_in(folder: Path) -> set[str]:
    """Return the files of the site in a folder; none if it is new or counts as empty.

    ``UserError`` is raised if it holds something else, or its list of files cannot be
    trusted.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is not a folder ({HINT})")
    try:
        site, _ = read_record(folder / SITE, SiteFiles)
    except FileNotFoundError:
        check_folder(folder, SITE)
        return set()
    except DamagedResultError as error:
        fault = f"is not as this version of rnnbench writes it ({HINT})"
        raise UserError(f"{folder / SITE}: {fault}") from error
    return set(site.files)


@contextmanager
def open_site(folder: Path, site: SiteFiles, command: str) -> Iterator[None]:
    """Let the block write a site, then remove what only the old one had.

    If the block fails, all stays.
    """
    files_in(folder)  # before the lock is written: the folder may be somebody else's
    with lock_folder(folder, command, SITE):
        before = files_in(folder)
        after = set(site.files)
        _check_new_files(folder, after - before)
        both = sorted(before | after)
        places = sorted(
            {folder / parent for file in both for parent in Path(file).parents}
        )
        for place in places:
            if place != folder and place.is_symlink():
                raise UserError(f"{place}: is a link (remove it, or {HINT})")
        write_document(folder / SITE, site.model_copy(update={"files": both}))
        for place in places:
            sweep(place)
        yield
        for file in before - after:
            _remove(folder / file)
        write_document(folder / SITE, site)


def _check_new_files(folder: Path, files: Iterable[str]) -> None:
    """Make sure that new files replace nothing that is not of a site."""
    for file in sorted(files):
        if os.path.lexists(folder / file):  # or it is a link to nothing
            raise UserError(
                f"{folder / file}: is not a file of the site (move it away, or {HINT})"
            )


def _remove(path: Path) -> None:
    """Remove a file, and its folder if nothing else is in it."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableError(path, error) from error
    with suppress(OSError):  # it holds something else, or is gone
        path.parent.rmdir()
