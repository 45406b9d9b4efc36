"""The engine ``native``: plain recurrent stacks, trained by machine code that is made for them."""

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset, hold_out
from rnnbench.models.descriptions import LayeredNetwork, Model
from rnnbench.models.layers.feedforward import Dense
from rnnbench.models.layers.recurrent import Recurrent
from rnnbench.training.engines.base import Engine
from rnnbench.training.engines.native.cells import CELLS
from rnnbench.training.engines.native.network import NetworkSizes
from rnnbench.training.engines.native.weights import initial_weights
from rnnbench.training.epochs import Epochs, OnEpoch
from rnnbench.training.outcome import LOWEST, TrialResult
from rnnbench.training.phases import TRAINING, begin

if TYPE_CHECKING:
    from rnnbench.training.recipe import Recipe


class NativeEngine(Engine):
    """Trains stacks of plain recurrent layers; a whole epoch is one call of machine code."""

    name = "native"
    packages = ("llvmlite", "numpy")
    is_threaded = False

    def prepare(self, threads: int) -> None:  # noqa: ARG002
        """Import llvmlite, and test the machine code."""
        why_not()

    def why_not(self) -> str:
        """Return why no machine code can be made here; empty if it can."""
        return why_not()

    def covers(self, model: Model, recipe: "Recipe") -> bool:
        """Return whether the model is plain recurrent layers and a softmax, trained by Adam."""
        if not isinstance(model, LayeredNetwork) or recipe.optimizer != "adam" or recipe.ema:
            return False
        *layers, last = model.layers
        plain = _recurrent(model)
        is_stack = bool(layers) and layers == plain and not plain[-1].return_sequences
        return is_stack and type(last) is Dense and last.gives_topics

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
        """Train a network and score the test documents; see ``Engine.fit``."""
        from rnnbench.training.engines.native.training import (
            NativeNetwork,
            processor,
            program_for,
            train,
        )

        assert isinstance(model, LayeredNetwork)  # noqa: S101 - the engine covers nothing else
        x, y = _inputs(model, dataset, dataset.x_train), dataset.y_train
        kept, held_out = hold_out(len(y), recipe.validation_split)
        validation = (x[held_out], y[held_out]) if len(held_out) else None
        here = processor()
        assert here is not None  # noqa: S101 - see ``why_not``
        epochs = Epochs(on_epoch)
        sizes = NetworkSizes(
            layers=tuple((layer.kind, layer.units) for layer in _recurrent(model)),
            topics=len(dataset.topics),
            timesteps=dataset.timesteps,
            batch=min(recipe.batch_size, len(kept)),
            lanes=here.lanes,
        )
        begin("compiling")
        program = program_for(sizes, here)
        begin(TRAINING)
        network = NativeNetwork(program, initial_weights(sizes, seed))
        train(network, (x[kept], y[kept]), validation, recipe, seed, epochs)
        if validation:
            network = NativeNetwork(program, epochs.best_weights)
        weights = network.weights
        params = sum(weight.size for weight in weights)
        record = epochs.record(engine=self.name, params=params, recipe=recipe, documents=len(kept))
        begin("testing")
        logs = network.log_probabilities(_inputs(model, dataset, dataset.x_test))
        scores = np.maximum(logs, LOWEST).astype(np.float32)
        return TrialResult(record, dataset.y_test, scores, weights if keep_model else None)


@cache
def why_not() -> str:
    """Return why no machine code can be made here, and what to do; empty if it can."""
    use = "use training.engine: compiled"
    if not find_spec("llvmlite"):
        return f"it needs llvmlite: pip install llvmlite, or {use}"
    try:
        from rnnbench.training.engines.native.training import passes, processor

        here = processor()
        if here is None:
            allowed = "x86-64 with AVX2 and FMA, ARM64"
            return f"it makes no code for this processor (allowed: {allowed}); {use}"
        return "" if passes(here) else f"its code gives wrong results on this processor; {use}"
    except Exception as error:  # another version of llvmlite may fail in any way
        return f"llvmlite does not work here ({error}); {use}"


def _recurrent(model: LayeredNetwork) -> list[Recurrent]:
    """Return the recurrent layers that are as in Keras."""
    covered = [cell.layer for cell in CELLS.values()]
    return [
        layer
        for layer in model.layers
        if isinstance(layer, Recurrent)
        and type(layer) in covered
        and layer.settings().keys() <= {"return_sequences"}
    ]


def _inputs(model: LayeredNetwork, dataset: Dataset, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return ids as numbers, scaled if the model says so."""
    scale = 1 / dataset.n_ids if model.inputs == "scaled_ids" else 1.0
    return ids.astype(np.float32) * np.float32(scale)
