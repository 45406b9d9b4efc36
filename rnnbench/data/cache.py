"""Corpora on disk: npz files without pickles, which are checked on every load.

``store("r8", corpus)`` writes one, and ``read(find("r8"))`` returns it.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import platformdirs

from rnnbench.data.corpus import Corpus
from rnnbench.errors import RnnbenchError
from rnnbench.storage import UnwritableError, atomic_write, mapped_arrays, sweep

SCHEMA_VERSION = 2
"""Goes up when a source would give another corpus, or when the layout changes."""
ARRAYS = (
    "tokens",
    "offsets",
    "labels",
    "is_test",
    "groups",
    "unlabeled",
    "excerpts",
    "excerpt_ends",
)
SHA256 = "[0-9a-f]" * 64
CACHED = (
    f"corpora/v*/*-{SHA256}.npz",
    "collections/reuters21578.zip",
    f"language_models/{SHA256}.npz",
    f"transformers/*-{'[0-9a-f]' * 16}/*",
)
"""The files that we put into the cache folder; there may be others."""
FINGERPRINTS = ("fingerprint", "unlabeled_fingerprint")


class DamagedCacheError(RnnbenchError):
    """A cached corpus is not the one that was written."""


def folder() -> Path:
    """Return the cache folder: ``RNNBENCH_CACHE``, or the platform's."""
    chosen = os.environ.get("RNNBENCH_CACHE")
    return Path(chosen or platformdirs.user_cache_path("rnnbench"))


def files() -> list[Path]:
    """Return all files of the cache, the newest first."""
    cached = []
    for pattern in CACHED:
        for file in folder().glob(pattern):
            if file.is_file() and not file.is_symlink():
                cached.append(file)
    return sorted(cached, key=lambda file: -file.stat().st_mtime)


def _corpora() -> Path:
    return folder() / "corpora" / f"v{SCHEMA_VERSION}"


def find(name: str | None = None, *, fingerprint: str | None = None) -> Path | None:
    """Return the newest file of a source, or of a corpus, if one is cached."""
    files = []
    for file in _corpora().glob("*-*.npz"):
        source, _, fingerprint_of_file = file.stem.rpartition("-")
        is_wanted = source == name or fingerprint_of_file == fingerprint
        if is_wanted and file.is_file():
            files.append(file)
    return max(files, key=lambda file: file.stat().st_mtime, default=None)


def store(name: str, corpus: Corpus) -> Corpus:
    """Cache a corpus of the source ``name``, and return it with its file.

    Its large arrays are no longer in memory, but mapped from the file.
    """
    file = _corpora() / f"{name}-{corpus.fingerprint}.npz"
    sweep(file.parent, older_than=600)
    try:
        write(file, corpus)
    except UnwritableError as error:  # on Windows if other processes have mapped it
        try:
            read(file)
        except (OSError, DamagedCacheError):
            raise error from None
    arrays = mapped_arrays(file)
    mapped = replace(corpus, tokens=arrays["tokens"], excerpts=arrays.get("excerpts"))
    return replace(mapped, file=file)


def write(file: Path, corpus: Corpus) -> str:
    """Write ``corpus`` to ``file``, and return its fingerprint."""
    description = {
        "fingerprint": corpus.fingerprint,
        "unlabeled_fingerprint": corpus.unlabeled_fingerprint,
        "topics": corpus.topics,
        "vocabulary": corpus.vocabulary,
        "provenance": corpus.provenance,
    }
    content = np.frombuffer(json.dumps(description).encode(), np.uint8)
    arrays = {}
    for name in ARRAYS:
        array = getattr(corpus, name)
        if array is not None:
            arrays[name] = array
    with writing(file) as out:
        np.savez(out, facts=content, **arrays)
    return corpus.fingerprint


@contextmanager
def writing(file: Path) -> Iterator[BinaryIO]:
    """Open a file of the cache to write it; the error names ``RNNBENCH_CACHE``."""
    try:
        with atomic_write(file) as out:
            yield out
    except UnwritableError as error:
        error.args = (f"{error} (set RNNBENCH_CACHE to use another folder)",)
        raise


def read(file: Path) -> Corpus:
    """Return the corpus in ``file``; ``DamagedCacheError`` if it is not as written."""
    try:
        arrays = mapped_arrays(file)
        description = json.loads(arrays["facts"].tobytes())
        corpus = Corpus(
            tokens=arrays["tokens"],
            offsets=arrays["offsets"],
            labels=arrays["labels"],
            is_test=arrays.get("is_test"),
            groups=arrays.get("groups"),
            unlabeled=arrays.get("unlabeled"),
            excerpts=arrays.get("excerpts"),
            excerpt_ends=arrays.get("excerpt_ends"),
            topics=tuple(description["topics"]),
            vocabulary=tuple(description["vocabulary"]),
            provenance=description["provenance"],
            file=file,
        )
        if any(
            getattr(corpus, key) != description.get(key, "") for key in FINGERPRINTS
        ):
            raise ValueError("its content does not match its fingerprint")
        if corpus.excerpt_ends is not None and len(corpus.excerpt_ends) != len(corpus):
            raise ValueError("it has not one excerpt for each document")
    except (FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # damage makes zipfile and NumPy raise almost anything
        reason = str(error).partition("\n")[0]
        raise DamagedCacheError(f"damaged cache: {file}: {reason}") from error
    return corpus
