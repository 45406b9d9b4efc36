"""The steps of Adam: D. Kingma, J. Ba: Adam (ICLR 2015), as Keras has it.

A batch names few of the words, and the others have no gradient. Adam moves their vectors all the
same, as its averages decay. Such steps need no memory but the row's own, so they are made up for in
registers when the row is next read; the result is the same to the last bit. The idea is that of
delayed regularization: B. Carpenter: Lazy Sparse Stochastic Gradient Descent (2008).
"""

from collections.abc import Sequence

from rnnbench.training.engines.packed.assembler import F32, Assembler, Value
from rnnbench.training.engines.packed.memory import Array, Memory, Trained
from rnnbench.training.engines.packed.plan import DOCUMENTS, Group
from rnnbench.training.engines.packed.products import clear

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
VECTORS = 4
"""That are brought up to date side by side, so that their divisions overlap."""

State = list[Value]
"""Weights, Adam's averages of the gradient and of its square, and the average if it is kept."""


def state_arrays(trained: Trained) -> list[Array]:
    """Return the arrays that a step of the optimizer changes."""
    return [trained.value, trained.mean, trained.square, *filter(None, [trained.average])]


def step(asm: Assembler, state: State, gradient: Value | None, rates: tuple[Value, Value]) -> State:
    """Return the state of a vector of weights after a step; it has no gradient if it was not read.

    The rates are that of the step, which includes the corrections of the averages, and the share of
    the new weights in their average.
    """
    w, m, v, *average = state
    m = m + ((0 if gradient is None else gradient) - m) * (1 - BETA_1)
    v = v + ((0 if gradient is None else gradient * gradient) - v) * (1 - BETA_2)
    w = w - rates[0] * m / (asm.root(v) + EPSILON)
    return [w, m, v, *(e + (w - e) * rates[1] for e in average)]


def rates_at(asm: Assembler, clock: Value) -> tuple[Value, Value]:
    place = asm.given["rates"].moved(clock * 2)
    return asm.spread(place.load(F32)), asm.spread(place.moved(1).load(F32))


def make(asm: Assembler, group: Group, arrays: Sequence[Trained]) -> None:
    """Make ``adam``, a step of the optimizer, and ``clear_gradients``."""
    with asm.function("clear_gradients", ["arena"]):
        for trained in arrays:
            clear(asm, trained.gradient)
    with asm.function("adam", ["arena", "rates"]):
        rates = rates_at(asm, group.clock(asm))
        for trained in arrays:
            for i in asm.loop(trained.value.size, step=asm.lanes):
                places = [asm.at(array.flat, i) for array in state_arrays(trained)]
                gradient = asm.at(trained.gradient.flat, i).load()
                state = step(asm, [place.load() for place in places], gradient, rates)
                for place, value in zip(places, state, strict=True):
                    place.store(value)


class Table:
    """Weights with a row for each word, of which a batch reads few.

    Attributes:
        words: the words of the batch, each once.
        slots: of each word, its place among them, which is that of its gradient.
        last: of each word, the number of steps that its row has taken.
    """

    def __init__(self, memory: Memory, group: Group, number: int, columns: int):
        self.group, self.number, self.columns = group, number, columns
        most = min(group.batch * group.steps, group.n_ids)
        self.trained = memory.trained(group.n_ids, columns, touched=most)
        self.words, self.count = memory.place(most), memory.place(1)
        self.slots, self.seen, self.last = (memory.place(group.n_ids) for _ in range(3))

    def touched(self, asm: Assembler) -> Value:
        """Return the number of words in the batch."""
        return asm.at(self.count, 0).load_index()

    def slot(self, asm: Assembler, word: Value) -> Value:
        return asm.at(self.slots, word).load_index()

    def make(self, asm: Assembler) -> None:
        """Make functions that list the words of a batch, bring their rows up to date, and step."""
        n, group = self.number, self.group
        with asm.function(f"touch_{n}", DOCUMENTS, 2) as (first, size):
            stamp, found = group.clock(asm) + 1, [asm.number(0)]
            for row in asm.loop(size, found):
                document = asm.given["order"][first + row].load_index()
                words, _ = group.words(asm, document)
                for t in asm.loop(group.count_words(asm, document), found):
                    word = words.moved(t).load_index()
                    seen = asm.at(self.seen, word)
                    is_new = seen.load_index().differs(stamp)
                    with asm.when(is_new):
                        seen.store_index(stamp)
                        asm.at(self.slots, word).store_index(found[0])
                        asm.at(self.words, found[0]).store_index(word)
                    found[0] += is_new.to_index()
            asm.at(self.count, 0).store_index(found[0])
            for i in asm.loop(found[0]):
                for column in asm.loop(self.trained.gradient.strides[0], step=asm.lanes):
                    asm.at(self.trained.gradient, i, column).store(asm.vector_of(0.0))
        with asm.function(f"catch_up_{n}", ["arena", "rates"], 1) as (word,):
            last, now = asm.at(self.last, word), group.clock(asm)
            done = last.load_index()
            with asm.when(done < now):
                self._catch_up(asm, word, done, now)
                last.store_index(now)
        with asm.function(f"begin_{n}", ["arena", "rates"]):
            for i in asm.loop(self.touched(asm)):
                asm.call(f"catch_up_{n}", asm.at(self.words, i).load_index())
        with asm.function(f"finish_{n}", ["arena", "rates"]):
            for word in asm.loop(group.n_ids):
                asm.call(f"catch_up_{n}", word)
        with asm.function(f"step_{n}", ["arena", "rates"]):
            rates, arrays = rates_at(asm, group.clock(asm)), state_arrays(self.trained)
            for i in asm.loop(self.touched(asm)):
                word = asm.at(self.words, i).load_index()
                for column in asm.loop(-(-self.columns // asm.lanes) * asm.lanes, step=asm.lanes):
                    places = [asm.at(array, word, column) for array in arrays]
                    gradient = asm.at(self.trained.gradient, i, column).load()
                    state = step(asm, [place.load() for place in places], gradient, rates)
                    for place, value in zip(places, state, strict=True):
                        place.store(value)
                asm.at(self.last, word).store_index(group.clock(asm) + 1)

    def _catch_up(self, asm: Assembler, word: Value, done: Value, now: Value) -> None:
        arrays, size = state_arrays(self.trained), VECTORS * asm.lanes
        for column, width in asm.tiles(self.columns, size):
            vectors = range(0, width, asm.lanes)
            places = [asm.at(array, word, column).moved(v) for v in vectors for array in arrays]
            states = [place.load() for place in places]
            for missed in asm.loop(now - done, states):
                rates, n = rates_at(asm, done + missed), len(arrays)
                states[:] = [
                    value
                    for start in range(0, len(states), n)
                    for value in step(asm, states[start : start + n], None, rates)
                ]
            for place, value in zip(places, states, strict=True):
                place.store(value)
