"""The Keras Reuters set, rebuilt exactly from Reuters-21578 in SGML.

``build_corpus(read_files(Path("reuters21578.tar.gz")))`` is its corpus.

The script that made ``keras.datasets.reuters`` was never published. Its steps, with
their mistakes, were worked out from the result; each mistake that is kept is named in
the code that keeps it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from rnnbench.data.corpus import Corpus, corpus_of_words
from rnnbench.data.source import Source, keras_reuters, split_bytes
from rnnbench.data.sources.reuters import (
    ARCHIVES,
    FORMS,
    IN_FOLDER,
    fetch,
    kept_archive,
    read_files,
)

Table = list[tuple[int, bytes] | None]
"""The slots of a dict, each empty or with a hash and its key."""
MIN_DOCUMENTS = 15  # a topic with fewer documents is left out, and so are its documents


def build_corpus(
    files: Iterable[bytes], *, min_documents: int = MIN_DOCUMENTS
) -> Corpus:
    """Return the corpus of SGML files.

    Words are ranked by count, ties in the order of a dict of CPython 2.7.
    """
    documents = [document for content in files for document in parse_documents(content)]
    n_documents = Counter(topic for topic, _ in documents)
    numbers: dict[bytes, int] = {}  # of topics, by first occurrence
    words: list[list[bytes]] = []
    labels: list[int] = []
    counts = Counter[bytes]()
    for topic, body in documents:
        if n_documents[topic] >= min_documents:
            words.append(split_bytes(body))
            labels.append(numbers.setdefault(topic, len(numbers)))
            counts.update(words[-1])
    ranking = sorted(dict_order(list(counts)), key=lambda word: -counts[word])
    topics = [topic.decode("latin-1") for topic in numbers]
    return corpus_of_words(words, ranking, labels, topics)


def parse_documents(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the topic and the body of every document in an SGML file with a topic.

    Two mistakes of the original are kept: the topics end where the first does, and a
    document without a body takes that of a later one or, if none follows, the text from
    five characters after its own ``<TOPICS>``.
    """
    for tag in re.finditer(b"<TOPICS>", content):
        topic = _until_close(content, tag.end()).replace(b"<D>", b"")
        if not topic:
            continue
        start = tag.end() + 5
        body = content.find(b"<BODY>", tag.end())
        if body >= 0:
            start = body + len(b"<BODY>")
        yield topic, _until_close(content, start)


def _until_close(content: bytes, start: int) -> bytes:
    """Return the content up to the next closing tag or, if there is none, the rest."""
    end = content.find(b"</", start)
    if end < 0:
        return content[start:]
    return content[start:end]


def string_hash(text: bytes) -> int:
    """Return ``hash(text)`` of 64-bit CPython 2.7 without ``-R``.

    Source: ``Objects/stringobject.c``.
    """
    if not text:
        return 0
    mask = 2**64 - 1
    value = text[0] << 7
    for byte in text:
        value = (1000003 * value ^ byte) & mask
    value ^= len(text)
    if value == mask:
        return mask - 1
    return value


def dict_order(keys: Sequence[bytes]) -> list[bytes]:
    """Return keys in the order of a dict of CPython 2.7 with them.

    Source: ``Objects/dictobject.c``.
    """
    table: Table = [None] * 8
    for used, key in enumerate(keys, start=1):
        _insert(table, (string_hash(key), key))
        if used * 3 >= len(table) * 2:
            factor = 2 if used > 50_000 else 4
            n_slots = 1 << (used * factor).bit_length()  # the next power of two
            entries = filter(None, table)
            table = [None] * n_slots
            for entry in entries:
                _insert(table, entry)
    return [entry[1] for entry in table if entry is not None]


def _insert(table: Table, entry: tuple[int, bytes]) -> None:
    """Put a hash and its key into the first free slot of its own."""
    mask = len(table) - 1
    slot = perturb = entry[0]
    while table[slot & mask] is not None:
        slot = (slot << 2) + slot + perturb + 1
        perturb >>= 5
    table[slot & mask] = entry


SGML = Source(
    name="sgml",
    help="Reuters-21578 in SGML, from which the Keras set is rebuilt exactly.",
    file=FORMS,
    read=lambda path: build_corpus(read_files(path)),
    tokenize=keras_reuters,
    fetch=partial(fetch, build_corpus),
    kept=kept_archive,
    patterns=ARCHIVES,
    folder_patterns=IN_FOLDER,
    rebuilds="keras",
    # That of Keras's set.
    fingerprint="b037a9a9065118fceaccd0f806a50ddeb1670a41d627106dd067d656baaa0d7d",
)
