"""The contenders: ways of training all models of a config, which take turns at it."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import cast

from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.environment import machine, peak_memory
from rnnbench.errors import RnnbenchError, UserError, did_you_mean
from rnnbench.estimate import time_products
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Product
from rnnbench.models.layers.base import Shape
from rnnbench.plugins.speed import results
from rnnbench.runner import executors
from rnnbench.runner.executors import Listener, LocalExecutor, Task, TrialFailure, usable_cores
from rnnbench.runner.run import Plan, describe
from rnnbench.training.engines import ENGINES, OnEpoch
from rnnbench.training.epochs import TRAINING, Epochs, ask_for_threads, begin
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial, dataset_of, run_trial

PRODUCT_SECONDS = 0.2  # the time for which each product is repeated
Train = Callable[[Trial, Path, OnEpoch], TrialResult]  # as ``run_trial``

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contender:
    """A way of training all models of a config, by its name for the option ``--only``."""

    name: str
    what: str
    executor: LocalExecutor
    task: Task  # runs in a process of the executor and gives a ``TrialTime``
    engine: str | None = None  # that of rnnbench which trains, unless PyTorch does

    def adapt(self, trial: Trial) -> Trial:
        """Return ``trial`` with the engine and threads of this contender."""
        engine = {"engine": self.engine} if self.engine else {}
        training = trial.training.model_copy(update=engine)
        return replace(trial, training=training, threads=self.executor.threads)

    def times(self, rounds: list[results.TableTime]) -> results.ContenderTimes:
        """Return the record of its times."""
        how = {"jobs": self.executor.jobs, "threads": self.executor.threads}
        return results.ContenderTimes(name=self.name, what=self.what, rounds=rounds, **how)

    def why_not(self, benchmark: Benchmark) -> str:
        """Return why it cannot take part; empty if it can."""
        is_torch, engine = self.engine is None, ENGINES[self.engine or "native"]
        if is_torch and not find_spec("torch"):
            return "PyTorch is not installed (pip install 'rnnbench[torch]')"
        for name, model in networks(benchmark).items():
            if not engine.covers(model, benchmark.training_of(name)):
                return f"it cannot train {name}"
        return "" if is_torch else engine.why_not()


def choose_contenders(names: Sequence[str] | None, benchmark: Benchmark) -> list[Contender]:
    """Return the contenders of these names; by default all that can train ``benchmark``.

    Raises:
        UserError: there is no such contender, it cannot train a model of the benchmark, or there
            is only one epoch, which is spent on compiling.
    """
    if any(benchmark.training_of(name).epochs < 2 for name in networks(benchmark)):
        raise UserError("training.epochs: got 1 (allowed: 2 or more, since the first one compiles)")
    cores = usable_cores()
    one_a_core, sequential = LocalExecutor(cores, 1), LocalExecutor(1, cores)
    ours = Task(partial(time_trial, run_trial))
    torchs = Task(partial(time_trial, run_torch), prepare_torch)
    packed = Task(partial(time_trial, partial(run_torch, packs=True)), prepare_torch)
    eager = "eager PyTorch, one process per core, denormals flushed, Adam fused"
    contenders = [
        Contender("native", "machine code, one process per core", one_a_core, ours, "native"),
        Contender("native-1", "a single process", LocalExecutor(1, 1), ours, "native"),
        Contender("keras", "model.fit, as in the notebook", sequential, ours, "keras"),
        Contender("torch", eager, one_a_core, torchs),
        Contender("torch-packed", f"{eager}, packed sequences", one_a_core, packed),
    ]
    known = {contender.name: contender for contender in contenders}
    chosen = [*known] if names is None else names
    if wrong := [name for name in chosen or [""] if name not in known]:
        raise UserError(f"--only: no contender '{wrong[0]}' ({did_you_mean(wrong[0], known)})")
    reasons = {name: known[name].why_not(benchmark) for name in chosen}
    absent = {reason: name for name, reason in reversed(reasons.items()) if reason}
    for reason, name in absent.items():
        if names:
            raise UserError(f"--only {name}: {reason}")
        log.warning("%s does not take part: %s", name, reason)
    return [known[name] for name, reason in reasons.items() if not reason]


def networks(benchmark: Benchmark) -> dict[str, LayeredNetwork]:
    """Return the models of a benchmark that can be timed, by name."""
    models = benchmark.models.items()
    return {name: model for name, model in models if isinstance(model, LayeredNetwork)}


def only_networks(benchmark: Benchmark) -> Benchmark:
    """Return ``benchmark`` with its networks alone, without validation, or raise ``UserError``."""
    models = {}
    for name, model in networks(benchmark).items():
        training = (model.training or {}) | {"validation_split": 0.0}
        models[name] = model.model_copy(update={"training": training})
    if not models:
        raise UserError(f"{benchmark.name}: no model to time (should have a model with layers)")
    return benchmark.model_copy(update={"models": models})


def time_trial(train: Train, trial: Trial, corpus: Path, on_epoch: OnEpoch) -> results.TrialTime:
    """Carry out a trial with ``train``; return the cost."""
    started = time.time()
    with ask_for_threads(lambda: trial.threads):  # the last ones get no more
        result = train(trial, corpus, on_epoch)
    return results.TrialTime(
        model=trial.name,
        seed=trial.seed,
        score=result.score,
        ms_per_step=cast(float, result.record.ms_per_step),  # None only for baselines
        steps=result.record.steps,
        seconds=time.time() - started,
        started=started,
        process=os.getpid(),
        peak_memory_mb=peak_memory() / 1e6,
    )


def prepare_torch(trial: Trial) -> None:
    """Import PyTorch and give it the trial's number of threads."""
    if "torch" not in sys.modules:
        begin("loading PyTorch")
    import torch

    torch.set_num_threads(trial.threads)


def run_torch(trial: Trial, corpus: Path, on_epoch: OnEpoch, *, packs: bool = False) -> TrialResult:
    """Train a network of the same shapes on the same data as the engines do, but with PyTorch."""
    from rnnbench.plugins.speed.in_torch import train

    dataset, recipe, epochs = dataset_of(trial, corpus), trial.training, Epochs(on_epoch)
    begin(TRAINING)
    model = cast(LayeredNetwork, trial.model)
    answers, params = train(model, dataset, recipe, trial.seed, epochs, packs=packs)
    documents = len(dataset.y_train)
    record = epochs.record(engine="torch", params=params, recipe=recipe, documents=documents)
    return TrialResult(record, dataset.y_test, answers)


def measure(
    benchmark: Benchmark, plan: Plan, contenders: Sequence[Contender], rounds: int, *, quiet: bool
) -> Iterator[results.SpeedResults]:
    """Yield after each round the results of all rounds so far.

    In a round each contender trains everything once, so that other load on the machine affects all
    of them; each round starts with another contender. ``plan`` holds the trials of ``benchmark``.
    The matrix products of a step, timed alone, are a lower bound for training with NumPy's BLAS.

    Raises:
        RnnbenchError: a training failed, or a worker process died.
    """
    from rnnbench.terminal.console import err  # not needed where trials run
    from rnnbench.terminal.display import show_trials

    shape = Shape(plan.dataset.timesteps, len(plan.dataset.topics), plan.trials[0].n_ids)
    products: dict[str, list[Product]] = {}
    for name, model in networks(benchmark).items():
        batch_size = min(benchmark.training_of(name).batch_size, plan.dataset.train_size)
        products[name] = model.products(batch_size, shape)
    seconds: dict[Product, float] = {}
    tables: dict[str, list[results.TableTime]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        timed = time_products(chain.from_iterable(products.values()), PRODUCT_SECONDS)
        seconds |= {one: min(now, seconds.get(one, now)) for one, now in timed.items()}
        start = number % len(contenders)
        for contender in (*contenders[start:], *contenders[:start]):
            if not quiet:
                err.print(f"round {number + 1} of {rounds}: {contender.name}", soft_wrap=True)
            with show_trials(quiet=quiet) as listener:
                tables[contender.name].append(_train_table(contender, plan, listener))
        times = [one.times(tables[one.name]) for one in contenders]
        yield _results(benchmark, plan.dataset, times, products, seconds)


def _results(
    benchmark: Benchmark,
    dataset: DatasetSummary,
    contenders: list[results.ContenderTimes],
    products: Mapping[str, Sequence[Product]],
    seconds: Mapping[Product, float],
) -> results.SpeedResults:
    """Return the results from the products of a step, by model, and the seconds of each product."""
    packages = [ENGINES[name].packages for name in ("native", "keras")]
    return results.SpeedResults(
        **dataset.model_dump(include={"train_size", "timesteps"}),
        **benchmark.training.model_dump(include={"epochs", "batch_size", "optimizer", "seeds"}),
        name=benchmark.name,
        dataset_fingerprint=dataset.fingerprint,
        contenders=contenders,
        products=[
            results.ProductRate(
                **asdict(product),
                microseconds=seconds[product] / product.count * 1e6,
                gflops=2 * product.multiply_adds / seconds[product] / 1e9,
            )
            for product in sorted(seconds, key=astuple)
        ],
        product_times=[
            results.ProductTime(model=name, ms_per_step=sum(timed) * 1000 if timed else None)
            for name, of_model in products.items()
            for timed in [[seconds[product] for product in of_model if product in seconds]]
        ],
        environment=machine([*chain.from_iterable(packages), "torch"]),
    )


def _train_table(contender: Contender, plan: Plan, listener: Listener) -> results.TableTime:
    """Train everything with ``contender``, in processes started for it."""
    adapted = [contender.adapt(trial) for trial in plan.trials]
    listener(executors.Planned(adapted, []))
    costs: list[results.TrialTime] = []
    start, seconds = time.time(), 0.0
    outcomes = contender.executor.run(adapted, plan.corpora, listener, contender.task)
    with closing(outcomes):
        for trial, cost in outcomes:
            if isinstance(cost, TrialFailure):
                raise RnnbenchError(f"{contender.name}: {describe({trial: cost})}")
            costs.append(cost.model_copy(update={"started": cost.started - start}))
            listener(executors.Finished(trial, cost.score, cost.seconds))
            seconds = time.time() - start
    return results.TableTime(seconds=seconds, trials=costs)
