"""The measurement: contenders take turns, round by round, and products are timed."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple
from itertools import chain

from rnnbench import Benchmark, RnnbenchError
from rnnbench.plugin import (
    ENGINES,
    Finished,
    Listener,
    Plan,
    Planned,
    Product,
    Shape,
    Trial,
    TrialFailure,
    console,
    machine,
    show_trials,
    time_products,
)
from rnnbench.plugins.speed.contenders import Contender, networks
from rnnbench.plugins.speed.records import (
    ProductRate,
    ProductTime,
    SpeedResults,
    TableTime,
    TrialTime,
)

PRODUCT_SECONDS = 0.2
"""The time for which each product is repeated."""


def measure(
    benchmark: Benchmark,
    plan: Plan,
    contenders: Sequence[Contender],
    rounds: int,
    *,
    quiet: bool,
) -> Iterator[SpeedResults]:
    """Yield after each round the results of all rounds so far.

    In each round, each contender trains every model that it can once, so that other
    load on the machine affects all contenders; each round starts with another one. The
    matrix products of a step, timed alone, are a lower bound for training with NumPy's
    BLAS. ``RnnbenchError`` is raised if a training fails.
    """
    products = _products(benchmark, plan)
    seconds: dict[Product, float] = {}
    tables: dict[str, list[TableTime]] = {}
    lacking: dict[str, list[str]] = {}
    for contender in contenders:
        tables[contender.name] = []
        lacking[contender.name] = contender.cannot_train(benchmark)
    for number in range(rounds):
        timed = time_products(chain.from_iterable(products.values()), PRODUCT_SECONDS)
        for product, now in timed.items():
            seconds[product] = min(now, seconds.get(product, now))
        start = number % len(contenders)
        for contender in (*contenders[start:], *contenders[:start]):
            if not quiet:
                line = f"round {number + 1} of {rounds}: {contender.name}"
                console.err.print(line, soft_wrap=True)
            missing = lacking[contender.name]
            trials = [trial for trial in plan.trials if trial.name not in missing]
            with show_trials(quiet=quiet) as listener:
                table = _train_table(contender, trials, plan, listener)
            tables[contender.name].append(table)
        yield SpeedResults(
            name=benchmark.name,
            dataset_fingerprint=plan.dataset.fingerprint,
            train_size=plan.dataset.train_size,
            timesteps=plan.dataset.timesteps,
            epochs=benchmark.training.epochs,
            batch_size=benchmark.training.batch_size,
            optimizer=benchmark.training.optimizer,
            seeds=list(benchmark.training.seeds),
            contenders=[
                contender.times(tables[contender.name], lacking[contender.name])
                for contender in contenders
            ],
            products=_rates(seconds),
            product_times=_times(products, seconds),
            environment=machine(
                [*ENGINES["native"].packages, *ENGINES["keras"].packages, "torch"]
            ),
        )


def _products(benchmark: Benchmark, plan: Plan) -> dict[str, list[Product]]:
    """Return the matrix products in a step of each network."""
    dataset = plan.dataset
    shape = Shape(dataset.timesteps, len(dataset.topics), plan.trials[0].n_ids)
    products = {}
    for name, model in networks(benchmark).items():
        batch_size = min(benchmark.training_of(name).batch_size, dataset.train_size)
        products[name] = model.products(batch_size, shape)
    return products


def _rates(seconds: Mapping[Product, float]) -> list[ProductRate]:
    """Return the rate of each product."""
    rates = []
    for product in sorted(seconds, key=astuple):
        rate = ProductRate(
            rows=product.rows,
            inner=product.inner,
            columns=product.columns,
            count=product.count,
            microseconds=seconds[product] / product.count * 1e6,
            gflops=2 * product.multiply_adds / seconds[product] / 1e9,
        )
        rates.append(rate)
    return rates


def _times(
    products: Mapping[str, list[Product]], seconds: Mapping[Product, float]
) -> list[ProductTime]:
    """Return the time of the products in a step of each model."""
    times = []
    for name, in_step in products.items():
        timed = [seconds[product] for product in in_step if product in seconds]
        ms = sum(timed) * 1000 if timed else None
        times.append(ProductTime(model=name, ms_per_step=ms))
    return times


def _train_table(
    contender: Contender, trials: Sequence[Trial], plan: Plan, listener: Listener
) -> TableTime:
    """Carry out trials of a plan with a contender, in processes started for it."""
    adapted = [contender.adapt(trial) for trial in trials]
    listener(Planned(adapted, []))
    costs: list[TrialTime] = []
    seconds = 0.0
    start = time.time()
    outcomes = contender.executor.run(adapted, plan.corpora, listener, contender.task)
    with closing(outcomes):
        for trial, cost in outcomes:
            match cost:
                case TrialFailure(reason, traceback):
                    fault = f"{trial} failed: {reason}"
                    if traceback:
                        fault = f"{traceback}\n{fault}"
                    raise RnnbenchError(f"{contender.name}: {fault}")
                case TrialTime():
                    since = {"started": cost.started - start}
                    costs.append(cost.model_copy(update=since))
                    listener(Finished(trial, cost.score, cost.seconds))
            seconds = time.time() - start
    return TableTime(seconds=seconds, trials=costs)
