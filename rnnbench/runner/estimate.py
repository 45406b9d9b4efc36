"""How long trials will take on this machine.

``estimate_seconds`` times the matrix products of a step.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from timeit import Timer
from typing import NamedTuple

import numpy as np

from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.padding import without_padding
from rnnbench.models.descriptions import LayeredNetwork, Network
from rnnbench.models.layers import Product
from rnnbench.models.layers.base import Shape
from rnnbench.models.layers.feedforward import Embedding
from rnnbench.models.needs import Needs
from rnnbench.runner.executors import usable_cores
from rnnbench.training.engines import ENGINES
from rnnbench.training.settings import NATIVE, Training
from rnnbench.training.trial import Trial, program_of

FEW = 4
"""A product with so few rows, columns or features is bound by memory."""
ESTIMATE_SECONDS = 0.02  # the time for which each product is repeated


class _Timed(NamedTuple):
    """A network, and what decides how long a step of its training takes."""

    n_params: int
    training: Training
    products: list[Product]
    overhead: float  # the seconds of a product, beside its arithmetic
    passes: float  # over all parameters in a step


def estimate_seconds(
    trials: Sequence[Trial], dataset: Dataset, jobs: int, needs: Mapping[str, Needs]
) -> float | None:
    """Return about how many seconds trials take on the cores of this machine.

    ``needs`` has those of baselines, by the names of models. ``None`` if nothing is
    known, or not the products or costs of a network. The costs of our engines were
    fitted to steps of all networks of ``all``, ``zoo`` and ``r52`` on one core of an
    AMD EPYC: these took 0.4 to 1.3 times the estimate.
    """
    # 1. List the networks, and how many trainings share each program.
    networks = []
    programs = Counter[tuple[float, Hashable]]()
    for trial in trials:
        match trial.model:
            case Network() as model:
                training = trial.training
                shape = _shape(model, dataset, training.engine)
                batch_size = min(training.batch_size, len(dataset.y_train))
                products = model.products(batch_size, shape)
                costs = ENGINES[training.engine].costs
                if not products or costs is None:
                    return None
                overhead, passes, compile_seconds = costs
                n_params = count_params(model, shape)
                networks.append(_Timed(n_params, training, products, overhead, passes))
                programs[compile_seconds, program_of(model, training)] += 1
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
        trainings.append(training.epochs * training.count_batches(len(learned)) * step)
    for trial in trials:
        if trial.name in needs:
            trainings.append(needs[trial.name].seconds)
    if not any(trainings):
        return None
    # 4. Share them among the cores; each process compiles programs of its own.
    cores = min(usable_cores(), jobs, len(trainings))
    compilations = 0.0
    for (compile_seconds, _), n_trainings in programs.items():
        compilations += min(cores, n_trainings) * compile_seconds
    return max((sum(trainings) + compilations) / cores, *trainings)


def count_params(model: Network, shape: Shape) -> int:
    """Return about how many parameters a network has; TensorFlow is not imported.

    Of a network without machine code, only those of words are counted.
    """
    shapes = ENGINES[NATIVE].weight_shapes(model, shape)
    if shapes is not None:
        return sum(map(math.prod, shapes))
    match model:
        case LayeredNetwork(layers=(Embedding(dim=dim), *_)):
            return shape.n_ids * dim
    return 0


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
    words = math.ceil(without_padding(dataset.train_inputs).lengths.mean())
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
