"""The contenders: ways of training all models of a config, their times, and the tables
of these.
"""

import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from statistics import mean, median
from typing import Annotated, Any, Literal

from rnnbench.config.schema import Benchmark
from rnnbench.environment import machine, peak_memory
from rnnbench.errors import RnnbenchError, UserError, did_you_mean
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Product, Shape
from rnnbench.report import words
from rnnbench.report.table import MISSING, Table, table_of, to_markdown
from rnnbench.results.store import SPEED
from rnnbench.runner import events
from rnnbench.runner.check import time_products
from rnnbench.runner.events import Listener
from rnnbench.runner.executors import LocalExecutor, Task, TrialFailure, usable_cores
from rnnbench.runner.plan import Plan
from rnnbench.section import StoredRecord, formerly
from rnnbench.storage import write_text
from rnnbench.text import counted, listed, sentences
from rnnbench.training.engines import ENGINES, OnEpoch
from rnnbench.training.epochs import ask_for_threads, begin
from rnnbench.training.outcome import TrialResult
from rnnbench.training.settings import Training
from rnnbench.training.trial import Trial, dataset_of, run_trial

log = logging.getLogger(__name__)
PRODUCT_SECONDS = 0.2  # the time for which each product is repeated
NOT_IN_TORCH = ("bag_of_words", "conv1d")  # layers that PyTorch is not timed with
Train = Callable[[Trial, Path, OnEpoch], TrialResult]  # as ``run_trial``
CONFIG, TABLES = "speed-config.yaml", "speed.md"
FILES = (SPEED, CONFIG, TABLES)  # the files of a speed benchmark
OURS = "native"


class TrialTime(StoredRecord):
    """The cost of one training."""

    model: str
    seed: int
    score: Annotated[
        float, formerly("accuracy")
    ]  # as proof that the contender really trains
    ms_per_step: float  # wall time; the median over the epochs after the first
    steps: int
    seconds: float  # wall time of the whole trial, compilation and predictions included
    started: float  # in seconds after the contender
    process: int
    peak_memory_mb: float  # of the process so far, libraries included, in 10**6 bytes


class TableTime(StoredRecord):
    """One contender's time for the whole table in one round."""

    seconds: float  # wall time from starting the processes to the last prediction
    trials: list[TrialTime]

    @property
    def overhead_seconds(self) -> float:
        """The longest time that a process spent outside steps, which count as the
        median one.
        """
        ends, in_steps = defaultdict[int, float](float), defaultdict[int, float](float)
        for trial in self.trials:
            ends[trial.process] = max(
                ends[trial.process], trial.started + trial.seconds
            )
            in_steps[trial.process] += trial.steps * trial.ms_per_step / 1000
        return max(end - in_steps[process] for process, end in ends.items())


class ContenderTimes(StoredRecord):
    """One way of training, over all rounds."""

    name: str
    what: str  # the way of training in words
    jobs: int
    threads: int
    rounds: list[TableTime]
    cannot_train: list[str] = []  # models of the benchmark that it was not timed with

    @property
    def trials(self) -> list[TrialTime]:
        return [trial for table in self.rounds for trial in table.trials]

    def ms_per_step(self, model: str) -> float | None:
        """Return the median time of a step; ``None`` if it cannot train the model."""
        if model in self.cannot_train:
            return None
        return median(
            trial.ms_per_step for trial in self.trials if trial.model == model
        )

    def seconds(self) -> float | None:
        """Return the median time for all models; ``None`` if it cannot train all of
        them.
        """
        if self.cannot_train:
            return None
        return median(table.seconds for table in self.rounds)

    def score(self) -> float | None:
        """Return the mean score of all models; ``None`` if it cannot train all of
        them.
        """
        if self.cannot_train:
            return None
        return mean(trial.score for trial in self.trials)

    def speedups(self, baseline: "ContenderTimes") -> list[float]:
        """Return how many times faster it was in each round; a machine changes between
        rounds.

        There is nothing to compare if one of the two cannot train all models.
        """
        if self.cannot_train or baseline.cannot_train:
            return []
        pairs = zip(baseline.rounds, self.rounds, strict=True)
        return [slow.seconds / fast.seconds for slow, fast in pairs]


class ProductRate(StoredRecord):
    """The speed of one of ``count`` products ``(rows, inner)(inner, columns)``, on one
    core.
    """

    rows: int
    inner: int
    columns: int
    count: int
    microseconds: float
    gflops: float


class ProductTime(StoredRecord):
    """The time of the matrix products alone in one optimizer step of a model, on one
    core.
    """

    model: str
    ms_per_step: float | None  # ``None`` if all are too thin to be bound by arithmetic


class SpeedResults(StoredRecord):
    """The content of ``speed.json``."""

    schema_version: Literal[1] = 1
    name: str
    dataset_fingerprint: str
    train_size: int
    timesteps: int
    epochs: int
    batch_size: int
    optimizer: str
    seeds: list[int]
    contenders: list[ContenderTimes]
    products: list[ProductRate]
    product_times: list[ProductTime]
    environment: dict[str, Any]


@dataclass(frozen=True)
class Contender:
    """A way of training all models of a config, by its name for the option
    ``--only``.
    """

    name: str
    what: str
    executor: LocalExecutor
    task: Task  # runs in a process of the executor and gives a ``TrialTime``
    engine: str | None = None  # that of rnnbench which trains, unless PyTorch does

    def adapt(self, trial: Trial) -> Trial:
        training = trial.training.model_copy(
            update={"engine": self.engine} if self.engine else {}
        )
        return replace(trial, training=training, threads=self.executor.threads)

    def times(self, rounds: list[TableTime], cannot_train: list[str]) -> ContenderTimes:
        return ContenderTimes(
            name=self.name,
            what=self.what,
            jobs=self.executor.jobs,
            threads=self.executor.threads,
            rounds=rounds,
            cannot_train=cannot_train,
        )

    def why_not(self, benchmark: Benchmark) -> str:
        """Return why it cannot take part; empty if it can."""
        if self.engine is None and not find_spec("torch"):
            return "PyTorch is not installed (pip install 'rnnbench[torch]')"
        if len(self.cannot_train(benchmark)) == len(networks(benchmark)):
            return f"it cannot train {listed([*networks(benchmark)])}"
        return "" if self.engine is None else ENGINES[self.engine].why_not()

    def cannot_train(self, benchmark: Benchmark) -> list[str]:
        """Return the names of the networks that it cannot train."""
        models = networks(benchmark).items()
        return [
            name
            for name, model in models
            if not self._covers(model, benchmark.training_of(name))
        ]

    def _covers(self, model: LayeredNetwork, training: Training) -> bool:
        if self.engine is not None:
            return ENGINES[self.engine].covers(model, training)
        if any(layer.kind in NOT_IN_TORCH for layer in model.layers):
            return False
        return ENGINES[OURS].covers(model, training)


def choose_contenders(
    names: Sequence[str] | None, benchmark: Benchmark
) -> list[Contender]:
    """Return the contenders of these names; by default all that can train any of the
    networks.

    Warnings name the networks that a contender cannot train. ``UserError``: a name is
    wrong, a contender cannot take part, or the only epoch goes into compiling.
    """
    if any(benchmark.training_of(name).epochs < 2 for name in networks(benchmark)):
        raise UserError(
            "training.epochs: got 1 (allowed: 2 or more, since the first one compiles)"
        )
    cores = usable_cores()
    one_a_core, sequential = LocalExecutor(cores, 1), LocalExecutor(1, cores)
    ours = Task(partial(time_trial, run_trial))
    torchs = Task(partial(time_trial, run_torch), prepare_torch)
    packed = Task(partial(time_trial, partial(run_torch, packs=True)), prepare_torch)
    eager = "eager PyTorch, one process per core, denormals flushed, Adam fused"
    contenders = [
        Contender(
            "native", "machine code, one process per core", one_a_core, ours, "native"
        ),
        Contender("native-1", "a single process", LocalExecutor(1, 1), ours, "native"),
        Contender("keras", "model.fit, as in the notebook", sequential, ours, "keras"),
        Contender("torch", eager, one_a_core, torchs),
        Contender("torch-packed", f"{eager}, packed sequences", one_a_core, packed),
    ]
    known = {contender.name: contender for contender in contenders}
    chosen = [*known] if names is None else names
    if wrong := [name for name in chosen or [""] if name not in known]:
        raise UserError(
            f"--only: no contender '{wrong[0]}' ({did_you_mean(wrong[0], known)})"
        )
    reasons = {name: known[name].why_not(benchmark) for name in chosen}
    absent = {reason: name for name, reason in reversed(reasons.items()) if reason}
    for reason, name in absent.items():
        if names:
            raise UserError(f"--only {name}: {reason}")
        log.warning("%s does not take part: %s", name, reason)
    able = [known[name] for name, reason in reasons.items() if not reason]
    for contender in able:
        lacking = contender.cannot_train(benchmark)
        if lacking:
            message = "%s cannot train %s, so some of its cells stay empty"
            log.warning(message, contender.name, listed(lacking))
    return able


def networks(benchmark: Benchmark) -> dict[str, LayeredNetwork]:
    """Return the models of a benchmark that can be timed, by name."""
    models = benchmark.models.items()
    return {name: model for name, model in models if isinstance(model, LayeredNetwork)}


def only_networks(benchmark: Benchmark) -> Benchmark:
    """Return ``benchmark`` with its networks alone, without validation, or raise
    ``UserError``.
    """
    models = {}
    for name, model in networks(benchmark).items():
        training = (model.training or {}) | {
            "validation_split": 0.0,
            "early_stopping": None,
        }
        models[name] = model.model_copy(update={"training": training})
    if not models:
        raise UserError(
            f"{benchmark.name}: no model to time (should have a model with layers)"
        )
    return benchmark.model_copy(update={"models": models})


def time_trial(
    train: Train, trial: Trial, corpus: Path, on_epoch: OnEpoch
) -> TrialTime:
    """Carry out a trial with ``train``; return the cost."""
    started = time.time()
    with ask_for_threads(lambda: trial.threads):  # the last ones get no more
        result = train(trial, corpus, on_epoch)
    return TrialTime(
        **result.record.model_dump(include={"ms_per_step", "steps"}),
        model=trial.name,
        seed=trial.seed,
        score=result.score,
        seconds=time.time() - started,
        started=started,
        process=os.getpid(),
        peak_memory_mb=peak_memory() / 1e6,
    )


def prepare_torch(trial: Trial) -> None:
    """Import PyTorch and give it the trial's number of threads."""
    begin("loading PyTorch")
    import torch

    torch.set_num_threads(trial.threads)


def run_torch(
    trial: Trial, corpus: Path, on_epoch: OnEpoch, *, packs: bool = False
) -> TrialResult:
    """Train a network of the same shapes on the same data as the engines do, but with
    PyTorch.
    """
    from rnnbench.plugins.speed.in_torch import train

    return train(trial, dataset_of(trial, corpus), on_epoch, packs=packs)


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
    from rnnbench.terminal.console import err  # not needed where trials run
    from rnnbench.terminal.display import show_trials

    shape = Shape(
        plan.dataset.timesteps, len(plan.dataset.topics), plan.trials[0].n_ids
    )
    models, n = networks(benchmark), plan.dataset.train_size
    sizes = {name: min(benchmark.training_of(name).batch_size, n) for name in models}
    products = {
        name: model.products(sizes[name], shape) for name, model in models.items()
    }
    seconds: dict[Product, float] = {}
    tables: dict[str, list[TableTime]] = {
        contender.name: [] for contender in contenders
    }
    lacking = {
        contender.name: contender.cannot_train(benchmark) for contender in contenders
    }
    for number in range(rounds):
        timed = time_products(chain.from_iterable(products.values()), PRODUCT_SECONDS)
        seconds |= {one: min(now, seconds.get(one, now)) for one, now in timed.items()}
        start = number % len(contenders)
        for contender in (*contenders[start:], *contenders[:start]):
            if not quiet:
                err.print(
                    f"round {number + 1} of {rounds}: {contender.name}", soft_wrap=True
                )
            with show_trials(quiet=quiet) as listener:
                missing = lacking[contender.name]
                trials = [trial for trial in plan.trials if trial.name not in missing]
                table = _train_table(contender, trials, plan, listener)
                tables[contender.name].append(table)
        yield SpeedResults(
            **plan.dataset.model_dump(include={"train_size", "timesteps"}),
            **benchmark.training.model_dump(
                include={"epochs", "batch_size", "optimizer", "seeds"}
            ),
            **_rates(products, seconds),
            name=benchmark.name,
            dataset_fingerprint=plan.dataset.fingerprint,
            contenders=[
                one.times(tables[one.name], lacking[one.name]) for one in contenders
            ],
            environment=machine(
                [*ENGINES["native"].packages, *ENGINES["keras"].packages, "torch"]
            ),
        )


def _rates(
    products: dict[str, list[Product]], seconds: dict[Product, float]
) -> dict[str, Any]:
    """Return the rate of each product, and the time of those in a step of each
    model.
    """
    rates, times = [], []
    for one in sorted(seconds, key=astuple):
        us, gflops = (
            seconds[one] / one.count * 1e6,
            2 * one.multiply_adds / seconds[one] / 1e9,
        )
        rates.append(ProductRate(**asdict(one), microseconds=us, gflops=gflops))
    for name, in_step in products.items():
        timed = [seconds[one] for one in in_step if one in seconds]
        times.append(
            ProductTime(model=name, ms_per_step=sum(timed) * 1000 if timed else None)
        )
    return {"products": rates, "product_times": times}


def _train_table(
    contender: Contender, trials: Sequence[Trial], plan: Plan, listener: Listener
) -> TableTime:
    """Carry out trials of a plan with ``contender``, in processes started for it."""
    adapted = list(map(contender.adapt, trials))
    listener(events.Planned(adapted, []))
    costs: list[TrialTime] = []
    start, seconds = time.time(), 0.0
    with closing(
        contender.executor.run(adapted, plan.corpora, listener, contender.task)
    ) as done:
        for trial, cost in done:
            if isinstance(cost, TrialFailure):
                said = filter(None, [cost.traceback, f"{trial} failed: {cost.reason}"])
                raise RnnbenchError(f"{contender.name}: " + "\n".join(said))
            costs.append(cost.model_copy(update={"started": cost.started - start}))
            listener(events.Finished(trial, cost.score, cost.seconds))
            seconds = time.time() - start
    return TableTime(seconds=seconds, trials=costs)


def write_speed(folder: Path, results: SpeedResults, config: str) -> None:
    """Write ``speed.json``, ``speed.md``, and the resolved ``speed-config.yaml``."""
    write_text(folder / SPEED, results.model_dump_json(indent=1) + "\n")
    write_text(folder / CONFIG, config)
    write_text(folder / TABLES, "\n".join(map(to_markdown, speed_tables(results))))


def speed_table(results: SpeedResults) -> Table:
    """Return one row per model with the milliseconds of a step, and one for the whole
    table.
    """
    products = {
        of_model.model: of_model.ms_per_step for of_model in results.product_times
    }
    contenders = {contender.name: contender for contender in results.contenders}
    ms = {
        name: list(map(contenders[name].ms_per_step, products)) for name in contenders
    }
    columns = {"ms per step": [*products, "all trainings, s"]}
    for name, contender in contenders.items():
        columns[name] = [
            *map(_ratio, ms[name]),
            words.number(contender.seconds(), ".1f"),
        ]
    columns["products alone"] = [*map(_ratio, products.values()), MISSING]
    if ours := contenders.pop(OURS, None):
        columns[f"{OURS} / products"] = [
            *map(_ratio, ms[OURS], products.values()),
            MISSING,
        ]
        for name, contender in contenders.items():
            speedups = ours.speedups(contender)
            spread = (
                f" ({min(speedups):.2f}-{max(speedups):.2f})"
                if len(speedups) > 1
                else ""
            )
            speedup = f"{median(speedups):.2f}{spread}" if speedups else MISSING
            columns[f"{name} / {OURS}"] = [*map(_ratio, ms[name], ms[OURS]), speedup]
    rows = list(zip(*columns.values(), strict=True))
    environment, n_rounds = results.environment, len(results.contenders[0].rounds)
    caption = (
        f"{counted(len(products), 'model')}, {counted(len(results.seeds), 'seed')}, "
        f"{results.epochs} epochs of {results.train_size:,} documents, {results.timesteps} steps "
        f"long, in batches of {results.batch_size}, or as a model's own training says; medians "
        f"over {counted(n_rounds, 'round')}, in which the contenders took turns. Products alone: "
        f"the time of a step's matrix products in NumPy's BLAS on one core. {environment['cpu']}, "
        f"{environment['cores']} cores."
    )
    caption = sentences(caption, *_gaps(results))
    return Table(list(columns), rows, caption, is_last_apart=True)


def _gaps(results: SpeedResults) -> Iterator[str]:
    """Yield a sentence for each contender that cannot train all models."""
    for contender in results.contenders:
        if contender.cannot_train:
            models = listed(contender.cannot_train)
            yield f"{contender.name} cannot train {models}, so it has no time for 'all trainings'."


def _ratio(top: float | None, bottom: float | None = 1.0) -> str:
    """Return the cell of a ratio, or of a number alone."""
    return MISSING if top is None or bottom is None else f"{top / bottom:.2f}"


def speed_tables(results: SpeedResults) -> list[Table]:
    """Return all tables: times, the other costs of contenders, and the rates of
    products.
    """
    ways = "; ".join(
        f"{contender.name}: {contender.what}" for contender in results.contenders
    )
    costs = table_of(
        results.contenders,
        {
            "contender": lambda one: one.name,
            "processes": lambda one: str(one.jobs),
            "threads of each": lambda one: str(one.threads),
            "s not spent on steps": lambda one: (
                f"{median(table.overhead_seconds for table in one.rounds):.1f}"
            ),
            "peak MB of a process": lambda one: (
                f"{max(t.peak_memory_mb for t in one.trials):,.0f}"
            ),
            "mean test accuracy": lambda one: words.number(one.score()),
        },
        f"{ways[0].upper()}{ways[1:]}. Not spent on steps, by the slowest process: start, "
        "compilation, predictions, idling.",
    )
    products = table_of(
        results.products,
        {
            "product": lambda rate: (
                f"({rate.rows} x {rate.inner})({rate.inner} x {rate.columns})"
            ),
            "in a row": lambda rate: str(rate.count),
            "us each": lambda rate: f"{rate.microseconds:.1f}",
            "GFLOP/s": lambda rate: f"{rate.gflops:.0f}",
        },
        "NumPy's BLAS on one core.",
    )
    return [speed_table(results), costs, *[products] * bool(results.products)]
