"""The speed benchmark: whole tables, trained by each contender in turn, round after round."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from rnnbench.config.schema import Benchmark
from rnnbench.errors import RnnbenchError
from rnnbench.models.products import Product, products_of_step
from rnnbench.results.environment import environment
from rnnbench.results.schema import DatasetSummary
from rnnbench.results.speed import (
    Bound,
    ContenderTimes,
    ProductRate,
    SpeedResults,
    TableTime,
    TrialTime,
)
from rnnbench.runner.benchmark import Plan
from rnnbench.runner.events import Failed, Finished, Listener, Planned
from rnnbench.runner.trials import carry_out, describe
from rnnbench.runner.workers import Failure, start_workers
from rnnbench.speed.contenders import Contender
from rnnbench.speed.gemm import measure_products
from rnnbench.training.trial import Trial

Show = Callable[[str], AbstractContextManager[Listener]]
"""Given what begins now, shows its trials."""


def bench_speed(
    benchmark: Benchmark, plan: Plan, contenders: Sequence[Contender], rounds: int, show: Show
) -> SpeedResults:
    """Return what each contender needed for the whole table, and what the machine would allow.

    The contenders take turns, so that what else happens on the machine meets all of them.

    Args:
        benchmark: the models, and how they are trained.
        plan: the same, as trials.
        contenders: who trains.
        rounds: how often each trains the table.
        show: told of what happens.

    Raises:
        RnnbenchError: a training failed.
    """
    products = _products(benchmark, plan.dataset)
    distinct = {product for each in products.values() for product in each}
    rates = measure_products(distinct)
    times: dict[str, list[TableTime]] = {contender.name: [] for contender in contenders}
    for number in range(1, rounds + 1):
        for contender in contenders:
            with show(f"round {number} of {rounds}: {contender.name}") as listener:
                times[contender.name].append(_train_table(contender, plan.trials, listener))
        rates = _faster(rates, measure_products(distinct))
    return SpeedResults(
        name=benchmark.name,
        dataset_fingerprint=plan.dataset.fingerprint,
        train_size=plan.dataset.train_size,
        timesteps=plan.dataset.timesteps,
        epochs=benchmark.training.epochs,
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
        bounds=[
            Bound(model=name, ms_per_step=_bound(each, rates)) for name, each in products.items()
        ],
        environment=environment(jobs=plan.workforce.jobs, threads=plan.workforce.threads),
    )


def _train_table(contender: Contender, trials: Sequence[Trial], listener: Listener) -> TableTime:
    """Have ``contender`` train everything, from nothing to the last prediction."""
    claimed = [contender.claim(trial) for trial in trials]
    listener(Planned(claimed, []))
    costs: list[TrialTime] = []
    failures: dict[Trial, Failure] = {}
    start, clock = time.perf_counter(), time.time()
    with start_workers(contender.workforce, contender.prepare) as workers:
        for trial, cost in carry_out(contender.measure, claimed, workers, listener):
            if isinstance(cost, Failure):
                failures[trial] = cost
                listener(Failed(trial, cost.reason))
            else:
                costs.append(cost.model_copy(update={"started": cost.started - clock}))
                listener(Finished(trial, cost.accuracy, cost.seconds))
        seconds = time.perf_counter() - start
    if failures:
        raise RnnbenchError(describe(failures))
    return TableTime(seconds=seconds, trials=costs)


def _products(benchmark: Benchmark, dataset: DatasetSummary) -> dict[str, list[Product]]:
    return {
        name: products_of_step(
            model,
            batch_size=min(benchmark.training.batch_size, dataset.train_size),
            timesteps=dataset.timesteps,
            n_topics=dataset.classes,
        )
        for name, model in benchmark.models.items()
    }


def _faster(
    some: dict[Product, ProductRate], others: dict[Product, ProductRate]
) -> dict[Product, ProductRate]:
    return {
        product: min(rate, others[product], key=lambda each: each.microseconds)
        for product, rate in some.items()
    }


def _bound(products: Sequence[Product], rates: dict[Product, ProductRate]) -> float:
    return sum(
        product.count * rates[product].microseconds / 1000
        for product in products
        if product in rates
    )
