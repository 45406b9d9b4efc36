"""One trial: one model, trained once with one seed on one dataset.

A ``Trial`` is plain data that can be sent to another process or machine;
``run_trial(trial, corpus)`` carries it out, in three steps. That of an ensemble trains
nothing: see ``ensemble.run_ensemble``.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.data import cache
from rnnbench.data.config import Data
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.held_out import Part, hold_out_part
from rnnbench.environment import (
    begin_peak,
    cpu,
    identifying_versions,
    peak_memory,
    processor,
)
from rnnbench.errors import RnnbenchError
from rnnbench.models.code import code_of
from rnnbench.models.descriptions import ABOUT_A_MODEL, Model
from rnnbench.models.layers import Shape
from rnnbench.registry import PluginError
from rnnbench.storage import sha256_json
from rnnbench.tasks import SINGLE_LABEL, TASKS
from rnnbench.training.decision import AT_HALF, decide
from rnnbench.training.engines import ENGINES, Engine, FitRequest
from rnnbench.training.epochs import OnEpoch, begin, ignore
from rnnbench.training.language_model import REVISION
from rnnbench.training.outcome import ROUNDING, TrialRecord, TrialResult
from rnnbench.training.settings import Training, engine_for, scoring_engine

CHANGED = "changed while the benchmark ran; run it again"
REMOVED = "removed while the benchmark ran; run it again"


@dataclass(frozen=True)
class Trial:
    """Everything that decides the outcome of one training, as plain data.

    It has no paths.
    """

    name: str  # of the model
    model: Model
    training: Training
    seed: int
    data: Data
    corpus_fingerprint: str
    source: str  # of the corpus
    dataset_fingerprint: str
    # of the split of the whole corpus, from which word vectors are also learned
    split_fingerprint: str
    n_ids: int  # all word ids are below this; the largest need not occur in the dataset
    threads: int  # of the process that trains
    # multiply-adds of an epoch, for the order of trials; it changes no outcome
    work: int
    task: str = SINGLE_LABEL.name
    keep_model: bool = False
    part: Part | None = None  # is held out in place of the test documents
    n_untested: int = 0  # see ``Dataset``
    # of the texts without labels, if the model reads them
    unlabeled_fingerprint: str = ""
    members: tuple["Trial", ...] = ()  # those of an ensemble

    def __hash__(self) -> int:
        return hash((self.fingerprint, self.name))

    @property
    def score_name(self) -> str:
        """The name of the main metric in sentences."""
        return TASKS[self.task].score_name

    @property
    def epochs(self) -> int:
        """Epochs of its training; a baseline has none."""
        if self.model.is_network:
            return self.training.epochs
        return 0

    @property
    def engine(self) -> Engine[Any]:
        """The engine that trains it; see ``engine_for``."""
        return engine_for(self.model, self.training, self.name)

    @property
    def threads_used(self) -> int:
        """The number of threads, if it can change the outcome by the order of sums.

        Otherwise 1.
        """
        if self.members:
            return max(member.threads_used for member in self.members)
        if self.engine.is_threaded or self.model.learns_language:
            return self.threads
        return 1

    @property
    def packages(self) -> tuple[str, ...]:
        """The distributions whose versions can change the outcome."""
        if self.members:
            names = [name for member in self.members for name in member.packages]
            return tuple(dict.fromkeys(names))
        packages = self.engine.packages
        plugin = ENGINES.plugins.get(self.engine.name)
        if plugin and plugin.dist:
            packages += (plugin.dist.name,)
        return packages + self.model.packages

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of everything that can change the outcome, and of nothing else."""
        model = self.model
        content: dict[str, object] = {"model": model.facts(*ABOUT_A_MODEL)}
        if not TASKS[self.task].has_one_label:
            content["decision"] = self.training.decision.facts()
        if self.members:
            content["members"] = [member.fingerprint for member in self.members]
            return sha256_json(content)
        content["dataset"] = self.dataset_fingerprint
        content["validation_split"] = self.training.validation_split
        content["versions"] = identifying_versions(self.packages)
        if model.is_random:
            content["seed"] = self.seed
        code = code_of(model)
        if code:
            content["code"] = code
        if model.is_network:
            content["code"] = code
            content["n_ids"] = self.n_ids
            content["threads"] = self.threads_used
            content["training"] = self.training.facts("seeds")
            if self.engine.revision:
                content["revision"] = self.engine.revision
        reads_texts = model.pretrained_dim or model.reads_unlabeled
        if reads_texts or model.reads_words:
            content["split"] = self.split_fingerprint  # the words are not in the ids
        if reads_texts and self.part:
            content["part"] = str(self.part)  # the vectors saw none of its texts
        if reads_texts and self.n_untested:
            # In earlier versions, vectors were learned from these documents, too.
            content["untested"] = self.n_untested
        if model.reads_unlabeled:
            content["unlabeled"] = self.unlabeled_fingerprint
        if model.learns_language:
            content["language_model"] = REVISION
        return sha256_json(content)

    def __str__(self) -> str:
        name = f"{self.name} seed {self.seed}"
        if self.part:
            return f"{name}, {self.part}"
        return name


def program_of(model: Model, training: Training) -> tuple[object, ...]:
    """Return what trainings have in common if they can share a program."""
    return (
        model.signature,
        training.engine,
        training.optimizer,
        training.batch_size,
        training.ema,
        training.gradient_clip,
    )


def run_trial(trial: Trial, corpus: Path, on_epoch: OnEpoch = ignore) -> TrialResult:
    """Train on a corpus, a file that ``data.cache`` wrote, and predict the test set.

    The same trial on the same machine gives the same weights, bit for bit.

    Raises:
        UserError: the engine does not cover the model.
        PluginError: an engine from another package failed, or returned what cannot be
            right.
        RnnbenchError: the corpus has changed, or the training diverged.
    """
    # 1. Read the documents, which must be those of the plan.
    dataset = dataset_of(trial, corpus)

    # 2. Train, and score the test documents. The engine does both: it notes each epoch
    #    in an ``Epochs``, and ends with ``request.result``.
    memory_before = begin_peak()
    begin()  # an engine may name further phases
    request = FitRequest(
        model=trial.model,
        dataset=dataset,
        settings=trial.training,
        seed=trial.seed,
        on_epoch=on_epoch,
        keep_model=trial.keep_model,
    )
    result = train_model(request, trial.engine)
    rise = None
    if memory_before is not None:
        rise = max(0, peak_memory() - memory_before) / 1e6

    # 3. Note what identifies the training.
    record = result.record.model_copy(update={"peak_memory_mb": rise})
    return replace(result, record=identified(record, trial), score_inputs=None)


def train_model(request: FitRequest[Model], engine: Engine[Model]) -> TrialResult:
    """Train one model on a dataset, and score the test documents, if it has any.

    For errors, see ``run_trial``.
    """
    dataset = request.dataset
    with ENGINES.blamed(engine.name):
        result = engine.fit(request)
    # Refuse a result that cannot be right.
    fault = _fault(result, request.model, dataset)
    if fault:
        raise PluginError(f"{ENGINES.label(engine.name)} returned {fault}")
    numbers = [result.scores]
    if not len(result.scores):
        numbers = result.weights or []
    if not all(np.isfinite(array).all() for array in numbers):
        hint = ""
        if request.model.is_network:
            rate = request.settings.learning_rates(1)[0]
            hint = f" (training.learning_rate: {rate:g}; try a smaller one)"
        raise RnnbenchError(f"it diverged: its scores are not finite numbers{hint}")
    # Decide how scores become topics, if an engine from another package has not.
    record = result.record
    if record.decision is None:
        decision = decide(AT_HALF, record.score_kind, None, dataset.y_train)
        record = record.model_copy(update={"decision": decision})
    return replace(result, record=record)


def dataset_of(trial: Trial, corpus: Path) -> Dataset:
    """Return the dataset that a trial is trained and tested on; see ``run_trial``."""
    begin("reading documents")
    fingerprints = (trial.corpus_fingerprint, trial.unlabeled_fingerprint)
    part = trial.part
    is_blind = part is not None and not part.is_test
    if part and part.subset:
        dataset = _load(corpus, fingerprints, trial.data, blind=is_blind, part=part)
    else:
        dataset = _load(corpus, fingerprints, trial.data, blind=is_blind)
        if part:
            dataset = _part_of(dataset, part)
    split = dataset.split_fingerprint(trial.corpus_fingerprint)
    is_same = dataset.fingerprint == trial.dataset_fingerprint
    if not is_same or split != trial.split_fingerprint:
        raise RnnbenchError(f"{corpus}: {CHANGED}")
    return dataset


# Consecutive trials in a process mostly have the same dataset.
_part_of = lru_cache(maxsize=1)(hold_out_part)


@lru_cache(maxsize=1)
def _load(
    file: Path,
    fingerprints: tuple[str, str],
    data: Data,
    *,
    blind: bool,
    part: Part | None = None,
) -> Dataset:
    """Return the dataset of the corpus with these fingerprints.

    The second is that of its texts without labels; it is empty if they are not read.
    """
    try:
        corpus = cache.read(file)
    except FileNotFoundError as error:
        raise RnnbenchError(f"{file}: {REMOVED}") from error
    labeled, unlabeled = fingerprints
    is_same = unlabeled in ("", corpus.unlabeled_fingerprint)
    if labeled != corpus.fingerprint or not is_same:
        raise RnnbenchError(f"{file}: {CHANGED}")
    return make_dataset(corpus, data, blind=blind, part=part)


def _fault(result: TrialResult, model: Model, dataset: Dataset) -> str:
    """Return what is wrong with the result of an engine; empty if nothing is."""
    scores = result.scores
    expected = (len(dataset.y_test), len(dataset.topics))
    if scores.shape != expected:
        return f"scores of the shape {scores.shape} (should be {expected})"
    above = scores[scores > ROUNDING]
    if result.record.score_kind == "log_probabilities" and above.size:
        allowed = "natural logarithms of probabilities, which are 0 or less"
        return f"log-probabilities of up to {above.max():.3g} (should be {allowed})"
    if result.weights is not None:
        shape = Shape.of(dataset)
        needed = scoring_engine(model, shape).weight_shapes(model, shape)
        shapes = [array.shape for array in result.weights]
        if needed and shapes != needed:
            allowed = "those of Keras's get_weights()"
            return f"weights of the shapes {shapes} (should be {allowed})"
    return ""


def identified(record: TrialRecord, trial: Trial) -> TrialRecord:
    """Return a record with everything that identifies its training."""
    identity = {
        "model": trial.name,
        "seed": trial.seed,
        "task": trial.task,
        "source": trial.source,
        "dataset_fingerprint": trial.dataset_fingerprint,
        "fingerprint": trial.fingerprint,
        "cpu": cpu(),
        "processor": processor(),
        "threads": trial.threads_used,
    }
    return record.model_copy(update=identity)
