"""The input that a model gets from one document: an array or a text."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset, hold_out
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Model
from rnnbench.models.in_numpy import as_numbers, weighted_counts, word_weights
from rnnbench.models.layers.feedforward import WordCounts
from rnnbench.training.engines.scikit_learn import inputs_of

Kind = Literal["numbers", "scaled_numbers", "ids", "masked_ids", "tfidf", "shares", "text"]


@dataclass(frozen=True)
class Input:
    """The input that a model gets from a document.

    It is ``numbers``, ids as the only feature of each step; ``scaled_numbers``, divided by the
    number of ids; ``ids``, or ``masked_ids`` if padding is skipped; ``tfidf`` or ``shares``, a
    number for each id; or a ``text``.
    """

    kind: Kind
    shape: tuple[int, ...] = ()
    """Of the array; empty for a text."""
    values: tuple[int | float | str, ...] = ()
    """One for each step; for a text, only the text; empty for ``tfidf`` and ``shares``."""
    weights: tuple[tuple[int, float], ...] = ()
    """The numbers of ``tfidf`` and ``shares`` that are not 0, by id."""


def input_of(
    model: Model, dataset: Dataset, sequence: NDArray[np.int32], validation_split: float
) -> Input:
    """Return the input that a model gets from a document, whose ids are as in the dataset.

    ``validation_split`` is the share of the training documents that are held out.
    """
    if isinstance(model, BaselineModel):
        text = inputs_of(model.baseline, dataset, sequence[np.newaxis])
        return Input("text", values=tuple(text))
    ids = tuple(sequence.tolist())
    if not isinstance(model, LayeredNetwork):
        return Input("ids", sequence.shape, ids)
    first = model.layers[0]
    if isinstance(first, WordCounts):
        weights = _weights(dataset, first.values, validation_split)
        numbers = weighted_counts(sequence, weights, first.values)
        above = np.flatnonzero(numbers)
        pairs = zip(above.tolist(), numbers[above].tolist(), strict=True)
        return Input(first.values, numbers.shape, weights=tuple(pairs))
    if first.takes == "ids":
        return Input("masked_ids" if first.gives_mask else "ids", sequence.shape, ids)
    if model.inputs == "ids":
        return Input("numbers", (*sequence.shape, 1), ids)
    scaled = as_numbers(model, dataset.n_ids, sequence)
    return Input("scaled_numbers", (*sequence.shape, 1), tuple(scaled.tolist()))


@lru_cache(maxsize=4)  # the networks of a grid share them
def _weights(dataset: Dataset, values: str, validation_split: float) -> NDArray[np.float32]:
    kept, _ = hold_out(len(dataset.y_train), validation_split)
    return word_weights(dataset.x_train[kept], dataset.n_ids, values)
