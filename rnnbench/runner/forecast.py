"""The memory and time that a run will need, told before anything is trained.

``Forecast(trials, dataset, jobs=2).check_memory()`` refuses what cannot fit.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest

import numpy as np

from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import some_of
from rnnbench.environment import usable_memory
from rnnbench.errors import UserError
from rnnbench.labels import form_of
from rnnbench.models.baselines import Baseline
from rnnbench.models.descriptions import BaselineModel, Network
from rnnbench.models.layers import Shape
from rnnbench.models.needs import Needs, Sample
from rnnbench.runner.estimate import count_params, estimate_seconds
from rnnbench.text import duration
from rnnbench.training.engines.scikit_learn import texts
from rnnbench.training.settings import KERAS
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)
MINUTE = 60.0  # seconds; a shorter run needs no forecast
MULTIPLICATION = 1e-9  # seconds, at most
MOST_READ = 4096  # documents of a sample
MAIN = 90e6  # bytes of our process, the documents left out
PROCESS = 110e6  # of one that trains
OF_NATIVE = 130e6  # more where a network is trained
OF_KERAS = 700e6
BYTES_OF_WORD = 8  # of a document, in each process
BYTES_OF_CONTEXT = 30  # of a word, while word vectors are learned
BYTES_OF_PARAM = 24  # itself, two moments, a gradient, and the best so far
BYTES_OF_SCORE = 16  # of a test document for a topic, until it is stored
SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Of the documents, when too many are to be learned from."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """The needs of trials on a dataset, ``jobs`` of them at a time."""

    trials: Sequence[Trial]
    dataset: Dataset
    jobs: int

    @cached_property
    def seconds(self) -> float | None:
        """About how long they take; ``None`` if that is not known."""
        return estimate_seconds(self.trials, self.dataset, self.jobs, self._baselines)

    @cached_property
    def memory(self) -> float:
        """About how many bytes all processes take at most."""
        return self.memory_of(self.jobs)

    @property
    def in_words(self) -> str:
        """The time and the memory in words; empty if it takes less than a minute.

        Products are timed only if that is not clear without.
        """
        at_most = 0.0
        for needs in self._baselines.values():
            at_most += needs.seconds
        for trial in self.trials:
            at_most += trial.work * trial.epochs * MULTIPLICATION
        if at_most < MINUTE or (self.seconds or 0.0) < MINUTE:
            return ""
        time = duration(self.seconds or 0.0)
        return (
            f"about {time} of training, and up to {in_gigabytes(self.memory)} of memory"
        )

    def check_memory(self) -> None:
        """Refuse trials for which there is no memory, and warn of those that are close.

        ``UserError`` is raised if even half of the estimate is too much.
        """
        limit = usable_memory()
        if limit is None or self.memory <= limit:
            return
        needs = f"training needs about {in_gigabytes(self.memory)} of memory"
        advice = self._smallest_change(limit)
        fault = f"{needs}, and there are {in_gigabytes(limit)} here ({advice})"
        if self.memory / 2 > limit:
            raise UserError(fault)
        log.warning(fault)

    def memory_of(self, jobs: int) -> float:
        """Return about how many bytes all processes take with so many jobs."""
        return MAIN + self._documents + sum(nlargest(jobs, self._sizes))

    @cached_property
    def _documents(self) -> float:
        return BYTES_OF_WORD * len(self.dataset.documents.tokens)

    @cached_property
    def _sizes(self) -> list[float]:
        """The bytes of a process for each trial."""
        return list(map(self._size_of, self.trials))

    def _size_of(self, trial: Trial) -> float:
        """Return the bytes of the process that carries out a trial."""
        dataset = self.dataset
        shape = Shape.of(dataset)
        process = PROCESS + self._documents
        process += BYTES_OF_SCORE * len(dataset.y_test) * shape.n_topics
        match trial.model:
            case BaselineModel():
                return process + self._baselines[trial.name].memory
            case Network() as network:
                if network.memory(shape):
                    return network.memory(shape) * 1e9
                params = BYTES_OF_PARAM * count_params(network, shape)
                if network.pretrained_dim:
                    process += BYTES_OF_CONTEXT * len(dataset.documents.tokens)
                if trial.training.engine == KERAS:
                    padded = 4 * len(dataset.documents) * shape.timesteps
                    return process + OF_KERAS + padded + params
                return process + OF_NATIVE + params
        return 0.0

    @cached_property
    def _baselines(self) -> dict[str, Needs]:
        needs = {}
        for trial in self.trials:
            match trial.model:
                case BaselineModel(baseline=baseline) if trial.name not in needs:
                    needs[trial.name] = baseline.needs(self._sample(baseline))
        return needs

    def _sample(self, baseline: Baseline) -> Sample:
        if baseline.reads_words:
            return self._words
        return self._ids

    @cached_property
    def _ids(self) -> Sample:
        return self._sample_of(words=False)

    @cached_property
    def _words(self) -> Sample:
        return self._sample_of(words=True)

    def _sample_of(self, *, words: bool) -> Sample:
        """Return some of the training documents, as baselines read them."""
        dataset = self.dataset
        n = len(dataset.y_train)
        places = np.random.default_rng(0).permutation(n)[:MOST_READ]
        inputs = some_of(dataset.train_inputs, places)
        if words:
            read = texts(inputs, dataset.vocabulary, dataset.separator)
        else:
            read = texts(inputs)
        has_one_label = form_of(dataset.y_train).has_one_label
        return Sample(read, n, len(dataset.topics), dataset.n_ids, has_one_label)

    def _smallest_change(self, limit: float) -> str:
        """Return what would make the trials fit: fewer jobs, or smaller models."""
        for jobs in range(self.jobs - 1, 0, -1):
            if self.memory_of(jobs) <= limit:
                return f"use --jobs {jobs}"
        changes: dict[str, None] = {}  # each once, although there are seeds
        for trial, memory in zip(self.trials, self._sizes, strict=True):
            more = MAIN + self._documents + memory - limit
            if more > 0:
                change = self._smaller(trial, memory - more)
                changes[f"models.{trial.name}: {change}"] = None
        advice = "; ".join(changes)
        if min(self.jobs, len(self.trials)) > 1:
            return f"use --jobs 1, and {advice}"
        return advice

    def _smaller(self, trial: Trial, limit: float) -> str:
        """Return what would make a trial fit in a process of so many bytes."""
        match trial.model:
            case BaselineModel(baseline=baseline):
                sample = self._sample(baseline)
                limit -= self._size_of(trial) - self._baselines[trial.name].memory
                for key, value in baseline.reductions():
                    smaller = baseline.model_copy(update={key: value})
                    if smaller.needs(sample).memory <= limit:
                        return f"{key}: {value}"
                for share in SHARES:
                    fewer = sample._replace(n_documents=int(share * sample.n_documents))
                    if baseline.needs(fewer).memory <= limit:
                        return f"learn from {fewer.n_documents:,} documents at most"
        return "leave it out (--models)"


def in_gigabytes(n_bytes: float) -> str:
    """Return a number of bytes in words: ``3.1 GB``."""
    return f"{n_bytes / 1e9:.1f} GB"
