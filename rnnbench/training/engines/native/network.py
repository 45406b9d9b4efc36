"""A network in machine code: documents go in, scores come out, weights are trained.

::

    network = NativeNetwork(program, model, x, settings, seed)
    documents = network.lay_out(x)
    loss, score = network.train(documents, y, epoch=1)
    scores = Scorer(program, model, network.weights()).scores(x_test)
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.data.padding import Inputs, blocks_of, padded, without_padding
from rnnbench.labels import Labels, Positions, form_of
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.inputs import Ids, as_numbers, weighted_words, word_weights
from rnnbench.training.checkpoints import State
from rnnbench.training.epochs import ignore
from rnnbench.training.hyperparameters import TrainingSettings
from rnnbench.training.outcome import LOWEST, Judged, Weights

from .losses import Doubles, Floats, loss_of, may_diverge

if TYPE_CHECKING:
    from .program import Program

# Unused numbers after an order of documents: a group may read past its end.
SLACK = 64
# Documents of an epoch that are trained on before its state can be kept, or about so
# many; the weights are the same as without a pause.
BETWEEN_PAUSES = 2**14

Documents = tuple[Floats, Floats, Floats]
"""Where each document begins and ends; the words of all; and a number for each word,
itself or its weight. Integers take the places of floats."""


class Scorer:
    """A network with weights in Keras's order.

    Use it once, unless its program can only score.
    """

    def __init__(
        self,
        program: "Program",
        model: LayeredNetwork,
        weights: Weights,
        seed: int | None = None,
    ):
        self.program = program
        self.model = model
        n_fixed = len(weights) - len(program.parts)
        self.fixed = weights[:n_fixed]  # those that are not trained
        self.arenas = program.new_arenas(weights[n_fixed:], seed)

    def lay_out(self, x: Inputs) -> Documents:
        """Return documents ``(n, timesteps)`` without masked padding, for the code."""
        first = self.model.layers[0]
        if first.word_values:
            return self._lay_out_bags(x, first.word_values)
        if first.gives_mask:
            read = without_padding(x)
            words = read.tokens
            starts = read.starts
            ends = read.ends
        else:
            words = padded(x).ravel()
            ends = np.arange(1, len(x) + 1) * x.shape[1]
            starts = ends - x.shape[1]
        values = _in_place_of_floats(words)  # which nothing reads
        if first.takes != "ids":
            values = as_numbers(self.model.inputs, self.program.sizes.n_ids, words)
        return _bounds(starts, ends), _in_place_of_floats(words), values

    def _lay_out_bags(self, x: Inputs, kind: str) -> Documents:
        """Return each word of a document once, with its weighted count."""
        lengths = []
        all_words = []
        all_values = []
        for block in blocks_of(x):
            rows, words, values = weighted_words(block, self.fixed[0], kind)
            lengths.append(np.bincount(rows, minlength=len(block)))
            all_words.append(words)
            all_values.append(values)
        ends = np.cumsum(np.concatenate(lengths))
        bounds = _bounds(np.append(0, ends)[:-1], ends)
        in_place = _in_place_of_floats(np.concatenate(all_words))
        return bounds, in_place, np.concatenate(all_values)

    def scores(self, x: Inputs) -> Floats:
        """Return the scores ``(n, topics)`` of documents ``(n, timesteps)``."""
        return np.maximum(self.score(self.lay_out(x)), LOWEST).astype(np.float32)

    def score(self, documents: Documents) -> Doubles:
        """Return the log-probabilities ``(n, topics)`` of documents."""
        logits = self.logits(documents)
        with may_diverge():
            return np.asarray(self.program.form.log_probabilities(logits), np.float64)

    def logits(self, documents: Documents) -> Doubles:
        """Return the numbers ``(n, topics)`` that the last function is given."""
        program = self.program
        arena = self.arenas[0]
        count = len(documents[0]) // 2
        scores = np.zeros((count, program.width), np.float32)
        order = longest_first(documents, np.arange(count), max(count, 1))
        arrays = (arena, arena, order, *documents, scores)
        program.code.run("score", arrays, count)
        return scores[:, : program.sizes.topics].astype(np.float64)

    def judge(self, documents: Documents, y: Labels) -> Judged:
        """Return the mean loss and the score on documents."""
        loss = loss_of(form_of(y))
        with may_diverge():
            return loss.judge(self.logits(documents), y)


class NativeNetwork(Scorer):
    """A network in training, with an arena for each half of a batch."""

    def __init__(
        self,
        program: "Program",
        model: LayeredNetwork,
        x: Inputs,
        settings: TrainingSettings,
        seed: int,
    ):
        from .adam import rates_of

        self.settings = settings
        self.seed = seed
        self.loss_weights = np.ones(len(x), np.float32)
        self.n_done = 0  # documents of the epoch in progress
        self.notes = np.zeros((0, 0), np.float32)  # of these
        self.rates = rates_of(settings, len(x))
        weights = [part.initial(seed) for part in program.parts]
        bag = model.layers[0]
        if bag.word_values:
            weights.insert(0, word_weights(x, program.sizes.n_ids, bag.word_values))
        super().__init__(program, model, weights, seed)

    def start_from(self, weights: Sequence[Floats]) -> None:
        """Begin with other weights; they are the first ones that are trained."""
        for part, array in zip(self.program.parts, weights, strict=False):
            part.write(self.arenas[0], array)

    def weights(self) -> Weights:
        """Return a copy of the weights, or of their averages, in Keras's order."""
        trained = [part.read(self.arenas[0]) for part in self.program.parts]
        return [*self.fixed, *trained]

    def state(self) -> State:
        """Return what the next step depends on, for ``restore``."""
        state = {"done": np.array([self.n_done]), "notes": self.notes[: self.n_done]}
        for number, array in enumerate(self._trained()):
            state[f"trained {number}"] = array
        return state

    def restore(self, state: State, epoch: int) -> None:
        """Continue in an epoch with what ``state`` has returned.

        ``ValueError`` or ``KeyError`` is raised if it was that of another network.
        """
        settings = self.settings
        batch = self.program.sizes.batch
        n = len(self.loss_weights)
        count = settings.documents_in_epoch(n)
        n_done = int(state["done"].item())
        if not 0 <= n_done < count or n_done % batch or epoch > settings.epochs:
            raise ValueError(f"{n_done} documents of epoch {epoch} are done")
        self.n_done = n_done
        self.notes = _room_for_notes(self.program, count)
        self.notes[:n_done] = state["notes"]
        for number, array in enumerate(self._trained()):
            array[...] = state[f"trained {number}"]
        steps = (epoch - 1) * settings.count_batches(n) + n_done // batch
        for arena in self.arenas:
            self.program.set_clock(arena, steps)

    def _trained(self) -> Iterator[Floats]:
        """Yield views of the arrays that the optimizer changes."""
        for trained in self.program.all_trained:
            for array in trained.state:
                yield array.of(self.arenas[0])

    def train(
        self,
        documents: Documents,
        y: Labels,
        epoch: int,
        threads: int = 1,
        pause: Callable[[], None] = ignore,
    ) -> Judged:
        """Train for an epoch, or for the rest of it, by up to two threads.

        ``pause`` is called now and then, when ``state`` may be. Return the mean loss
        and the score in training.
        """
        program = self.program
        batch = program.sizes.batch
        loss = loss_of(form_of(y))
        order = np.concatenate(self.settings.batches(len(y), self.seed, epoch))
        count = len(order)
        order_of_batches = longest_first(documents, order, batch)
        weights = self.loss_weights
        labels = loss.targets(y, weights, program.width)
        if not self.n_done:
            self.notes = _room_for_notes(program, count)
        at_once = max(1, BETWEEN_PAUSES // batch) * batch
        while self.n_done < count:
            first = self.n_done
            read = (order_of_batches[first:], *documents)
            results = (labels, self.rates, self.notes[first:])
            self._train_part(read, results, min(at_once, count - first), threads)
            self.n_done = min(first + at_once, count)
            if self.n_done < count:
                pause()
        self.n_done = 0
        in_order = order_of_batches[:count].view(np.int32)
        noted = self.notes[:count].astype(np.float64)
        with may_diverge():
            return loss.judge_notes(noted, y[in_order], weights[in_order])

    def _train_part(
        self,
        read: Sequence[Floats],
        results: Sequence[Floats],
        count: int,
        threads: int,
    ) -> None:
        """Train on the next documents in the order."""
        arena, other = self.arenas
        first = (arena, arena, *read, other, *results)
        if threads == 1:
            self.program.code.run("epoch", first, count)
        else:
            second = (arena, other, *read, arena, *results)
            self._train_halves(first, second, count)

    def _train_halves(
        self, first: Sequence[Floats], second: Sequence[Floats], count: int
    ) -> None:
        """Train for an epoch, with another thread for the second half of each batch."""
        run = self.program.code.run
        batch = self.program.sizes.batch
        with ThreadPoolExecutor(1) as pool:
            for start in range(0, count, batch):
                size = min(batch, count - start)
                for phase in self.program.phases:
                    other = pool.submit(run, phase, second, start, size)
                    run(phase, first, start, size)
                    other.result()
        run("finish", first)
        run("finish", second)


def _room_for_notes(program: "Program", count: int) -> Floats:
    """Return room for what machine code notes of each document."""
    width = 2 if program.form.has_one_label else program.width + 1
    return np.zeros((count + program.sizes.rows, width), np.float32)


def longest_first(documents: Documents, order: Positions, batch: int) -> Floats:
    """Return an order of documents with the longest of each batch first."""
    bounds = documents[0].view(np.int32)
    lengths = (bounds[1::2] - bounds[::2])[order]
    batches = np.arange(len(order)) // batch
    by_length = order[np.lexsort((-lengths, batches))]
    return _in_place_of_floats(np.pad(by_length, (0, SLACK)))


def _in_place_of_floats(numbers: Ids) -> Floats:
    """Return whole numbers, to be given to machine code as if they were floats."""
    return numbers.astype(np.int32, copy=False).view(np.float32)


def _bounds(starts: Positions, ends: Positions) -> Floats:
    """Return where each document begins and ends, for the code."""
    return _in_place_of_floats(np.stack([starts, ends], axis=1).ravel())
