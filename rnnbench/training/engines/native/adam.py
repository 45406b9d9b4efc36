"""The steps of Adam: D. Kingma, J. Ba: Adam (ICLR 2015), as Keras has it.

``step`` updates weights that every batch reads. A ``WordTable`` has those of which a
batch reads a few rows. Adam also moves the others, as its averages decay. These steps
are made up for when the row is next read, with the same result to the last bit, as in
B. Carpenter: Lazy Sparse Stochastic Gradient Descent for Regularized Logistic
Regression (2008).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rnnbench.training.hyperparameters import TrainingSettings

from .assembler import LINE, Array, Floats, Index, Value, View, ceil_div
from .memory import BLOCKS, DOCUMENTS, OTHER, Group, Trained, words_of

BETA_1 = 0.9
BETA_2 = 0.999
EPSILON = 1e-7


class Rates(NamedTuple):
    """The size of a step, with Adam's bias correction.

    ``share`` is that of the new weights in their average.
    """

    size: Value
    share: Value


def rates_of(settings: TrainingSettings, documents: int) -> Floats:
    """Return the ``Rates`` of all steps of a training, ``(steps, 2)``."""
    count = settings.epochs * settings.count_batches(documents)
    steps = np.arange(1.0, count + 1)
    # Keras rounds the decays to float32, too; for 0.999, the result shows it.
    beta_1 = float(np.float32(BETA_1))
    beta_2 = float(np.float32(BETA_2))
    rates = settings.learning_rates(documents)
    sizes = rates * np.sqrt(1 - beta_2**steps) / (1 - beta_1**steps)
    decay = np.log(settings.ema or 0.5)  # without averages, nothing reads the shares
    shares = np.expm1(decay) / np.expm1(decay * steps)  # see ``keras_engine.Averages``
    return np.stack([sizes, shares], axis=1).astype(np.float32)


def step(group: Group, weights: Sequence[Trained]) -> None:
    """Take an optimizer step by the gradients of both halves, and set these to 0."""
    asm = group.asm
    rates = _rates(group, group.clock.get())
    for trained in weights:
        for i in asm.loop(trained.value.size, step=asm.lanes):
            places = [array.view.moved(i) for array in trained.state]
            _step(group, places, _in_halves(trained.gradient, i), rates)


def measure(
    group: Group, weights: Sequence[Trained], tables: "Sequence[WordTable]"
) -> None:
    """Add up squares of gradients: of tables in each half, of other weights in one."""
    asm = group.asm
    squares = group.squares.view
    squares.store(asm.zero)
    with asm.when(group.half.get().equals(0)):
        for trained in weights:
            total = [squares.load()]
            for i in asm.loop(trained.value.size, total, step=asm.lanes):
                gradient = _sum(_in_halves(trained.gradient, i))
                # Whole vectors are written, so beside weights there may be anything.
                is_weight = trained.is_weight.view.moved(i).load() > 0
                gradient = is_weight.select(gradient, 0.0)
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
    """Find the factor that brings the norm of all gradients to ``most``, as Keras."""
    asm = group.asm
    norm = asm.root(asm.spread(asm.total([_sum(_in_halves(group.squares))])))
    factor = (norm > most).select(most / norm, 1.0)
    factor += norm - norm  # 0, but for NaN, which stays visible
    group.factor.view.store(factor)


def _in_halves(array: Array, floats: Index = 0) -> list[View]:
    """Return a place in an array of this half, and of the other one."""
    other = replace(array, block=OTHER)
    return [array.view.moved(floats), other.view.moved(floats)]


def _sum(places: Sequence[View]) -> Value:
    vectors = [place.load() for place in places]
    total = vectors[0]
    for vector in vectors[1:]:
        total += vector
    return total


def _rates(group: Group, clock: Value) -> Rates:
    asm = group.asm
    place = asm.given["rates"].moved(clock * 2)
    size = place.spread()
    return Rates(size, place.moved(1).spread())


def _step(
    group: Group, places: Sequence[View], gradients: Sequence[View], rates: Rates
) -> None:
    """Take a step with a vector of weights, and set its gradients to 0.

    Its gradient is the sum of ``gradients``.
    """
    gradient = _sum(gradients)
    if group.sizes.clip:
        gradient *= group.factor.view.load()
    state = _after(group, [place.load() for place in places], gradient, rates)
    _store(places, state)
    for place in gradients:
        place.store(group.asm.zero)


def _store(places: Sequence[View], vectors: Sequence[Value]) -> None:
    for place, vector in zip(places, vectors, strict=True):
        place.store(vector)


def _after(
    group: Group, state: Sequence[Value], gradient: Value, rates: Rates
) -> list[Value]:
    """Return the state of a vector of weights after a step."""
    weight, mean, square, *averages = state
    mean = mean + (gradient - mean) * (1 - BETA_1)
    square = square + (gradient * gradient - square) * (1 - BETA_2)
    weight = weight - rates.size * mean / (group.asm.root(square) + EPSILON)
    after = [weight, mean, square]
    for average in averages:  # one or none
        after.append(average + (weight - average) * rates.share)
    return after


class WordTable:
    """Weights with a row for each word.

    Each half of a batch works on half of the columns.

    Attributes:
        words: the words in the batch.
        count: how many they are.
        slots: of each word, the place of its gradient.
        done: of each word, the steps that its row has taken, with that of this batch.
    """

    def __init__(self, group: Group, number: int, columns: int):
        self.group = group
        self.number = number
        self.columns = columns
        sizes = group.sizes
        most = min(sizes.batch * sizes.timesteps, sizes.n_ids)
        self.trained = group.trained(sizes.n_ids, columns, touched=most)
        self.words = group.place(most)
        self.count = group.place(1)
        self.slots = group.place(sizes.n_ids)
        self.done = group.place(sizes.n_ids)

    def make(self) -> None:
        """Make ``catch_up_N`` for a word, and for a batch ``find_N`` and ``step_N``."""
        self._make_catch_up()
        self._make_find()
        self._make_step()

    def _make_catch_up(self) -> None:
        group = self.group
        asm = group.asm
        arrays = [*BLOCKS, "rates"]
        with asm.function(f"catch_up_{self.number}", arrays, 1) as (word,):
            now = group.clock.get()
            done = self.done.get(word)
            for column, _ in self.own_columns(asm.lanes):
                places = self._places(word, column)
                state = [place.load() for place in places]
                for missed in asm.loop(now - done, state):
                    rates = _rates(group, done + missed)
                    state[:] = _after(group, state, asm.zero, rates)
                _store(places, state)
            self.done.set(word, now)

    def _make_find(self) -> None:
        asm = self.group.asm
        arrays = [*DOCUMENTS, "rates"]
        with asm.function(f"find_{self.number}", arrays, 2) as (first, size):
            now = self.group.clock.get()
            count = [asm.number(0)]
            for row in asm.loop(size, count):
                document = asm.given["order"][first + row].load_index()
                words, _, length = words_of(asm, document)
                for t in asm.loop(length, count):
                    word = words[t].load_index()
                    is_new = self.done.get(word) < now + 1
                    with asm.when(is_new):
                        asm.call(f"catch_up_{self.number}", word)
                        self.done.set(word, now + 1)
                        self.slots.set(word, count[0])
                        self.words.set(count[0], word)
                    count[0] = is_new.select(count[0] + 1, count[0])
            self.count.set(count[0])

    def _make_step(self) -> None:
        group = self.group
        asm = group.asm
        with asm.function(f"step_{self.number}", [*BLOCKS, "rates"]):
            rates = _rates(group, group.clock.get())
            for i in asm.loop(self.count.get()):
                word = self.words.get(i)
                for column, _ in self.own_columns(asm.lanes):
                    places = self._places(word, column)
                    _step(group, places, [self.trained.gradient[i, column]], rates)

    def _places(self, word: Value, column: Value) -> list[View]:
        """Return a place in a word's row of each array of the optimizer's state."""
        return [array[word, column] for array in self.trained.state]

    def own_columns(self, size: int) -> Iterator[tuple[Value, int]]:
        """Have the body of a loop run with tiles of the columns of this half."""
        asm = self.group.asm
        middle = min(ceil_div(self.columns, 2 * LINE) * LINE, self.columns)
        for half, start, end in ((0, 0, middle), (1, middle, self.columns)):
            with asm.when(self.group.half.get().equals(half)):
                for column, width in asm.tiles(end - start, size):
                    yield column + start, width
