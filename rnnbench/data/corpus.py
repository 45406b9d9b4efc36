"""A corpus: the documents of one source as numbers, with their topics, words and
provenance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnbench.storage import sha256_arrays

Tokens = NDArray[np.int32]  # words of texts: their ranks or their ids
Positions = NDArray[np.intp]  # of documents


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
    labels: NDArray[Any]
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
        """sha256 of the content, which is the same if the corpus is rebuilt from other
        files.
        """
        types = {"tokens": "<i4", "offsets": "<i8", "is_test": "u1", "groups": "<i4"}
        types["labels"] = "<i4" if self.labels.ndim == 1 else "u1"
        arrays = {
            key: getattr(self, key) for key in types if getattr(self, key) is not None
        }
        stored = {key: array.astype(types[key]) for key, array in arrays.items()}
        return sha256_arrays(
            stored, {"topics": self.topics, "vocabulary": self.vocabulary}
        )

    @property
    def unlabeled_fingerprint(self) -> str:
        """sha256 of the texts without labels; empty without any."""
        if self.unlabeled is None:
            return ""
        return sha256_arrays({"unlabeled": self.unlabeled.astype("<i4")}, {})


def noun_of(source: str) -> str:
    """Return the word for what documents of a source are classified as: newswires have
    topics.
    """
    return "topic" if source in ("keras", "sgml", "r52", "r8", "modapte") else "label"


def rank_words_of(corpus: Corpus, documents: Positions) -> tuple[Corpus, int]:
    """Rank words by frequency, then first occurrence, in some documents; count those
    that occur.
    """
    chosen = np.isin(np.arange(len(corpus)), documents)
    tokens = corpus.tokens[np.repeat(chosen, corpus.lengths)]
    counts = np.bincount(tokens - 1, minlength=len(corpus.vocabulary))
    firsts = np.full(len(counts), len(tokens))
    np.minimum.at(firsts, tokens - 1, np.arange(len(tokens)))
    order = np.lexsort((firsts, -counts))
    ranks = np.concatenate([[0], np.argsort(order) + 1, [len(order) + 1]]).astype(
        np.int32
    )
    ranked = replace(
        corpus,
        tokens=ranks[corpus.tokens],
        unlabeled=None if corpus.unlabeled is None else ranks[corpus.unlabeled],
        vocabulary=tuple(corpus.vocabulary[number] for number in order),
        file=None,
    )
    return ranked, int(np.count_nonzero(counts))


def corpus_of_words(
    documents: Sequence[Sequence[str | bytes]],
    ranking: Sequence[str | bytes],
    labels: ArrayLike,
    topics: Sequence[str],
    *,
    is_test: Sequence[bool] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Corpus:
    """Return a corpus; words are text or Latin-1 bytes, and ``ranking`` has each word
    once.
    """
    rank = {word: position for position, word in enumerate(ranking, start=1)}
    return Corpus(
        tokens=np.array(
            [rank[word] for words in documents for word in words], np.int32
        ),
        offsets=np.cumsum([0, *map(len, documents)], dtype=np.int64),
        labels=np.asarray(labels, np.int32 if np.ndim(labels) == 1 else np.uint8),
        topics=tuple(topics),
        vocabulary=tuple(
            w.decode("latin-1") if isinstance(w, bytes) else w for w in ranking
        ),
        is_test=None if is_test is None else np.asarray(is_test, bool),
        provenance=dict(provenance or {}),
    )
