"""An estimate of the time that the trainings of a benchmark take on this machine."""

import time
from collections import Counter
from collections.abc import Mapping
from itertools import chain

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import Dataset, hold_out
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Product
from rnnbench.runner.executors.local import usable_cores
from rnnbench.speed.gemm import time_products
from rnnbench.training.steps import count_batches

SECONDS = 0.02
"""The time for which each product is measured."""
STEP_BY_PRODUCTS = 2.5
"""The time of a step divided by that of its products: the column "compiled / products" in
``results/reference/speed/speed.md``."""
PASSES = 2.5
"""The memory that Adam reads and writes for a parameter, divided by that of adding two arrays:
seven numbers to three."""
COMPILATION = 5.0
"""Seconds for the program of a model, about as long as in ``results/reference/speed/speed.md``."""


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
        ``None`` without networks, or if one is not made of layers or is trained by another engine
        than ``compiled``.
    """
    if not params:
        return None
    networks = {name: benchmark.models[name] for name in params}
    products: dict[str, list[Product]] = {}
    for name, model in networks.items():
        training = benchmark.training_of(name)
        if not isinstance(model, LayeredNetwork) or training.engine != "compiled":
            return None
        products[name] = model.products(
            batch_size=min(training.batch_size, len(dataset.y_train)),
            timesteps=dataset.timesteps,
            n_topics=len(dataset.topics),
            n_ids=dataset.n_ids,
        )
    of_product = time_products(chain.from_iterable(products.values()), SECONDS)
    of_parameter = PASSES * _seconds_to_add()
    trainings, programs = [], Counter[tuple[str, ...]]()
    for name, model in networks.items():
        training = benchmark.training_of(name)
        learned = len(hold_out(len(dataset.y_train), training.validation_split)[0])
        steps = training.epochs * count_batches(learned, training.batch_size)
        step = STEP_BY_PRODUCTS * sum(of_product.get(each, 0.0) for each in products[name])
        step += of_parameter * params[name]
        trainings += [steps * step] * len(training.seeds)
        recipe = training.optimizer, training.batch_size, training.ema
        program = (model.signature, *map(str, recipe))
        programs[program] += len(training.seeds)
    cores = min(usable_cores(), len(trainings))
    compilations = sum(min(cores, n) for n in programs.values())  # each process has its own
    return max((sum(trainings) + COMPILATION * compilations) / cores, *trainings)


def _seconds_to_add() -> float:
    """Return the seconds that adding two large arrays takes for each number."""
    a, b = np.ones((2, 2_000_000), np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        np.add(a, b, out=b)
        times.append(time.perf_counter() - start)
    return min(times) / a.size
