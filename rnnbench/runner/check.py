"""Checks before anything is trained, of a benchmark and of this machine.

``check(benchmark).faults`` says what is wrong; ``estimate_seconds`` how long it takes.
"""

import math
import platform
import shutil
from collections import Counter
from collections.abc import Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from timeit import Timer
from typing import NamedTuple

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data import cache
from rnnbench.data.config import Data
from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.load import NotCachedError, PreparedData, prepare, unlabeled_fault
from rnnbench.data.sources import BUILT_IN
from rnnbench.environment import cpu, missing, versions
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.describe import describe
from rnnbench.models.descriptions import Model, Network
from rnnbench.models.layers import Product
from rnnbench.models.layers.base import Shape
from rnnbench.runner.executors import usable_cores
from rnnbench.section import StoredRecord
from rnnbench.text import counted, listed
from rnnbench.training.engines import ENGINES
from rnnbench.training.settings import Training, engine_for, resolve_engine, task_fault
from rnnbench.training.trial import program_of

ASSUMED = "(sizes are assumed; `rnnbench data prepare` gets the documents)"
TOPICS = {"r8": 8, "r52": 52}
LEAST_FREE = 100 * 10**6  # a disk with fewer free bytes counts as full
FEW = 4
"""A product with so few rows, columns or features is bound by memory."""
ESTIMATE_SECONDS = 0.02  # the time for which each product is repeated


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


class Finding(StoredRecord):
    """One thing that was looked at."""

    name: str
    found: str
    """A fact, or a problem and what to do about it."""
    exit_code: int = 0
    """If there is a problem, that of the command: see ``docs/faults.md``."""


def check_machine() -> list[Finding]:
    """Check what a run needs of this machine."""
    looks = {
        "Python": _python,
        "packages": _packages,
        "processor": _processor,
        "engine": _engine,
        "cache": _cache,
        "disk": _disk,
    }
    findings = []
    for name, look in looks.items():
        try:
            finding = Finding(name=name, found=look())
        except RnnbenchError as error:
            finding = Finding(name=name, found=str(error), exit_code=error.exit_code)
        findings.append(finding)
    return findings


def _python() -> str:
    return f"{platform.python_version()}, {platform.platform()}"


def _packages() -> str:
    names: dict[str, None] = {}
    for engine in ENGINES.usable():
        if engine.name not in ENGINES.plugins or not engine.why_not():
            names |= dict.fromkeys(engine.packages)
    lacking = missing(names)
    if lacking:
        install = f"pip install {' '.join(lacking)}"
        raise RnnbenchError(f"not installed: {listed(lacking)} ({install})")
    return ", ".join(f"{name} {version}" for name, version in versions(names).items())


def _processor() -> str:
    return f"{cpu()}, {counted(usable_cores(), 'core')}"


def _engine() -> str:
    why = ENGINES["native"].why_not()
    if why:
        return f"keras; native cannot train here: {why}"
    return "native"


def _cache() -> str:
    folder = cache.folder()
    with cache.writing(folder / "doctor"):
        pass
    (folder / "doctor").unlink()
    names = [source.name for source in BUILT_IN if cache.find(source.name)]
    if names:
        return f"{folder}, documents of {listed(names)}"
    return f"{folder}, no documents (rnnbench data prepare)"


def _disk() -> str:
    free = shutil.disk_usage(".").free
    if free < LEAST_FREE:
        message = f"only {free / 1e6:,.0f} MB are free here (delete or move files)"
        raise RnnbenchError(message)
    return f"{free / 1e9:,.1f} GB are free here"


class _Timed(NamedTuple):
    """A network, and what decides how long a step of its training takes."""

    n_params: int
    training: Training
    products: list[Product]
    overhead: float  # the seconds of a product, beside its arithmetic
    passes: float  # over all parameters in a step


def estimate_seconds(benchmark: Benchmark, checked: BenchmarkCheck) -> float | None:
    """Return about how many seconds the trainings of a benchmark take on all cores.

    Baselines count as nothing. ``None`` without documents or networks, or if products
    or costs are not known. The costs of our engines were fitted to steps of all
    networks of ``all``, ``zoo`` and ``r52`` on one core of an AMD EPYC: these took 0.4
    to 1.3 times the estimate.
    """
    dataset = checked.dataset
    if dataset is None or not checked.params:
        return None
    # 1. List the networks, and how many trainings share each program.
    networks = []
    programs = Counter[tuple[float, Hashable]]()
    for name, n_params in checked.params.items():
        model = benchmark.networks[name]
        training = resolve_engine(model, benchmark.training_of(name))
        batch_size = min(training.batch_size, len(dataset.y_train))
        products = model.products(batch_size, _shape(model, dataset, training.engine))
        costs = ENGINES[training.engine].costs
        if not products or costs is None:
            return None
        overhead, passes, compile_seconds = costs
        networks.append(_Timed(n_params, training, products, overhead, passes))
        program = program_of(model, training)
        programs[compile_seconds, program] += len(training.seeds)
    # 2. Time their products, and the addition of a parameter.
    all_products = chain.from_iterable(network.products for network in networks)
    seconds_of = time_products(all_products, ESTIMATE_SECONDS)
    to_add = _seconds_of_addition()
    # 3. Add up the steps of each training.
    trainings: list[float] = []
    for n_params, training, products, overhead, passes in networks:
        of_products = 0.0
        for product in products:
            of_products += seconds_of.get(product, 0.0) + overhead * product.count
        step = of_products + passes * to_add * n_params
        share = training.validation_split
        learned, _ = hold_out(len(dataset.y_train), share, dataset.groups)
        n_steps = training.epochs * training.count_batches(len(learned))
        trainings += [n_steps * step] * len(training.seeds)
    # 4. Share them among the cores; each process compiles programs of its own.
    cores = min(usable_cores(), len(trainings))
    compilations = 0.0
    for (compile_seconds, _), n_trainings in programs.items():
        compilations += min(cores, n_trainings) * compile_seconds
    return max((sum(trainings) + compilations) / cores, *trainings)


def _seconds_of_addition() -> float:
    """Return the seconds that NumPy takes to add two numbers of large arrays."""
    n = 2_000_000
    numbers = np.ones(n, np.float32)
    sums = np.ones(n, np.float32)
    add = Timer(lambda: np.add(numbers, sums, out=sums))
    return min(add.repeat(repeat=5, number=1)) / n


def _shape(model: Network, dataset: Dataset, engine: str) -> Shape:
    """Return the mean shape of what an engine reads; only Keras reads all padding."""
    shape = Shape.of(dataset)
    if engine == "keras":
        return shape
    words = math.ceil(np.count_nonzero(dataset.x_train) / len(dataset.x_train))
    if model.reads_padding:
        return replace(shape, n_ids=words)
    return replace(shape, timesteps=words, n_ids=words)


def time_products(products: Iterable[Product], seconds: float) -> dict[Product, float]:
    """Return the seconds of each product, all its repeats, in NumPy on one core.

    The fastest of many attempts counts. Products too thin to be bound by arithmetic are
    left out.
    """
    from threadpoolctl import threadpool_limits

    times = {}
    with threadpool_limits(1):
        for product in set(products):
            if min(product.rows, product.inner, product.columns) > FEW:
                times[product] = _fastest(product, seconds)
    return times


def _fastest(product: Product, seconds: float) -> float:
    random = np.random.default_rng(0)
    left = random.random((product.count, product.rows, product.inner), np.float32)
    right = random.random((product.inner, product.columns), np.float32)
    out = np.empty((product.count, product.rows, product.columns), np.float32)
    multiplied = Timer(lambda: np.matmul(left, right, out=out))
    n = max(2, round(seconds / multiplied.timeit(1)))  # the first has to get memory
    return min(multiplied.repeat(n, 1))
