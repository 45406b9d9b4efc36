"""Running a benchmark: from its config to the results of its trials."""

import textwrap
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.data.dataset import Dataset, hold_out, make_dataset, split_fingerprint
from rnnbench.data.load import PreparedData
from rnnbench.data.parts import Part, hold_out_part
from rnnbench.data.settings import PATHS
from rnnbench.data.vocabulary import Vocabulary, make_vocabulary
from rnnbench.environment import environment
from rnnbench.errors import RnnbenchError, uninterrupted
from rnnbench.models.baselines import check_installed
from rnnbench.models.descriptions import BaselineModel
from rnnbench.registry import PluginError
from rnnbench.results.schema import MissingTrial
from rnnbench.results.store import Store
from rnnbench.runner.events import Failed, Finished, Listener, Planned
from rnnbench.runner.executors import EXECUTORS, TRAINING, Executor, TrialFailure
from rnnbench.runner.stored import Results
from rnnbench.storage import sweep_temporary_folders
from rnnbench.training.outcome import TrialResult
from rnnbench.training.settings import settled
from rnnbench.training.trial import Trial

LONGEST_ERROR = 200
"""The most characters that are kept of the error that a trial failed with."""


@dataclass(frozen=True)
class Plan:
    """The trials of a benchmark, and the data they need.

    Attributes:
        dataset: the documents; trials may be given parts of the training documents only.
        trials: every model with every seed that changes it. The longest come first, so that no
            core idles at the end, and trials that share a compiled program are neighbours.
        corpora: the file of each corpus in the cache, by fingerprint.
        vocabulary: turns texts into the ids of the dataset; only if networks are kept.
    """

    dataset: DatasetSummary
    trials: list[Trial]
    corpora: Mapping[str, Path]
    vocabulary: Vocabulary | None = None


@dataclass(frozen=True)
class PlanResult:
    """The results of the trials of a plan, and the trials that have no result.

    Attributes:
        trials: the results of all trials that finished, in the order of the plan.
        failures: the failure of each trial that failed.
        without_result: the trials that failed, and those that an early end kept from finishing.
        ending: the exception that ended the run early; ``None`` if it ran to its end.
    """

    trials: list[TrialResult]
    failures: Mapping[Trial, TrialFailure]
    without_result: list[Trial]
    ending: KeyboardInterrupt | RnnbenchError | None

    @property
    def missing(self) -> list[MissingTrial]:
        """The trials without a result, and why in a line each."""
        return [
            MissingTrial(
                model=trial.name,
                seed=trial.seed,
                part=str(trial.part) if trial.part else None,
                error=self._error(trial),
            )
            for trial in self.without_result
        ]

    def _error(self, trial: Trial) -> str | None:
        if trial in self.failures:
            reason = self.failures[trial].reason
        elif isinstance(self.ending, RnnbenchError):
            reason = str(self.ending)
        else:
            return None
        first_line = reason.partition("\n")[0]
        return textwrap.shorten(first_line, LONGEST_ERROR, placeholder="...")


def plan_benchmark(
    benchmark: Benchmark,
    data: PreparedData,
    threads: int,
    *,
    keep_models: bool = False,
    parts: Sequence[Part] = (),
) -> Plan:
    """List the trials of a benchmark.

    Args:
        benchmark: the benchmark.
        data: the data that its ``data`` section asks for.
        threads: of each process that trains.
        keep_models: whether trained networks are kept.
        parts: parts of the training documents that are held out in turn, in place of the test
            documents; the test documents then take no part.

    Raises:
        UserError: too few documents for the validation set, an engine cannot train a model, or a
            baseline needs a package that is not installed.
    """
    datasets = _datasets(data, parts)
    trials = [
        trial
        for part, dataset in datasets.items()
        for trial in _trials(benchmark, data, dataset, part, threads, keep_models=keep_models)
    ]
    _sort(trials)
    _check(trials, datasets.values())
    corpus = data.corpus
    vocabulary = make_vocabulary(corpus.corpus, data.dataset, data.section) if keep_models else None
    return Plan(data.summary, trials, {corpus.fingerprint: corpus.file}, vocabulary)


def _datasets(data: PreparedData, parts: Sequence[Part]) -> dict[Part | None, Dataset]:
    """Return the dataset for each part to hold out; without parts, the only one."""
    if not parts:
        return {None: data.dataset}
    whole = make_dataset(data.corpus.corpus, data.section, blind=True)
    return {part: hold_out_part(whole, part) for part in parts}


def _trials(
    benchmark: Benchmark,
    data: PreparedData,
    dataset: Dataset,
    part: Part | None,
    threads: int,
    *,
    keep_models: bool,
) -> list[Trial]:
    """Return the trials of a benchmark on one dataset."""
    fingerprint = data.corpus.fingerprint
    split = split_fingerprint(fingerprint, dataset)
    return [
        Trial(
            name=name,
            model=model,
            training=settled(model, benchmark.training_of(name)),
            seed=seed,
            data=data.section.model_copy(update=dict.fromkeys(PATHS)),
            corpus_fingerprint=fingerprint,
            source=data.summary.source,
            dataset_fingerprint=dataset.fingerprint,
            split_fingerprint=split,
            n_ids=data.dataset.n_ids,
            threads=threads,
            work=model.work_of_epoch(data.dataset),
            keep_model=keep_models and not isinstance(model, BaselineModel),
            part=part,
        )
        for name, model, seed in benchmark.trials
    ]


def _check(trials: Sequence[Trial], datasets: Collection[Dataset]) -> None:
    """Make sure that trials can be trained, as far as that is known now.

    Raises:
        UserError: a package is not installed, or there are too few documents.
    """
    for model in {trial.name: trial.model for trial in trials}.values():
        if isinstance(model, BaselineModel):
            check_installed(model.baseline)
    n_train = min(len(each.y_train) for each in datasets)
    for share in {trial.training.validation_split for trial in trials}:
        hold_out(n_train, share)


def _sort(trials: list[Trial]) -> None:
    """Put the longest trials first, and those together that can share a compiled program."""
    numbers: dict[tuple[Any, ...], int] = {}

    def order(trial: Trial) -> tuple[int, int]:
        return -trial.length, numbers.setdefault(trial.program, len(numbers))

    trials.sort(key=order)


def run_plan(
    plan: Plan, executor: Executor, store: Store, listener: Listener, *, fresh: bool = False
) -> PlanResult:
    """Return the results of a plan, training the trials that are not stored.

    A trial is stored the moment it finishes. A trial that fails does not keep others from being
    trained. Ctrl-C, or an executor that gives up, leaves all finished ones stored; trials that are
    not trained again because of it keep their stored result.

    Args:
        plan: the trials.
        executor: trains them.
        store: keeps finished trials.
        listener: told of each event.
        fresh: whether stored trials are trained again.
    """
    with suppress(OSError):  # if there is no place for temporary folders, what needs it says so
        sweep_temporary_folders()
    results = Results(store)
    if not fresh:
        results.find(plan.trials)
    to_train = [trial for trial in plan.trials if trial not in results]
    listener(Planned(to_train, list(results)))
    failures: dict[Trial, TrialFailure] = {}
    ending = None
    try:
        _train(to_train, plan, executor, store, listener, results, failures)
    except (KeyboardInterrupt, RnnbenchError) as error:
        ending = error
        done = results.keys() | failures.keys()
        untried = [trial for trial in to_train if trial not in done]
        results.find(untried)
    return PlanResult(
        [results[trial] for trial in plan.trials if trial in results],
        failures,
        [trial for trial in plan.trials if trial not in results],
        ending,
    )


def describe(failures: Mapping[Trial, TrialFailure]) -> str:
    """Return the first traceback, if there is one, and then which trials failed and why."""
    lines = [f"{trial} failed: {failure.reason}" for trial, failure in failures.items()]
    return "\n".join([*first_traceback(failures), *lines])


def first_traceback(failures: Mapping[Trial, TrialFailure]) -> list[str]:
    """Return a list with the first traceback, or an empty list if there is none."""
    return [failure.traceback for failure in failures.values() if failure.traceback][:1]


def _outcomes(
    executor: Executor, trials: list[Trial], plan: Plan, listener: Listener
) -> Generator[tuple[Trial, TrialResult | TrialFailure], None, None]:
    """Yield the outcome of each trial.

    Raises:
        PluginError: an executor from another package failed, or left a trial out.
    """
    waiting = set(trials)
    with EXECUTORS.blamed(executor.name):
        outcomes = executor.run(trials, plan.corpora, listener, TRAINING)
        with closing(outcomes):
            for trial, outcome in outcomes:
                waiting.discard(trial)
                yield trial, outcome
    if waiting:
        names = ", ".join(map(str, sorted(waiting, key=str)))
        raise PluginError(f"{EXECUTORS.label(executor.name)} gave no outcome for {names}")


def _train(
    trials: list[Trial],
    plan: Plan,
    executor: Executor,
    store: Store,
    listener: Listener,
    results: Results,
    failures: dict[Trial, TrialFailure],
) -> None:
    """Train and store trials of a plan; add them to ``results``, or to ``failures``."""
    if not trials:
        return
    packages = dict.fromkeys(each for trial in plan.trials for each in trial.packages)
    facts = environment(packages, jobs=executor.jobs, threads=executor.threads)
    if not store.has_environment():
        store.save_environment(facts)
    with closing(_outcomes(executor, trials, plan, listener)) as outcomes:
        for trial, outcome in outcomes:
            if isinstance(outcome, TrialFailure):
                _check_corpora(plan)
            event: Failed | Finished
            with uninterrupted():  # what has finished is not lost
                if isinstance(outcome, TrialFailure):
                    failures[trial] = outcome
                    event = Failed(trial, outcome.reason)
                else:
                    store.save(outcome)
                    store.save_environment(facts)  # until now, the stored one was still true
                    light = replace(outcome, weights=None)  # they may be large
                    results.keep(trial, light)
                    event = Finished(trial, light.accuracy, light.record.fit_seconds, light)
            listener(event)


def _check_corpora(plan: Plan) -> None:
    """Make sure that trials can still read their documents.

    Raises:
        RnnbenchError: they cannot, so no other trial would be trained either.
    """
    for file in plan.corpora.values():
        if not file.exists():
            raise RnnbenchError(f"{file}: removed while the benchmark ran; run it again")
