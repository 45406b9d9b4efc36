"""Reuters-21578 in SGML, and the exact rebuild of the Keras Reuters set from it.

The script that made ``keras.datasets.reuters`` is not published. What it did is known from its
outcome, slips included; each slip that is kept here is named where it is kept.
"""

import hashlib
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from rnnbench.data.corpus import Corpus, corpus_of_words
from rnnbench.data.sources.cpython2 import dict_order

FILE_NAMES = tuple(f"reut2-{number:03}.sgm" for number in range(22))
"""The files of Distribution 1.0, in the order in which they are read."""

ORIGINAL_SHA256 = "3764d62c6c42ea64f88199a398af03059fb823de62120deefa5cc71f2502a3b3"
"""sha256 over the 22 files of Distribution 1.0, in order, one after another."""

MIN_WIRES = 15
"""A topic with fewer wires is left out, with its wires."""

_TO_SPACE = (set(string.punctuation) - {"'"}) | {"\t", "\n"}
_TOKEN_BYTES = bytes(
    ord(" ") if chr(byte) in _TO_SPACE else ord(chr(byte).lower()) if byte < 128 else byte
    for byte in range(256)
)


def is_original(files: Mapping[str, bytes]) -> bool:
    """Tell whether ``files`` (name -> content) are those of Distribution 1.0, byte for byte."""
    digest = hashlib.sha256()
    for name in FILE_NAMES:
        digest.update(files.get(name, b""))
    return digest.hexdigest() == ORIGINAL_SHA256


def build_corpus(
    files: Iterable[bytes], provenance: dict[str, str], *, min_wires: int = MIN_WIRES
) -> Corpus:
    """Return the corpus that the Keras set's recipe makes of SGML files.

    Args:
        files: the content of the files, in name order.
        provenance: where the files come from.
        min_wires: wires that a topic needs to be kept.
    """
    wires = [wire for content in files for wire in parse_wires(content)]
    wires_of_topic = Counter(topic for topic, _ in wires)
    kept = [(topic, body) for topic, body in wires if wires_of_topic[topic] >= min_wires]
    topics = list(dict.fromkeys(topic for topic, _ in kept))
    position = {topic: index for index, topic in enumerate(topics)}
    words = [tokenize(body) for _, body in kept]
    return corpus_of_words(
        words,
        rank_words(words),
        labels=[position[topic] for topic, _ in kept],
        topics=[topic.decode("latin-1") for topic in topics],
        provenance=provenance,
    )


def parse_wires(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (topic, body) of every wire of one SGML file that has a topic.

    Two slips of the original are kept. The topics end at the first ``</``, which closes the
    *first* ``<D>``: a wire with several topics is labelled with its first. And the body is that
    of the next ``<BODY>`` anywhere behind: a wire without a body takes the body of a later one,
    or, where none follows, the text from five characters behind its own ``<TOPICS>``.
    """
    tag = content.find(b"<TOPICS>")
    while tag >= 0:
        start = tag + len(b"<TOPICS>")
        topic = _until_close(content, start).replace(b"<D>", b"")
        if topic:
            body = content.find(b"<BODY>", start)
            yield topic, _until_close(content, start + 5 if body < 0 else body + len(b"<BODY>"))
        tag = content.find(b"<TOPICS>", start)


def _until_close(content: bytes, start: int) -> bytes:
    end = content.find(b"</", start)
    return content[start:end] if end >= 0 else content[start:]


def tokenize(body: bytes) -> list[bytes]:
    """Return the words of a body: ASCII lower case, punctuation but the apostrophe as space.

    >>> tokenize(b"Showers continued, said the bank's U.S. unit")
    [b'showers', b'continued', b'said', b'the', b"bank's", b'u', b's', b'unit']
    """
    return [word for word in body.translate(_TOKEN_BYTES).split(b" ") if word]


def rank_words(wires: Iterable[Iterable[bytes]]) -> list[bytes]:
    """Return the words by count, highest first; ties as a CPython 2.7 dict would iterate."""
    counts = Counter(word for words in wires for word in words)
    return sorted(dict_order(list(counts)), key=lambda word: -counts[word])
