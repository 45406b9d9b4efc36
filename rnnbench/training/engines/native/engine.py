"""The engine ``native``: networks trained by machine code that is made for them.

``program_of`` makes the code, ``NativeNetwork`` trains with it, ``Scorer`` scores.
"""

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.data.padding import Inputs
from rnnbench.errors import RnnbenchError
from rnnbench.models.descriptions import LayeredNetwork, Model
from rnnbench.models.layers import Shape
from rnnbench.registry import PluginError
from rnnbench.training.engines.base import (
    Engine,
    FitRequest,
    ScoreRequest,
    ScoreTexts,
)
from rnnbench.training.epochs import Epochs, begin, threads_now
from rnnbench.training.hyperparameters import TrainingSettings
from rnnbench.training.outcome import TrialResult, Weights
from rnnbench.training.pretraining import initial_weights

from .losses import Floats
from .network import NativeNetwork, Scorer

if TYPE_CHECKING:
    from .memory import Sizes
    from .program import Program

ROWS = range(4, 7)
"""Documents that go through a network together: few enough that all that the way back
needs stays in the cache, and enough to fill a tile."""
# Where a layer's weights, which every group reads, fill the second cache.
ROWS_OF_LARGE = 32
SECOND_CACHE = 2**19  # floats in it, or about so many
# Documents that are laid out and scored together, so that they take little memory.
AT_ONCE = 4096
TIMED = "n_timed"  # in a checkpoint
USE_KERAS = "use training.engine: keras"


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
        if not find_spec("llvmlite"):
            return f"it needs llvmlite: pip install llvmlite, or {USE_KERAS}"
        try:
            from . import assembler, program

            processor = assembler.processor()
            if processor is None:
                allowed = "(allowed: x86-64 with AVX2 and FMA, ARM64)"
                return f"it makes no code for this processor {allowed}; {USE_KERAS}"
            if not program.passes(processor):
                return f"its code gives wrong results on this processor; {USE_KERAS}"
        except Exception as error:  # another version of llvmlite may fail in any way
            return f"llvmlite does not work here ({error}); {USE_KERAS}"
        return ""

    def covers(self, model: Model, settings: TrainingSettings) -> bool:
        """Return whether Adam trains the model, and each layer has machine code."""
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
        request = request._replace(pads=False)
        settings = request.settings
        (x, y), held_out = request.documents()
        epochs = Epochs(request.on_epoch, settings.early_stopping)
        state = epochs.resume()
        network = _new_network(request, x, is_continued=bool(state))
        program = network.program
        begin()
        documents = network.lay_out(x)
        validation = None
        if held_out:
            validation = network.lay_out(held_out[0])
        n_timed = 0  # epochs with one thread, the first ones
        if state:
            with epochs.checkpoint.blamed():
                network.restore(state, epochs.next_epoch)
                n_timed = int(state[TIMED].item())

        def keep() -> None:
            epochs.keep(lambda: {**network.state(), TIMED: np.array([n_timed])})

        for epoch in range(epochs.next_epoch, settings.epochs + 1):
            threads = min(threads_now(), 2, program.group.per_batch)
            if threads == 1:
                n_timed += 1
            trained = network.train(documents, y, epoch, threads, keep)
            validated = None
            if held_out and validation:
                scorer = Scorer(program, request.model, network.weights())
                validated = scorer.judge(validation, held_out[1])
            epochs.note(trained, validated, network.weights)
            if epochs.is_over:
                break
            if epoch < settings.epochs:
                keep()
        weights = epochs.best_weights
        if not held_out:
            weights = network.weights()
        params = sum(array.size for array in weights[len(network.fixed) :])
        record = epochs.record(self.name, params, settings, len(y), n_timed)

        def score(x: Inputs) -> Floats:
            return Scorer(program, request.model, weights).scores(x)

        kept = weights if request.keep_model else None
        return request.result(record, score, held_out, kept)

    def weight_shapes(
        self, model: LayeredNetwork, shape: Shape
    ) -> list[tuple[int, ...]] | None:
        if not self.covers(model, TrainingSettings()) or self.why_not():
            return None
        try:
            program = program_of(model, shape, None, AT_ONCE, is_kept=False)
        except RnnbenchError:  # it is too large
            return None
        shapes = [part.shape for part in program.parts]
        if model.layers[0].word_values:
            shapes.insert(0, (shape.n_ids,))
        return shapes

    def scorer(
        self, model: LayeredNetwork, weights: Weights, shape: Shape
    ) -> ScoreTexts:
        def score(request: ScoreRequest) -> Floats:
            program = program_of(model, shape, None, AT_ONCE)
            scorer = Scorer(program, model, weights)
            parts = np.split(request.ids, range(AT_ONCE, len(request.ids), AT_ONCE))
            return np.concatenate([scorer.scores(part) for part in parts])

        return score


def _new_network(
    request: FitRequest[LayeredNetwork], x: Inputs, *, is_continued: bool
) -> NativeNetwork:
    """Return a network to train on documents.

    It has its initial weights, unless a training ``is_continued``.
    """
    model = request.model
    settings = request.settings
    initial = []
    if not is_continued:
        initial = initial_weights(model, request.dataset, settings.validation_split)
    begin("compiling")
    program = program_of(model, Shape.of(request.dataset), settings, len(x))
    program.code  # noqa: B018 - compiled here
    network = NativeNetwork(program, model, x, settings, request.seed)
    network.loss_weights = request.loss_weights()
    network.start_from(initial)
    return network


def program_of(
    model: LayeredNetwork,
    shape: Shape,
    settings: TrainingSettings | None,
    count: int,
    *,
    is_kept: bool = True,
) -> "Program":
    """Return the program that trains on ``count`` documents.

    Without settings, it only scores. The last program is kept for the next call, unless
    ``is_kept`` is off.
    """
    from .assembler import processor
    from .program import Program, program_for

    here = processor()
    assert here is not None  # noqa: S101 - see ``why_not``
    sizes = sizes_of(model, shape, settings, count, here.lanes)
    if is_kept:
        return program_for(model.layers, sizes, here)
    return Program(model.layers, sizes, here)


def sizes_of(
    model: LayeredNetwork,
    shape: Shape,
    settings: TrainingSettings | None,
    count: int,
    lanes: int,
) -> "Sizes":
    """Return the sizes of a program, see ``program_of``."""
    from .memory import Sizes

    batch = count
    if settings:
        batch = min(settings.batch_size, count)
    rows = rows_for(model, batch)
    sizes = Sizes(
        timesteps=shape.timesteps,
        topics=shape.n_topics,
        n_ids=shape.n_ids,
        batch=rows,
        rows=rows,
        lanes=lanes,
        only_scores=settings is None,
    )
    if settings is None:
        return sizes
    averages = settings.ema is not None
    return replace(sizes, batch=batch, averages=averages, clip=settings.gradient_clip)


def rows_for(model: LayeredNetwork, batch: int) -> int:
    """Return the size of a group that leaves the fewest empty places in the last one.

    Of equal ones it is the largest.
    """
    parts = [part for layer in model.layers for part in layer.parts]
    if max(part.state_weights for part in parts) >= SECOND_CACHE:
        groups = -(-batch // ROWS_OF_LARGE)
        return -(-batch // groups)

    def fewest_empty(rows: int) -> tuple[int, int]:
        return -(-batch % rows), rows

    return min(batch, max(ROWS, key=fewest_empty))
