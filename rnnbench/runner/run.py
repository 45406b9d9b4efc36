"""The way of a run: plan its trials, train and store them, summarize them, write the run."""

import textwrap
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.analysis.summary import load_environment, summarize_run
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.data.dataset import (
    Dataset,
    Part,
    hold_out,
    hold_out_part,
    make_dataset,
    split_fingerprint,
)
from rnnbench.data.load import PreparedData
from rnnbench.data.settings import PATHS
from rnnbench.data.vocabulary import Vocabulary, make_vocabulary
from rnnbench.environment import constraints, environment
from rnnbench.errors import RnnbenchError, uninterrupted
from rnnbench.models.baselines import check_installed
from rnnbench.models.descriptions import BaselineModel
from rnnbench.registry import PluginError
from rnnbench.report.tables_of_run import table_files
from rnnbench.results.lock import lock_folder
from rnnbench.results.run import StoredRun, save_run
from rnnbench.results.schema import MissingTrial
from rnnbench.results.store import CONSTRAINTS, RESULTS, Store
from rnnbench.runner.events import Failed, Finished, Listener, Planned, all_of
from rnnbench.runner.executors import EXECUTORS, TRAINING, Executor, TrialFailure
from rnnbench.runner.tracking import tell_trackers
from rnnbench.storage import sweep_temporary_folders
from rnnbench.training.outcome import TrialResult
from rnnbench.training.settings import resolve_engine
from rnnbench.training.trial import Trial

LONGEST_ERROR = 200
"""The most characters that are kept of the error that a trial failed with."""
MOST_IN_MEMORY = 256 * 2**20
"""The most bytes of scores that a run keeps in memory; others are read again when needed."""


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
    vocabulary = make_vocabulary(corpus, data.dataset, data.section) if keep_models else None
    corpora = {corpus.fingerprint: corpus.file} if corpus.file else {}
    return Plan(data.summary, trials, corpora, vocabulary)


def _datasets(data: PreparedData, parts: Sequence[Part]) -> dict[Part | None, Dataset]:
    """Return the dataset for each part to hold out; without parts, the only one."""
    if not parts:
        return {None: data.dataset}
    whole = make_dataset(data.corpus, data.section, blind=True)
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
            training=resolve_engine(model, benchmark.training_of(name)),
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
    n_train = min(len(dataset.y_train) for dataset in datasets)
    for share in {trial.training.validation_split for trial in trials}:
        hold_out(n_train, share)


def _sort(trials: list[Trial]) -> None:
    """Put the longest trials first, and those together that can share a compiled program."""
    numbers: dict[tuple[Any, ...], int] = {}

    def order(trial: Trial) -> tuple[int, int]:
        return -trial.length, numbers.setdefault(trial.program, len(numbers))

    trials.sort(key=order)


@dataclass(frozen=True)
class Options:
    """How a run is carried out.

    Attributes:
        command: repeats the run from the config that it stores.
        keep_models: whether trained networks are kept.
        fresh: whether stored trials are trained again.
        compact: whether trials, stored ones too, keep only what tables need.
    """

    command: str
    keep_models: bool = False
    fresh: bool = False
    compact: bool = False


def run(
    benchmark: Benchmark,
    data: PreparedData,
    executor: Executor,
    folder: Path,
    options: Options,
    display: AbstractContextManager[Listener],
) -> tuple[StoredRun | None, Plan, PlanResult]:
    """Plan the trials of a benchmark, train them, store and summarize them, and write the run.

    Args:
        benchmark: the benchmark.
        data: the data that its ``data`` section asks for.
        executor: trains the trials.
        folder: of the run; nobody else may write into it meanwhile.
        options: how the run is carried out.
        display: shows the progress while trials are trained.

    Returns:
        The run, or ``None`` if no trial has a result; its trials; and their results.

    Raises:
        UserError: another process is writing into the folder, it cannot be written to, or the
            benchmark cannot be trained on its data.
        RnnbenchError: a file cannot be written, or was removed.
    """
    store = Store(folder, is_compact=options.compact)
    plan = plan_benchmark(benchmark, data, executor.threads, keep_models=options.keep_models)
    with lock_folder(folder, options.command):
        store.check_writable()
        store.save_first_config(dump(benchmark, folder), RESULTS)
        with tell_trackers(benchmark, folder) as trackers:
            with display as shown:
                listener = all_of(shown, trackers)
                done = run_plan(plan, executor, store, listener, fresh=options.fresh)
            finished = _write(benchmark, plan, done, folder, options) if done.trials else None
    return finished, plan, done


def _write(
    benchmark: Benchmark, plan: Plan, done: PlanResult, folder: Path, options: Options
) -> StoredRun:
    """Summarize the trials that have a result, and write everything that belongs to the run."""
    results = summarize_run(benchmark, plan.dataset, done.trials, options.command, done.missing)
    try:
        machine = load_environment(folder)
    except FileNotFoundError as error:
        message = f"{folder}: its files were removed during the run; run it again"
        raise RnnbenchError(message) from error
    files = {"config.yaml": dump(benchmark, folder), CONSTRAINTS: constraints(machine)}
    save_run(folder, results, files | table_files(results), plan.vocabulary)
    trials = {
        model.name: [trial for trial in done.trials if trial.record.model == model.name]
        for model in results.models
    }
    return StoredRun(folder, results, trials, benchmark, machine)


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
    results = {} if fresh else find_stored(plan.trials, store)
    to_train = [trial for trial in plan.trials if trial not in results]
    listener(Planned(to_train, list(results)))
    failures: dict[Trial, TrialFailure] = {}
    ending = None
    try:
        _train(to_train, plan, executor, store, listener, results, failures)
    except (KeyboardInterrupt, RnnbenchError) as error:
        ending = error
        done = results.keys() | failures.keys()
        results |= find_stored([trial for trial in to_train if trial not in done], store)
    return PlanResult(
        [results[trial] for trial in plan.trials if trial in results],
        failures,
        [trial for trial in plan.trials if trial not in results],
        ending,
    )


def find_stored(trials: Iterable[Trial], store: Store) -> dict[Trial, TrialResult]:
    """Return the results of those trials that are stored."""
    results: dict[Trial, TrialResult] = {}
    for trial in trials:
        found = store.find(*_key(trial), with_model=trial.keep_model)
        if found is not None:
            results[trial] = _fitting(found, trial, results, store)
    return results


def _key(trial: Trial) -> tuple[str, int, str]:
    return trial.name, trial.seed, trial.fingerprint


def _fitting(
    result: TrialResult, trial: Trial, others: Mapping[Trial, TrialResult], store: Store
) -> TrialResult:
    """Return a stored result so that it fits into memory beside others, which are about as large.

    So a run with thousands of trials does not need as much memory as they have together.
    """
    if (len(others) + 1) * result.scores.nbytes <= MOST_IN_MEMORY:
        return result
    labels = next((other.labels for other in others.values()), result.labels)
    if np.array_equal(labels, result.labels):
        result = replace(result, labels=labels)
    return replace(result, stored_scores=partial(store.scores, *_key(trial)))


def _train(
    trials: list[Trial],
    plan: Plan,
    executor: Executor,
    store: Store,
    listener: Listener,
    results: dict[Trial, TrialResult],
    failures: dict[Trial, TrialFailure],
) -> None:
    """Train and store trials of a plan; add them to ``results``, or to ``failures``."""
    if not trials:
        return
    packages = dict.fromkeys(package for trial in plan.trials for package in trial.packages)
    facts = environment(packages, jobs=executor.jobs, threads=executor.threads)
    if not store.has_environment():
        store.save_environment(facts)
    with closing(_outcomes(executor, trials, plan, listener)) as outcomes:
        for trial, outcome in outcomes:
            event: Failed | Finished
            if isinstance(outcome, TrialFailure):
                _check_corpora(plan)
                failures[trial] = outcome
                event = Failed(trial, outcome.reason)
            else:
                with uninterrupted():  # what has finished is not lost
                    stored = store.save(outcome)
                    store.save_environment(facts)  # until now, the stored one was still true
                    results[trial] = _fitting(stored, trial, results, store)
                light = replace(outcome, weights=None)  # they may be large
                event = Finished(trial, light.accuracy, light.record.fit_seconds, light)
            listener(event)


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


def _check_corpora(plan: Plan) -> None:
    """Make sure that trials can still read their documents.

    Raises:
        RnnbenchError: they cannot, so no other trial would be trained either.
    """
    for file in plan.corpora.values():
        if not file.exists():
            raise RnnbenchError(f"{file}: removed while the benchmark ran; run it again")


def describe(failures: Mapping[Trial, TrialFailure]) -> str:
    """Return the first traceback, if there is one, and then which trials failed and why."""
    lines = [f"{trial} failed: {failure.reason}" for trial, failure in failures.items()]
    return "\n".join([*first_traceback(failures), *lines])


def first_traceback(failures: Mapping[Trial, TrialFailure]) -> list[str]:
    """Return a list with the first traceback, or an empty list if there is none."""
    return [failure.traceback for failure in failures.values() if failure.traceback][:1]
