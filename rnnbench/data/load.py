"""From the ``data`` section of a config to a corpus: cached, read from a file, or fetched."""

import logging
from dataclasses import dataclass
from pathlib import Path

from rnnbench.data import cache
from rnnbench.data.corpus import Corpus, fingerprint
from rnnbench.data.fetch import Progress, silent
from rnnbench.data.settings import Data
from rnnbench.data.sources.catalog import SOURCES
from rnnbench.errors import OutOfReachError, UserError

log = logging.getLogger(__name__)

AUTO = ("keras", "sgml", "r52")
"""What ``auto`` tries, in this order."""
SAME_AS_KERAS = ("keras", "sgml")
"""Sources of one and the same corpus: ``auto`` takes either from the cache before it fetches."""
KERAS_FINGERPRINT = "b037a9a9065118fceaccd0f806a50ddeb1670a41d627106dd067d656baaa0d7d"
"""Of the Keras Reuters set."""
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz")


@dataclass(frozen=True)
class CachedCorpus:
    """A corpus, its fingerprint, and the file in the cache from which a worker can load it."""

    corpus: Corpus
    fingerprint: str
    file: Path


def load_corpus(data: Data, progress: Progress = silent, *, offline: bool = False) -> CachedCorpus:
    """Return the corpus that ``data`` asks for.

    Raises:
        UserError: the file at ``data.path`` is not what the source needs; or nothing is cached
            and ``offline`` forbids to fetch.
        OutOfReachError: nothing could be had; it says what was tried, and what to bring.
    """
    if data.path is not None:
        return _from_path(data)
    tried = AUTO if data.source == "auto" else (data.source,)
    first = SAME_AS_KERAS if data.source == "auto" and not offline else tried
    for name in first:
        if cached := _cached(name):
            return cached
    if offline:
        choice = "" if data.source == "auto" else f" --data {data.source}"
        command = f"rnnbench data prepare{choice}"
        raise UserError(f"nothing is cached of {', '.join(tried)}: run `{command}`")
    reasons = []
    for name in tried:
        if name not in first and (cached := _cached(name)):
            return cached
        try:
            return _stored(name, SOURCES[name].fetch(progress))
        except OutOfReachError as error:
            log.warning("%s is out of reach: %s", name, error)
            reasons.append(f"  {name}: {error}")
    files = "\n".join(f"  --data {name} --path FILE: {SOURCES[name].file}" for name in tried)
    raise OutOfReachError(
        "no Reuters newswires could be had. Tried:\n"
        + "\n".join(reasons)
        + f"\nBring a file instead:\n{files}"
    )


def _from_path(data: Data) -> CachedCorpus:
    path = data.path
    if not path.exists():
        raise UserError(f"{path}: no such file or folder (data.path, or --path)")
    name = _kind_of_file(path) if data.source == "auto" else data.source
    corpus = SOURCES[name].read(path)
    mark = fingerprint(corpus)
    if name == "sgml" and mark != KERAS_FINGERPRINT:
        log.warning("%s: not the original Reuters-21578, so not the Keras set either", path)
        return _stored(f"{name}-{mark[:16]}", corpus)
    return _stored(name, corpus)


def _kind_of_file(path: Path) -> str:
    """Return the source that reads files like ``path``."""
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return "keras"
    if suffix == ".whl":
        return "r52"
    if path.is_dir() or suffix in ARCHIVES:
        return "sgml"
    files = "; ".join(f"{name}: {source.file}" for name, source in SOURCES.items())
    raise UserError(f"{path}: no source reads such a file (allowed: {files})")


def _cached(name: str) -> CachedCorpus | None:
    file = cache.file_of(name)
    try:
        corpus, mark = cache.read(file)
    except FileNotFoundError:
        return None
    except cache.DamagedCacheError as error:
        log.warning("%s; it is not used", error)
        return None
    return CachedCorpus(corpus, mark, file)


def _stored(name: str, corpus: Corpus) -> CachedCorpus:
    file = cache.file_of(name)
    return CachedCorpus(corpus, cache.write(file, corpus), file)
