"""The steps of Adam: D. Kingma, J. Ba: Adam (ICLR 2015), as Keras has it.

A batch names few of the words, and the others have no gradient. Adam moves their vectors all the
same, as its averages decay. Such steps need only the row itself, so they are made up for when the
row is next read, with the same result to the last bit. The idea is that of B. Carpenter: Lazy
Sparse Stochastic Gradient Descent for Regularized Logistic Regression (2008).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial, reduce
from operator import add

import numpy as np

from rnnbench.training.engines.native.assembler import F32, Assembler, Value, View, where
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

Rates = tuple[Value, Value]
"""A step's size, with Adam's bias correction, and the share of the new weights in their average."""


def rates_of(recipe: Recipe, documents: int) -> Floats:
    """Return the ``Rates`` of all steps of a training on so many documents, ``(steps, 2)``."""
    steps = np.arange(1.0, recipe.epochs * count_batches(documents, recipe.batch_size) + 1)
    # Keras rounds the decays to float32, too; for 0.999, the result shows it.
    beta_1, beta_2 = float(np.float32(BETA_1)), float(np.float32(BETA_2))
    rates = np.zeros((len(steps), 2), np.float32)
    rates[:, 0] = (
        recipe.learning_rates(documents) * np.sqrt(1 - beta_2**steps) / (1 - beta_1**steps)
    )
    if recipe.ema is not None:  # the share of the last step, see ``keras_fit.Averages``
        decay = np.log(recipe.ema)
        rates[:, 1] = np.expm1(decay) / np.expm1(decay * steps)
    return rates


def make_step(asm: Assembler, group: Group, trained: Sequence[Trained]) -> None:
    """Make ``adam``, an optimizer step by the gradients of both halves; it sets these to 0."""
    with asm.function("adam", [*BLOCKS, OTHER, "rates"]):
        rates = _rates(asm, asm.get(group.clock))
        for one in trained:
            for i in asm.loop(one.value.size, step=asm.lanes):
                places = [asm.at(array.flat, i) for array in one.state]
                _step(asm, group, places, gradients_at(asm, one, i), rates)


def gradients_at(asm: Assembler, trained: Trained, i: Value) -> list[View]:
    """Return the gradients of both halves at a place, whose sum is that of the batch."""
    ours = trained.gradient.flat
    return [asm.at(flat, i) for flat in (ours, replace(ours, block=OTHER))]


def _rates(asm: Assembler, clock: Value) -> Rates:
    place = asm.given["rates"].moved(clock * 2)
    return asm.spread(place.load(F32)), asm.spread(place.moved(1).load(F32))


def _step(
    asm: Assembler, group: Group, places: Sequence[View], gradients: Sequence[View], rates: Rates
) -> None:
    """Take a step with a vector of weights, whose gradient is a sum, and set that to 0."""
    gradient = reduce(add, [place.load() for place in gradients])
    if group.sizes.clip:
        gradient *= asm.at(group.factor).load()
    state = _after(asm, [place.load() for place in places], gradient, rates)
    for place, value in zip(places, state, strict=True):
        place.store(value)
    for place in gradients:
        place.store(asm.vector_of(0.0))


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
        slots: the place of each word among them, and of its gradient.
        done: the steps that the row of each word has taken, with that of the batch in progress.
    """

    def __init__(self, memory: Memory, group: Group, number: int, columns: int):
        self.group, self.number, self.columns = group, number, columns
        sizes, place = group.sizes, partial(memory.place, block=OF_HALF)
        most = min(sizes.batch * sizes.timesteps, sizes.n_ids)
        self.trained = memory.trained(sizes.n_ids, columns, touched=most)
        self.words, self.count = place(most), place(1)
        self.slots, self.done = place(sizes.n_ids), place(sizes.n_ids)

    def make(self, asm: Assembler) -> None:
        """Make ``find_N``, which lists the words of a batch and brings their rows up to date;
        ``step_N``; and ``finish_N``, which brings all rows up to date.
        """
        n, group, state = self.number, self.group, self.trained.state
        with asm.function(f"catch_up_{n}", [*BLOCKS, "rates"], 1) as (word,):
            self._catch_up(asm, word)
        with asm.function(f"find_{n}", [*DOCUMENTS, "rates"], 2) as (first, size):
            now, found = asm.get(group.clock), [asm.number(0)]
            for row in asm.loop(size, found):
                document = asm.given["order"][first + row].load_index()
                start = asm.given["starts"][document].load_index()
                for t in asm.loop(length_of(asm, document), found):
                    word = asm.given["words"][start + t].load_index()
                    is_new = asm.get(self.done, word) < now + 1
                    with asm.when(is_new):
                        asm.call(f"catch_up_{n}", word)
                        asm.set(self.done, word, now + 1)
                        asm.set(self.slots, word, found[0])
                        asm.set(self.words, found[0], word)
                    found[0] = where(is_new, found[0] + 1, found[0])
            asm.set(self.count, found[0])
        with asm.function(f"step_{n}", [*BLOCKS, "rates"]):
            rates = _rates(asm, asm.get(group.clock))
            for i in asm.loop(asm.get(self.count)):
                word = asm.get(self.words, i)
                for column, _ in self.own_columns(asm, asm.lanes):
                    places = [asm.at(array, word, column) for array in state]
                    gradients = [asm.at(self.trained.gradient, i, column)]
                    _step(asm, group, places, gradients, rates)
        with asm.function(f"finish_{n}", [*BLOCKS, "rates"]):
            for word in asm.loop(group.sizes.n_ids):
                asm.call(f"catch_up_{n}", word)

    def _catch_up(self, asm: Assembler, word: Value) -> None:
        now, done = asm.get(self.group.clock), asm.get(self.done, word)
        for column, _ in self.own_columns(asm, asm.lanes):
            places = [asm.at(array, word, column) for array in self.trained.state]
            state = [place.load() for place in places]
            for missed in asm.loop(now - done, state):
                state[:] = _after(asm, state, asm.vector_of(0.0), _rates(asm, done + missed))
            for place, value in zip(places, state, strict=True):
                place.store(value)
        asm.set(self.done, word, now)

    def own_columns(self, asm: Assembler, size: int) -> Iterator[tuple[Value, int]]:
        """Have the body of a loop run with tiles of the columns that this half works on."""
        middle = min(-(-self.columns // (2 * LINE)) * LINE, self.columns)
        for half, (start, end) in enumerate(((0, middle), (middle, self.columns))):
            with asm.when(asm.get(self.group.half).equals(half)):
                for column, width in asm.tiles(end - start, size):
                    yield column + start, width

    def add(self, asm: Assembler, slot: Value, column: Value, gradient: Value) -> None:
        """Add a vector to the gradient of the word in ``slot``."""
        place = asm.at(self.trained.gradient, slot, column)
        place.store(place.load() + gradient)
