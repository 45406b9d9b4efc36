"""About how long the trainings of a benchmark take, from the speed of their matrix products."""

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from timeit import repeat
from typing import Any

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import Dataset, hold_out
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Product
from rnnbench.models.layers.base import Shape
from rnnbench.runner.executors.local import usable_cores
from rnnbench.training.epochs import count_batches
from rnnbench.training.settings import resolve_engine
from rnnbench.training.trial import program_of

FEW = 4  # a product with this few rows, columns or features is bound by memory, not by arithmetic
ESTIMATE_SECONDS = 0.02  # the time for which each product is repeated
COSTS = {"native": (0.0, 4, 0.7), "keras": (1e-4, 45, 5.0)}
"""The seconds that a product takes besides its arithmetic; Adam's time for a parameter, divided by
that for adding two numbers of large arrays; the seconds to make a program. Fitted to steps of all
networks of ``all``, ``zoo`` and ``r52`` on one core of an AMD EPYC: these took 0.4 to 1.3 times the
estimate."""


def estimate_seconds(
    benchmark: Benchmark, dataset: Dataset, params: Mapping[str, int]
) -> float | None:
    """Return about how many seconds the trainings of a benchmark take, with one on each core.

    Baselines count as nothing. The rates of matrix products and of memory are measured. ``params``
    has the trained parameters of each network. The time is ``None`` without networks, or if one is
    not made of layers, or is trained by an engine whose speed is not known.
    """
    if not params:
        return None
    shape = Shape.of(dataset)
    words = math.ceil(np.count_nonzero(dataset.x_train) / len(dataset.x_train))
    trainings, programs = {}, Counter[tuple[Any, ...]]()
    products: dict[str, list[Product]] = {}
    for name in params:
        model = benchmark.models[name]
        training = trainings[name] = resolve_engine(model, benchmark.training_of(name))
        if not isinstance(model, LayeredNetwork) or training.engine not in COSTS:
            return None
        batch_size = min(training.batch_size, len(dataset.y_train))
        steps = words if model.layers[0].gives_mask else shape.timesteps
        without_padding = replace(shape, timesteps=steps, n_ids=words)  # nor absent words
        read = without_padding if training.engine == "native" else shape
        products[name] = model.products(batch_size, read)
        programs[program_of(model, training)] += len(training.seeds)
    of_product = time_products(chain.from_iterable(products.values()), ESTIMATE_SECONDS)
    a, b = np.ones((2, 2_000_000), np.float32)
    to_add = min(repeat(lambda: np.add(a, b, out=b), repeat=5, number=1)) / a.size
    seconds: list[float] = []
    for name, training in trainings.items():
        learned = len(hold_out(len(dataset.y_train), training.validation_split, dataset.groups)[0])
        steps = training.epochs * count_batches(learned, training.batch_size)
        overhead, passes, _ = COSTS[training.engine]
        of_products = [of_product.get(it, 0.0) + overhead * it.count for it in products[name]]
        step = sum(of_products) + passes * to_add * params[name]
        seconds += [steps * step] * len(training.seeds)
    cores = min(usable_cores(), len(seconds))
    compilations = sum(  # each process has its own
        min(cores, n) * COSTS[engine][-1] for (_, engine, *_), n in programs.items()
    )
    return max((sum(seconds) + compilations) / cores, *seconds)


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
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 2:  # the first has to get memory
        start = time.perf_counter()
        np.matmul(left, right, out=out)
        times.append(time.perf_counter() - start)
    return min(times)
