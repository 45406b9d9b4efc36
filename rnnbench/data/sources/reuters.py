"""The 22 files of Reuters-21578, from which several sources are made.

``read_files(Path("reuters21578.tar.gz"))`` is their content. Whatever is read once is
kept in the cache.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from rnnbench.data import cache
from rnnbench.data import fetch as web
from rnnbench.data.corpus import Corpus
from rnnbench.data.fetch import Progress
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import read_file

COLLECTION = "Reuters-21578"
FORMS = f"{COLLECTION} as a folder, .tar.gz or .zip"
HOMES = (
    "https://archive.ics.uci.edu/static/public/137/"
    "reuters+21578+text+categorization+collection.zip",
    "https://archive.ics.uci.edu/ml/machine-learning-databases/"
    "reuters21578-mld/reuters21578.tar.gz",
    "https://kdd.ics.uci.edu/databases/reuters21578/reuters21578.tar.gz",
    "http://www.daviddlewis.com/resources/testcollections/"
    "reuters21578/reuters21578.tar.gz",
)
INNER_ARCHIVE = "reuters21578.tar.gz"
"""UCI's zip contains the collection as another archive."""
FILE_NAMES = tuple(f"reut2-{number:03}.sgm" for number in range(22))  # in order
ARCHIVES = ("*.zip", "*.tar", "*.gz", "*.tgz", "*.bz2", "*.tbz2", "*.xz", "*.txz")
IN_FOLDER = ("reut2-*.sgm", "*/reut2-*.sgm")
ORIGINAL_SHA256 = "3764d62c6c42ea64f88199a398af03059fb823de62120deefa5cc71f2502a3b3"
"""sha256 over the 22 files of Distribution 1.0, in order, one after another."""
log = logging.getLogger(__name__)


def read_files(path: Path) -> list[bytes]:
    """Return the content of the SGML files in a folder or an archive, in order."""
    files: dict[str, bytes] = {}
    if path.is_dir():
        for pattern in IN_FOLDER:
            for file in path.glob(pattern):
                files[file.name] = read_file(file, web.MAX_MEMBER_BYTES)
    else:
        files = _unpack(read_file(path, web.MAX_TOTAL_BYTES), str(path))
    missing = [name for name in FILE_NAMES if name not in files]
    if missing:
        lacking = f"it lacks {', '.join(missing)}"
        raise UserError(f"{path}: {COLLECTION} is incomplete: {lacking}")
    if _are_original(files):
        _keep(files)
    return [files[name] for name in FILE_NAMES]


def kept_archive() -> Path | None:
    """Return the original files in the cache, if they are there and not damaged."""
    path = _place_in_cache()
    if not path.is_file():
        return None
    try:
        files = _unpack(read_file(path, web.MAX_TOTAL_BYTES), str(path))
    except UserError:
        files = {}
    if _are_original(files):
        return path
    log.warning("damaged cache: %s: it is not used; remove it", path)
    return None


def fetch(build: Callable[[list[bytes]], Corpus], progress: Progress) -> Corpus:
    """Return the corpus that ``build`` makes of the original files, downloaded."""
    files, url = fetch_files(progress)
    return replace(build(files), provenance={"from": url})


def fetch_files(progress: Progress) -> tuple[list[bytes], str]:
    """Return the original files, and where they come from: the cache or an address."""
    archive = kept_archive()
    if archive is not None:
        return read_files(archive), COLLECTION
    reasons = []
    for url in HOMES:
        try:
            return _download(url, progress), url
        except (OutOfReachError, UserError) as error:
            reasons.append(str(error))
    raise OutOfReachError("; ".join(dict.fromkeys(reasons)))


def _download(url: str, progress: Progress) -> list[bytes]:
    """Return the original files, in order, from an address."""
    content = web.get(url, progress, patience=web.PATIENCE / len(HOMES))
    files = _unpack(content, url)
    if not _are_original(files):
        fault = "not the original files (their sha256 differs)"
        raise OutOfReachError(f"{url}: {fault}")
    _keep(files)
    return [files[name] for name in FILE_NAMES]


def _are_original(files: Mapping[str, bytes]) -> bool:
    """Return whether files, by their names, are those of Distribution 1.0."""
    digest = hashlib.sha256()
    for name in FILE_NAMES:
        digest.update(files.get(name, b""))
    return digest.hexdigest() == ORIGINAL_SHA256


def _place_in_cache() -> Path:
    return cache.folder() / "collections" / "reuters21578.zip"


def _keep(files: Mapping[str, bytes]) -> None:
    """Put the original files into the cache, unless they are there."""
    path = _place_in_cache()
    if path.exists():
        return
    with cache.writing(path) as out, ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name in FILE_NAMES:
            archive.writestr(name, files[name])


def _unpack(content: bytes, name: str) -> dict[str, bytes]:
    """Return the files in an archive, or in the archive inside, by their names."""
    files = web.read_members(content, {*FILE_NAMES, INNER_ARCHIVE}, name)
    inner = files.pop(INNER_ARCHIVE, None)
    if inner:
        return web.read_members(inner, FILE_NAMES, f"{name}/{INNER_ARCHIVE}")
    return files
