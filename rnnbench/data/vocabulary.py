"""From words to ids: new texts with the ids of a dataset, and a document step by step.

``encode(["oil prices rose"], vocabulary).ids`` is the input of a model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from rnnbench.data.config import Data
from rnnbench.data.corpus import Corpus, Tokens, corpus_of_words, noun_of
from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import INDEX_FROM, START, UNKNOWN, Side, after_marks, cut
from rnnbench.data.source import TOKENIZERS, Tokenizer
from rnnbench.data.sources import SOURCES
from rnnbench.data.sources.files import FILES
from rnnbench.errors import UserError, did_you_mean
from rnnbench.labels import Labels, in_words, keys_of
from rnnbench.section import StoredRecord
from rnnbench.text import counted


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

    def padded(self, texts: Sequence[Tokens]) -> Tokens:
        """Return the ids of texts as models read them, cut and padded."""
        documents = after_marks(texts)
        return cut(documents, self.timesteps, self.padding, self.truncating).padded()


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
    """Return the ids of texts (or one, or lists of words), split as in the corpus.

    ``UserError`` is raised if something else is given.
    """
    tokenize = tokenizer_of(vocabulary)
    ids = {word: id_ for id_, word in enumerate(vocabulary.words, INDEX_FROM + 1)}
    sequences: list[Tokens] = []
    unknown: list[list[str]] = []
    joined: list[str] = []
    all_texts = _as_several(texts)
    with SOURCES.blamed(vocabulary.source):
        for number, text in enumerate(all_texts, 1):  # their words take much memory
            words = _words_of(text, number, tokenize)
            ids_of_text = [ids.get(word, UNKNOWN) for word in words]
            sequences.append(np.array(ids_of_text, np.int32))
            unknown.append([word for word in words if word not in ids])
            joined.append(vocabulary.separator.join(words))
    ids_of_texts = vocabulary.padded(sequences)
    return Encoded(ids_of_texts, list(map(len, sequences)), unknown, joined)


def corpus_of_texts(
    texts: Iterable[Sequence[str]],
    labels: Labels,
    topics: Sequence[str],
    tokenizer: str,
) -> Corpus:
    """Return the corpus of texts of a program, as if they had been read from a table.

    ``UserError`` is raised if something else is given.
    """
    tokenize = TOKENIZERS[tokenizer]
    documents = []
    for number, text in enumerate(_as_several(texts), 1):
        documents.append(_words_of(text, number, tokenize))
    if len(documents) != len(labels):
        got = counted(len(documents), "text")
        raise UserError(f"texts: got {got} (should be one for each label)")
    words = list(dict.fromkeys(chain.from_iterable(documents)))
    provenance = {"source": FILES.name, "tokenizer": tokenizer}
    return corpus_of_words(documents, words, labels, topics, provenance=provenance)


def tokenizer_of(vocabulary: Vocabulary) -> Tokenizer:
    """Return what splits texts into words as those of the corpus were split."""
    if vocabulary.source not in SOURCES:
        hint = did_you_mean(vocabulary.source, SOURCES)
        source = f"the source '{vocabulary.source}' of this model"
        raise UserError(f"{source} is not installed ({hint})")
    if vocabulary.tokenizer:
        return TOKENIZERS[vocabulary.tokenizer]
    with SOURCES.blamed(vocabulary.source):
        return SOURCES[vocabulary.source].tokenize


def _as_several(texts: object) -> Iterable[object]:
    """Return texts one by one; a single one is a list of one."""
    match texts:
        case str():
            return [texts]
        case bytes() | Mapping():
            pass
        case Iterable() if not hasattr(texts, "columns"):
            return texts
    got = type(texts).__name__
    should = "should be a list, or a column of a data frame"
    raise UserError(f"texts: got {got} ({should})")


def _words_of(text: object, number: int, tokenize: Tokenizer) -> list[str]:
    """Return the words of a text, which may be a list of them."""
    match text:
        case str():
            return list(tokenize(text))
        case list() if all(isinstance(word, str) for word in text):
            return text
    got = type(text).__name__
    raise UserError(f"text {number}: got {got} (should be a text)")


@dataclass(frozen=True)
class Document:
    """One document, and what becomes of it in a dataset."""

    number: int  # its position in the corpus
    topic: str
    words: list[str]
    place: str  # "training", "test" or "left out"
    ids: list[int]  # the start mark, and the id of each word
    sequence: list[int] | None
    """The ids, cut and padded, as models read them; ``None`` if it is left out."""
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
        if self.data.truncating == "pre":
            return slice(self.n_cut, end)
        return slice(end - self.n_cut)

    @property
    def unknown(self) -> list[str]:
        """The words without an id of their own, each once."""
        pairs = zip(self.words, self.ids[1:], strict=True)
        return list(dict.fromkeys(word for word, id_ in pairs if id_ == UNKNOWN))


def find_document(
    corpus: Corpus, dataset: Dataset, data: Data, number: int
) -> Document:
    """Return one document of a corpus, and what becomes of it in a dataset."""
    if not 0 <= number < len(corpus):
        raise UserError(f"no document {number} (allowed: 0 to {len(corpus) - 1})")
    place = "left out"
    sequence = None
    in_train = np.flatnonzero(dataset.train_documents == number)
    in_test = np.flatnonzero(dataset.test_documents == number)
    if in_train.size:
        place = "training"
        sequence = dataset.train_inputs[in_train][0].tolist()
    elif in_test.size:
        place = "test"
        sequence = dataset.test_inputs[in_test][0].tolist()
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
