"""The steps of Adam: D. Kingma, J. Ba: Adam (ICLR 2015), as Keras has it.

A batch names few of the words, and the others have no gradient. Adam moves their vectors all the
same, as its averages decay. Such steps need only the row itself, so they are made up for when the
row is next read, with the same result to the last bit. The idea is that of B. Carpenter: Lazy
Sparse Stochastic Gradient Descent for Regularized Logistic Regression (2008).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np

from rnnbench.training.epochs import Recipe, count_batches

from .assembler import F32, LINE, Array, Assembler, Floats, Value, View
from .memory import BLOCKS, DOCUMENTS, OTHER, Group, Trained, words_of

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7

Rates = tuple[Value, Value]
"""A step's size, with Adam's bias correction, and the share of the new weights in their average."""


def rates_of(recipe: Recipe, documents: int) -> Floats:
    """Return the ``Rates`` of all steps of a training on ``documents``, ``(steps, 2)``."""
    steps = np.arange(1.0, recipe.epochs * count_batches(documents, recipe.batch_size) + 1)
    # Keras rounds the decays to float32, too; for 0.999, the result shows it.
    beta_1, beta_2 = float(np.float32(BETA_1)), float(np.float32(BETA_2))
    sizes = recipe.learning_rates(documents) * np.sqrt(1 - beta_2**steps) / (1 - beta_1**steps)
    decay = np.log(recipe.ema or 0.5)  # without averages, nothing reads the shares
    shares = np.expm1(decay) / np.expm1(decay * steps)  # see ``keras_fit.Averages``
    return np.stack([sizes, shares], axis=1).astype(np.float32)


def make_step(asm: Assembler, group: Group, trained: Sequence[Trained]) -> None:
    """Make ``adam``, an optimizer step by the gradients of both halves; it sets these to 0."""
    with asm.function("adam", [*BLOCKS, OTHER, "rates"]):
        rates = _rates(asm, asm.get(group.clock))
        for one in trained:
            for i in asm.loop(one.value.size, step=asm.lanes):
                places = [asm.at(array.flat, i) for array in one.state]
                _step(asm, group, places, _in_halves(asm, one.gradient.flat, i), rates)


def measure(
    asm: Assembler, group: Group, trained: Sequence[Trained], tables: "Sequence[WordTable]"
) -> None:
    """Add up the squares of gradients: half 0 adds those that every batch has, and each half those
    in its columns of tables. Whole vectors are written, so beside weights there may be anything.
    """
    squares = asm.at(group.squares)
    squares.store(asm.vector_of(0.0))
    with asm.when(asm.get(group.half).equals(0)):
        for own in trained:
            total = [squares.load()]
            for i in asm.loop(own.value.size, total, step=asm.lanes):
                gradient = _sum(_in_halves(asm, own.gradient.flat, i))
                gradient = (asm.at(own.is_weight.flat, i).load() > 0).select(gradient, 0.0)
                total[0] += gradient * gradient
            squares.store(total[0])
    for table in tables:
        for column, size in table.own_columns(asm, asm.lanes):
            total = [squares.load()]
            for i in asm.loop(asm.get(table.count), total):
                gradient = asm.at(table.trained.gradient, i, column).load()
                total[0] += gradient * gradient
            squares.store(total[0], size)


def clip(asm: Assembler, group: Group, most: float) -> None:
    """Find the factor that brings the norm of all gradients to at most this, as in Keras."""
    norm = asm.root(asm.spread(asm.total([_sum(_in_halves(asm, group.squares))])))
    factor = (norm > most).select(most / norm, 1.0) + (norm - norm)  # NaN stays visible
    asm.at(group.factor).store(factor)


def _in_halves(asm: Assembler, array: Array, *place: Value) -> list[View]:
    return [asm.at(half, *place) for half in (array, replace(array, block=OTHER))]


def _sum(places: Sequence[View]) -> Value:
    return reduce(add, [place.load() for place in places])


def _rates(asm: Assembler, clock: Value) -> Rates:
    place = asm.given["rates"].moved(clock * 2)
    return asm.spread(place.load(F32)), asm.spread(place.moved(1).load(F32))


def _step(
    asm: Assembler, group: Group, places: Sequence[View], gradients: Sequence[View], rates: Rates
) -> None:
    """Take a step with a vector of weights, whose gradient is a sum; set the gradients to 0."""
    gradient = _sum(gradients)
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

    Each half of a batch, and so each of two threads, works on one half of the columns. ``count`` is
    the number of ``words`` in the batch; ``slots`` are the places of their gradients; ``done`` are
    the steps that each row has taken, counting that of this batch.
    """

    def __init__(self, group: Group, number: int, columns: int):
        self.group, self.number, self.columns = group, number, columns
        sizes, place = group.sizes, group.memory.place
        most = min(sizes.batch * sizes.timesteps, sizes.n_ids)
        self.trained = group.memory.trained(sizes.n_ids, columns, touched=most)
        self.words, self.count = place(most), place(1)
        self.slots, self.done = place(sizes.n_ids), place(sizes.n_ids)

    def make(self, asm: Assembler) -> None:
        """Make ``find_N``, which lists the words of a batch, ``step_N``, and ``finish_N``."""
        n, group, state = self.number, self.group, self.trained.state
        with asm.function(f"catch_up_{n}", [*BLOCKS, "rates"], 1) as (word,):
            self._catch_up(asm, word)
        with asm.function(f"find_{n}", [*DOCUMENTS, "rates"], 2) as (first, size):
            now, found = asm.get(group.clock), [asm.number(0)]
            for row in asm.loop(size, found):
                document = asm.given["order"][first + row].load_index()
                words, _, length = words_of(asm, document)
                for t in asm.loop(length, found):
                    word = words[t].load_index()
                    is_new = asm.get(self.done, word) < now + 1
                    with asm.when(is_new):
                        asm.call(f"catch_up_{n}", word)
                        asm.set(self.done, word, now + 1)
                        asm.set(self.slots, word, found[0])
                        asm.set(self.words, found[0], word)
                    found[0] = is_new.select(found[0] + 1, found[0])
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
