"""Checks of a benchmark before anything is trained.

``check(benchmark).faults`` says what is wrong.
"""

from contextlib import suppress
from dataclasses import dataclass
from math import floor, log10

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.config import Data
from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.load import NotCachedError, PreparedData, prepare, unlabeled_fault
from rnnbench.data.split import has_own_split
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.describe import describe
from rnnbench.models.descriptions import Model, Network
from rnnbench.models.layers.base import Shape
from rnnbench.results.store import bytes_of_predictions
from rnnbench.storage import MAX_HASHED
from rnnbench.text import counted
from rnnbench.training.settings import engine_for, task_fault

ASSUMED = "(sizes are assumed; `rnnbench data prepare` gets the documents)"
TOPICS = {"r8": 8, "r52": 52}


@dataclass
class BenchmarkCheck:
    """The outcome of reading the data and building every network."""

    faults: dict[str, str]
    """By the key in the config: ``data``, ``training`` or ``models.NAME``."""
    prepared: PreparedData | None = None
    """The documents, if they are at hand."""
    stored_gigabytes: float = 0.0
    """How large the answers of all trials are, before they are compressed."""


def check(benchmark: Benchmark) -> BenchmarkCheck:
    """Read the data that is at hand, and build every network once."""
    prepared = None
    try:
        prepared = prepare(benchmark.data, offline=True)
    except NotCachedError:
        pass
    except RnnbenchError as error:
        return BenchmarkCheck({"data": str(error)})
    checker = _Checker(benchmark, prepared)
    for name, model in benchmark.models.items():
        try:
            checker.check_model(name, model)
        except RnnbenchError as error:
            fault = str(error)
            if prepared is None and name in benchmark.networks:
                fault += f" {ASSUMED}"
            checker.checked.faults[f"models.{name}"] = fault
        checker.check_validation_split(name, model)
    checker.check_size()
    return checker.checked


def size_fault(dataset: Dataset, data: PreparedData) -> str:
    """Return why trials on a dataset could not be stored; empty if they can."""
    size = bytes_of_predictions(dataset.y_test, len(dataset.topics))
    if size <= MAX_HASHED:
        return ""
    n_tested = len(dataset.y_test)
    most = n_tested * MAX_HASHED // size
    advice = f"test on at most {most:,}"
    n_sure = most
    if data.config.split == "stratified":
        n_sure -= len(dataset.topics)  # it may round up for each
    elif data.corpus.groups is not None:
        n_sure -= int(np.bincount(data.corpus.groups).max())  # none is divided
    if n_sure > 0 and not has_own_split(data.corpus, data.config):
        share = n_sure / (n_tested + len(dataset.y_train))
        unit = 10 ** (floor(log10(share)) - 1)  # of the second digit
        advice += f": --set data.test_split={floor(share / unit) * unit:.2g}"
    n_topics = counted(len(dataset.topics), data.summary.noun)
    return (
        f"{n_tested:,} test documents with a score for each of {n_topics} take"
        f" {size / 1e9:.1f} GB a trial (allowed: {MAX_HASHED / 1e9:.1f} GB; {advice})"
    )


class _Checker:
    """Checks the models of a benchmark on its documents, or on assumed sizes."""

    def __init__(self, benchmark: Benchmark, prepared: PreparedData | None):
        self.checked = BenchmarkCheck({})
        self._benchmark = benchmark
        self._prepared = prepared
        self._shape = _assumed_shape(benchmark.data)
        if prepared is not None:
            self.checked.prepared = prepared
            self._shape = Shape.of(prepared.dataset)
        self._built = set[str]()
        """The signatures of networks: points of a grid may share one."""

    def check_model(self, name: str, model: Model) -> None:
        """Raise ``RnnbenchError`` if a model cannot be trained."""
        training = self._benchmark.training_of(name)
        if self._prepared is not None:
            fault = task_fault(model, training, self._prepared.dataset)
            if not fault and model.reads_unlabeled:
                fault = unlabeled_fault(self._prepared.corpus)
            if fault:
                raise UserError(fault)
        model.check_trainable()
        if name in self._benchmark.networks:
            engine_for(model, training, name)
            self._build(self._benchmark.networks[name])

    def _build(self, network: Network) -> None:
        if network.signature not in self._built:
            with suppress(NotCachedError):  # a run gets the model
                describe(network, self._shape)
            self._built.add(network.signature)

    def check_size(self) -> None:
        """Note how large the results will be, and a fault if they are too large."""
        if self._prepared is None:
            return
        dataset = self._prepared.dataset
        fault = size_fault(dataset, self._prepared)
        if fault:
            self.checked.faults["data"] = fault
        size = bytes_of_predictions(dataset.y_test, len(dataset.topics))
        self.checked.stored_gigabytes = size * len(self._benchmark.trials) / 1e9

    def check_validation_split(self, name: str, model: Model) -> None:
        """Note a fault if no validation documents can be held out."""
        if self._prepared is None:
            return
        dataset = self._prepared.dataset
        share = self._benchmark.training_of(name).validation_split
        try:
            hold_out(len(dataset.y_train), share, dataset.groups)
        except UserError as error:
            key = "training"
            if "validation_split" in (model.training or {}):
                key = f"models.{name}"
            self.checked.faults.setdefault(key, str(error))


def _assumed_shape(data: Data) -> Shape:
    timesteps = data.pad_length or (data.maxlen or 101) - 1
    n_topics = TOPICS.get(data.source, 46)
    return Shape(timesteps, n_topics, n_ids=data.num_words or 30_000)
