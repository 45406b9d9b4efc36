"""One trial: one model, trained once with one seed on one dataset; or an ensemble of
such.

It is plain data that can be sent to another process or machine; ``run_trial`` carries
it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.data import cache
from rnnbench.data.config import Data
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.held_out import Part, hold_out_part
from rnnbench.environment import begin_peak, cpu, peak_memory, processor, versions
from rnnbench.errors import RnnbenchError
from rnnbench.labels import Labels, Scores
from rnnbench.models import descriptions
from rnnbench.models.code import code_of
from rnnbench.models.descriptions import (
    Ensemble,
    EnsembleModel,
    LayeredNetwork,
    Model,
    Network,
)
from rnnbench.models.layers import Shape
from rnnbench.registry import PluginError
from rnnbench.storage import sha256_json
from rnnbench.tasks import SINGLE_LABEL, TASKS
from rnnbench.training.decision import AT_HALF, decide
from rnnbench.training.engines import ENGINES, Engine, FitRequest
from rnnbench.training.engines.native.engine import weight_shapes
from rnnbench.training.epochs import OnEpoch, begin, ignore
from rnnbench.training.outcome import (
    ROUNDING,
    TrialRecord,
    TrialResult,
    log_probabilities,
)
from rnnbench.training.pretraining import REVISION
from rnnbench.training.settings import Training, engine_for

CHANGED = "changed while the benchmark ran; run it again"
TINY = float(np.finfo(np.float32).tiny)
# how much more the first vote counts; the second, half as much more; and so on
TIES = 1e-3


@dataclass(frozen=True)
class Trial:
    """Everything that decides the outcome of one training, as plain data without
    paths.
    """

    name: str  # of the model
    model: Model
    training: Training
    seed: int
    data: Data
    corpus_fingerprint: str
    source: str  # of the corpus
    dataset_fingerprint: str
    split_fingerprint: (
        str  # of the whole corpus, from which word vectors are also learned
    )
    n_ids: int  # all word ids are below this; the largest need not occur in the dataset
    threads: int  # of the process that trains
    work: (
        int  # multiply-adds of an epoch, for the order of trials; it changes no outcome
    )
    task: str = SINGLE_LABEL.name
    keep_model: bool = False
    part: Part | None = None  # is held out in place of the test documents
    n_untested: int = 0  # see ``Dataset``
    unlabeled_fingerprint: str = (
        ""  # of the texts without labels, if the model reads them
    )
    members: tuple["Trial", ...] = ()  # the trials that an ensemble is made of

    def __hash__(self) -> int:
        return hash((self.fingerprint, self.name))

    @property
    def score_name(self) -> str:
        """The name of the main metric in sentences."""
        return TASKS[self.task].score_name

    @property
    def epochs(self) -> int:
        """Epochs of its training; a baseline has none."""
        return self.training.epochs if isinstance(self.model, Network) else 0

    @property
    def engine(self) -> Engine:
        """The engine that trains it; see ``engine_for``."""
        return engine_for(self.model, self.training, self.name)

    @property
    def threads_used(self) -> int:
        """The number of threads, if it can change the outcome by the order of sums;
        otherwise 1.
        """
        if self.members:
            return max(member.threads_used for member in self.members)
        return (
            self.threads if self.engine.is_threaded or self.model.learns_language else 1
        )

    @property
    def packages(self) -> tuple[str, ...]:
        """The distributions whose versions can change the outcome."""
        if self.members:
            return tuple(
                {name: 0 for member in self.members for name in member.packages}
            )
        plugin = ENGINES.plugins.get(self.engine.name)
        of_plugin = (plugin.dist.name,) if plugin and plugin.dist else ()
        return self.engine.packages + of_plugin + self.model.packages

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of everything that can change the outcome, and of nothing else."""
        model, facts = self.model, dict[str, Any]()
        if not TASKS[self.task].has_one_label:
            facts["decision"] = self.training.decision.facts()
        facts["model"] = model.facts(*descriptions.ABOUT_A_MODEL)
        if self.members:
            return sha256_json(
                facts | {"members": [member.fingerprint for member in self.members]}
            )
        code, has_epochs = (
            code_of(model),
            not isinstance(model, descriptions.BaselineModel),
        )
        reads_texts = model.pretrained_dim or model.reads_unlabeled
        others = {  # each with whether it can change the outcome
            "dataset": (self.dataset_fingerprint, True),
            "validation_split": (self.training.validation_split, True),
            "versions": (versions(self.packages), True),
            "seed": (self.seed, model.is_random),
            "code": (code, code or has_epochs),
            "n_ids": (self.n_ids, has_epochs),
            "threads": (self.threads_used, has_epochs),
            "training": (self.training.facts("seeds"), has_epochs),
            "revision": (self.engine.revision, has_epochs and self.engine.revision),
            # The ids do not tell the words.
            "split": (self.split_fingerprint, reads_texts or model.reads_words),
            # The vectors saw no text of the test documents.
            "part": (str(self.part), reads_texts and self.part),
            # In earlier versions, vectors were learned from these documents, too.
            "untested": (self.n_untested, reads_texts and self.n_untested),
            "unlabeled": (self.unlabeled_fingerprint, model.reads_unlabeled),
            "language_model": (REVISION, model.learns_language),
        }
        facts |= {key: fact for key, (fact, matters) in others.items() if matters}
        return sha256_json(facts)

    def __str__(self) -> str:
        part = f", {self.part}" if self.part else ""
        return f"{self.name} seed {self.seed}{part}"


def program_of(model: Model, training: Training) -> tuple[Any, ...]:
    """Return what trainings have in common if they can share a program."""
    keys = "engine", "optimizer", "batch_size", "ema", "gradient_clip"
    return model.signature, *(getattr(training, key) for key in keys)


def run_trial(trial: Trial, corpus: Path, on_epoch: OnEpoch = ignore) -> TrialResult:
    """Train on a corpus, a file that ``data.cache`` wrote; predict the test set; return
    the result.

    The same trial on the same machine gives the same weights, bit for bit.

    Raises:
        UserError: the engine does not cover the model.
        PluginError: an engine from another package failed, or returned what cannot be
            right.
        RnnbenchError: the corpus has changed, or the training diverged.
    """
    dataset, engine, training = dataset_of(trial, corpus), trial.engine, trial.training
    start = begin_peak()
    begin()  # an engine may name further phases
    work = FitRequest(
        trial.model, dataset, training, trial.seed, on_epoch, trial.keep_model
    )
    with ENGINES.blamed(engine.name):
        result = engine.fit(work)
    rise = None if start is None else max(0, peak_memory() - start) / 1e6
    if fault := _fault(result, trial.model, dataset):
        raise PluginError(f"{ENGINES.label(engine.name)} returned {fault}")
    if not np.isfinite(result.scores).all():
        first = training.learning_rates(1)[0]
        hint = (
            f" (training.learning_rate: {first:g}; try a smaller one)"
            if trial.epochs
            else ""
        )
        raise RnnbenchError(f"it diverged: its scores are not finite numbers{hint}")
    decision = result.record.decision
    if (
        dataset.y_test.ndim == 2 and decision is None
    ):  # of an engine from another package
        decision = decide(AT_HALF, result.record.score_kind, None, dataset.y_train)
    record = identified(result.record, trial, peak_memory_mb=rise, decision=decision)
    return replace(result, record=record)


def identified(record: TrialRecord, trial: Trial, **facts: Any) -> TrialRecord:
    """Return a record with other facts and everything that identifies its training."""
    keys = "fingerprint", "source", "dataset_fingerprint", "task", "seed"
    identity = {key: getattr(trial, key) for key in keys}
    identity |= {"model": trial.name, "cpu": cpu(), "threads": trial.threads_used}
    identity["processor"] = processor()
    return record.model_copy(update=identity | facts)


def _fault(result: TrialResult, model: Model, dataset: Dataset) -> str:
    """Return what is wrong with the result of an engine; empty if nothing is."""
    scores, expected = result.scores, (len(dataset.y_test), len(dataset.topics))
    if scores.shape != expected:
        return f"scores of the shape {scores.shape} (should be {expected})"
    above = scores[scores > ROUNDING]
    if result.record.score_kind == "log_probabilities" and above.size:
        allowed = "natural logarithms of probabilities, which are 0 or less"
        return f"log-probabilities of up to {above.max():.3g} (should be {allowed})"
    if result.weights is not None and isinstance(model, LayeredNetwork):
        shapes = [array.shape for array in result.weights]
        if shapes != (weight_shapes(model, Shape.of(dataset)) or shapes):
            return f"weights of the shapes {shapes} (should be those of Keras's get_weights())"
    return ""


def dataset_of(trial: Trial, corpus: Path) -> Dataset:
    """Return the dataset that a trial is trained and tested on; see ``run_trial``."""
    begin("reading documents")
    marks = trial.corpus_fingerprint, trial.unlabeled_fingerprint
    dataset = _load(corpus, marks, trial.data, blind=trial.part is not None)
    if trial.part:
        dataset = _part_of(dataset, trial.part)
    split = dataset.split_fingerprint(trial.corpus_fingerprint)
    if (dataset.fingerprint, split) != (
        trial.dataset_fingerprint,
        trial.split_fingerprint,
    ):
        raise RnnbenchError(f"{corpus}: {CHANGED}")
    return dataset


# Consecutive trials in a process mostly have the same dataset.
_part_of = lru_cache(maxsize=1)(hold_out_part)


@lru_cache(maxsize=1)
def _load(file: Path, marks: tuple[str, str], data: Data, *, blind: bool) -> Dataset:
    corpus = cache.read(file)
    if marks not in [
        (corpus.fingerprint, own) for own in ("", corpus.unlabeled_fingerprint)
    ]:
        raise RnnbenchError(f"{file}: {CHANGED}")
    return make_dataset(corpus, data, blind=blind)


def run_ensemble(
    trial: Trial, members: Sequence[TrialResult], y_train: Labels
) -> TrialResult:
    """Return the result of an ensemble: parameters and times are sums, memory is the
    largest.

    ``RnnbenchError`` is raised if its members have answered different documents.
    """
    assert isinstance(trial.model, EnsembleModel)  # noqa: S101 - no other model has members
    of, first = trial.model.ensemble, members[0]
    if not all(np.array_equal(first.labels, member.labels) for member in members):
        raise RnnbenchError("its models have answered other documents")
    scores = combined(
        of, [(own.record.model, own.scores, own.answers) for own in members]
    )
    facts: dict[str, Any] = {}
    for fact in ("params", "fit_seconds", "predict_ms_per_document", "peak_memory_mb"):
        values = [getattr(member.record, fact) for member in members]
        together: Any = max if fact == "peak_memory_mb" else sum
        facts[fact] = None if None in values else together(values)
    if not first.task.has_one_label:
        facts["decision"] = decide(
            trial.training.decision, "log_probabilities", None, y_train
        )
    record = TrialRecord(engine="ensemble", score_kind="log_probabilities", **facts)
    return TrialResult(
        identified(record, trial), first.labels, scores.astype(np.float32)
    )


def combined(of: Ensemble, members: Sequence[tuple[str, Scores, Labels]]) -> Scores:
    """Return the log-probabilities ``(n, n_topics)`` of an ensemble.

    Each member has its name, scores ``(n, n_topics)`` and answers. Those of the same
    name, which differ in the seed, share the weight of their model.
    """
    names, every, answers = zip(*members, strict=True)
    of_model = dict(zip(of.of, of.weights or [1.0] * len(of.of), strict=True))
    weights = np.array([of_model[name] / names.count(name) for name in names])
    has_one_label = answers[0].ndim == 1
    if of.by == "votes":
        weights *= 1 + TIES * 0.5 ** np.arange(len(weights))
        given = [
            np.eye(every[0].shape[1])[own] if has_one_label else own for own in answers
        ]
        return log_probabilities(np.average(given, axis=0, weights=weights))
    logs = [np.asarray(scores, np.float64) for scores in every]
    if has_one_label:
        mean = np.average(logs, axis=0, weights=weights)
        return np.asarray(mean - np.logaddexp.reduce(mean, axis=1, keepdims=True))
    odds = [own - np.log(-np.expm1(np.minimum(own, -TINY))) for own in logs]
    return -np.logaddexp(0.0, -np.average(odds, axis=0, weights=weights))
