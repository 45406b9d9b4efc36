"""The steps of Adam: D. Kingma, J. Ba: Adam (ICLR 2015), as Keras has it.

Adam also moves the vectors of words that a batch lacks, as its averages decay. These
steps are made up for when the row is next read, with the same result to the last bit,
as in B. Carpenter: Lazy Sparse Stochastic Gradient Descent for Regularized Logistic
Regression (2008).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np

from rnnbench.training.epochs import TrainingSettings

from .assembler import F32, LINE, Array, Floats, Index, Value, View
from .memory import BLOCKS, DOCUMENTS, OTHER, Group, Trained, words_of

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7

Rates = tuple[Value, Value]
"""A step's size, with Adam's bias correction, and the share of the new weights in their
average."""


def rates_of(recipe: TrainingSettings, documents: int) -> Floats:
    """Return the ``Rates`` of all steps of a training on ``documents``, ``(steps,
    2)``.
    """
    steps = np.arange(1.0, recipe.epochs * recipe.count_batches(documents) + 1)
    # Keras rounds the decays to float32, too; for 0.999, the result shows it.
    beta_1, beta_2 = float(np.float32(BETA_1)), float(np.float32(BETA_2))
    sizes = (
        recipe.learning_rates(documents)
        * np.sqrt(1 - beta_2**steps)
        / (1 - beta_1**steps)
    )
    decay = np.log(recipe.ema or 0.5)  # without averages, nothing reads the shares
    shares = np.expm1(decay) / np.expm1(decay * steps)  # see ``keras_engine.Averages``
    return np.stack([sizes, shares], axis=1).astype(np.float32)


def step(group: Group, trained: Sequence[Trained]) -> None:
    """Take an optimizer step by the gradients of both halves, and set these to 0."""
    rates = _rates(group, group.clock.get())
    for one in trained:
        for i in group.asm.loop(one.value.size, step=group.asm.lanes):
            places = [array.view.moved(i) for array in one.state]
            _step(group, places, _in_halves(one.gradient, i), rates)


def measure(
    group: Group, trained: Sequence[Trained], tables: "Sequence[WordTable]"
) -> None:
    """Add up squares of gradients: of all but tables in half 0, of its own columns in
    each half.
    """
    asm, squares = group.asm, group.squares.view
    squares.store(asm.vector_of(0.0))
    with asm.when(group.half.get().equals(0)):
        for own in trained:
            total = [squares.load()]
            for i in asm.loop(own.value.size, total, step=asm.lanes):
                gradient = _sum(_in_halves(own.gradient, i))
                # Whole vectors are written, so beside weights there may be anything.
                gradient = (own.is_weight.view.moved(i).load() > 0).select(
                    gradient, 0.0
                )
                total[0] += gradient * gradient
            squares.store(total[0])
    for table in tables:
        for column, size in table.own_columns(asm.lanes):
            total = [squares.load()]
            for i in asm.loop(table.count.get(), total):
                gradient = table.trained.gradient[i, column].load()
                total[0] += gradient * gradient
            squares.store(total[0], size)


def clip(group: Group, most: float) -> None:
    """Find the factor that brings the norm of all gradients to at most this, as in
    Keras.
    """
    asm = group.asm
    norm = asm.root(asm.spread(asm.total([_sum(_in_halves(group.squares))])))
    factor = (norm > most).select(most / norm, 1.0) + (norm - norm)  # NaN stays visible
    group.factor.view.store(factor)


def _in_halves(array: Array, floats: Index = 0) -> list[View]:
    return [half.view.moved(floats) for half in (array, replace(array, block=OTHER))]


def _sum(places: Sequence[View]) -> Value:
    return reduce(add, [place.load() for place in places])


def _rates(group: Group, clock: Value) -> Rates:
    asm, place = group.asm, group.asm.given["rates"].moved(clock * 2)
    return asm.spread(place.load(F32)), asm.spread(place.moved(1).load(F32))


def _step(
    group: Group, places: Sequence[View], gradients: Sequence[View], rates: Rates
) -> None:
    """Take a step with a vector of weights, whose gradient is a sum; set the gradients
    to 0.
    """
    gradient = _sum(gradients)
    if group.sizes.clip:
        gradient *= group.factor.view.load()
    state = _after(group, [place.load() for place in places], gradient, rates)
    for place, value in zip(places, state, strict=True):
        place.store(value)
    for place in gradients:
        place.store(group.asm.vector_of(0.0))


def _after(
    group: Group, state: Sequence[Value], gradient: Value, rates: Rates
) -> list[Value]:
    """Return the state of a vector of weights after a step."""
    w, m, v, *average = state
    m = m + (gradient - m) * (1 - BETA_1)
    v = v + (gradient * gradient - v) * (1 - BETA_2)
    w = w - rates[0] * m / (group.asm.root(v) + EPSILON)
    return [w, m, v, *(e + (w - e) * rates[1] for e in average)]


class WordTable:
    """Weights with a row for each word; each half of a batch works on half of the
    columns.
    """

    def __init__(self, group: Group, number: int, columns: int):
        self.group, self.number, self.columns = group, number, columns
        sizes, place = group.sizes, group.place
        most = min(sizes.batch * sizes.timesteps, sizes.n_ids)
        self.trained = group.trained(sizes.n_ids, columns, touched=most)
        self.words, self.count = place(most), place(1)  # those in the batch
        # The places of their gradients; the steps that each row has taken, with that of
        # this batch.
        self.slots, self.done = place(sizes.n_ids), place(sizes.n_ids)

    def make(self) -> None:
        """Make ``catch_up_N`` for a word, and for a batch ``find_N`` and ``step_N``."""
        n, group, asm = self.number, self.group, self.group.asm
        with asm.function(f"catch_up_{n}", [*BLOCKS, "rates"], 1) as (word,):
            now, done = group.clock.get(), self.done.get(word)
            for column, _ in self.own_columns(asm.lanes):
                places = [array[word, column] for array in self.trained.state]
                state = [place.load() for place in places]
                for missed in asm.loop(now - done, state):
                    rates = _rates(group, done + missed)
                    state[:] = _after(group, state, asm.vector_of(0.0), rates)
                for place, value in zip(places, state, strict=True):
                    place.store(value)
            self.done.set(word, now)
        with asm.function(f"find_{n}", [*DOCUMENTS, "rates"], 2) as (first, size):
            now, found = group.clock.get(), [asm.number(0)]
            for row in asm.loop(size, found):
                words, _, length = words_of(
                    asm, asm.given["order"][first + row].load_index()
                )
                for t in asm.loop(length, found):
                    word = words[t].load_index()
                    is_new = self.done.get(word) < now + 1
                    with asm.when(is_new):
                        asm.call(f"catch_up_{n}", word)
                        self.done.set(word, now + 1)
                        self.slots.set(word, found[0])
                        self.words.set(found[0], word)
                    found[0] = is_new.select(found[0] + 1, found[0])
            self.count.set(found[0])
        with asm.function(f"step_{n}", [*BLOCKS, "rates"]):
            rates = _rates(group, group.clock.get())
            for i in asm.loop(self.count.get()):
                word = self.words.get(i)
                for column, _ in self.own_columns(asm.lanes):
                    places = [array[word, column] for array in self.trained.state]
                    _step(group, places, [self.trained.gradient[i, column]], rates)

    def own_columns(self, size: int) -> Iterator[tuple[Value, int]]:
        """Have the body of a loop run with tiles of the columns that this half works
        on.
        """
        asm = self.group.asm
        middle = min(-(-self.columns // (2 * LINE)) * LINE, self.columns)
        for half, (start, end) in enumerate(((0, middle), (middle, self.columns))):
            with asm.when(self.group.half.get().equals(half)):
                for column, width in asm.tiles(end - start, size):
                    yield column + start, width
