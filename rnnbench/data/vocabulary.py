"""From words to ids: new texts with the ids of a dataset, and one of its documents step
by step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from rnnbench.data.config import Data
from rnnbench.data.corpus import Corpus, noun_of
from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import INDEX_FROM, START, UNKNOWN, Side, pad
from rnnbench.data.source import TOKENIZERS
from rnnbench.data.sources import SOURCES
from rnnbench.data.sources.files import FILES
from rnnbench.errors import UserError, did_you_mean
from rnnbench.section import StoredRecord
from rnnbench.tasks import in_words, keys_of


class Vocabulary(StoredRecord):
    """The facts that turn a text into the word ids of a dataset."""

    schema_version: Literal[2] = 2
    dataset_fingerprint: str
    source: str  # the source of the corpus; its tokenizer splits texts into words
    tokenizer: Literal["words", "keras_reuters", "characters"] | None = None
    """A tokenizer by name instead, for the user's own texts."""
    words: list[str]  # by rank: the id of the first is 4
    topics: list[str]  # by label
    timesteps: PositiveInt
    padding: Side
    truncating: Side

    @property
    def separator(self) -> str:
        """The separator of the words of a text."""
        return "" if self.tokenizer == "characters" else " "


def make_vocabulary(corpus: Corpus, dataset: Dataset, data: Data) -> Vocabulary:
    """Return the vocabulary of ``dataset``, which ``data`` made of ``corpus``."""
    source = corpus.provenance["source"]
    return Vocabulary(
        dataset_fingerprint=dataset.fingerprint,
        source=source,
        words=list(dataset.vocabulary),
        tokenizer=corpus.provenance["tokenizer"] if source == FILES.name else None,
        topics=list(dataset.topics),
        timesteps=dataset.timesteps,
        padding=data.padding,
        truncating=data.truncating,
    )


class Encoded(NamedTuple):
    """Texts as input of a model."""

    ids: NDArray[np.int32]  # (n_texts, timesteps)
    words: list[int]  # the number of words of each text
    unknown: list[list[str]]  # of each text, those that are not in the vocabulary
    texts: list[str]  # all words of each text, joined


def encode(texts: Iterable[Sequence[str]], vocabulary: Vocabulary) -> Encoded:
    """Split texts (or one, or lists of words) as the corpus was split, and return their
    ids.
    """
    if vocabulary.source not in SOURCES:
        hint = did_you_mean(vocabulary.source, SOURCES)
        raise UserError(
            f"the source '{vocabulary.source}' of this model is not installed ({hint})"
        )
    id_of = {
        word: number for number, word in enumerate(vocabulary.words, INDEX_FROM + 1)
    }
    sequences, unknown, texts_read = [], [], []
    given = [texts] if isinstance(texts, str) else texts
    is_one = isinstance(given, Mapping | bytes) or hasattr(given, "columns")
    if is_one or not isinstance(given, Iterable):
        got = type(given).__name__
        raise UserError(
            f"texts: got {got} (should be a list, or a column of a data frame)"
        )
    with SOURCES.blamed(vocabulary.source):
        own = SOURCES[vocabulary.source].tokenize
        tokenize = TOKENIZERS[vocabulary.tokenizer] if vocabulary.tokenizer else own
        for number, text in enumerate(
            given, 1
        ):  # one by one: all words take much memory
            parts = text if isinstance(text, list) else [text]
            if not all(isinstance(part, str) for part in parts):
                raise UserError(
                    f"text {number}: got {type(text).__name__} (should be a text)"
                )
            words = list(tokenize(text)) if isinstance(text, str) else text
            sequences.append(
                np.array([id_of.get(word, UNKNOWN) for word in words], np.int32)
            )
            unknown.append([word for word in words if word not in id_of])
            texts_read.append(vocabulary.separator.join(words))
    ids = pad(
        sequences, vocabulary.timesteps, vocabulary.padding, vocabulary.truncating
    )
    return Encoded(ids, list(map(len, sequences)), unknown, texts_read)


@dataclass(frozen=True)
class Document:
    """One document, and what becomes of it in a dataset."""

    number: int  # its position in the corpus
    topic: str
    words: list[str]
    place: str  # "training", "test" or "left out"
    ids: list[int]  # the start mark, and the id of each word
    sequence: (
        list[int] | None
    )  # the ids, cut and padded, as models read them, or left out
    n_ids: int  # every id is below it
    data: Data
    noun: str = "topic"  # the word for what it is classified as

    @property
    def n_cut(self) -> int:
        """The number of ids that are cut off, the start mark included."""
        return max(len(self.ids) - len(self.sequence or self.ids), 0)

    @property
    def n_padding(self) -> int:
        """The number of steps that are padding."""
        return max(len(self.sequence or self.ids) - len(self.ids), 0)

    @property
    def kept(self) -> slice:
        """The part of ``ids`` that is not cut off."""
        end = len(self.ids)
        return (
            slice(self.n_cut, end)
            if self.data.truncating == "pre"
            else slice(end - self.n_cut)
        )

    @property
    def unknown(self) -> list[str]:
        """The words without an id of their own, each once."""
        pairs = zip(self.words, self.ids[1:], strict=True)
        return list(dict.fromkeys(word for word, id_ in pairs if id_ == UNKNOWN))


def find_document(
    corpus: Corpus, dataset: Dataset, data: Data, number: int
) -> Document:
    """Return document ``number`` of ``corpus``, and what ``data`` makes of it in
    ``dataset``.
    """
    if not 0 <= number < len(corpus):
        raise UserError(f"no document {number} (allowed: 0 to {len(corpus) - 1})")
    place, sequence = "left out", None
    if (found := np.flatnonzero(dataset.train_documents == number)).size:
        place, sequence = "training", dataset.x_train[found[0]].tolist()
    elif (found := np.flatnonzero(dataset.test_documents == number)).size:
        place, sequence = "test", dataset.x_test[found[0]].tolist()
    return Document(
        number=number,
        topic=in_words(keys_of(corpus.labels[[number]])[0], corpus.topics),
        words=corpus.words(number),
        place=place,
        ids=[START, *dataset.documents[number].tolist()],
        sequence=sequence,
        n_ids=dataset.n_ids,
        data=data,
        noun=noun_of(corpus.provenance.get("source", "")),
    )
