"""From texts to word ids, as in the dataset of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import INDEX_FROM, UNKNOWN, Dataset, pad
from rnnbench.data.settings import Data
from rnnbench.data.sources.catalog import SOURCES
from rnnbench.data.sources.files import FILES
from rnnbench.data.tokenizers import TOKENIZERS
from rnnbench.errors import UserError, did_you_mean
from rnnbench.records import Record


class Vocabulary(Record):
    """The facts that turn a text into the word ids of a dataset."""

    schema_version: Literal[2] = 2
    dataset_fingerprint: str
    source: str
    """The source of the corpus; its tokenizer splits texts into words."""
    tokenizer: Literal["words", "keras_reuters", "characters"] | None = None
    """A tokenizer by name instead, for the user's own texts."""
    words: list[str]
    """By rank: the id of the first is 4."""
    topics: list[str]
    """By label."""
    timesteps: PositiveInt
    padding: Literal["pre", "post"]
    truncating: Literal["pre", "post"]


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


@dataclass(frozen=True)
class Encoded:
    """Texts as input of a model.

    Attributes:
        ids: int32 ``(n_texts, timesteps)``.
        words: the words of each text.
        unknown: the words of each text that are not in the vocabulary.
    """

    ids: NDArray[np.int32]
    words: list[list[str]]
    unknown: list[list[str]]


def encode(texts: Sequence[str], vocabulary: Vocabulary) -> Encoded:
    """Split ``texts`` into words as the corpus was split, and return their ids.

    Raises:
        UserError: the source of the corpus is not installed.
        PluginError: its tokenizer is from another package, and failed.
    """
    if vocabulary.source not in SOURCES:
        hint = did_you_mean(vocabulary.source, SOURCES)
        raise UserError(f"the source '{vocabulary.source}' of this model is not installed ({hint})")
    with SOURCES.blamed(vocabulary.source):
        own = SOURCES[vocabulary.source].tokenize
        tokenize = TOKENIZERS[vocabulary.tokenizer] if vocabulary.tokenizer else own
        words = [list(tokenize(text)) for text in texts]
    id_of = {word: number for number, word in enumerate(vocabulary.words, INDEX_FROM + 1)}
    sequences = [
        np.array([id_of.get(word, UNKNOWN) for word in of_text], np.int32) for of_text in words
    ]
    ids = pad(
        sequences,
        vocabulary.timesteps,
        padding=vocabulary.padding,
        truncating=vocabulary.truncating,
    )
    unknown = [[word for word in of_text if word not in id_of] for of_text in words]
    return Encoded(ids, words, unknown)
