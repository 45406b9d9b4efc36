"""A corpus: the newswires of one source as numbers, with what they mean and where they are from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rnnbench.storage import canonical_json


@dataclass(frozen=True)
class Corpus:
    """Newswires as ranks of words, in the source's own order.

    Attributes:
        tokens: int32 ``(n_tokens,)``, all wires one after another; a token is the rank of its
            word by frequency, from 1.
        offsets: int64 ``(n_wires + 1,)``; wire ``i`` is ``tokens[offsets[i]:offsets[i + 1]]``.
        labels: int32 ``(n_wires,)``, positions in ``topics``.
        topics: names of the topics.
        vocabulary: words by rank; the word of rank ``r`` is ``vocabulary[r - 1]``.
        is_test: bool ``(n_wires,)``, the test set of the source's standard split; ``None``
            where the source has no such split.
        provenance: where the corpus comes from, in words; not part of the fingerprint.
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

    def words(self, wire: int) -> list[str]:
        """Return the words of one wire."""
        ranks = self.tokens[self.offsets[wire] : self.offsets[wire + 1]]
        return [self.vocabulary[rank - 1] for rank in ranks]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Words in each wire, int64 ``(n_wires,)``."""
        return np.diff(self.offsets)


def fingerprint(corpus: Corpus) -> str:
    """Return the sha256 of the content of ``corpus``: the same wires give the same fingerprint.

    Provenance is left out, so a corpus that was rebuilt elsewhere is recognised as the same.
    """
    arrays = {
        "tokens": corpus.tokens.astype("<i4"),
        "offsets": corpus.offsets.astype("<i8"),
        "labels": corpus.labels.astype("<i4"),
    }
    if corpus.is_test is not None:
        arrays["is_test"] = corpus.is_test.astype("u1")
    return sha256_arrays(arrays, {"topics": corpus.topics, "vocabulary": corpus.vocabulary})


def sha256_arrays(arrays: dict[str, np.ndarray], facts: dict[str, object]) -> str:
    """Return the sha256 of named arrays (type, shape, bytes) and of JSON-like facts."""
    digest = hashlib.sha256(canonical_json(facts))
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def corpus_of_words(
    wires: Sequence[Sequence[str | bytes]],
    ranking: Sequence[str | bytes],
    labels: Sequence[int],
    topics: Sequence[str],
    *,
    is_test: Sequence[bool] | None = None,
    provenance: dict[str, str],
) -> Corpus:
    """Return the corpus of tokenised wires.

    Args:
        wires: the words of every wire, as text or as Latin-1 bytes.
        ranking: every word once, the most frequent first.
        labels: the position of each wire's topic in ``topics``.
        topics: names of the topics.
        is_test: which wires make the standard test set, where there is one.
        provenance: where the wires come from.
    """
    rank = {word: position for position, word in enumerate(ranking, start=1)}
    lengths = [len(words) for words in wires]
    return Corpus(
        tokens=np.fromiter(
            (rank[word] for words in wires for word in words), np.int32, count=sum(lengths)
        ),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        labels=np.asarray(labels, np.int32),
        topics=tuple(topics),
        vocabulary=tuple(w.decode("latin-1") if isinstance(w, bytes) else w for w in ranking),
        is_test=None if is_test is None else np.asarray(is_test, bool),
        provenance=provenance,
    )
