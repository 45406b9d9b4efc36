"""A corpus: the documents of one source as numbers, with their topics, words and provenance."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.storage import canonical_json


@dataclass(frozen=True)
class Corpus:
    """Documents as ranks of words, in the order of the source.

    Attributes:
        tokens: int32 ``(n_tokens,)``, all documents one after another; a token is the rank of
            its word by frequency, starting at 1.
        offsets: int64 ``(n_documents + 1,)``; document ``i`` is
            ``tokens[offsets[i]:offsets[i + 1]]``.
        labels: int32 ``(n_documents,)``, positions in ``topics``.
        topics: names of the topics.
        vocabulary: words by rank; the word of rank ``r`` is ``vocabulary[r - 1]``.
        is_test: bool ``(n_documents,)``, the test set of the source's own split; ``None`` if the
            source has no split.
        provenance: the origin of the corpus, in words; not part of the fingerprint.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int32]
    topics: tuple[str, ...]
    vocabulary: tuple[str, ...]
    is_test: NDArray[np.bool_] | None = None
    provenance: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def words(self, document: int) -> list[str]:
        """Return the words of one document."""
        ranks = self.tokens[self.offsets[document] : self.offsets[document + 1]]
        return [self.vocabulary[rank - 1] for rank in ranks]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Words in each document, int64 ``(n_documents,)``."""
        return np.diff(self.offsets)


def fingerprint(corpus: Corpus) -> str:
    """Return the sha256 of the content of ``corpus``.

    Provenance is left out, so a corpus that was rebuilt elsewhere is recognised as the same.
    """
    arrays: dict[str, NDArray[Any]] = {
        "tokens": corpus.tokens.astype("<i4"),
        "offsets": corpus.offsets.astype("<i8"),
        "labels": corpus.labels.astype("<i4"),
    }
    if corpus.is_test is not None:
        arrays["is_test"] = corpus.is_test.astype("u1")
    return sha256_arrays(arrays, {"topics": corpus.topics, "vocabulary": corpus.vocabulary})


def sha256_arrays(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, object]) -> str:
    """Return the sha256 of named arrays (type, shape, bytes) and of JSON-like facts."""
    digest = hashlib.sha256(canonical_json(facts))
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def corpus_of_words(
    documents: Sequence[Sequence[str | bytes]],
    ranking: Sequence[str | bytes],
    labels: Sequence[int],
    topics: Sequence[str],
    *,
    is_test: Sequence[bool] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Corpus:
    """Return the corpus of tokenised documents, whose words are text or Latin-1 bytes.

    ``ranking`` holds every word once, the most frequent first; the rest is as in ``Corpus``.
    """
    rank = {word: position for position, word in enumerate(ranking, start=1)}
    lengths = [len(words) for words in documents]
    return Corpus(
        tokens=np.fromiter(
            (rank[word] for words in documents for word in words), np.int32, count=sum(lengths)
        ),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        labels=np.asarray(labels, np.int32),
        topics=tuple(topics),
        vocabulary=tuple(w.decode("latin-1") if isinstance(w, bytes) else w for w in ranking),
        is_test=None if is_test is None else np.asarray(is_test, bool),
        provenance=dict(provenance or {}),
    )
