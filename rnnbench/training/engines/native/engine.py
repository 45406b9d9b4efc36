"""The engine ``native``: networks trained by machine code that is made for them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import RnnbenchError
from rnnbench.labels import Labels, form_of
from rnnbench.models.descriptions import LayeredNetwork, Model
from rnnbench.models.inputs import Ids, as_numbers, weighted_words, word_weights
from rnnbench.models.layers import Shape
from rnnbench.models.layers.feedforward import WordCounts
from rnnbench.models.layers.recurrent import Recurrent
from rnnbench.registry import PluginError
from rnnbench.training.engines.base import (
    Engine,
    FitRequest,
    ScoreRequest,
    ScoreTexts,
    result_of,
)
from rnnbench.training.epochs import (
    Epochs,
    TrainingSettings,
    begin,
    hold_out_documents,
    threads_now,
)
from rnnbench.training.outcome import LOWEST, Judged, TrialResult, Weights
from rnnbench.training.pretraining import initial_weights

from .losses import loss_of

if TYPE_CHECKING:
    from .program import Program

ROWS = range(4, 7)
"""Documents that go through a network together: few enough that all that the way back
needs stays in the cache, and enough to fill a tile."""
ROWS_OF_LARGE = (
    32  # where a layer's weights, which every group reads, fill the second cache
)
SECOND_CACHE = 2**19  # floats in it, or about so many
# documents that are laid out and scored together, so that they take little memory
AT_ONCE = 4096
# unused numbers after an order of documents, because a group may read past its end
SLACK = 64

Floats = NDArray[np.float32]
Documents = tuple[Floats, Floats, Floats]
"""Documents one after the other: where each begins, and where the last ends; their
words; and a number for each: the word itself, or its weight. Whole numbers take the
places of floats."""


class NativeEngine(Engine[LayeredNetwork]):
    """Trains networks of most kinds of layers with machine code."""

    name = "native"
    packages = ("llvmlite", "numpy")
    is_threaded = False
    costs = (0.0, 4, 0.7)
    revision = 1  # it was rewritten

    def prepare(self, threads: int) -> None:  # noqa: ARG002
        """Import llvmlite, and test the machine code."""
        self.why_not()

    @staticmethod
    @cache
    def why_not() -> str:
        use = "use training.engine: keras"
        if not find_spec("llvmlite"):
            return f"it needs llvmlite: pip install llvmlite, or {use}"
        try:
            from . import assembler, program

            here = assembler.processor()
            if here is None:
                allowed = "x86-64 with AVX2 and FMA, ARM64"
                return (
                    f"it makes no code for this processor (allowed: {allowed}); {use}"
                )
            is_right = program.passes(here)
            return (
                ""
                if is_right
                else f"its code gives wrong results on this processor; {use}"
            )
        except Exception as error:  # another version of llvmlite may fail in any way
            return f"llvmlite does not work here ({error}); {use}"

    def covers(self, model: Model, settings: TrainingSettings) -> bool:
        """Return whether there is machine code for the layers of a model, trained by
        Adam.
        """
        if not isinstance(model, LayeredNetwork) or settings.optimizer != "adam":
            return False
        try:
            from .words import stages_of

            return bool(list(stages_of(model.layers)))
        except NotImplementedError:
            return False
        except PluginError:  # of a stage
            raise
        except Exception:  # llvmlite is missing or broken, and ``why_not`` says so
            return True

    def fit(self, request: FitRequest[LayeredNetwork]) -> TrialResult:
        model, dataset, settings, seed, on_epoch, keep_model = request
        (x, y), validation = hold_out_documents(dataset, settings.validation_split)
        epochs = Epochs(on_epoch, settings.early_stopping)
        initial = initial_weights(model, dataset, settings.validation_split)
        begin("compiling")
        program = program_of(model, Shape.of(dataset), settings, len(x))
        program.code  # noqa: B018 - compiled here
        network = NativeNetwork(program, model, x, settings, seed, initial)
        begin()
        documents = network.lay_out(x)
        unseen = (network.lay_out(validation[0]), validation[1]) if validation else None
        timed = 0
        for epoch in range(1, settings.epochs + 1):
            threads = min(threads_now(), 2, program.group.per_batch)
            timed += threads == 1
            found = network.train(documents, y, epoch, threads)
            judged = (
                Scorer(program, model, network.weights()).judge(*unseen)
                if unseen
                else None
            )
            epochs.note(found, judged, network.weights)
            if epochs.is_over:
                break
        best = epochs.best_weights if validation else network.weights()
        params = sum(own.size for own in best[len(network.fixed) :])
        record = epochs.record(self.name, params, settings, len(y), timed)

        def score(x: NDArray[np.int32]) -> Floats:
            return Scorer(program, model, best).scores(x)

        kept = best if keep_model else None
        return result_of(request, record, score, validation, kept)

    def weight_shapes(self, model: Model, shape: Shape) -> list[tuple[int, ...]] | None:
        if not isinstance(model, LayeredNetwork) or self.why_not():
            return None
        if not self.covers(model, TrainingSettings()):
            return None
        counts = [(shape.n_ids,)] if isinstance(model.layers[0], WordCounts) else []
        try:
            program = program_of(model, shape, None, AT_ONCE, is_kept=False)
            return [*counts, *(part.shape for part in program.parts)]
        except RnnbenchError:  # it is too large
            return None

    def scorer(
        self, model: LayeredNetwork, weights: Weights, shape: Shape
    ) -> ScoreTexts:
        def score(request: ScoreRequest) -> Floats:
            program = program_of(model, shape, None, AT_ONCE)
            scorer = Scorer(program, model, weights)
            parts = np.split(request.ids, range(AT_ONCE, len(request.ids), AT_ONCE))
            return np.concatenate([scorer.scores(part) for part in parts])

        return score


class Scorer:
    """A network with weights in Keras's order; use it once, unless its program can only
    score.
    """

    def __init__(
        self,
        program: "Program",
        model: LayeredNetwork,
        weights: Weights,
        seed: int | None = None,
    ):
        self.program, self.model = program, model
        self.fixed = weights[
            : len(weights) - len(program.parts)
        ]  # those that are not trained
        self.arenas = program.new_arenas(weights[len(self.fixed) :], seed)

    def lay_out(self, x: Ids) -> Documents:
        """Return documents ``(n, timesteps)`` as the network reads them, without masked
        padding.
        """
        first = self.model.layers[0]
        if isinstance(first, WordCounts):
            numbers, words, values = weighted_words(x, self.fixed[0], first.values)
            lengths = np.bincount(numbers, minlength=len(x))
        else:
            is_read = x != 0 if first.gives_mask else np.ones(x.shape, bool)
            lengths, words = is_read.sum(axis=1), x[is_read]
            values = as_numbers(self.model.inputs, self.program.sizes.n_ids, x)[is_read]
        starts = np.append(0, np.cumsum(lengths))
        return _in_place_of_floats(starts), _in_place_of_floats(words), values

    def scores(self, x: Ids) -> Floats:
        """Return the scores ``(n, topics)`` of documents ``(n, timesteps)``."""
        return np.maximum(self.score(self.lay_out(x)), LOWEST).astype(np.float32)

    def score(self, documents: Documents) -> NDArray[np.float64]:
        """Return the log-probabilities ``(n, topics)`` of documents."""
        logits = self.logits(documents)
        # A training may have diverged, which is found later.
        with np.errstate(invalid="ignore"):
            return np.asarray(self.program.form.log_probabilities(logits), np.float64)

    def logits(self, documents: Documents) -> NDArray[np.float64]:
        """Return the numbers ``(n, topics)`` that the last function is given."""
        program, count, arena = self.program, len(documents[0]) - 1, self.arenas[0]
        scores = np.zeros((count, program.width), np.float32)
        order = longest_first(documents, np.arange(count), max(count, 1))
        program.code.run("score", arena, arena, order, *documents, scores, count)
        return scores[:, : program.sizes.topics].astype(np.float64)

    def judge(self, documents: Documents, y: Labels) -> Judged:
        """Return the mean loss and the score on documents."""
        return loss_of(form_of(y)).judge(self.logits(documents), y)


class NativeNetwork(Scorer):
    """A network in training, with an arena for each half of a batch."""

    def __init__(
        self,
        program: "Program",
        model: LayeredNetwork,
        x: NDArray[np.int32],
        recipe: TrainingSettings,
        seed: int,
        initial: Sequence[Floats] = (),
    ):
        from .adam import rates_of

        bag, weights = model.layers[0], [part.initial(seed) for part in program.parts]
        weights[: len(initial)] = initial
        if isinstance(bag, WordCounts):
            weights = [word_weights(x, program.sizes.n_ids, bag.values), *weights]
        super().__init__(program, model, weights, seed)
        self.recipe, self.seed, self.rates = recipe, seed, rates_of(recipe, len(x))

    def weights(self) -> Weights:
        """Return a copy of the weights, or of their averages, in Keras's order."""
        return [
            *self.fixed,
            *(part.read(self.arenas[0]) for part in self.program.parts),
        ]

    def train(
        self, documents: Documents, y: Labels, epoch: int, threads: int = 1
    ) -> Judged:
        """Train for an epoch, by up to two threads; return the mean loss and the
        score.
        """
        count = len(y)
        loss = loss_of(form_of(y))
        order = np.concatenate(self.recipe.batches(count, self.seed, epoch))
        columns = loss.columns(self.program.width)
        notes = np.zeros((count + self.program.sizes.rows, columns), np.float32)
        read = longest_first(documents, order, self.program.sizes.batch), *documents
        weights = self.recipe.weights_of(y)
        targets = loss.targets(y, weights)
        labels = np.pad(targets, ((0, 0), (0, columns - targets.shape[1])))
        arena, other = self.arenas
        first = arena, arena, *read, other, labels, self.rates, notes
        if threads == 1:
            self.program.code.run("epoch", *first, count)
        else:
            self._train_halves(first, (arena, other, *read, arena, *first[-3:]), count)
        in_order = read[0][:count].view(np.int32)
        noted = notes[:count].astype(np.float64)
        return loss.judge_notes(noted, y[in_order], weights[in_order])

    def _train_halves(
        self, first: Sequence[Floats], second: Sequence[Floats], count: int
    ) -> None:
        """Train for an epoch, with another thread for the second half of each batch."""
        run, batch = self.program.code.run, self.program.sizes.batch
        with ThreadPoolExecutor(1) as pool:
            for start in range(0, count, batch):
                step = start, min(batch, count - start)
                for phase in self.program.phases:
                    other = pool.submit(run, phase, *second, *step)
                    run(phase, *first, *step)
                    other.result()
        run("finish", *first)
        run("finish", *second)


def program_of(
    model: LayeredNetwork,
    shape: Shape,
    recipe: TrainingSettings | None,
    count: int,
    *,
    is_kept: bool = True,
) -> "Program":
    """Return the program that trains on ``count`` documents; without a recipe, one that
    scores.

    It takes the place of the last one that was kept, if it ``is_kept``.
    """
    from .assembler import processor
    from .memory import Sizes
    from .program import Program, program_for

    here, batch = processor(), min(recipe.batch_size, count) if recipe else count
    assert here is not None  # noqa: S101 - see ``why_not``
    rows = rows_for(model, batch)
    numbers = (
        shape.timesteps,
        shape.n_topics,
        shape.n_ids,
        batch if recipe else rows,
        rows,
    )
    ema, clip = (recipe.ema, recipe.gradient_clip) if recipe else (None, None)
    sizes = Sizes(
        *numbers, here.lanes, averages=bool(ema), only_scores=not recipe, clip=clip
    )
    return (program_for if is_kept else Program)(model.layers, sizes, here)


def rows_for(model: LayeredNetwork, batch: int) -> int:
    """Return the size of a group: the largest that leaves the fewest places of the last
    empty.
    """
    recurrent = [part for part in model.parts if isinstance(part, Recurrent)]
    if any(layer.gates * layer.units**2 >= SECOND_CACHE for layer in recurrent):
        return -(-batch // -(-batch // ROWS_OF_LARGE))
    return min(batch, max(ROWS, key=lambda rows: (-(-batch % rows), rows)))


def longest_first(documents: Documents, order: NDArray[np.intp], batch: int) -> Floats:
    """Return an order of documents with the longest of each batch first."""
    lengths, number = (
        np.diff(documents[0].view(np.int32))[order],
        np.arange(len(order)) // batch,
    )
    by_length = order[np.lexsort((-lengths, number))]
    return _in_place_of_floats(np.pad(by_length, (0, SLACK)))


def _in_place_of_floats(whole: NDArray[np.integer]) -> Floats:
    return whole.astype(np.int32).view(np.float32)
