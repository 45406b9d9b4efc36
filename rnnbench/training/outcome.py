"""The result of one trial: ``TrialResult``.

It is a record, and the scores that all metrics are computed from::

    result = run_trial(trial, corpus)
    result.record.fit_seconds  # what the engine reports, and what identifies the trial
    result.scores              # (n_test, n_topics)
    result.answers             # what follows from them
    result.score               # the main metric
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.environment import ProcessorRecord
from rnnbench.labels import Labels
from rnnbench.section import StoredRecord, formerly
from rnnbench.tasks import SINGLE_LABEL, TASKS, Decision, TaskKind

TRIAL_VERSION: Literal[5] = 5  # of the schema of ``TrialRecord``
LOWEST = float(np.log(np.finfo(np.float32).tiny))  # about -87.3
ROUNDING = 1e-3  # how far above 0 rounding may lift a log-probability

Floats = NDArray[np.float32]
Judged = tuple[float, float]  # the mean loss and the score of a model on documents
Weights = list[NDArray[Any]]
"""The weights of a network, in the order of Keras's ``model.get_weights()``; or the
arrays of a baseline, see ``models.linear``, of which there are none if it cannot be
kept."""


class History(StoredRecord):
    """Loss, the mean cross-entropy in nats, and score by epoch.

    They are those on the training documents or, with ``val_``, on documents held out of
    these. ``None`` stands for a loss that is no number.
    """

    loss: list[float | None] = []
    score: Annotated[list[float | None], formerly("accuracy")] = []
    val_loss: list[float | None] = []
    val_score: Annotated[list[float | None], formerly("val_accuracy")] = []


class Machine(StoredRecord):
    """The worker of a cluster that trained a model."""

    worker: str
    """Its name in the cluster."""
    host: str
    """The name of its machine."""
    python: str
    platform: str


class TrialRecord(StoredRecord):
    """One training: facts that its engine reports, and those that identify it.

    ``run_trial`` adds the latter.
    """

    older_versions = (4,)
    # What the engine reports:
    engine: str
    params: int | None
    """Number of trained parameters; ``None`` if not known."""
    score_kind: Literal["log_probabilities", "margins", "answers"]
    """The kind of score for each document and topic: natural logarithms of
    probabilities, or margins, which may be any numbers. If only answers are known, it
    is 1 for a topic that was given, and 0 for the others, or the score of the answer in
    place of the topic."""
    task: str = SINGLE_LABEL.name
    """The kind of task."""
    decision: Decision | None = None
    """How scores become answers, if a document may have any number of topics."""
    epochs: int = 0
    """Epochs of training; 0 for a model without epochs."""
    best_epoch: int | None = None
    """The epoch, from 1, that did best on the validation documents, and was kept;
    ``None`` where none are held out and the last one was kept."""
    steps: int = 0
    """Optimizer steps in all epochs together."""
    fit_seconds: float | None
    """Wall time of the training, preparation and compilation included; ``None`` if not
    known."""
    ms_per_step: float | None = None
    """Milliseconds per optimizer step; the median over the epochs after the first."""
    predict_ms_per_document: float | None = None
    """Milliseconds of scoring the test documents, all together, divided by their
    number."""
    peak_memory_mb: float | None = None
    """How far the memory of the process rose above what it held before the training and
    the test, in 10**6 bytes; ``None`` where the system does not tell: elsewhere than on
    Linux with glibc."""
    history: History = History()
    stock_layers: list[str] = []
    """Noted by an engine of earlier versions; empty in new records."""
    schema_version: Literal[5] = TRIAL_VERSION
    # What identifies the training:
    fingerprint: str = ""
    """Of everything that can change the outcome: model, data, training, seed and
    versions."""
    source: str = ""
    dataset_fingerprint: str = ""
    model: str = ""
    seed: int = 0
    cpu: str = ""
    """The name of the processor."""
    processor: ProcessorRecord | None = None
    """More about the processor that trained the model; ``None`` in records of earlier
    versions."""
    threads: int = 1
    """Threads of the process that trained the model."""
    machine: Machine | None = None
    """Where that was; ``None`` for the machine of ``environment.json``."""
    compact: bool = False
    """Whether only what tables need was stored; see ``results.compact``."""


@dataclass(frozen=True, eq=False)
class TrialResult:
    """The record and the scores of one trial, and the arrays of a model to keep."""

    record: TrialRecord
    labels: Labels
    """The true topics of the test documents, ``(n_test,)`` or ``(n_test,
    n_topics)``."""
    stored_scores: Floats | Callable[[], Floats]
    """The scores, or a function that reads them: the memory may be too small for all
    results."""
    weights: Weights | None = None
    given: Labels | None = None
    """The answers, if they do not follow from the scores and the decision in the
    record."""
    score_inputs: Callable[[NDArray[np.int32]], Floats] | None = None
    """Gives inputs ``(n, timesteps)`` the same scores as the test documents, in the
    process of the training; ``None`` if ``weights`` do."""
    corrections: Mapping[str, Floats] = field(default_factory=dict)
    """Of a compact trial, for each metric of scores: the numbers ``(n_test,)`` to add
    to the values of documents that its compact scores give."""

    def __repr__(self) -> str:
        return f"TrialResult({self.record.model!r}, seed {self.record.seed})"

    @property
    def task(self) -> TaskKind:
        """The kind of task."""
        return TASKS[self.record.task]

    @property
    def scores(self) -> Floats:
        """The scores ``(n_test, n_topics)``; finite even where a probability is 0."""
        if callable(self.stored_scores):
            return self.stored_scores()
        return self.stored_scores

    @cached_property
    def answers(self) -> Labels:
        """The answers, as labels are."""
        if self.given is not None:
            return self.given
        return self.task.answers(self.scores, self.record.decision)

    @property
    def sureness(self) -> Floats:
        """The probability of each answer, or its margin, ``(n_test,)``.

        It is for documents with one topic each.
        """
        best = np.asarray(self.scores.max(axis=1))
        if self.record.score_kind == "log_probabilities":
            best = np.exp(best)
        return best

    @property
    def parts(self) -> NDArray[Any]:
        """The numbers by document that give the main metric; see ``TaskKind.parts``."""
        return self.task.parts(self.labels, self.answers)

    @property
    def values(self) -> NDArray[Any]:
        """A number for each document, ``(n_test,)``, whose mean is the main metric."""
        return self.task.values(self.labels, self.answers)

    @property
    def score(self) -> float:
        """The main metric."""
        return float(self.values.mean())

    def without(self, positions: Sequence[int]) -> "TrialResult":
        """Return the result without some test documents, and without the network."""
        left = partial(np.delete, obj=positions, axis=0)
        corrections = {name: left(values) for name, values in self.corrections.items()}
        return TrialResult(
            self.record,
            left(self.labels),
            lambda: left(self.scores),
            given=None if self.given is None else left(self.given),
            corrections=corrections,
        )


Trials = Mapping[str, Sequence[TrialResult]]
"""Those of each model, by its name."""


def labels_of(trials: Trials) -> Labels:
    """Return the labels of the test documents, which all trials share."""
    first_model = next(iter(trials.values()))
    return first_model[0].labels


def log_probabilities(probabilities: NDArray[np.floating]) -> Floats:
    """Return the natural logarithms of probabilities, at least ``LOWEST``.

    Numbers that are no probabilities, as of a training that diverged, stay visible as
    NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.maximum(np.log(probabilities), LOWEST), np.float32)


def with_floor(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log-probabilities ``(n, n_topics)`` with other numbers for ``-inf``.

    They are ``LOWEST``, or the lowest finite one of the row if that is lower, so that a
    topic with such a number never outranks another.
    """
    is_finite = np.isfinite(logs)
    lowest = np.min(logs, axis=1, keepdims=True, where=is_finite, initial=LOWEST)
    return np.where(np.isneginf(logs), lowest, logs)
