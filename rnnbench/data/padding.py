"""Documents as slices of one array of word ids, and as padded sequences.

``cut(documents, 50, "pre", "pre")[:8]`` is an array ``(8, 50)`` for a network.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias, overload

import numpy as np

from rnnbench.data.corpus import Positions, Tokens

PAD = 0
START = 1
UNKNOWN = 2
INDEX_FROM = 3
"""Special ids; the id of a word is its rank + ``INDEX_FROM``."""
Side = Literal["pre", "post"]  # an end of a sequence
STEPS_AT_ONCE = 2**20  # the most that are padded at a time, to save memory


def ids_of(ranks: Tokens, n_ids: int) -> Tokens:
    """Return the ids of words; too high ones become that of unknown words."""
    ids = ranks + np.int32(INDEX_FROM)
    return np.where(ids < n_ids, ids, np.int32(UNKNOWN))


@dataclass(frozen=True, eq=False)
class Ragged(Sequence[Tokens]):
    """Documents of different lengths in one array.

    Attributes:
        tokens: int32, the ids of all documents, and other numbers between them.
        starts, ends: int64 ``(n,)``; document ``i`` is ``tokens[starts[i]:ends[i]]``.
    """

    tokens: Tokens
    starts: Positions
    ends: Positions

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> Tokens: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Tokens]: ...
    def __getitem__(self, place: int | slice) -> Tokens | Sequence[Tokens]:
        match place:
            case slice():
                return self.at(place)
        return self.tokens[self.starts[place] : self.ends[place]]

    @property
    def lengths(self) -> Positions:
        """The ids of each document, ``(n,)``."""
        return self.ends - self.starts

    def at(self, places: Positions | slice) -> Self:
        """Return some documents, which share the array."""
        return replace(self, starts=self.starts[places], ends=self.ends[places])

    def joined(self) -> Tokens:
        """Return the ids of all documents, one document after another."""
        lengths = self.lengths
        shifts = self.starts - (np.cumsum(lengths) - lengths)
        places = np.repeat(shifts, lengths) + np.arange(lengths.sum())
        return np.asarray(self.tokens[places])


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of ids; ``sequences[:8]`` pads eight to the same length.

    Attributes:
        cut: the ids, a start mark included, that are not cut off.
        timesteps: the length of every padded sequence.
        padding: the end that is filled.
    """

    cut: Ragged
    timesteps: int
    padding: Side

    dtype = np.dtype(np.int32)

    def __len__(self) -> int:
        return len(self.cut)

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of all sequences, padded."""
        return len(self), self.timesteps

    def at(self, places: Positions | slice) -> "Sequences":
        """Return some of the sequences, not padded."""
        return replace(self, cut=self.cut.at(places))

    def __getitem__(self, places: Positions | slice) -> Tokens:
        """Return some of the sequences, padded, int32 ``(n, timesteps)``."""
        chosen = self.cut.at(places)
        lengths = chosen.lengths[:, np.newaxis]
        steps = np.arange(self.timesteps, dtype=np.int32)
        is_filled = steps < lengths
        if self.padding == "pre":
            is_filled = steps >= self.timesteps - lengths
        padded = np.full(is_filled.shape, PAD, self.dtype)
        padded[is_filled] = chosen.joined()
        return padded

    def blocks(self) -> Iterator[Tokens]:
        """Yield all sequences, padded, some at a time."""
        at_once = max(1, STEPS_AT_ONCE // self.timesteps)
        for first in range(0, len(self), at_once):
            yield self[first : first + at_once]

    def padded(self) -> Tokens:
        """Return all sequences, padded, int32 ``(n, timesteps)``."""
        padded = np.empty(self.shape, self.dtype)
        first = 0
        for block in self.blocks():
            padded[first : first + len(block)] = block
            first += len(block)
        return padded


Inputs: TypeAlias = Sequences | Tokens
"""What models read: sequences, or arrays ``(n, timesteps)`` that are padded."""


def padded(inputs: Inputs) -> Tokens:
    """Return inputs as an array ``(n, timesteps)``."""
    match inputs:
        case Sequences():
            return inputs.padded()
    return inputs


def some_of(inputs: Inputs, places: Positions) -> Inputs:
    """Return some of the inputs; sequences are not padded."""
    match inputs:
        case Sequences():
            return inputs.at(places)
    return inputs[places]


def blocks_of(inputs: Inputs) -> Iterator[Tokens]:
    """Yield inputs as arrays ``(some, timesteps)``."""
    match inputs:
        case Sequences():
            yield from inputs.blocks()
        case _:
            yield inputs


def without_padding(inputs: Inputs) -> Ragged:
    """Return the ids of inputs without padding."""
    match inputs:
        case Sequences():
            return inputs.cut
    is_id = inputs != PAD
    ends = np.cumsum(is_id.sum(axis=1))
    return Ragged(inputs[is_id], np.append(0, ends[:-1]), ends)


def cut(
    documents: Ragged, timesteps: int, padding: Side, truncating: Side
) -> Sequences:
    """Return documents, each with the start mark before it, cut to ``timesteps``.

    ``truncating`` is the end that is cut off.
    """
    starts = documents.starts - 1
    ends = documents.ends
    if truncating == "pre":
        starts = np.maximum(starts, ends - timesteps)
    else:
        ends = np.minimum(ends, starts + timesteps)
    return Sequences(Ragged(documents.tokens, starts, ends), timesteps, padding)


def after_marks(documents: Sequence[Tokens]) -> Ragged:
    """Return documents in one array, with a start mark before each."""
    mark = np.array([START], np.int32)
    parts = [mark]
    for document in documents:
        parts += [document, mark]
    ends = np.cumsum([len(document) + 1 for document in documents], dtype=np.int64)
    starts = np.append(0, ends)[:-1] + 1
    return Ragged(np.concatenate(parts), starts, ends)
