"""Checks of a benchmark before anything is trained.

``check(benchmark).faults`` says what is wrong.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from rnnbench.config.schema import Benchmark
from rnnbench.data.config import Data
from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.load import NotCachedError, PreparedData, prepare, unlabeled_fault
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.describe import describe
from rnnbench.models.descriptions import Model, Network
from rnnbench.models.layers.base import Shape
from rnnbench.training.settings import engine_for, task_fault

ASSUMED = "(sizes are assumed; `rnnbench data prepare` gets the documents)"
TOPICS = {"r8": 8, "r52": 52}


@dataclass
class BenchmarkCheck:
    """The outcome of reading the data and building every network."""

    faults: dict[str, str]
    """By the key in the config: ``data``, ``training`` or ``models.NAME``."""
    dataset: Dataset | None = None
    """The documents, if they are at hand."""
    params: dict[str, int] = field(default_factory=dict)
    """The number of trained ones of each network."""
    gigabytes: float = 0.0
    """About how much memory a training needs at most, if it is much."""


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
    return checker.checked


class _Checker:
    """Checks the models of a benchmark on its documents, or on assumed sizes."""

    def __init__(self, benchmark: Benchmark, prepared: PreparedData | None):
        self.checked = BenchmarkCheck({})
        self._benchmark = benchmark
        self._prepared = prepared
        self._shape = _assumed_shape(benchmark.data)
        if prepared is not None:
            self.checked.dataset = prepared.dataset
            self._shape = Shape.of(prepared.dataset)
        self._sizes: dict[str, int] = {}
        """Parameters by the signature of a network: points of a grid may share it."""

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
            self._build(name, self._benchmark.networks[name])

    def _build(self, name: str, network: Network) -> None:
        if network.signature not in self._sizes:
            with suppress(NotCachedError):  # a run gets the model
                description = describe(network, self._shape)
                self._sizes[network.signature] = description.trainable_params
        self.checked.params[name] = self._sizes.get(network.signature, 0)
        gigabytes = network.memory(self._shape)
        self.checked.gigabytes = max(self.checked.gigabytes, gigabytes)

    def check_validation_split(self, name: str, model: Model) -> None:
        """Note a fault if no validation documents can be held out."""
        dataset = self.checked.dataset
        if dataset is None:
            return
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
