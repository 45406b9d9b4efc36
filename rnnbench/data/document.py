"""One document, from its words to the sequence of ids that models read."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import START, UNKNOWN, Dataset
from rnnbench.data.settings import Data
from rnnbench.errors import UserError

Place = Literal["training", "test", "left out"]
Side = Literal["pre", "post"]


@dataclass(frozen=True)
class Document:
    """One document, and what becomes of it in a dataset.

    Attributes:
        number: its position in the corpus.
        topic: its topic.
        words: its words.
        place: its place in the dataset.
        ids: the start mark, and the id of each word.
        sequence: what models read: the ids, cut and padded; ``None`` if it is left out.
        n_ids: the number of ids; every id is below it.
        maxlen: documents with this many ids or more are left out.
        cut_side: the side of a long document that is cut off.
        padding_side: the side of a short document that is padded.
    """

    number: int
    topic: str
    words: list[str]
    place: Place
    ids: list[int]
    sequence: list[int] | None
    n_ids: int
    maxlen: int | None
    cut_side: Side
    padding_side: Side

    @property
    def n_cut(self) -> int:
        """The number of ids that are cut off, the start mark included."""
        return 0 if self.sequence is None else max(len(self.ids) - len(self.sequence), 0)

    @property
    def n_padding(self) -> int:
        """The number of steps that are padding."""
        return 0 if self.sequence is None else max(len(self.sequence) - len(self.ids), 0)

    @property
    def kept(self) -> slice:
        """The part of ``ids`` that is not cut off."""
        end = len(self.ids)
        return slice(self.n_cut, end) if self.cut_side == "pre" else slice(end - self.n_cut)

    @property
    def unknown(self) -> list[str]:
        """The words without an id of their own, each once."""
        pairs = zip(self.words, self.ids[1:], strict=True)
        return list(dict.fromkeys(word for word, id_ in pairs if id_ == UNKNOWN))


def find_document(corpus: Corpus, dataset: Dataset, data: Data, number: int) -> Document:
    """Return document ``number`` of ``corpus``, and what ``data`` makes of it in ``dataset``.

    Raises:
        UserError: there is no such document.
    """
    if not 0 <= number < len(corpus):
        raise UserError(f"no document {number} (allowed: 0 to {len(corpus) - 1})")
    place, sequence = _place(dataset, number)
    return Document(
        number=number,
        topic=corpus.topics[corpus.labels[number]],
        words=corpus.words(number),
        place=place,
        ids=[START, *dataset.documents[number].tolist()],
        sequence=None if sequence is None else sequence.tolist(),
        n_ids=dataset.n_ids,
        maxlen=data.maxlen,
        cut_side=data.truncating,
        padding_side=data.padding,
    )


def _place(dataset: Dataset, number: int) -> tuple[Place, NDArray[np.int32] | None]:
    """Return the part of a dataset that a document is in, and its sequence there."""
    parts: tuple[tuple[Place, NDArray[np.int64], NDArray[np.int32]], ...] = (
        ("training", dataset.train_documents, dataset.x_train),
        ("test", dataset.test_documents, dataset.x_test),
    )
    for place, documents, sequences in parts:
        if (found := np.flatnonzero(documents == number)).size:
            return place, sequences[found[0]]
    return "left out", None
