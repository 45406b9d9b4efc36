"""The steps of Adam: D. Kingma, J. Ba: Adam (ICLR 2015), as Keras has it.

A batch names few of the words, and the others have no gradient. Adam moves their vectors all the
same, as its averages decay. Such steps need only the row itself, so they are made up for when the
row is next read, with the same result to the last bit. The idea is that of B. Carpenter: Lazy
Sparse Stochastic Gradient Descent for Regularized Logistic Regression (2008).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from rnnbench.training.engines.native.assembler import F32, Assembler, Value, View
from rnnbench.training.engines.native.group import DOCUMENTS, Group, length_of
from rnnbench.training.engines.native.memory import (
    BLOCKS,
    LINE,
    OF_HALF,
    OTHER,
    Floats,
    Memory,
    Trained,
)
from rnnbench.training.epochs import Recipe, count_batches

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
VECTORS = 4
"""Vectors caught up side by side, so that their divisions overlap."""

Rates = tuple[Value, Value]
"""A step's size, with Adam's bias correction, and the share of the new weights in their average."""


def rates_of(recipe: Recipe, documents: int) -> Floats:
    """Return the ``Rates`` of all steps of a training on so many documents, ``(steps, 2)``."""
    steps = np.arange(1.0, recipe.epochs * count_batches(documents, recipe.batch_size) + 1)
    # Keras rounds the decays to float32, too; for 0.999, the result shows it.
    beta_1, beta_2 = float(np.float32(BETA_1)), float(np.float32(BETA_2))
    rates = np.zeros((len(steps), 2), np.float32)
    rates[:, 0] = recipe.learning_rate * np.sqrt(1 - beta_2**steps) / (1 - beta_1**steps)
    if recipe.ema is not None:  # the share of the last step, see ``keras_fit.Averages``
        decay = np.log(recipe.ema)
        rates[:, 1] = np.expm1(decay) / np.expm1(decay * steps)
    return rates


def make_step(asm: Assembler, group: Group, trained: Sequence[Trained]) -> None:
    """Make ``adam``, an optimizer step by the gradients of both halves; it sets these to 0."""
    with asm.function("adam", [*BLOCKS, OTHER, "rates"]):
        rates, nothing = _rates(asm, asm.get(group.clock)), asm.vector_of(0.0)
        for one in trained:
            ours = one.gradient.flat
            for i in asm.loop(one.value.size, step=asm.lanes):
                halves = [asm.at(flat, i) for flat in (ours, replace(ours, block=OTHER))]
                gradient = halves[0].load() + halves[1].load()
                _step(asm, [asm.at(array.flat, i) for array in one.state], gradient, rates)
                for half in halves:
                    half.store(nothing)


def _rates(asm: Assembler, clock: Value) -> Rates:
    place = asm.given["rates"].moved(clock * 2)
    return asm.spread(place.load(F32)), asm.spread(place.moved(1).load(F32))


def _step(asm: Assembler, places: Sequence[View], gradient: Value, rates: Rates) -> None:
    """Take a step with a vector of weights."""
    state = _after(asm, [place.load() for place in places], gradient, rates)
    for place, value in zip(places, state, strict=True):
        place.store(value)


def _after(asm: Assembler, state: Sequence[Value], gradient: Value, rates: Rates) -> list[Value]:
    """Return the state of a vector of weights after a step."""
    w, m, v, *average = state
    m = m + (gradient - m) * (1 - BETA_1)
    v = v + (gradient * gradient - v) * (1 - BETA_2)
    w = w - rates[0] * m / (asm.root(v) + EPSILON)
    return [w, m, v, *(e + (w - e) * rates[1] for e in average)]


class WordTable:
    """Weights with a row for each word, of which a batch reads few.

    Each half of a batch, and so each of two threads, works on one half of the columns.

    Attributes:
        words, count: the words of the batch, each once, and their number.
        slots: each word's place among them, and that of its gradient.
        seen: of each word, the step that it was last read in.
        done: of each word, the number of steps that its row has taken.
    """

    def __init__(self, memory: Memory, group: Group, number: int, columns: int):
        self.group, self.number, self.columns = group, number, columns
        sizes, place = group.sizes, partial(memory.place, block=OF_HALF)
        most = min(sizes.batch * sizes.timesteps, sizes.n_ids)
        self.trained = memory.trained(sizes.n_ids, columns, touched=most)
        self.words, self.count = place(most), place(1)
        self.slots, self.seen, self.done = (place(sizes.n_ids) for _ in range(3))

    def make(self, asm: Assembler) -> None:
        """Make ``catch_up_N``, which brings the row of a word up to date; ``find_N``, which lists
        the words of a batch and does so for each; ``step_N``; and ``finish_N``, which does so for
        all words.
        """
        n, group = self.number, self.group
        with asm.function(f"catch_up_{n}", [*BLOCKS, "rates"], 1) as (word,):
            now, done = asm.get(group.clock), asm.get(self.done, word)
            with asm.when(done < now):
                self._catch_up(asm, word, done, now)
                asm.set(self.done, word, now)
        with asm.function(f"find_{n}", [*DOCUMENTS, "rates"], 2) as (first, size):
            found = [asm.number(0)]
            for row in asm.loop(size, found):
                document = asm.given["order"][first + row].load_index()
                start = asm.given["starts"][document].load_index()
                for t in asm.loop(length_of(asm, document), found):
                    word = asm.given["words"][start + t].load_index()
                    found[0] = self._list_once(asm, word, found[0])
            asm.set(self.count, found[0])
        with asm.function(f"step_{n}", [*BLOCKS, "rates"]):
            now = asm.get(group.clock)
            rates = _rates(asm, now)
            for i in asm.loop(asm.get(self.count)):
                word = asm.get(self.words, i)
                for column, _ in self.own_columns(asm, asm.lanes):
                    places = [asm.at(array, word, column) for array in self.trained.state]
                    _step(asm, places, asm.at(self.trained.gradient, i, column).load(), rates)
                asm.set(self.done, word, now + 1)
        with asm.function(f"finish_{n}", [*BLOCKS, "rates"]):
            for word in asm.loop(group.sizes.n_ids):
                asm.call(f"catch_up_{n}", word)

    def own_columns(self, asm: Assembler, size: int) -> Iterator[tuple[Value, int]]:
        """Have the body of a loop run with tiles of the columns that this half works on."""
        middle = min(-(-self.columns // (2 * LINE)) * LINE, self.columns)
        for half, (start, end) in enumerate(((0, middle), (middle, self.columns))):
            with asm.when(asm.get(self.group.half).equals(half)):
                for column, width in asm.tiles(end - start, size):
                    yield column + start, width

    def _list_once(self, asm: Assembler, word: Value, found: Value) -> Value:
        """List a word unless the batch had it; return the number of words found so far."""
        now = asm.get(self.group.clock) + 1
        is_new = asm.get(self.seen, word).differs(now)
        with asm.when(is_new):
            asm.set(self.seen, word, now)
            asm.set(self.slots, word, found)
            asm.set(self.words, found, word)
            for column, _ in self.own_columns(asm, asm.lanes):
                asm.at(self.trained.gradient, found, column).store(asm.vector_of(0.0))
            asm.call(f"catch_up_{self.number}", word)
        return found + is_new.to_index()

    def add(self, asm: Assembler, slot: Value, column: Value, gradient: Value) -> None:
        """Add a vector to the gradient of the word in ``slot``."""
        place = asm.at(self.trained.gradient, slot, column)
        place.store(place.load() + gradient)

    def _catch_up(self, asm: Assembler, word: Value, done: Value, now: Value) -> None:
        arrays, nothing = self.trained.state, asm.vector_of(0.0)
        for column, width in self.own_columns(asm, VECTORS * asm.lanes):
            starts = [column + n for n in range(0, width, asm.lanes)]
            places = [asm.at(array, word, start) for start in starts for array in arrays]
            values = [place.load() for place in places]
            for missed in asm.loop(now - done, values):
                rates = _rates(asm, done + missed)
                states = [values[i : i + len(arrays)] for i in range(0, len(values), len(arrays))]
                values[:] = [own for state in states for own in _after(asm, state, nothing, rates)]
            for place, value in zip(places, values, strict=True):
                place.store(value)
