"""The Keras Reuters set: as Keras distributes it, and rebuilt exactly from
Reuters-21578 in SGML.

The script that made ``keras.datasets.reuters`` was never published. Its steps, with
their mistakes, were worked out from the result; each mistake that is kept is named in
the code that keeps it.
"""

import hashlib
import io
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from rnnbench.data import cache
from rnnbench.data import fetch as web
from rnnbench.data.corpus import Corpus, corpus_of_words
from rnnbench.data.fetch import Progress
from rnnbench.data.source import Source, keras_reuters, split_bytes
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import read_file

COLLECTION = "Reuters-21578"
HOMES = (
    "https://archive.ics.uci.edu/static/public/137/reuters+21578+text+categorization+collection.zip",
    "https://archive.ics.uci.edu/ml/machine-learning-databases/reuters21578-mld/reuters21578.tar.gz",
    "https://kdd.ics.uci.edu/databases/reuters21578/reuters21578.tar.gz",
    "http://www.daviddlewis.com/resources/testcollections/reuters21578/reuters21578.tar.gz",
)
Table = list[
    tuple[int, bytes] | None
]  # the slots of a dict, each empty or with a hash and its key
INNER_ARCHIVE = (
    "reuters21578.tar.gz"  # UCI's zip contains the collection as another archive
)
FILE_NAMES = tuple(f"reut2-{number:03}.sgm" for number in range(22))  # in order
ARCHIVES = ("*.zip", "*.tar", "*.gz", "*.tgz", "*.bz2", "*.tbz2", "*.xz", "*.txz")
IN_FOLDER = ("reut2-*.sgm", "*/reut2-*.sgm")
ORIGINAL_SHA256 = "3764d62c6c42ea64f88199a398af03059fb823de62120deefa5cc71f2502a3b3"
"""sha256 over the 22 files of Distribution 1.0, in order, one after another."""
log = logging.getLogger(__name__)
MIN_DOCUMENTS = 15  # a topic with fewer documents is left out, and so are its documents

NPZ_HOME = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
"""Source of the address and the hashes: ``keras.datasets.reuters``."""
NPZ, NPZ_SHA256 = (
    "reuters.npz",
    "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
)
WORD_INDEX, WORD_INDEX_MD5 = (
    "reuters_word_index.json",
    "4d44cc38712099c9e383dc6e5f11a921",
)

TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply",
    "coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas",
    "cpi", "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin",
    "strategic-metal", "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs",
    "lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip
"""Source: ``keras.datasets.reuters.get_label_names``."""


def read_files(path: Path) -> list[bytes]:
    """Return the content of the SGML files in a folder or an archive, in order.

    The original files are kept in the cache, so that other sources can be made from
    them.
    """
    if path.is_dir():
        found = (file for pattern in IN_FOLDER for file in path.glob(pattern))
        files = {file.name: read_file(file, web.MAX_MEMBER_BYTES) for file in found}
    else:
        files = _unpack(read_file(path, web.MAX_TOTAL_BYTES), str(path))
    if missing := [name for name in FILE_NAMES if name not in files]:
        raise UserError(
            f"{path}: Reuters-21578 is incomplete: it lacks {', '.join(missing)}"
        )
    if _are_original(files):
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
    if _place_in_cache().exists():
        return
    with (
        cache.writing(_place_in_cache()) as out,
        ZipFile(out, "w", ZIP_DEFLATED) as archive,
    ):
        for name in FILE_NAMES:
            archive.writestr(name, files[name])


def kept_archive() -> Path | None:
    """Return the original files in the cache; ``None`` if they are not there, or
    damaged.
    """
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
    """Return the corpus that ``build`` makes of the original files, which are
    downloaded.
    """
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
            files = _unpack(
                web.get(url, progress, patience=web.PATIENCE / len(HOMES)), url
            )
            if _are_original(files):
                _keep(files)
                return [files[name] for name in FILE_NAMES], url
            reasons.append(f"{url}: not the original files (their sha256 differs)")
        except (OutOfReachError, UserError) as error:
            reasons.append(str(error))
    raise OutOfReachError("; ".join(dict.fromkeys(reasons)))


def _unpack(content: bytes, name: str) -> dict[str, bytes]:
    files = web.read_members(content, {*FILE_NAMES, INNER_ARCHIVE}, name)
    if inner := files.pop(INNER_ARCHIVE, None):
        return web.read_members(inner, FILE_NAMES, f"{name}/{INNER_ARCHIVE}")
    return files


def build_corpus(
    files: Iterable[bytes], *, min_documents: int = MIN_DOCUMENTS
) -> Corpus:
    """Return the corpus of SGML files: words by count, ties in the order of a CPython
    2.7 dict.
    """
    documents = [document for content in files for document in parse_documents(content)]
    counts = Counter(topic for topic, _ in documents)
    kept = [
        (topic, body) for topic, body in documents if counts[topic] >= min_documents
    ]
    topics = list(dict.fromkeys(topic for topic, _ in kept))
    words = [split_bytes(body) for _, body in kept]
    totals = Counter(word for of_document in words for word in of_document)
    ranking = sorted(dict_order(list(totals)), key=lambda word: -totals[word])
    labels = [topics.index(topic) for topic, _ in kept]
    return corpus_of_words(
        words, ranking, labels, [topic.decode("latin-1") for topic in topics]
    )


def parse_documents(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (topic, body) of every document in one SGML file that has a topic.

    Two mistakes of the original are kept: the topics end where the first does, and a
    document without a body takes that of a later one or, if none follows, the text from
    five characters after its own ``<TOPICS>``.
    """
    for tag in re.finditer(b"<TOPICS>", content):
        start = tag.end()
        if topic := _until_close(content, start).replace(b"<D>", b""):
            body = content.find(b"<BODY>", start)
            yield (
                topic,
                _until_close(content, start + 5 if body < 0 else body + len(b"<BODY>")),
            )


def _until_close(content: bytes, start: int) -> bytes:
    end = content.find(b"</", start)
    return content[start:end] if end >= 0 else content[start:]


def string_hash(text: bytes) -> int:
    """Return ``hash(text)`` of 64-bit CPython 2.7 without ``-R``
    (``Objects/stringobject.c``).
    """
    if not text:
        return 0
    value, mask = text[0] << 7, 2**64 - 1
    for byte in text:
        value = (1000003 * value ^ byte) & mask
    value ^= len(text)
    return mask - 1 if value == mask else value


def dict_order(keys: Sequence[bytes]) -> list[bytes]:
    """Return keys in the order of a dict of CPython 2.7 (``Objects/dictobject.c``) with
    them.
    """
    table: Table = [None] * 8
    for used, key in enumerate(keys, start=1):
        _insert(table, (string_hash(key), key))
        if used * 3 >= len(table) * 2:
            least = used * (2 if used > 50_000 else 4)
            entries, table = (
                table,
                [None] * (1 << least.bit_length()),
            )  # the next power of two
            for entry in filter(None, entries):
                _insert(table, entry)
    return [entry[1] for entry in table if entry is not None]


def _insert(table: Table, entry: tuple[int, bytes]) -> None:
    mask = len(table) - 1
    slot = perturb = entry[0]
    while table[slot & mask] is not None:
        slot = (slot << 2) + slot + perturb + 1
        perturb >>= 5
    table[slot & mask] = entry


SGML = Source(
    name="sgml",
    help="Reuters-21578 in SGML, from which the Keras set is rebuilt exactly.",
    file="Reuters-21578 as a folder, .tar.gz or .zip",
    read=lambda path: build_corpus(read_files(path)),
    tokenize=keras_reuters,
    fetch=partial(fetch, build_corpus),
    kept=kept_archive,
    patterns=ARCHIVES,
    folder_patterns=IN_FOLDER,
    rebuilds="keras",
    # Keras's set
    fingerprint="b037a9a9065118fceaccd0f806a50ddeb1670a41d627106dd067d656baaa0d7d",
)


def read_npz(npz: Path) -> Corpus:
    """Return the corpus in the two files of Keras, if they are those that it
    distributes.
    """
    files = (npz, npz.with_name(WORD_INDEX))
    if not all(map(Path.is_file, files)):
        raise UserError(f"{npz}: should be a file, with {WORD_INDEX} beside it")
    return _keras_corpus({file: read_file(file, web.MAX_BYTES) for file in files})


def fetch_npz(progress: Progress) -> Corpus:
    """Return the corpus in Keras's own folder or, if it is not there, download it."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        return read_npz(home / "datasets" / NPZ)
    except (UserError, OSError):  # missing or damaged
        urls = (f"{NPZ_HOME}/{NPZ}", f"{NPZ_HOME}/{WORD_INDEX}")
        files = {url: web.get(url, progress) for url in urls}
    try:
        return _keras_corpus(files)
    except UserError as error:
        raise OutOfReachError(str(error)) from error


def _keras_corpus(files: Mapping[Any, bytes]) -> Corpus:
    """Check the hashes of the npz and of the word index, by their names; return their
    corpus.
    """
    (npz_name, npz), (index_name, word_index) = files.items()
    if hashlib.sha256(npz).hexdigest() != NPZ_SHA256:
        raise UserError(
            f"{npz_name}: not the file that Keras distributes (its sha256 differs)"
        )
    if hashlib.md5(word_index, usedforsecurity=False).hexdigest() != WORD_INDEX_MD5:
        raise UserError(
            f"{index_name}: not the file that Keras distributes (its md5 differs)"
        )
    with np.load(
        io.BytesIO(npz), allow_pickle=True
    ) as arrays:  # safe: its sha256 is known
        documents, labels = arrays["x"], arrays["y"]
    ranks: dict[str, int] = json.loads(word_index)
    return Corpus(
        tokens=np.concatenate(
            [np.asarray(document, np.int32) for document in documents]
        ),
        offsets=np.concatenate(
            [[0], np.cumsum([len(document) for document in documents])]
        ),
        labels=labels.astype(np.int32),
        topics=TOPICS,
        vocabulary=tuple(sorted(ranks, key=ranks.__getitem__)),
        provenance={"from": NPZ, "sha256": NPZ_SHA256},
    )


KERAS = Source(
    name="keras",
    help="The Reuters set of Keras: 11,228 newswires on 46 topics.",
    file=f"{NPZ}, with {WORD_INDEX} beside it",
    read=read_npz,
    tokenize=keras_reuters,
    fetch=fetch_npz,
    patterns=("*.npz",),
)
