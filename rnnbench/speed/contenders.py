"""The contenders: ways of training all models of a config, and the cost of a trial in each."""

import logging
import os
import re
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from rnnbench.config.schema import Benchmark
from rnnbench.errors import UserError, did_you_mean
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.runner.executors import LocalExecutor, Task
from rnnbench.runner.executors.base import prepare_engine
from rnnbench.runner.executors.local import usable_cores
from rnnbench.speed.results import TrialTime
from rnnbench.training.engines import ENGINES, OnEpoch
from rnnbench.training.epochs import TRAINING, begin, count_batches, ms_per_step
from rnnbench.training.trial import Trial, dataset_of, run_trial

PROCESS_STATUS = Path("/proc/self/status")
"""Facts about this process; only on Linux."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contender:
    """A way of training all models of a config.

    Attributes:
        name: for the option ``--only``.
        what: a description.
        executor: its processes and threads.
        task: the training of a trial in such a process.
        engine: the engine of rnnbench that trains, unless PyTorch does.
    """

    name: str
    what: str
    executor: LocalExecutor
    task: Task[TrialTime]
    engine: str | None = None

    def adapt(self, trial: Trial) -> Trial:
        """Return ``trial`` with the engine and threads of this contender."""
        engine = {"engine": self.engine} if self.engine else {}
        training = trial.training.model_copy(update=engine)
        return replace(trial, training=training, threads=self.executor.threads)


def choose_contenders(names: Sequence[str] | None, benchmark: Benchmark) -> list[Contender]:
    """Return the contenders of these names; by default all that can train ``benchmark``.

    Raises:
        UserError: there is no such contender, it cannot train a model of the benchmark, or there
            is only one epoch, which is spent on compiling.
    """
    if benchmark.training.epochs < 2:
        raise UserError("training.epochs: got 1 (allowed: 2 or more, since the first one compiles)")
    known = {contender.name: contender for contender in _contenders()}
    if names is not None:
        _check(names, known)
    reasons = {name: _why_not(known[name], benchmark) for name in names or known}
    absent = {reason: name for name, reason in reversed(reasons.items()) if reason}
    for reason, name in absent.items():
        if names:
            raise UserError(f"--only {name}: {reason}")
        log.warning("%s does not take part: %s", name, reason)
    return [known[name] for name, reason in reasons.items() if not reason]


def _check(names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise UserError(f"--only: unknown contender '{name}' ({did_you_mean(name, known)})")
        if names.count(name) > 1:
            raise UserError(f"--only: '{name}' is named twice")
    if not names:
        raise UserError(f"--only: names no contender (allowed: {', '.join(known)})")


def _contenders() -> list[Contender]:
    cores = usable_cores()
    one_a_core, sequential = LocalExecutor(cores, 1), LocalExecutor(1, cores)
    ours = Task(run_engine, prepare_engine)
    tuned, plain = (
        Task(partial(run_torch, is_tuned=is_tuned), prepare_torch) for is_tuned in (True, False)
    )
    eager = "eager PyTorch, one process per core"
    return [
        Contender("compiled", "one process per core", one_a_core, ours, "compiled"),
        Contender("compiled-1", "a single process", LocalExecutor(1, 1), ours, "compiled"),
        Contender("native", "machine code, one process per core", one_a_core, ours, "native"),
        Contender("keras", "model.fit, as in the notebook", sequential, ours, "keras"),
        Contender("torch", f"{eager}, denormals flushed, Adam fused", one_a_core, tuned),
        Contender("torch-plain", f"{eager}, its defaults", one_a_core, plain),
    ]


def networks(benchmark: Benchmark) -> dict[str, LayeredNetwork]:
    """Return the models of a benchmark that can be timed, by name."""
    models = benchmark.models.items()
    return {name: model for name, model in models if isinstance(model, LayeredNetwork)}


def only_networks(benchmark: Benchmark) -> Benchmark:
    """Return ``benchmark`` with its networks alone, trained on all training documents.

    Raises:
        UserError: it has no networks, or one has a training of its own, which the tables of times
            could not show.
    """
    models = networks(benchmark)
    if not models:
        raise UserError(f"{benchmark.name}: no model to time (should have a model with layers)")
    if own := [name for name, model in models.items() if model.training]:
        hint = "remove that section, or select other models with --models"
        raise UserError(f"{benchmark.name}: {own[0]} has its own training section ({hint})")
    training = benchmark.training.model_copy(update={"validation_split": 0.0})
    return benchmark.model_copy(update={"models": models, "training": training})


def _why_not(contender: Contender, benchmark: Benchmark) -> str:
    """Return why a contender cannot take part; empty if it can."""
    if contender.engine is None:
        return _why_not_torch(benchmark)
    engine = ENGINES[contender.engine]
    for name, model in networks(benchmark).items():
        if not engine.covers(model, benchmark.training):
            return f"it cannot train {name}"
    return engine.why_not()


def _why_not_torch(benchmark: Benchmark) -> str:
    """Return why PyTorch cannot take part; empty if it can."""
    if not find_spec("torch"):
        return "PyTorch is not installed (pip install 'rnnbench[torch]')"
    from rnnbench.speed.torch_training import why_not

    if benchmark.training.optimizer != "adam":
        return f"it is timed with adam only, not {benchmark.training.optimizer}"
    if benchmark.training.ema is not None:
        return "it has no moving average of the weights (training.ema)"
    reasons = (why_not(name, model) for name, model in networks(benchmark).items())
    return next(filter(None, reasons), "")


def prepare_torch(trial: Trial) -> None:
    """Import PyTorch and give it the trial's number of threads."""
    if "torch" not in sys.modules:
        begin("loading PyTorch")
    import torch

    torch.set_num_threads(trial.threads)


def run_engine(trial: Trial, corpus: Path, on_epoch: OnEpoch) -> TrialTime:
    """Carry out a trial exactly as ``rnnbench run`` does."""
    started = time.time()
    result = run_trial(trial, corpus, on_epoch)
    return _cost(trial, started, result.accuracy, result.record.ms_per_step, result.record.steps)


def run_torch(trial: Trial, corpus: Path, on_epoch: OnEpoch, *, is_tuned: bool) -> TrialTime:
    """Train a model of the same shapes on the same data with PyTorch."""
    from rnnbench.speed.torch_training import train

    started = time.time()
    dataset = dataset_of(trial, corpus)
    model = cast(LayeredNetwork, trial.model)
    begin(TRAINING)
    epochs, accuracy = train(model, dataset, trial.training, trial.seed, on_epoch, is_tuned)
    steps = count_batches(len(dataset.y_train), trial.training.batch_size)
    ms = ms_per_step(epochs, steps)
    return _cost(trial, started, accuracy, ms, steps * trial.training.epochs)


def _cost(trial: Trial, started: float, accuracy: float, ms: float | None, steps: int) -> TrialTime:
    return TrialTime(
        model=trial.name,
        seed=trial.seed,
        accuracy=accuracy,
        ms_per_step=cast(float, ms),  # None only for baselines, which are not timed
        steps=steps,
        seconds=time.time() - started,
        started=started,
        process=os.getpid(),
        peak_memory_mb=peak_memory() / 1e6,
    )


def peak_memory() -> int:
    """Return the peak memory of this process, in bytes.

    On Linux, ``getrusage`` may give that of the process that started this one.
    """
    status = PROCESS_STATUS.read_text() if PROCESS_STATUS.exists() else ""
    if peak := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
        return int(peak[1]) * 1024
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
