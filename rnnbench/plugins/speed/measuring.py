"""Measuring: the contenders take turns at training all models with all seeds.

The matrix products of a step, timed alone in NumPy's BLAS, are a lower bound for training with it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, astuple
from itertools import chain

from rnnbench.config.schema import Benchmark
from rnnbench.environment import machine
from rnnbench.errors import RnnbenchError
from rnnbench.estimate import time_products
from rnnbench.models.layers import Product
from rnnbench.models.layers.base import Shape
from rnnbench.plugins.speed.contenders import Contender, networks
from rnnbench.plugins.speed.results import (
    ContenderTimes,
    ProductRate,
    ProductTime,
    SpeedResults,
    TableTime,
    TrialTime,
)
from rnnbench.runner.events import Finished, Listener, Planned
from rnnbench.runner.executors import TrialFailure
from rnnbench.runner.run import Plan, describe
from rnnbench.training.engines import ENGINES

PRODUCT_SECONDS = 0.2
"""The time for which each product is repeated."""

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
