"""Corpora on disk: npz files without pickles, whose content is checked on every
load.
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
from rnnbench.storage import UnwritableError, atomic_write, sweep

SCHEMA_VERSION = 2
"""Goes up when the same source would give another corpus, or when the layout of files
changes."""
ARRAYS = (
    *("tokens", "offsets", "labels", "is_test", "groups", "unlabeled"),
    *("excerpts", "excerpt_ends"),
)
FINGERPRINTS = ("fingerprint", "unlabeled_fingerprint")
FACTS = ("topics", "vocabulary", "provenance")


class DamagedCacheError(RnnbenchError):
    """A cached corpus is not the one that was written."""


def folder() -> Path:
    """Return the cache folder: ``RNNBENCH_CACHE``, or the platform's."""
    return Path(
        os.environ.get("RNNBENCH_CACHE") or platformdirs.user_cache_path("rnnbench")
    )


def _corpora() -> Path:
    return folder() / "corpora" / f"v{SCHEMA_VERSION}"


def find(name: str | None = None, *, fingerprint: str | None = None) -> Path | None:
    """Return the newest file of a source, or of the corpus with a fingerprint, if one
    is cached.
    """
    marked = ((file.stem.rpartition("-"), file) for file in _corpora().glob("*-*.npz"))
    files = [
        file for (own, _, mark), file in marked if own == name or mark == fingerprint
    ]
    return max(
        filter(Path.is_file, files), key=lambda file: file.stat().st_mtime, default=None
    )


def store(name: str, corpus: Corpus) -> Corpus:
    """Cache a corpus of the source ``name``, and return it with its file; see
    ``writing``.
    """
    file = _corpora() / f"{name}-{corpus.fingerprint}.npz"
    sweep(file.parent, older_than=600)
    write(file, corpus)
    return replace(corpus, file=file)


def write(file: Path, corpus: Corpus) -> str:
    """Write ``corpus`` to ``file``, and return its fingerprint; see ``writing``."""
    facts = {key: getattr(corpus, key) for key in (*FINGERPRINTS, *FACTS)}
    arrays = {
        key: array for key in ARRAYS if (array := getattr(corpus, key)) is not None
    }
    with writing(file) as out:
        np.savez(
            out, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays
        )
    return corpus.fingerprint


@contextmanager
def writing(file: Path) -> Iterator[BinaryIO]:
    """Open a file of the cache as ``atomic_write`` does; its error names
    ``RNNBENCH_CACHE``.
    """
    try:
        with atomic_write(file) as out:
            yield out
    except UnwritableError as error:
        error.args = (f"{error} (set RNNBENCH_CACHE to use another folder)",)
        raise


def read(file: Path) -> Corpus:
    """Return the corpus in ``file``, or raise ``DamagedCacheError`` if it is not as
    written.
    """
    try:
        with np.load(file, allow_pickle=False) as stored:
            facts = json.loads(stored["facts"].tobytes())
            corpus = Corpus(
                **{key: stored[key] for key in ARRAYS if key in stored},
                topics=tuple(facts["topics"]),
                vocabulary=tuple(facts["vocabulary"]),
                provenance=facts["provenance"],
                file=file,
            )
        if any(getattr(corpus, key) != facts.get(key, "") for key in FINGERPRINTS):
            raise ValueError("its content does not match its fingerprint")
        if corpus.excerpt_ends is not None and len(corpus.excerpt_ends) != len(corpus):
            raise ValueError("it has not one excerpt for each document")
    except (FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # damage makes zipfile and NumPy raise almost anything
        reason = str(error).partition("\n")[0]
        raise DamagedCacheError(f"damaged cache: {file}: {reason}") from error
    return corpus
