"""From texts to word ids, as the dataset of a run has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import INDEX_FROM, UNKNOWN, Dataset, pad
from rnnbench.data.settings import Data
from rnnbench.data.tokenizers import TOKENIZERS
from rnnbench.records import SCHEMA_VERSION, Record


class Vocabulary(Record):
    """What turns a text into the word ids of a dataset."""

    schema_version: Literal[2] = SCHEMA_VERSION
    dataset_fingerprint: str
    source: str
    """Of the corpus; it decides how texts are cut into words."""
    words: list[str]
    """By rank: the id of the first is 4."""
    topics: list[str]
    """By label."""
    timesteps: int
    padding: Literal["pre", "post"]
    truncating: Literal["pre", "post"]


def make_vocabulary(corpus: Corpus, dataset: Dataset, data: Data) -> Vocabulary:
    """Return what turns texts into ids of ``dataset``, which ``data`` made of ``corpus``."""
    return Vocabulary(
        dataset_fingerprint=dataset.fingerprint,
        source=corpus.provenance["source"],
        words=list(corpus.vocabulary[: max(dataset.n_ids - INDEX_FROM - 1, 0)]),
        topics=list(dataset.topics),
        timesteps=dataset.timesteps,
        padding=data.padding,
        truncating=data.truncating,
    )


@dataclass(frozen=True)
class Encoded:
    """Texts as a model reads them.

    Attributes:
        ids: int32 ``(n_texts, timesteps)``.
        words: the words of each text.
        unknown: those that are not in the vocabulary.
    """

    ids: NDArray[np.int32]
    words: list[list[str]]
    unknown: list[list[str]]


def encode(texts: Sequence[str], vocabulary: Vocabulary) -> Encoded:
    """Return ``texts``, cut into words as the corpus was, as ids."""
    rank = {word: position for position, word in enumerate(vocabulary.words, start=1)}
    words = [TOKENIZERS[vocabulary.source](text) for text in texts]
    sequences = [
        np.array(
            [rank[word] + INDEX_FROM if word in rank else UNKNOWN for word in of_text], np.int32
        )
        for of_text in words
    ]
    ids = pad(
        sequences,
        vocabulary.timesteps,
        padding=vocabulary.padding,
        truncating=vocabulary.truncating,
    )
    unknown = [[word for word in of_text if word not in rank] for of_text in words]
    return Encoded(ids, words, unknown)
