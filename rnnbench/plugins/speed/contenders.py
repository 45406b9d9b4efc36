"""The contenders: ways of training all networks of a config, in processes of theirs."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from rnnbench import Benchmark, UserError
from rnnbench.plugin import (
    ENGINES,
    LayeredNetwork,
    LocalExecutor,
    OnEpoch,
    Task,
    TrainingSettings,
    Trial,
    TrialResult,
    ask_for_threads,
    begin,
    dataset_of,
    did_you_mean,
    listed,
    peak_memory,
    run_trial,
    usable_cores,
)
from rnnbench.plugins.speed.records import ContenderTimes, TableTime, TrialTime

log = logging.getLogger(__name__)
OURS = "native"
NOT_IN_TORCH = ("bag_of_words", "conv1d")
"""Layers that PyTorch is not timed with."""
Train = Callable[[Trial, Path, OnEpoch], TrialResult]
"""As ``run_trial``."""


@dataclass(frozen=True)
class Contender:
    """A way of training all models of a config, by its name for the option ``--only``.

    Its ``task`` runs in a process of the executor and gives a ``TrialTime``.
    """

    name: str
    description: str
    executor: LocalExecutor
    task: Task
    engine: str | None = None
    """That of rnnbench which trains, unless PyTorch does."""

    def adapt(self, trial: Trial) -> Trial:
        """Return a trial with the engine and the threads of this contender."""
        training = trial.training
        if self.engine:
            training = training.model_copy(update={"engine": self.engine})
        return replace(trial, training=training, threads=self.executor.threads)

    def times(self, rounds: list[TableTime], cannot_train: list[str]) -> ContenderTimes:
        """Return the record of its rounds."""
        return ContenderTimes(
            name=self.name,
            what=self.description,
            jobs=self.executor.jobs,
            threads=self.executor.threads,
            rounds=rounds,
            cannot_train=cannot_train,
        )

    def why_not(self, benchmark: Benchmark) -> str:
        """Return why it cannot take part; empty if it can."""
        if self.engine is None and not find_spec("torch"):
            return "PyTorch is not installed (pip install 'rnnbench[torch]')"
        names = list(networks(benchmark))
        if self.cannot_train(benchmark) == names:
            return f"it cannot train {listed(names)}"
        if self.engine is None:
            return ""
        return ENGINES[self.engine].why_not()

    def cannot_train(self, benchmark: Benchmark) -> list[str]:
        """Return the names of the networks that it cannot train."""
        lacking = []
        for name, model in networks(benchmark).items():
            if not self._covers(model, benchmark.training_of(name)):
                lacking.append(name)
        return lacking

    def _covers(self, model: LayeredNetwork, training: TrainingSettings) -> bool:
        if self.engine is not None:
            return ENGINES[self.engine].covers(model, training)
        if any(layer.kind in NOT_IN_TORCH for layer in model.layers):
            return False
        return ENGINES[OURS].covers(model, training)


def choose_contenders(
    names: Sequence[str] | None, benchmark: Benchmark
) -> list[Contender]:
    """Return the contenders of these names, or all that can train any of the networks.

    Warnings name the networks that a contender cannot train. ``UserError``: a name is
    wrong, a contender cannot take part, or the only epoch goes into compiling.
    """
    if any(benchmark.training_of(name).epochs < 2 for name in networks(benchmark)):
        raise UserError(
            "training.epochs: got 1 (allowed: 2 or more, since the first one compiles)"
        )
    contenders = {contender.name: contender for contender in _all_contenders()}
    chosen = list(contenders) if names is None else list(names) or [""]
    for name in chosen:
        if name not in contenders:
            hint = did_you_mean(name, contenders)
            raise UserError(f"--only: no contender '{name}' ({hint})")
    reasons = {name: contenders[name].why_not(benchmark) for name in chosen}
    first_by_reason: dict[str, str] = {}
    for name, reason in reversed(reasons.items()):
        if reason:
            first_by_reason[reason] = name
    for reason, name in first_by_reason.items():
        if names:
            raise UserError(f"--only {name}: {reason}")
        log.warning("%s does not take part: %s", name, reason)
    able = [contenders[name] for name, reason in reasons.items() if not reason]
    for contender in able:
        lacking = contender.cannot_train(benchmark)
        if lacking:
            message = "%s cannot train %s, so some of its cells stay empty"
            log.warning(message, contender.name, listed(lacking))
    return able


def _all_contenders() -> list[Contender]:
    cores = usable_cores()
    one_a_core = LocalExecutor(cores, 1)
    one_process = LocalExecutor(1, 1)
    one_after_another = LocalExecutor(1, cores)
    ours = Task(partial(time_trial, run_trial))
    torchs = Task(partial(time_trial, run_torch), prepare_torch)
    packed = Task(partial(time_trial, partial(run_torch, packs=True)), prepare_torch)
    eager = "eager PyTorch, one process per core, denormals flushed, Adam fused"
    return [
        Contender(
            "native", "machine code, one process per core", one_a_core, ours, "native"
        ),
        Contender("native-1", "a single process", one_process, ours, "native"),
        Contender(
            "keras", "model.fit, as in the notebook", one_after_another, ours, "keras"
        ),
        Contender("torch", eager, one_a_core, torchs),
        Contender("torch-packed", f"{eager}, packed sequences", one_a_core, packed),
    ]


def networks(benchmark: Benchmark) -> dict[str, LayeredNetwork]:
    """Return the models of a benchmark that can be timed, by name."""
    chosen = {}
    for name, model in benchmark.models.items():
        if isinstance(model, LayeredNetwork):
            chosen[name] = model
    return chosen


def only_networks(benchmark: Benchmark) -> Benchmark:
    """Return ``benchmark`` with its networks alone, without validation.

    ``UserError`` is raised if it has none.
    """
    models = {}
    for name, model in networks(benchmark).items():
        without_validation = {"validation_split": 0.0, "early_stopping": None}
        training = (model.training or {}) | without_validation
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
        model=trial.name,
        seed=trial.seed,
        score=result.score,
        ms_per_step=result.record.ms_per_step,
        steps=result.record.steps,
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
    """Train a network of the same shapes on the same data, but with PyTorch."""
    from rnnbench.plugins.speed.in_torch import train

    return train(trial, dataset_of(trial, corpus), on_epoch, packs=packs)
