"""The interface that every engine has."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import Model
from rnnbench.models.layers import Shape
from rnnbench.training.decision import decide
from rnnbench.training.epochs import Documents, OnEpoch, TrainingSettings, begin
from rnnbench.training.outcome import TrialRecord, TrialResult, Weights


class FitRequest(NamedTuple):
    """A training for an engine.

    Attributes:
        model: the model, one that the engine covers.
        dataset: the documents; those that ``hold_out`` holds out only choose the best
            epoch.
        recipe: the training values.
        seed: decides everything random.
        on_epoch: is called after each epoch.
        keep_model: whether the weights are part of the result.
    """

    model: Model
    dataset: Dataset
    recipe: TrainingSettings
    seed: int
    on_epoch: OnEpoch
    keep_model: bool


def result_of(
    record: TrialRecord,
    dataset: Dataset,
    recipe: TrainingSettings,
    score: Callable[[NDArray[np.int32]], NDArray[np.float32]],
    held_out: Documents | None,
    weights: Weights | None,
    score_held_out: Callable[[NDArray[np.int32]], NDArray[np.float32]] | None = None,
) -> TrialResult:
    """Return the result of a training, from the scores that a model gives inputs.

    Held-out documents decide how scores become any number of topics. If this model
    learned them, ``score_held_out`` gives them the scores of another.
    """
    begin("testing")
    start = time.perf_counter()
    scores = score(dataset.x_test)
    ms = (time.perf_counter() - start) * 1000
    facts: dict[str, Any] = {"predict_ms_per_document": ms / len(scores)}
    if dataset.y_train.ndim == 2:
        chosen_on = (
            (held_out[1], (score_held_out or score)(held_out[0])) if held_out else None
        )
        facts["decision"] = decide(
            recipe.decision, record.score_kind, chosen_on, dataset.y_train
        )
    return TrialResult(record.model_copy(update=facts), dataset.y_test, scores, weights)


class Engine(ABC):
    """Trains models that a config describes.

    Another package adds an engine by naming an instance in the entry-point group
    ``rnnbench.engines``. Import heavy libraries inside the methods, so that a config
    that names the engine can be read quickly.

    Attributes:
        name: its name in a config.
        packages: the distributions whose versions can change a result, for
            fingerprints; an engine from another package includes that package.
        is_threaded: whether results may depend on the number of threads, by the order
            of sums.
        costs: to estimate times, if known: the seconds that a matrix product takes
            besides its arithmetic; the optimizer's time for a parameter, divided by
            that for adding two numbers of large arrays; the seconds to make a program.
        revision: how often its results changed in this version of rnnbench.
    """

    name: str
    packages: tuple[str, ...] = ()
    is_threaded: bool = True
    costs: tuple[float, float, float] | None = None
    revision: int = 0

    def prepare(self, threads: int) -> None:  # noqa: B027 - many engines need no preparation
        """Get a process ready for its first trial with so many threads; later calls do
        nothing.
        """

    def why_not(self) -> str:
        """Return why it cannot train anything on this machine, and what to do; empty if
        it can.
        """
        return ""

    def reader(
        self, model: Model, weights: Weights, shape: Shape
    ) -> Callable[[Sequence[str]], NDArray[np.float32]]:
        """Return what gives texts the log-probabilities ``(n, n_topics)`` of a kept
        model.

        Only engines whose models read words have it; ``fit`` has returned the weights.
        """
        raise NotImplementedError

    @abstractmethod
    def covers(self, model: Model, recipe: TrainingSettings) -> bool:
        """Return whether this engine can train ``model`` with ``recipe``."""

    @abstractmethod
    def fit(self, work: FitRequest) -> TrialResult:
        """Train a model that it covers, and score the test documents with it.

        The same work on the same machine must give the same scores, bit for bit.

        The result has a record of the training, without what identifies it;
        ``dataset.y_test``; finite scores, natural logarithms of probabilities or
        margins (see also ``rnnbench.log_probabilities``); and the weights, if the model
        is kept. ``RnnbenchError`` is raised if it cannot be trained.
        """


Assignment = FitRequest
"""The name of before, for packages that use it."""
