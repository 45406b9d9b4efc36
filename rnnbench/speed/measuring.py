"""Measuring: the contenders take turns at training all models with all seeds.

The matrix products of a step, timed alone in NumPy's BLAS, are a lower bound for training with it.
They also tell about how long the trainings of any benchmark will take.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, astuple
from itertools import chain
from typing import Any

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import Dataset, hold_out
from rnnbench.environment import machine
from rnnbench.errors import RnnbenchError
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Product
from rnnbench.models.layers.base import Shape
from rnnbench.runner.executors import TrialFailure
from rnnbench.runner.executors.base import Finished, Listener, Planned
from rnnbench.runner.executors.local import usable_cores
from rnnbench.runner.run import Plan, describe
from rnnbench.speed.contenders import Contender, networks
from rnnbench.speed.results import (
    ContenderTimes,
    ProductRate,
    ProductTime,
    SpeedResults,
    TableTime,
    TrialTime,
)
from rnnbench.training.engines import ENGINES
from rnnbench.training.epochs import count_batches
from rnnbench.training.settings import resolve_engine
from rnnbench.training.trial import program_of

FEW = 4
"""A product with this few rows, columns or features is bound by memory, not by arithmetic."""
PRODUCT_SECONDS, ESTIMATE_SECONDS = 0.2, 0.02
"""The time for which each product is repeated in a benchmark, and for an estimate."""
STEP_BY_PRODUCTS = {"compiled": 2.5, "native": 1.2}
"""The time of an engine's step divided by that of its products, where nothing else uses the cores.
Processors differ: ``results/reference/speed/speed.md`` has 1.8 to 2.1 and 1.0 to 1.2."""
COMPILATION = {"compiled": 5.0, "native": 0.7}
"""Seconds that an engine needs to make the program of a model."""
PASSES = 2.5
"""Adam's time for a parameter, divided by that for adding two numbers of large arrays. Adam reads
and writes seven numbers, not three, and computes more."""

Show = Callable[[str], AbstractContextManager[Listener]]
"""Shows the trials of a table while it is trained, under the given title."""


def bench_speed(
    benchmark: Benchmark, plan: Plan, contenders: Sequence[Contender], rounds: int, show: Show
) -> Iterator[SpeedResults]:
    """Yield after each round the results of all rounds so far.

    In a round each contender trains everything once, so that other load on the machine affects all
    of them; each round starts with another contender. ``plan`` holds the trials of ``benchmark``.

    Raises:
        RnnbenchError: a training failed, or a worker process died.
    """
    batch_size = min(benchmark.training.batch_size, plan.dataset.train_size)
    shape = Shape(plan.dataset.timesteps, len(plan.dataset.topics), plan.trials[0].n_ids)
    products = {
        name: model.products(batch_size, shape) for name, model in networks(benchmark).items()
    }
    seconds: dict[Product, float] = {}
    tables: dict[str, list[TableTime]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        timed = time_products(chain.from_iterable(products.values()), PRODUCT_SECONDS)
        for product, now in timed.items():
            seconds[product] = min(now, seconds.get(product, now))
        start = number % len(contenders)
        for contender in (*contenders[start:], *contenders[:start]):
            with show(f"round {number + 1} of {rounds}: {contender.name}") as listener:
                tables[contender.name].append(_train_table(contender, plan, listener))
        yield SpeedResults(
            name=benchmark.name,
            dataset_fingerprint=plan.dataset.fingerprint,
            train_size=plan.dataset.train_size,
            timesteps=plan.dataset.timesteps,
            epochs=benchmark.training.epochs,
            batch_size=benchmark.training.batch_size,
            optimizer=benchmark.training.optimizer,
            seeds=list(benchmark.training.seeds),
            contenders=[_times(contender, tables[contender.name]) for contender in contenders],
            products=[_rate(product, seconds[product]) for product in sorted(seconds, key=astuple)],
            product_times=[
                ProductTime(model=name, ms_per_step=_ms(of_model, seconds))
                for name, of_model in products.items()
            ],
            environment=machine(
                (*ENGINES["compiled"].packages, *ENGINES["native"].packages, "torch")
            ),
        )


def _train_table(contender: Contender, plan: Plan, listener: Listener) -> TableTime:
    """Train everything with ``contender``, in processes started for it."""
    adapted = [contender.adapt(trial) for trial in plan.trials]
    listener(Planned(adapted, []))
    costs: list[TrialTime] = []
    start, seconds = time.time(), 0.0
    outcomes = contender.executor.run(adapted, plan.corpora, listener, contender.task)
    with closing(outcomes):
        for trial, cost in outcomes:
            if isinstance(cost, TrialFailure):
                raise RnnbenchError(f"{contender.name}: {describe({trial: cost})}")
            costs.append(cost.model_copy(update={"started": cost.started - start}))
            listener(Finished(trial, cost.accuracy, cost.seconds))
            seconds = time.time() - start
    return TableTime(seconds=seconds, trials=costs)


def _times(contender: Contender, tables: list[TableTime]) -> ContenderTimes:
    return ContenderTimes(
        name=contender.name,
        what=contender.what,
        jobs=contender.executor.jobs,
        threads=contender.executor.threads,
        rounds=tables,
    )


def _rate(product: Product, seconds: float) -> ProductRate:
    """Return the rate of a product whose ``count`` repeats took ``seconds`` together."""
    return ProductRate(
        **asdict(product),
        microseconds=seconds / product.count * 1e6,
        gflops=2 * product.multiply_adds / seconds / 1e9,
    )


def _ms(products: Sequence[Product], seconds: dict[Product, float]) -> float | None:
    """Return the time of the timed products; ``None`` if there are none."""
    timed = [seconds[product] for product in products if product in seconds]
    return sum(timed) * 1000 if timed else None


def time_products(products: Iterable[Product], seconds: float) -> dict[Product, float]:
    """Return the seconds that NumPy's BLAS takes for each product, all its repeats, on one core.

    The repeats are carried out one after another, like the steps of a recurrent layer; the fastest
    of many attempts counts. Products too thin to be bound by arithmetic are left out.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return {
            product: _fastest(product, seconds)
            for product in set(products)
            if min(product.rows, product.inner, product.columns) > FEW
        }


def _fastest(product: Product, seconds: float) -> float:
    random = np.random.default_rng(0)
    left = random.random((product.count, product.rows, product.inner), np.float32)
    right = random.random((product.inner, product.columns), np.float32)
    out = np.empty((product.count, product.rows, product.columns), np.float32)
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        np.matmul(left, right, out=out)
        times.append(time.perf_counter() - start)
    return min(times)


def estimate_seconds(
    benchmark: Benchmark, dataset: Dataset, params: Mapping[str, int]
) -> float | None:
    """Return about how many seconds the trainings of a benchmark take, with one on each core.

    Baselines count as nothing. The rates of matrix products and of memory are measured.

    Args:
        benchmark: the benchmark.
        dataset: its documents.
        params: the number of trained parameters of each network.

    Returns:
        ``None`` without networks, or if one is not made of layers, or is trained by an engine
        whose speed is not known.
    """
    if not params:
        return None
    models = {name: benchmark.models[name] for name in params}
    trained = {
        name: resolve_engine(model, benchmark.training_of(name)) for name, model in models.items()
    }
    products: dict[str, list[Product]] = {}
    for name, model in models.items():
        if not isinstance(model, LayeredNetwork) or trained[name].engine not in STEP_BY_PRODUCTS:
            return None
        batch_size = min(trained[name].batch_size, len(dataset.y_train))
        products[name] = model.products(batch_size, Shape.of(dataset))
    of_product = time_products(chain.from_iterable(products.values()), ESTIMATE_SECONDS)
    of_parameter = PASSES * _seconds_to_add()
    trainings, programs = [], Counter[tuple[Any, ...]]()
    for name, model in models.items():
        training = trained[name]
        learned = len(hold_out(len(dataset.y_train), training.validation_split)[0])
        steps = training.epochs * count_batches(learned, training.batch_size)
        of_products = sum(of_product.get(product, 0.0) for product in products[name])
        step = STEP_BY_PRODUCTS[training.engine] * of_products + of_parameter * params[name]
        trainings += [steps * step] * len(training.seeds)
        programs[program_of(model, training)] += len(training.seeds)
    cores = min(usable_cores(), len(trainings))
    compilations = sum(  # each process has its own
        min(cores, n) * COMPILATION[engine] for (_, engine, *_), n in programs.items()
    )
    return max((sum(trainings) + compilations) / cores, *trainings)


def _seconds_to_add() -> float:
    """Return the seconds that adding two large arrays takes for each number."""
    a, b = np.ones((2, 2_000_000), np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        np.add(a, b, out=b)
        times.append(time.perf_counter() - start)
    return min(times) / a.size
