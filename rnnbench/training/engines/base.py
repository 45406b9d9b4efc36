"""The interface that every engine has.

``engine.fit(request)`` trains a model and scores the test documents with it. Later,
``engine.scorer(model, weights, shape)`` scores texts with the weights that were kept.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from rnnbench.data.corpus import Positions, Tokens
from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.padding import Inputs, padded, some_of
from rnnbench.data.vocabulary import Vocabulary
from rnnbench.labels import Scores
from rnnbench.models.descriptions import Model, ModelSection
from rnnbench.models.layers import Shape
from rnnbench.training.decision import decide
from rnnbench.training.epochs import Documents, OnEpoch, begin
from rnnbench.training.hyperparameters import TrainingSettings
from rnnbench.training.outcome import Floats, TrialRecord, TrialResult, Weights

M = TypeVar("M", bound=ModelSection)
"""The kind of models that an engine trains."""
ScoreInputs = Callable[..., Floats]
"""Gives inputs ``(n, timesteps)`` their scores ``(n, n_topics)``."""


class FitRequest(NamedTuple, Generic[M]):
    """A training for an engine.

    Attributes:
        model: the model, one that the engine covers.
        dataset: the documents; those that ``hold_out`` holds out only choose the best
            epoch.
        settings: the training values.
        seed: decides everything random.
        on_epoch: is called after each epoch.
        keep_model: whether the weights are part of the result.
        sample_weights: how much each training document counts, ``(n_train,)``; ``None``
            if all count the same.
        pads: whether documents are arrays ``(n, timesteps)``; otherwise they may be
            ``Sequences``, which take less memory.
    """

    model: M
    dataset: Dataset
    settings: TrainingSettings
    seed: int
    on_epoch: OnEpoch
    keep_model: bool
    sample_weights: Floats | None = None
    pads: bool = True

    @property
    def recipe(self) -> TrainingSettings:
        """The settings by their name of before, for packages that use it."""
        return self.settings

    def documents(self) -> tuple[Documents, Documents | None]:
        """Return the documents to train on, and those to validate on, if any are."""
        y = self.dataset.y_train
        share = self.settings.validation_split
        kept, held_out = hold_out(len(y), share, self.dataset.groups)
        validation = None
        if held_out.size:
            validation = self._inputs(held_out), y[held_out]
        return (self._inputs(kept), y[kept]), validation

    def _inputs(self, places: Positions) -> Inputs:
        inputs = some_of(self.dataset.train_inputs, places)
        return padded(inputs) if self.pads else inputs

    def loss_weights(self) -> Floats:
        """Return how much the loss of each document to train on counts."""
        y = self.dataset.y_train
        kept, _ = hold_out(len(y), self.settings.validation_split, self.dataset.groups)
        weights = self.settings.weights_of(y[kept])
        if self.sample_weights is not None:
            weights *= self.sample_weights[kept]
        return weights

    def result(
        self,
        record: TrialRecord,
        score: ScoreInputs,
        held_out: Documents | None = None,
        weights: Weights | None = None,
    ) -> TrialResult:
        """Return the result of a training, from the scores that a model gives inputs.

        Held-out documents decide how scores become any number of topics, unless the
        record has a decision.
        """
        dataset = self.dataset
        begin("testing")
        start = time.perf_counter()
        scores = np.zeros((0, len(dataset.topics)), np.float32)
        if len(dataset.y_test):
            scores = score(dataset.x_test if self.pads else dataset.test_inputs)
        seconds = time.perf_counter() - start
        decision = record.decision
        if decision is None:
            rule = self.settings.decision
            judged = None
            if held_out and rule.is_chosen_for(dataset.y_train):
                x, y = held_out
                judged = y, score(x)
            decision = decide(rule, record.score_kind, judged, dataset.y_train)
        ms = seconds * 1000 / max(len(scores), 1)
        changes = {"predict_ms_per_document": ms, "decision": decision}
        record = record.model_copy(update=changes)
        return TrialResult(record, dataset.y_test, scores, weights)


class ScoreRequest(NamedTuple):
    """Texts to score with a kept model.

    Attributes:
        ids: their word ids, cut and padded, ``(n, timesteps)``.
        texts: all their words, joined.
        vocabulary: the words of the ids.
    """

    ids: Tokens
    texts: Sequence[str]
    vocabulary: Vocabulary


ScoreTexts = Callable[[ScoreRequest], Scores]
"""Gives texts their scores ``(n, n_topics)``."""


class Engine(ABC, Generic[M]):
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

    def prepare(self, threads: int) -> None:
        """Get a process ready for its first trial with so many threads.

        Later calls do nothing.
        """

    def why_not(self) -> str:
        """Return why it cannot train anything on this machine, and what to do.

        Empty if it can.
        """
        return ""

    @abstractmethod
    def covers(self, model: Model, settings: TrainingSettings) -> bool:
        """Return whether this engine can train ``model`` with ``settings``."""

    @abstractmethod
    def fit(self, request: FitRequest[M]) -> TrialResult:
        """Train a model that it covers, and score the test documents with it.

        The same request on the same machine must give the same scores, bit for bit.

        The result has a record of the training, without what identifies it;
        ``dataset.y_test``; finite scores, natural logarithms of probabilities or
        margins (see also ``rnnbench.plugin.log_probabilities``); and the weights, if
        the model is kept. ``RnnbenchError`` is raised if it cannot be trained.
        """

    def weight_shapes(  # an engine that knows none does not use the arguments
        self,
        model: M,  # noqa: ARG002
        shape: Shape,  # noqa: ARG002
    ) -> list[tuple[int, ...]] | None:
        """Return the shapes of a model's weights, float32, in the order of ``fit``.

        ``None`` if they are not known before the model is made.
        """
        return None

    def scorer(self, model: M, weights: Weights, shape: Shape) -> ScoreTexts:
        """Return what scores texts with a kept model, as ``fit`` scores documents.

        ``ValueError`` is raised if the weights are not those of the model. By default,
        ``reader`` gives the scores.
        """
        from joblib import cpu_count

        self.prepare(int(cpu_count()))
        read = self.reader(model, weights, shape)
        return lambda request: read(request.texts)

    def reader(
        self, model: M, weights: Weights, shape: Shape
    ) -> Callable[[Sequence[str]], Floats]:
        """Return what gives texts the log-probabilities ``(n, n_topics)`` of a model.

        Only engines whose models read words need it; ``fit`` has returned the weights.
        """
        raise NotImplementedError
