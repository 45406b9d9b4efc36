"""The engine ``native``: plain recurrent stacks, trained by machine code that is made for them."""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import LayeredNetwork, Model
from rnnbench.models.in_numpy import as_numbers
from rnnbench.models.layers.feedforward import Dense
from rnnbench.models.layers.recurrent import Recurrent
from rnnbench.training.engines.base import Engine
from rnnbench.training.engines.native.cells import CELLS
from rnnbench.training.engines.native.network import (
    BETA_1,
    BETA_2,
    NetworkSizes,
    initial_weights,
    new_arena,
    read_weights,
)
from rnnbench.training.epochs import (
    TRAINING,
    Documents,
    Epochs,
    OnEpoch,
    batches,
    begin,
    count_batches,
    hold_out_documents,
)
from rnnbench.training.outcome import LOWEST, TrialResult, Weights

if TYPE_CHECKING:
    from rnnbench.training.engines.native.program import Program
    from rnnbench.training.settings import Recipe


class NativeEngine(Engine):
    """Trains stacks of plain recurrent layers; a whole epoch is one call of machine code."""

    name = "native"
    packages = ("llvmlite", "numpy")
    is_threaded = False

    def prepare(self, threads: int) -> None:  # noqa: ARG002
        """Import llvmlite, and test the machine code."""
        why_not()

    def why_not(self) -> str:
        return why_not()

    def covers(self, model: Model, recipe: "Recipe") -> bool:
        """Return whether the model is plain recurrent layers and a softmax, trained by Adam."""
        if not isinstance(model, LayeredNetwork) or recipe.optimizer != "adam" or recipe.ema:
            return False
        *layers, last = model.layers
        kinds = [cell.layer for cell in CELLS.values()]
        are_plain = all(
            type(layer) in kinds and layer.settings().keys() <= {"return_sequences"}
            for layer in layers
        )
        return bool(layers) and are_plain and type(last) is Dense and last.gives_topics

    def fit(
        self,
        model: Model,
        dataset: Dataset,
        recipe: "Recipe",
        seed: int,
        on_epoch: OnEpoch,
        *,
        keep_model: bool,
    ) -> TrialResult:
        from rnnbench.training.engines.native.assembler import processor
        from rnnbench.training.engines.native.program import program_for

        assert isinstance(model, LayeredNetwork)  # noqa: S101 - the engine covers nothing else
        x = as_numbers(model, dataset.n_ids, dataset.x_train)
        (x, y), validation = hold_out_documents(x, dataset.y_train, recipe.validation_split)
        here = processor()
        assert here is not None  # noqa: S101 - see ``why_not``
        epochs = Epochs(on_epoch)
        recurrent = [layer for layer in model.layers if isinstance(layer, Recurrent)]
        sizes = NetworkSizes(
            layers=tuple((layer.kind, layer.units) for layer in recurrent),
            topics=len(dataset.topics),
            timesteps=dataset.timesteps,
            batch=min(recipe.batch_size, len(y)),
            lanes=here.lanes,
        )
        begin("compiling")
        program = program_for(sizes, here)
        begin(TRAINING)
        network = NativeNetwork(program, initial_weights(sizes, seed))
        for epoch in range(1, recipe.epochs + 1):
            order = np.concatenate(batches(len(y), recipe.batch_size, seed, epoch))
            loss, accuracy = network.train((x[order], y[order]), recipe.learning_rate)
            judged = network.judge(validation) if validation else None
            epochs.note(loss, accuracy, judged, lambda: network.weights)
        if validation:
            network = NativeNetwork(program, epochs.best_weights)
        weights = network.weights
        params = sum(weight.size for weight in weights)
        record = epochs.record(engine=self.name, params=params, recipe=recipe, documents=len(y))
        begin("testing")
        logs = network.log_probabilities(as_numbers(model, dataset.n_ids, dataset.x_test))
        scores = np.maximum(logs, LOWEST).astype(np.float32)
        return TrialResult(record, dataset.y_test, scores, weights if keep_model else None)


@cache
def why_not() -> str:
    """Return why no machine code can be made here, and what to do; empty if it can."""
    use = "use training.engine: compiled"
    if not find_spec("llvmlite"):
        return f"it needs llvmlite: pip install llvmlite, or {use}"
    try:
        from rnnbench.training.engines.native import assembler, program

        here = assembler.processor()
        if here is None:
            allowed = "x86-64 with AVX2 and FMA, ARM64"
            return f"it makes no code for this processor (allowed: {allowed}); {use}"
        is_right = program.passes(here)
        return "" if is_right else f"its code gives wrong results on this processor; {use}"
    except Exception as error:  # another version of llvmlite may fail in any way
        return f"llvmlite does not work here ({error}); {use}"


class NativeNetwork:
    """A network in training: its arena, and the optimizer steps taken so far."""

    def __init__(self, program: "Program", weights: Sequence[NDArray[np.float32]]):
        self.arrays, self.code = program
        self.arena, self.steps = new_arena(self.arrays, weights), 0

    @property
    def weights(self) -> Weights:
        """A copy of the weights, in Keras's order."""
        return read_weights(self.arrays, self.arena)

    def train(self, documents: Documents, learning_rate: float) -> tuple[float, float]:
        """Train for an epoch; return the mean loss and the accuracy meanwhile.

        The documents are in the order of the batches.
        """
        x, y = documents
        count = len(y)
        step = self.steps + np.arange(1.0, count_batches(count, self.arrays.sizes.batch) + 1)
        self.steps += len(step)
        # Keras rounds the decays to float32, too; for 0.999, the result shows it.
        beta_1, beta_2 = float(np.float32(BETA_1)), float(np.float32(BETA_2))
        rates = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        labels, answers = self._filled(y), self._filled(np.zeros((count, 2)))
        given = self._filled(x), labels, rates.astype(np.float32), answers
        self.code.run("epoch", self.arena, *given, count)
        of_topic, total = answers[:count].astype(np.float64).T
        return float(np.mean(np.log(total) - of_topic)), float(np.mean(of_topic == 0))

    def log_probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log-probabilities ``(n, topics)`` of documents."""
        scores = self._filled(np.zeros((len(x), self.arrays.logits.strides[0])))
        self.code.run("score", self.arena, self._filled(x), scores, len(x))
        logits = scores[: len(x), : self.arrays.sizes.topics].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits

    def judge(self, documents: Documents) -> tuple[float, float]:
        """Return the mean loss and the accuracy on documents that are not trained on."""
        x, y = documents
        logs = self.log_probabilities(x)
        loss = -logs[np.arange(len(y)), y].mean()
        return float(loss), float((logs.argmax(axis=1) == y).mean())

    def _filled(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return rows as floats, and zeros after them, because they are read in whole parts."""
        more = [(0, self.arrays.sizes.rows)] + [(0, 0)] * (rows.ndim - 1)
        return np.pad(rows.astype(np.float32), more)
