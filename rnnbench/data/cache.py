"""Corpora on disk: pickle-free npz files whose content is checked on every load."""

import json
import os
from pathlib import Path

import numpy as np
import platformdirs

from rnnbench.data.corpus import Corpus, fingerprint
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.storage import atomic_write

SCHEMA_VERSION = 1
"""Goes up when the same source would give another corpus, or the file another layout."""


class DamagedCacheError(RnnbenchError):
    """A cached corpus is not what was written."""


def folder() -> Path:
    """Return the cache folder: ``RNNBENCH_CACHE``, or the platform's."""
    chosen = os.environ.get("RNNBENCH_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("rnnbench")


def file_of(name: str) -> Path:
    """Return the file in which the corpus ``name`` is cached."""
    return folder() / "corpora" / f"v{SCHEMA_VERSION}" / f"{name}.npz"


def write(file: Path, corpus: Corpus) -> str:
    """Write ``corpus`` to ``file`` atomically and return its fingerprint.

    Raises:
        UserError: the cache folder cannot be written to.
    """
    mark = fingerprint(corpus)
    facts = {
        "fingerprint": mark,
        "topics": corpus.topics,
        "vocabulary": corpus.vocabulary,
        "provenance": corpus.provenance,
    }
    arrays = {"tokens": corpus.tokens, "offsets": corpus.offsets, "labels": corpus.labels}
    if corpus.is_test is not None:
        arrays["is_test"] = corpus.is_test
    try:
        with atomic_write(file) as out:
            np.savez(out, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)
    except OSError as error:
        message = f"{file.parent}: cannot write the cache there: {error.strerror}"
        raise UserError(f"{message} (RNNBENCH_CACHE names another folder)") from error
    return mark


def read(file: Path) -> tuple[Corpus, str]:
    """Return the corpus in ``file`` and its fingerprint, which was checked.

    Raises:
        FileNotFoundError: nothing is cached there.
        DamagedCacheError: the file is not what was written; it names the file.
    """
    try:
        with np.load(file, allow_pickle=False) as stored:
            facts = json.loads(stored["facts"].tobytes())
            corpus = Corpus(
                tokens=stored["tokens"],
                offsets=stored["offsets"],
                labels=stored["labels"],
                is_test=stored["is_test"] if "is_test" in stored else None,
                topics=tuple(facts["topics"]),
                vocabulary=tuple(facts["vocabulary"]),
                provenance=facts["provenance"],
            )
            mark = facts["fingerprint"]
        if fingerprint(corpus) != mark:
            raise ValueError("its content has another fingerprint")
    except FileNotFoundError:
        raise
    except Exception as error:  # there is no end to what damage makes zipfile and NumPy raise
        reason = str(error).partition("\n")[0]
        raise DamagedCacheError(f"damaged cache: {file}: {reason}") from error
    return corpus, mark
