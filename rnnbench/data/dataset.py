"""From a corpus to the arrays that models are trained and tested on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.corpus import Corpus, sha256_arrays
from rnnbench.data.settings import Data
from rnnbench.errors import UserError

PAD, START, UNKNOWN, INDEX_FROM = 0, 1, 2, 3
"""Ids with a meaning of their own; a word's id is its rank plus ``INDEX_FROM``."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Padded word ids and labels, split for training and testing.

    Attributes:
        x_train: int32 ``(n_train, timesteps)``.
        y_train: int32 ``(n_train,)``, positions in ``topics``.
        x_test: int32 ``(n_test, timesteps)``.
        y_test: int32 ``(n_test,)``.
        topics: names of the topics.
        n_ids: all ids are below this.
        train_wires: int64 ``(n_train,)``, the position of each wire in the corpus.
        test_wires: int64 ``(n_test,)``.
        wires: the ids of every wire of the corpus, int32, uncut and without a start mark.
    """

    x_train: NDArray[np.int32]
    y_train: NDArray[np.int32]
    x_test: NDArray[np.int32]
    y_test: NDArray[np.int32]
    topics: tuple[str, ...]
    n_ids: int
    train_wires: NDArray[np.int64]
    test_wires: NDArray[np.int64]
    wires: Sequence[NDArray[np.int32]]

    @property
    def timesteps(self) -> int:
        """Length of every sequence."""
        return self.x_train.shape[1]

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the four arrays and the names of the topics."""
        arrays = {
            name: getattr(self, name).astype("<i4")
            for name in ("x_train", "y_train", "x_test", "y_test")
        }
        return sha256_arrays(arrays, {"topics": self.topics})


def split_fingerprint(corpus_fingerprint: str, dataset: Dataset) -> str:
    """Return the sha256 of which wires of a corpus are trained on and which are tested on.

    Two datasets that agree in it pose the same question, however their wires are cut and padded.
    """
    wires = {name: getattr(dataset, name).astype("<i8") for name in ("train_wires", "test_wires")}
    return sha256_arrays(wires, {"corpus": corpus_fingerprint})


def make_dataset(corpus: Corpus, data: Data) -> Dataset:
    """Return the dataset that the ``data`` section makes of a corpus.

    Shuffle, start mark, filter by length, unknown words and split are those of
    ``keras.datasets.reuters.load_data``; padding is that of ``keras.utils.pad_sequences``.

    Raises:
        UserError: the corpus has no such split, or no wires are left to train or test on.
    """
    is_shuffled = data.split == "shuffled" or (data.split == "auto" and corpus.is_test is None)
    if not is_shuffled and corpus.is_test is None:
        raise UserError(
            "data.split: this corpus has no ModApte split (allowed: shuffled, auto; "
            "or data.source: r52, r8)"
        )
    order = np.arange(len(corpus))
    if is_shuffled:
        np.random.RandomState(data.seed).shuffle(order)
    lengths = corpus.lengths + 1  # the start mark
    if data.maxlen is not None:
        order = order[lengths[order] < data.maxlen]
    if is_shuffled:
        train, test = np.split(order, [int(len(order) * (1 - data.test_split))])
    else:
        train, test = order[~corpus.is_test[order]], order[corpus.is_test[order]]
    if not (len(train) and len(test)):
        raise UserError(
            f"data: {len(train)} wires are left to train on and {len(test)} to test on; "
            "raise data.maxlen or change data.test_split"
        )
    timesteps = data.pad_length or int(lengths[order].max())
    n_ids = _n_ids(corpus, order, data.num_words)
    ids = corpus.tokens + np.int32(INDEX_FROM)
    wires = np.split(np.where(ids < n_ids, ids, np.int32(UNKNOWN)), corpus.offsets[1:-1])
    ends = {"padding": data.padding, "truncating": data.truncating}
    return Dataset(
        x_train=pad([wires[wire] for wire in train], timesteps, **ends),
        y_train=corpus.labels[train],
        x_test=pad([wires[wire] for wire in test], timesteps, **ends),
        y_test=corpus.labels[test],
        topics=corpus.topics,
        n_ids=n_ids,
        train_wires=train,
        test_wires=test,
        wires=wires,
    )


def _n_ids(corpus: Corpus, kept: NDArray[np.int64], num_words: int | None) -> int:
    """Return below what all ids are; those of other words become the unknown word's.

    Without ``num_words`` Keras takes the largest id among the kept wires for the limit, so that
    the rarest word becomes unknown; that slip is kept.
    """
    if num_words is not None:
        return min(num_words, len(corpus.vocabulary) + INDEX_FROM + 1)
    return INDEX_FROM + max(
        int(corpus.tokens[corpus.offsets[wire] : corpus.offsets[wire + 1]].max(initial=START))
        for wire in kept
    )


def pad(
    sequences: Sequence[NDArray[np.int32]],
    timesteps: int,
    *,
    padding: Literal["pre", "post"],
    truncating: Literal["pre", "post"],
) -> NDArray[np.int32]:
    """Return int32 ``(len(sequences), timesteps)``: start mark, ids, zeros at the padding's end."""
    padded = np.full((len(sequences), timesteps), PAD, np.int32)
    for row, ids in zip(padded, sequences, strict=True):
        sequence = np.concatenate([[START], ids])
        if len(sequence) > timesteps:
            cut = len(sequence) - timesteps
            sequence = sequence[cut:] if truncating == "pre" else sequence[:timesteps]
        if padding == "post":
            row[: len(sequence)] = sequence
        else:
            row[timesteps - len(sequence) :] = sequence
    return padded
