"""About how long the trainings of a benchmark take, from the speed of their matrix products."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from timeit import Timer, repeat
from typing import Any

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import Dataset, hold_out
from rnnbench.models.descriptions import LayeredNetwork, Network
from rnnbench.models.layers import Product
from rnnbench.models.layers.base import Shape
from rnnbench.runner.executors import usable_cores
from rnnbench.training.engines import ENGINES
from rnnbench.training.epochs import count_batches
from rnnbench.training.settings import resolve_engine
from rnnbench.training.trial import program_of

FEW = 4  # a product with this few rows, columns or features is bound by memory, not by arithmetic
ESTIMATE_SECONDS = 0.02  # the time for which each product is repeated


def estimate_seconds(
    benchmark: Benchmark, dataset: Dataset, params: Mapping[str, int]
) -> float | None:
    """Return about how many seconds the trainings of a benchmark take, with one on each core.

    Baselines count as nothing; ``params`` has the trained parameters of each network. ``None``
    without networks, or if products or costs are not known. The costs of our engines were fitted to
    steps of all networks of ``all``, ``zoo`` and ``r52`` on one core of an AMD EPYC: these took 0.4
    to 1.3 times the estimate.
    """
    if not params:
        return None
    trainings, costs, programs = {}, {}, Counter[tuple[Any, ...]]()
    products: dict[str, list[Product]] = {}
    for name in params:
        model: Any = benchmark.models[name]
        training = trainings[name] = resolve_engine(model, benchmark.training_of(name))
        batch_size = min(training.batch_size, len(dataset.y_train))
        products[name] = model.products(batch_size, _shape(model, dataset, training.engine))
        known = ENGINES[training.engine].costs
        if not products[name] or known is None:
            return None
        costs[training.engine] = known
        programs[program_of(model, training)] += len(training.seeds)
    of_product = time_products(chain.from_iterable(products.values()), ESTIMATE_SECONDS)
    a, b = np.ones((2, 2_000_000), np.float32)
    to_add = min(repeat(lambda: np.add(a, b, out=b), repeat=5, number=1)) / a.size
    seconds: list[float] = []
    for name, training in trainings.items():
        learned = len(hold_out(len(dataset.y_train), training.validation_split, dataset.groups)[0])
        steps = training.epochs * count_batches(learned, training.batch_size)
        overhead, passes, _ = costs[training.engine]
        of_products = [of_product.get(it, 0.0) + overhead * it.count for it in products[name]]
        step = sum(of_products) + passes * to_add * params[name]
        seconds += [steps * step] * len(training.seeds)
    cores = min(usable_cores(), len(seconds))
    compilations = sum(  # each process has its own
        min(cores, n) * costs[engine][-1] for (_, engine, *_), n in programs.items()
    )
    return max((sum(seconds) + compilations) / cores, *seconds)


def _shape(model: Network, dataset: Dataset, engine: str) -> Shape:
    """Return the mean shape of what an engine reads; ``keras`` alone reads all padding."""
    shape = Shape.of(dataset)
    if engine == "keras":
        return shape
    words = math.ceil(np.count_nonzero(dataset.x_train) / len(dataset.x_train))
    reads_padding = isinstance(model, LayeredNetwork) and not model.layers[0].gives_mask
    steps = shape.timesteps if reads_padding else words
    return replace(shape, timesteps=steps, n_ids=words)


def time_products(products: Iterable[Product], seconds: float) -> dict[Product, float]:
    """Return the seconds that NumPy's BLAS takes for each product, all its repeats, on one core.

    The fastest of many attempts counts. Products too thin to be bound by arithmetic are left out.
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
    multiplied = Timer(lambda: np.matmul(left, right, out=out))
    n = max(2, round(seconds / multiplied.timeit(1)))  # the first has to get memory
    return min(multiplied.repeat(n, 1))
