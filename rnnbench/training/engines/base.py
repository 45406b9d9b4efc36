"""The interface that every engine has."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import LayeredNetwork, Model
from rnnbench.models.layers import Layer, Shape
from rnnbench.training.decision import decide
from rnnbench.training.epochs import Documents, OnEpoch, Recipe, begin
from rnnbench.training.outcome import TrialRecord, TrialResult, Weights


def initial_weights(model: Model, dataset: Dataset, share: float) -> Weights:
    """Return the weights, first in Keras's order, that a model learns from texts beforehand.

    The ``share`` of the training documents that is held out is not read.
    """
    if not isinstance(model, LayeredNetwork):
        return []
    if model.pretrain:
        from rnnbench.training.language_model import language_weights  # imports SciPy

        return language_weights(model, dataset, share)
    return word_vectors(model.layers[0], dataset, share)


def word_vectors(first: Layer, dataset: Dataset, share: float) -> Weights:
    """Return the word vectors that a first layer asks for, if any."""
    if not first.pretrained_dim:
        return []
    from rnnbench.training.word_vectors import pretrained_vectors  # imports SciPy

    begin("making word vectors")
    unlabeled = first.reads_unlabeled
    return [pretrained_vectors(dataset, first.pretrained_dim, share, unlabeled=unlabeled)]


def result_of(
    record: TrialRecord,
    dataset: Dataset,
    recipe: Recipe,
    score: Callable[[NDArray[np.int32]], NDArray[np.float32]],
    held_out: Documents | None,
    weights: Weights | None,
    score_held_out: Callable[[NDArray[np.int32]], NDArray[np.float32]] | None = None,
) -> TrialResult:
    """Return the result of a training, from the scores that a model gives inputs.

    Held-out documents decide how scores become any number of topics. If the model was trained on
    them, too, another one has to score them.
    """
    begin("testing")
    start = time.perf_counter()
    scores = score(dataset.x_test)
    ms = (time.perf_counter() - start) * 1000
    facts: dict[str, Any] = {"predict_ms_per_document": ms / len(scores)}
    if dataset.y_train.ndim == 2:
        chosen_on = (held_out[1], (score_held_out or score)(held_out[0])) if held_out else None
        facts["decision"] = decide(recipe.decision, record.score_kind, chosen_on, dataset.y_train)
    return TrialResult(record.model_copy(update=facts), dataset.y_test, scores, weights)


class Engine(ABC):
    """Trains models that a config describes.

    Another package adds an engine by naming an instance in the entry-point group
    ``rnnbench.engines``. Import heavy libraries inside the methods, so that a config that names
    the engine can be read quickly.

    Attributes:
        name: its name in a config.
        packages: the distributions whose versions can change a result. They are part of the
            fingerprint of every trial; an engine from another package includes that package.
        is_threaded: whether it uses several threads. If it does, the order of sums, and so the
            results, may depend on their number.
        costs: for estimates of time: the seconds that a matrix product takes besides its
            arithmetic; the optimizer's time for a parameter, divided by that for adding two numbers
            of large arrays; the seconds to make a program. ``None`` if they are not known.
        revision: how often its results changed in this version of rnnbench.
    """

    name: str
    packages: tuple[str, ...] = ()
    is_threaded: bool = True
    costs: tuple[float, float, float] | None = None
    revision: int = 0

    def prepare(self, threads: int) -> None:  # noqa: B027 - many engines need no preparation
        """Get a worker process ready for its first trial; later calls change nothing.

        The process may use so many threads, the same number in every call.
        """

    def why_not(self) -> str:
        """Return why it cannot train anything on this machine, and what to do; empty if it can."""
        return ""

    def reader(
        self, model: Model, weights: Weights, shape: Shape
    ) -> Callable[[Sequence[str]], NDArray[np.float32]]:
        """Return what gives texts the log-probabilities of a kept model, ``(n, n_topics)``.

        Only for an engine whose models read words; ``fit`` has returned the weights.
        """
        raise NotImplementedError

    @abstractmethod
    def covers(self, model: Model, recipe: Recipe) -> bool:
        """Return whether this engine can train ``model`` with ``recipe``."""

    @abstractmethod
    def fit(
        self,
        model: Model,
        dataset: Dataset,
        recipe: Recipe,
        seed: int,
        on_epoch: OnEpoch,
        *,
        keep_model: bool,
    ) -> TrialResult:
        """Train a model, and score the test documents with it.

        The same arguments on the same machine must give the same scores, bit for bit.

        Args:
            model: a description that this engine covers.
            dataset: the documents to train on and to score.
            recipe: the hyperparameters. The training documents that ``hold_out`` holds
                out are used only to choose the best epoch.
            seed: decides everything random.
            on_epoch: called after each epoch.
            keep_model: whether to return the weights of the trained model too.

        Returns:
            A record of the training, without what identifies it; ``dataset.y_test``; and finite
            scores: natural logarithms of probabilities, or margins. ``rnnbench.log_probabilities``
            gives a finite logarithm to a probability of 0.

        Raises:
            RnnbenchError: the model cannot be trained.
        """
