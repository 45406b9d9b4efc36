"""The speed benchmark: whole tables, trained by each contender in turn, round after round."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain

from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.environment import machine
from rnnbench.errors import RnnbenchError
from rnnbench.models.products import Product, products_of_step
from rnnbench.results.speed import (
    ContenderTimes,
    ProductRate,
    ProductTime,
    SpeedResults,
    TableTime,
    TrialTime,
)
from rnnbench.runner.benchmark import Plan
from rnnbench.runner.events import Finished, Listener, Planned
from rnnbench.runner.trials import carry_out, describe
from rnnbench.runner.workers import Failure, start_workers
from rnnbench.speed.contenders import Contender
from rnnbench.speed.gemm import measure_products
from rnnbench.training.trial import Trial

Show = Callable[[str], AbstractContextManager[Listener]]
"""Given what begins now, shows its trials."""


def bench_speed(
    benchmark: Benchmark, plan: Plan, contenders: Sequence[Contender], rounds: int, show: Show
) -> Iterator[SpeedResults]:
    """Yield, after each round, what all rounds so far have shown.

    In a round each contender trains everything once, so that what else happens on the machine
    meets all of them; they start in another order each time.

    Args:
        benchmark: the models, and how they are trained.
        plan: the same, as trials.
        contenders: who trains.
        rounds: their number.
        show: told of what happens.

    Raises:
        RnnbenchError: a training failed, or a worker process died.
    """
    products = _products(benchmark, plan.dataset)
    rates: dict[Product, ProductRate] = {}
    times: dict[str, list[TableTime]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        rates = _faster(rates, measure_products(chain.from_iterable(products.values())))
        start = number % len(contenders)
        for contender in (*contenders[start:], *contenders[:start]):
            with show(f"round {number + 1} of {rounds}: {contender.name}") as listener:
                times[contender.name].append(_train_table(contender, plan.trials, listener))
        yield _results(benchmark, plan, contenders, times, products, rates)


def _train_table(contender: Contender, trials: Sequence[Trial], listener: Listener) -> TableTime:
    """Have ``contender`` train everything, from nothing to the last prediction."""
    claimed = [contender.claim(trial) for trial in trials]
    listener(Planned(claimed, []))
    costs: list[TrialTime] = []
    start = time.time()
    with start_workers(contender.workforce, contender.prepare) as workers:
        for trial, cost in carry_out(contender.measure, claimed, workers, listener):
            if isinstance(cost, Failure):
                raise RnnbenchError(f"{contender.name}: {describe({trial: cost})}")
            costs.append(cost.model_copy(update={"started": cost.started - start}))
            listener(Finished(trial, cost.accuracy, cost.seconds))
        seconds = time.time() - start
    return TableTime(seconds=seconds, trials=costs)


def _results(
    benchmark: Benchmark,
    plan: Plan,
    contenders: Sequence[Contender],
    times: dict[str, list[TableTime]],
    products: dict[str, list[Product]],
    rates: dict[Product, ProductRate],
) -> SpeedResults:
    return SpeedResults(
        name=benchmark.name,
        dataset_fingerprint=plan.dataset.fingerprint,
        train_size=plan.dataset.train_size,
        timesteps=plan.dataset.timesteps,
        epochs=benchmark.training.epochs,
        batch_size=benchmark.training.batch_size,
        optimizer=benchmark.training.optimizer,
        seeds=list(benchmark.training.seeds),
        contenders=[
            ContenderTimes(
                name=contender.name,
                what=contender.what,
                jobs=contender.workforce.jobs,
                threads=contender.workforce.threads,
                rounds=times[contender.name],
            )
            for contender in contenders
        ],
        products=sorted(rates.values(), key=lambda rate: (rate.rows, rate.inner, rate.columns)),
        product_times=[
            ProductTime(model=name, ms_per_step=_ms(each, rates)) for name, each in products.items()
        ],
        environment=machine("torch"),
    )


def _products(benchmark: Benchmark, dataset: DatasetSummary) -> dict[str, list[Product]]:
    return {
        name: products_of_step(
            model,
            batch_size=min(benchmark.training.batch_size, dataset.train_size),
            timesteps=dataset.timesteps,
            n_topics=len(dataset.topics),
        )
        for name, model in benchmark.models.items()
    }


def _faster(
    before: dict[Product, ProductRate], now: dict[Product, ProductRate]
) -> dict[Product, ProductRate]:
    """Return the faster rate of each product."""
    return {
        product: min(rate, before.get(product, rate), key=lambda each: each.microseconds)
        for product, rate in now.items()
    }


def _ms(products: Sequence[Product], rates: dict[Product, ProductRate]) -> float | None:
    timed = [product for product in products if product in rates]
    if not timed:
        return None
    return sum(product.count * rates[product].microseconds for product in timed) / 1000
