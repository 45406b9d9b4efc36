"""The class of a source of documents, which other packages use too, and tokenizers.

``words("It's 2 o'clock!")`` are ``["it's", "2", "o'clock"]``.
"""

import re
import string
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Literal

from rnnbench.data.corpus import Corpus
from rnnbench.data.fetch import Progress

Tokenizer = Callable[[str], list[str]]  # splits a text into words
_ASCII_WORD = re.compile(r"[a-z0-9_]+(?:'[a-z0-9_]+)*")
_ASCII_TO_SPACE = re.sub(r"\W", " ", "".join(map(chr, range(128)))).lower()
_TO_SPACE = string.punctuation.replace("'", "\t\n").encode()
_SPACES = bytes.maketrans(_TO_SPACE, b" " * len(_TO_SPACE))


@dataclass(frozen=True)
class Source:
    """A source of documents: how to recognise, read, download and tokenise them.

    Another package adds one by naming an instance in the entry-point group
    ``rnnbench.sources``.

    Attributes:
        name: the value of ``data.source`` and ``--data``: lower-case letters, digits
            and ``_``.
        help: one sentence about the documents.
        file: a description of the file or folder that a user can provide instead of a
            download.
        read: returns the corpus in such a file or folder. Raises ``UserError`` if it
            contains something else. ``source`` and ``from`` of the provenance have
            defaults.
        options: keys of the ``data`` section that ``read`` takes as keyword arguments,
            if they are given; and ``progress`` if it takes a ``Progress``.
        tokenize: splits a new text into words as the texts of the corpus were split.
        fetch: downloads the corpus, if that is possible. Raises ``OutOfReachError``.
        patterns: shell patterns for the names, in lower case, of files that it reads.
        folder_patterns: shell patterns for files inside a folder that it reads.
        reads_folder: tells whether it reads a folder without such files.
        split: ``modapte`` if its corpora have ``is_test``, ``shuffled`` if not; or
            ``None``.
        ranks_words_of: the documents whose words are counted to rank them: ``all``, as
            in Keras's loader, or those for ``training``, so that nothing is learned
            from the others.
        in_order: whether the documents of its own split are in order of time.
        documents: the default of ``data.documents``.
        rebuilds: the source whose corpus it rebuilds exactly from other files.
        fingerprint: of the corpus in the original files, if altered files can be read
            too.
        kept: returns the archive of original files that was kept in the cache when
            another source read it; ``None`` if there is none.
        unlabeled: returns a corpus with ``Corpus.unlabeled``, from the file or folder
            at a path or, without one, a download. ``None`` if there are no such texts.
    """

    name: str
    help: str
    file: str
    read: Callable[..., Corpus]
    tokenize: Tokenizer
    fetch: Callable[[Progress], Corpus] | None = None
    patterns: tuple[str, ...] = ()
    folder_patterns: tuple[str, ...] = ()
    reads_folder: Callable[[Path], bool] | None = None
    options: tuple[str, ...] = ()
    split: Literal["shuffled", "modapte"] | None = "shuffled"
    ranks_words_of: Literal["all", "training"] = "all"
    in_order: bool = False
    documents: Literal["with_topics", "all"] = "all"
    rebuilds: str | None = None
    fingerprint: str | None = None
    kept: Callable[[], Path | None] | None = None
    unlabeled: Callable[[Corpus, Path | None, Progress], Corpus] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z0-9_]+", self.name):  # it becomes part of file names
            raise ValueError(
                f"a source cannot be called {self.name!r} (allowed: a-z, 0-9, _)"
            )

    def recognises(self, path: Path) -> bool:
        """Return whether ``path`` looks like a file or folder of this source."""
        if path.is_dir():
            if any(any(path.glob(pattern)) for pattern in self.folder_patterns):
                return True
            return bool(self.reads_folder and self.reads_folder(path))
        name = path.name.lower()
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)


@cache
def word_pattern() -> re.Pattern[str]:
    """Return the pattern of a word; listing all marks and signs takes a moment."""
    characters = defaultdict[str, list[str]](list)  # by their categories
    for code in range(0x80, sys.maxunicode + 1):
        character = chr(code)
        characters[unicodedata.category(character)].append(character)
    marks = "".join(characters["Mn"] + characters["Mc"])
    signs = "".join(characters["So"])
    # ASCII has no marks, and finding that out from their list takes most of the time.
    part = rf"\w+(?:(?![\0-\x7f])[\w{re.escape(marks)}]+)*"
    word = rf"{part}(?:['’]{part})*"  # noqa: RUF001
    look = "[\ufe0f\U0001f3fb-\U0001f3ff]*"  # in color, and of some skin
    emoji = f"[\U0001f1e6-\U0001f1ff]{{2}}|[{signs}]{look}(?:\u200d\\S{look})*"
    return re.compile(rf"{word}|(?![\0-\x7f])(?:{emoji})")


def words(text: str) -> list[str]:
    """Return the words of a text in lower case.

    A word has letters, digits and ``_``, and apostrophes inside. Marks belong to their
    letters, and an emoji is a word. Scripts without spaces are not split.
    """
    if text.isascii():
        if "'" in text:
            return _ASCII_WORD.findall(text.lower())
        return text.translate(_ASCII_TO_SPACE).split()  # the same, faster
    return word_pattern().findall(unicodedata.normalize("NFC", text.lower()))


def split_bytes(body: bytes) -> list[bytes]:
    """Return the words of a body: in ASCII lower case, with apostrophes inside."""
    return [word for word in body.lower().translate(_SPACES).split(b" ") if word]


def keras_reuters(text: str) -> list[str]:
    """Return the words of a text as the Keras Reuters set has them, in Latin-1."""
    body = text.encode("latin-1", "replace")
    return [word.decode("latin-1") for word in split_bytes(body)]


TOKENIZERS: dict[str, Tokenizer] = {
    "words": words,
    "keras_reuters": keras_reuters,
    "characters": list,
}
