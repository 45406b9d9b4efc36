"""A corpus: the documents of one source as numbers, with their topics and words.

``corpus.words(0)`` are the words of its first document.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnbench.data.near_copies import near_copies
from rnnbench.labels import Labels, form_of
from rnnbench.storage import sha256_arrays

Tokens = NDArray[np.int32]  # words of texts: their ranks or their ids
Positions = NDArray[np.intp]  # of documents
TOKENS_AT_ONCE = 2**20  # the most that are processed at a time, to save memory


class Excerpt(NamedTuple):
    """The beginning of a text of the user's own, as it was written, and its place."""

    place: str  # its file, with its row or line in a table
    text: str


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents as ranks of words, in the order of the source.

    Attributes:
        tokens: int32 ``(n_tokens,)``, all documents one after another; a token is the
            rank of its word by frequency, starting at 1: its word is ``vocabulary[token
            - 1]``.
        offsets: int64 ``(n + 1,)``; document ``i`` is ``tokens[offsets[i]:offsets[i +
            1]]``.
        labels: int32 ``(n,)``, positions in ``topics``; or uint8 ``(n, n_topics)``, 1
            for each topic of a document that may have any number.
        is_test: bool ``(n,)``, the test set of the source's own split, if it has one.
        groups: int32 ``(n,)``, the group of each document, if there are groups.
        unlabeled: int32, the tokens of texts of other documents, if a model reads them,
            each with a 0 at its end. A word without a rank has the next one.
        excerpts: uint8, the place of each document, a line break and the beginning of
            its text, in UTF-8, one document after another, if the texts are the user's
            own.
        excerpt_ends: int64 ``(n,)``, where each document ends in ``excerpts``.
        provenance: the origin of the corpus, in words.
        file: its file in the cache, if it has one.
        bad_rows: the place, reason and fault of each row left out; not cached.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: Labels
    topics: tuple[str, ...]
    vocabulary: tuple[str, ...]
    is_test: NDArray[np.bool_] | None = None
    groups: NDArray[np.int32] | None = None
    unlabeled: NDArray[np.int32] | None = None
    excerpts: NDArray[np.uint8] | None = None
    excerpt_ends: NDArray[np.int64] | None = None
    provenance: dict[str, str] = field(default_factory=dict)
    file: Path | None = None
    bad_rows: tuple[tuple[str, str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Corpus({len(self)} documents, {len(self.topics)} topics)"

    def __len__(self) -> int:
        return len(self.labels)

    def ranks(self, document: int) -> NDArray[np.int32]:
        """Return one document as ranks of words."""
        return self.tokens[self.offsets[document] : self.offsets[document + 1]]

    def words(self, document: int) -> list[str]:
        """Return the words of one document."""
        return [self.vocabulary[rank - 1] for rank in self.ranks(document)]

    def excerpt(self, document: int) -> Excerpt | None:
        """Return the beginning of one document as it was written, if that is stored."""
        if self.excerpts is None or self.excerpt_ends is None:
            return None
        start = self.excerpt_ends[document - 1] if document else 0
        stored = self.excerpts[start : self.excerpt_ends[document]].tobytes()
        place, _, text = stored.decode(errors="replace").partition("\n")
        return Excerpt(place, text)

    @property
    def separator(self) -> str:
        """The separator of words; nothing if they are single characters."""
        return "" if self.provenance.get("tokenizer") == "characters" else " "

    def text(self, document: int) -> str:
        """Return the words of one document as a text."""
        return self.separator.join(self.words(document))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Words in each document, int64 ``(n,)``."""
        return np.diff(self.offsets)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the content, however it was obtained."""
        arrays = {
            "tokens": self.tokens.astype("<i4", copy=False),
            "offsets": self.offsets.astype("<i8", copy=False),
            "labels": self.labels.astype(form_of(self.labels).dtype, copy=False),
        }
        if self.is_test is not None:
            arrays["is_test"] = self.is_test.astype("u1")
        if self.groups is not None:
            arrays["groups"] = self.groups.astype("<i4")
        names = {"topics": self.topics, "vocabulary": self.vocabulary}
        return sha256_arrays(arrays, names)

    @cached_property
    def copies(self) -> NDArray[np.int64]:
        """A group for each document, ``(n,)``, which near-copies share."""
        return near_copies(self.tokens, self.offsets)

    @property
    def unlabeled_fingerprint(self) -> str:
        """The sha256 of the texts without labels; empty without any."""
        if self.unlabeled is None:
            return ""
        return sha256_arrays({"unlabeled": self.unlabeled.astype("<i4")}, {})


def noun_of(source: str) -> str:
    """Return the word for the classes of a source: newswires have topics."""
    return "topic" if source in ("keras", "sgml", "r52", "r8", "modapte") else "label"


class Ranking(NamedTuple):
    """Words by frequency, then first occurrence, in some documents of a corpus.

    Attributes:
        order: the positions in the vocabulary, by rank.
        n_words: the number of words that occur in these documents.
    """

    order: Positions
    n_words: int

    @property
    def new_ranks(self) -> Tokens:
        """The new rank of each rank."""
        ranks = np.argsort(self.order) + 1
        # 0 ends a text without a label, and words without a rank have the next one.
        return np.concatenate([[0], ranks, [len(ranks) + 1]]).astype(np.int32)


def ranking_in(corpus: Corpus, documents: Positions) -> Ranking:
    """Rank words by frequency, then first occurrence, in some documents."""
    n_words = len(corpus.vocabulary)
    is_chosen = np.zeros(len(corpus), bool)
    is_chosen[documents] = True
    counts = np.zeros(n_words + 1, np.int64)
    firsts = np.full(n_words + 1, len(corpus.tokens))
    for first, last in [*blocks_of_documents(corpus.offsets)][::-1]:
        start, end = corpus.offsets[[first, last]]
        is_read = np.repeat(is_chosen[first:last], corpus.lengths[first:last])
        places = np.flatnonzero(is_read)[::-1]
        tokens = corpus.tokens[start:end][places]
        counts += np.bincount(tokens, minlength=n_words + 1)
        firsts[tokens] = start + places  # of equal ones, the last is kept
    order = np.lexsort((firsts[1:], -counts[1:]))
    return Ranking(order, int(np.count_nonzero(counts)))


def blocks_of_documents(offsets: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of blocks of documents, each with few tokens."""
    n = len(offsets) - 1
    first = 0
    while first < n:
        end = offsets[first] + TOKENS_AT_ONCE
        last = max(first + 1, int(np.searchsorted(offsets, end, side="right")) - 1)
        yield first, last
        first = last


def rank_words_of(corpus: Corpus) -> Corpus:
    """Return a corpus in which words are ranked, not numbered in another way."""
    ranking = ranking_in(corpus, np.arange(len(corpus)))
    new_ranks = ranking.new_ranks
    tokens = corpus.tokens
    for first in range(0, len(tokens), TOKENS_AT_ONCE):
        block = tokens[first : first + TOKENS_AT_ONCE]
        block[:] = new_ranks[block]
    vocabulary = tuple(corpus.vocabulary[number] for number in ranking.order)
    return replace(corpus, vocabulary=vocabulary)


def rows_of_labels(
    documents: Collection[Iterable[str]], topics: Iterable[str]
) -> NDArray[np.uint8]:
    """Return a row for each document, with 1 for each of its topics, else 0."""
    position_of = {topic: number for number, topic in enumerate(topics)}
    rows = np.zeros((len(documents), len(position_of)), np.uint8)
    for row, labels in zip(rows, documents, strict=True):
        row[[position_of[label] for label in labels]] = 1
    return rows


def corpus_of_words(  # noqa: PLR0913 - packages call it so
    documents: Sequence[Sequence[str | bytes]],
    ranking: Sequence[str | bytes],
    labels: ArrayLike,
    topics: Sequence[str],
    *,
    is_test: Sequence[bool] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Corpus:
    """Return a corpus of texts or of Latin-1 bytes; ``ranking`` has each word once."""
    rank_of = {word: rank for rank, word in enumerate(ranking, start=1)}
    tokens = array("i")
    ends = [0]
    for document in documents:
        tokens.fromlist([rank_of[word] for word in document])
        ends.append(len(tokens))
    vocabulary = []
    for word in ranking:
        vocabulary.append(word.decode("latin-1") if isinstance(word, bytes) else word)
    numbers = np.asarray(labels)
    return Corpus(
        tokens=np.asarray(tokens, np.int32),
        offsets=np.asarray(ends, np.int64),
        labels=np.asarray(numbers, form_of(numbers).dtype),
        topics=tuple(topics),
        vocabulary=tuple(vocabulary),
        is_test=None if is_test is None else np.asarray(is_test, bool),
        provenance=dict(provenance or {}),
    )
