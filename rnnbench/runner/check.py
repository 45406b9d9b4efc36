"""Checks before anything is trained, of a benchmark and this machine; and how long it
takes.
"""

import math
import platform
import shutil
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from timeit import Timer, repeat
from typing import Any

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data import cache
from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.load import NotCachedError, prepare, unlabeled_fault
from rnnbench.data.sources import BUILT_IN
from rnnbench.environment import cpu, missing, versions
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.baselines import check_installed
from rnnbench.models.describe import describe
from rnnbench.models.descriptions import (
    BaselineModel,
    LayeredNetwork,
    Network,
    OutsideModel,
)
from rnnbench.models.layers import Product
from rnnbench.models.layers.base import Shape
from rnnbench.runner.executors import usable_cores
from rnnbench.section import StoredRecord
from rnnbench.text import counted, listed
from rnnbench.training.engines import ENGINES
from rnnbench.training.settings import engine_for, resolve_engine, task_fault
from rnnbench.training.trial import program_of

ASSUMED = "(sizes are assumed; `rnnbench data prepare` gets the documents)"
TOPICS = {"r8": 8, "r52": 52}
LEAST_FREE = 100 * 10**6  # a disk with fewer free bytes counts as full
# a product with this few rows, columns or features is bound by memory, not by
# arithmetic
FEW = 4
ESTIMATE_SECONDS = 0.02  # the time for which each product is repeated


@dataclass
class BenchmarkCheck:
    """The outcome of reading the data and building every network."""

    faults: dict[str, str]  # by the key in the config: data, training or models.NAME
    dataset: Dataset | None = None  # the documents, if they are at hand
    params: dict[str, int] = field(
        default_factory=dict
    )  # trained ones, of each network
    gigabytes: float = (
        0.0  # about how much memory a training needs at most, if it is much
    )


def check(benchmark: Benchmark) -> BenchmarkCheck:
    """Read the data that is at hand, and build every network once."""
    try:
        prepared = prepare(benchmark.data, offline=True)
        dataset = prepared.dataset
        shape, remark = Shape.of(dataset), ""
    except NotCachedError:
        data = benchmark.data
        timesteps = data.pad_length or (data.maxlen or 101) - 1
        n_ids, n_topics = data.num_words or 30_000, TOPICS.get(data.source, 46)
        dataset, shape, remark = (
            None,
            Shape(timesteps, n_topics, n_ids=n_ids),
            f" {ASSUMED}",
        )
    except RnnbenchError as error:
        return BenchmarkCheck({"data": str(error)})
    found = BenchmarkCheck({}, dataset)
    sizes: dict[str, int] = {}  # points of a grid may have the same network
    for name, model in benchmark.models.items():
        training = benchmark.training_of(name)
        try:
            if dataset and (fault := task_fault(model, training, dataset)):
                raise UserError(fault)
            if (
                dataset
                and model.reads_unlabeled
                and (fault := unlabeled_fault(prepared.corpus))
            ):
                raise UserError(fault)
            if isinstance(model, Network):
                engine_for(model, training, name)
                if model.signature not in sizes:
                    with suppress(NotCachedError):  # a run gets the model
                        sizes[model.signature] = describe(model, shape).trainable_params
                found.params[name] = sizes.get(model.signature, 0)
                found.gigabytes = max(found.gigabytes, model.memory(shape))
            elif isinstance(model, OutsideModel):
                model.work_of_epoch(dataset)  # says why not
            elif isinstance(model, BaselineModel):
                check_installed(model.baseline)
        except RnnbenchError as error:
            found.faults[f"models.{name}"] = str(error) + remark * isinstance(
                model, Network
            )
        try:
            if dataset is not None:
                hold_out(
                    len(dataset.y_train), training.validation_split, dataset.groups
                )
        except UserError as error:
            is_own = "validation_split" in (model.training or {})
            found.faults.setdefault(
                f"models.{name}" if is_own else "training", str(error)
            )
    return found


class Finding(StoredRecord):
    """One thing that was looked at."""

    name: str
    found: str  # a fact, or a problem and what to do about it
    exit_code: int = (
        0  # if there is a problem, that of the command: see ``docs/faults.md``
    )


def check_machine() -> list[Finding]:
    """Check what a run needs of this machine."""
    looks = {
        "Python": lambda: f"{platform.python_version()}, {platform.platform()}",
        "packages": _packages,
        "processor": lambda: f"{cpu()}, {counted(usable_cores(), 'core')}",
        "engine": _engine,
        "cache": _cache,
        "disk": _disk,
    }
    findings = []
    for name, look in looks.items():
        try:
            findings.append(Finding(name=name, found=look()))
        except RnnbenchError as error:
            findings.append(
                Finding(name=name, found=str(error), exit_code=error.exit_code)
            )
    return findings


def _packages() -> str:
    engines = (
        it
        for it in ENGINES.usable()
        if not (it.name in ENGINES.plugins and it.why_not())
    )
    names = dict.fromkeys(name for engine in engines for name in engine.packages)
    if lacking := missing(names):
        raise RnnbenchError(
            f"not installed: {listed(lacking)} (pip install {' '.join(lacking)})"
        )
    return ", ".join(f"{name} {version}" for name, version in versions(names).items())


def _engine() -> str:
    why = ENGINES["native"].why_not()
    return f"keras; native cannot train here: {why}" if why else "native"


def _cache() -> str:
    folder = cache.folder()
    with cache.writing(folder / "doctor"):
        pass
    (folder / "doctor").unlink()
    names = [source.name for source in BUILT_IN if cache.find(source.name)]
    documents = (
        f"documents of {listed(names)}"
        if names
        else "no documents (rnnbench data prepare)"
    )
    return f"{folder}, {documents}"


def _disk() -> str:
    free = shutil.disk_usage(".").free
    if free < LEAST_FREE:
        raise RnnbenchError(
            f"only {free / 1e6:,.0f} MB are free here (delete or move files)"
        )
    return f"{free / 1e9:,.1f} GB are free here"


def estimate_seconds(benchmark: Benchmark, found: BenchmarkCheck) -> float | None:
    """Return about how many seconds the trainings of a benchmark take, with one on each
    core.

    Baselines count as nothing. ``None`` without documents or networks, or if products
    or costs are not known. The costs of our engines were fitted to steps of all
    networks of ``all``, ``zoo`` and ``r52`` on one core of an AMD EPYC: these took 0.4
    to 1.3 times the estimate.
    """
    dataset, programs = found.dataset, Counter[tuple[float, Any]]()
    if dataset is None or not found.params:
        return None
    networks = []
    for name, n_params in found.params.items():
        model: Any = benchmark.models[name]
        training = resolve_engine(model, benchmark.training_of(name))
        batch_size = min(training.batch_size, len(dataset.y_train))
        products = model.products(batch_size, _shape(model, dataset, training.engine))
        if not products or (costs := ENGINES[training.engine].costs) is None:
            return None
        networks.append((n_params, training, products, costs))
        programs[costs[-1], program_of(model, training)] += len(training.seeds)
    of_product = time_products(
        chain.from_iterable(it[2] for it in networks), ESTIMATE_SECONDS
    )
    a, b = np.ones((2, 2_000_000), np.float32)
    to_add = min(repeat(lambda: np.add(a, b, out=b), repeat=5, number=1)) / a.size
    seconds: list[float] = []
    for n_params, training, products, (overhead, passes, _) in networks:
        learned = len(
            hold_out(len(dataset.y_train), training.validation_split, dataset.groups)[0]
        )
        steps = training.epochs * training.count_batches(learned)
        of_products = [of_product.get(it, 0.0) + overhead * it.count for it in products]
        step = sum(of_products) + passes * to_add * n_params
        seconds += [steps * step] * len(training.seeds)
    cores = min(
        usable_cores(), len(seconds)
    )  # each process compiles programs of its own
    compilations = sum(
        min(cores, n) * to_compile for (to_compile, _), n in programs.items()
    )
    return max((sum(seconds) + compilations) / cores, *seconds)


def _shape(model: Network, dataset: Dataset, engine: str) -> Shape:
    """Return the mean shape of what an engine reads; ``keras`` alone reads all
    padding.
    """
    shape = Shape.of(dataset)
    if engine == "keras":
        return shape
    words = math.ceil(np.count_nonzero(dataset.x_train) / len(dataset.x_train))
    reads_padding = isinstance(model, LayeredNetwork) and not model.layers[0].gives_mask
    return replace(
        shape, timesteps=shape.timesteps if reads_padding else words, n_ids=words
    )


def time_products(products: Iterable[Product], seconds: float) -> dict[Product, float]:
    """Return the seconds that NumPy's BLAS takes for each product, all its repeats, on
    one core.

    The fastest of many attempts counts. Products too thin to be bound by arithmetic are
    left out.
    """
    from threadpoolctl import threadpool_limits

    thick = [it for it in set(products) if min(it.rows, it.inner, it.columns) > FEW]
    with threadpool_limits(1):
        return {product: _fastest(product, seconds) for product in thick}


def _fastest(product: Product, seconds: float) -> float:
    random = np.random.default_rng(0)
    left = random.random((product.count, product.rows, product.inner), np.float32)
    right = random.random((product.inner, product.columns), np.float32)
    out = np.empty((product.count, product.rows, product.columns), np.float32)
    multiplied = Timer(lambda: np.matmul(left, right, out=out))
    n = max(2, round(seconds / multiplied.timeit(1)))  # the first has to get memory
    return min(multiplied.repeat(n, 1))
