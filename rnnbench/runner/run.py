"""The way of a run: plan its trials, train and store them, summarize them, write the
run.
"""

import csv
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import StringIO
from itertools import chain, filterfalse, product
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.analysis.summary import load_environment, summarize_run
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.data.config import PATHS
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.held_out import Part, hold_out, hold_out_part
from rnnbench.data.load import PreparedData
from rnnbench.data.vocabulary import Vocabulary, make_vocabulary
from rnnbench.environment import constraints, environment
from rnnbench.errors import RnnbenchError, UserError, shortened, uninterrupted
from rnnbench.models.baselines import check_installed
from rnnbench.models.descriptions import BaselineModel, Ensemble, EnsembleModel
from rnnbench.models.linear import NO_RULE
from rnnbench.registry import PluginError
from rnnbench.report.tables import table_files
from rnnbench.request import RunRequest
from rnnbench.results.run import StoredRun, save_run
from rnnbench.results.schema import MissingTrial
from rnnbench.results.store import (
    BAD_ROWS,
    CONSTRAINTS,
    ENVIRONMENT,
    RESULTS,
    Store,
    lock_folder,
)
from rnnbench.runner import executors as events
from rnnbench.runner.executors import (
    EXECUTORS,
    Executor,
    Listener,
    Outcomes,
    Task,
    TrialFailure,
)
from rnnbench.runner.tracking import tell_trackers
from rnnbench.storage import (
    DamagedResultError,
    OtherVersionError,
    peek,
    write_document,
    write_text,
)
from rnnbench.terminal.display import show_trials
from rnnbench.text import counted
from rnnbench.training.outcome import TrialResult
from rnnbench.training.settings import resolve_engine, task_fault
from rnnbench.training.trial import Trial, program_of, run_ensemble

log = logging.getLogger(__name__)
MOST_IN_MEMORY = (
    256 * 2**20
)  # the bytes of scores that a run keeps; others are read when needed


@dataclass(frozen=True)
class Plan:
    """The trials of a benchmark, and the data they need."""

    dataset: DatasetSummary
    trials: list[Trial]  # the longest first, so that no core idles
    corpora: Mapping[str, Path]  # the file of each corpus in the cache, by fingerprint
    vocabulary: Vocabulary | None = (
        None  # turns texts into ids; only if networks are kept
    )


@dataclass
class PlanResult:
    """The outcomes of the trials of a plan, so far or at the end."""

    plan: Plan
    results: dict[Trial, TrialResult]
    failures: dict[Trial, TrialFailure] = field(default_factory=dict)
    ending: KeyboardInterrupt | RnnbenchError | None = None  # what ended the run early

    @property
    def trials(self) -> list[TrialResult]:
        """The results, in the order of the plan."""
        return [
            self.results[trial] for trial in self.plan.trials if trial in self.results
        ]

    @property
    def without_result(self) -> list[Trial]:
        """The trials that failed, and those that an early end kept from finishing."""
        return [trial for trial in self.plan.trials if trial not in self.results]

    @property
    def without_outcome(self) -> list[Trial]:
        """The trials that have neither a result nor failed."""
        return [trial for trial in self.without_result if trial not in self.failures]

    @property
    def missing(self) -> list[MissingTrial]:
        """The trials without a result, and why in a line each."""
        found = []
        of_all = str(self.ending) if isinstance(self.ending, RnnbenchError) else None
        for trial in self.without_result:
            error = self.failures[trial].reason if trial in self.failures else of_all
            error = error and shortened(error.partition("\n")[0], 200)
            part = str(trial.part) if trial.part else None
            found.append(
                MissingTrial(model=trial.name, seed=trial.seed, part=part, error=error)
            )
        return found


def plan_benchmark(
    benchmark: Benchmark,
    data: PreparedData,
    threads: int,
    *,
    keep_models: bool = False,
    parts: Sequence[Part] = (),  # held out in turn, in place of the test documents
) -> Plan:
    """List the trials of a benchmark, or raise ``UserError`` if they cannot be trained
    here.
    """
    datasets: dict[Part | None, Dataset] = {None: data.dataset}
    if parts:
        whole = make_dataset(data.corpus, data.section, blind=True)
        datasets = {part: hold_out_part(whole, part) for part in parts}
    programs: dict[tuple[Any, ...], int] = {}

    def place(trial: Trial) -> tuple[int, int]:
        work, program = (
            trial.work * max(trial.epochs, 1),
            program_of(trial.model, trial.training),
        )
        return -work, programs.setdefault(
            program, len(programs)
        )  # the longest comes first

    facts: dict[str, Any] = {"threads": threads, "keep": keep_models}
    of_part = (
        _trials(benchmark, data, own, part=part, **facts)
        for part, own in datasets.items()
    )
    trials = sorted(chain.from_iterable(of_part), key=place)
    for name, model in benchmark.models.items():
        if isinstance(model, BaselineModel):
            check_installed(model.baseline)
        if fault := task_fault(model, benchmark.training_of(name), data.dataset):
            raise UserError(f"models.{name}: {fault}")
    shares = {trial.training.validation_split for trial in trials}
    for own, share in product(datasets.values(), shares):
        hold_out(len(own.y_train), share, own.groups)
    corpus = data.corpus
    vocabulary = (
        make_vocabulary(corpus, data.dataset, data.section) if keep_models else None
    )
    corpora = {corpus.fingerprint: corpus.file} if corpus.file else {}
    return Plan(data.summary, trials, corpora, vocabulary)


def _trials(
    benchmark: Benchmark,
    data: PreparedData,
    dataset: Dataset,
    *,
    keep: bool,
    **facts: Any,
) -> list[Trial]:
    """Return the trials of a benchmark on one dataset; ``facts`` are the same for all
    of them.
    """
    corpus = data.corpus
    facts |= {
        "data": data.section.model_copy(update=dict.fromkeys(PATHS)),
        "corpus_fingerprint": corpus.fingerprint,
        "source": data.summary.source,
        "dataset_fingerprint": dataset.fingerprint,
        "split_fingerprint": dataset.split_fingerprint(corpus.fingerprint),
        "n_ids": data.dataset.n_ids,
        "n_untested": dataset.n_untested,
        "task": dataset.task,
    }
    found: list[Trial] = []
    by_kind = sorted(
        benchmark.trials, key=lambda trial: isinstance(trial[1], EnsembleModel)
    )
    for name, model, seed in by_kind:  # ensembles come last
        own = model.ensemble if isinstance(model, EnsembleModel) else None
        trial = Trial(
            name=name,
            model=model,
            training=resolve_engine(model, benchmark.training_of(name)),
            seed=seed,
            work=model.work_of_epoch(data.dataset),
            keep_model=keep and not own,
            members=tuple(_members(own, seed, found)) if own else (),
            unlabeled_fingerprint=corpus.unlabeled_fingerprint
            if model.reads_unlabeled
            else "",
            **facts,
        )
        found.append(trial)
    return found


def _members(ensemble: Ensemble, seed: int, trials: Sequence[Trial]) -> Iterator[Trial]:
    for name in ensemble.of:
        own = [trial for trial in trials if trial.name == name]
        of_seed = own if ensemble.over_seeds else [it for it in own if it.seed == seed]
        yield from of_seed or own[:1]


@dataclass(frozen=True)
class Job:
    """A benchmark with everything that its trials need."""

    benchmark: Benchmark
    data: PreparedData
    executor: Executor
    store: Store
    command: str  # repeats the job from the config that it stores
    fresh: bool  # whether stored trials are trained again
    record: str = RESULTS  # the file that makes the folder a run or a choice
    held_out: Mapping[tuple[str, int], TrialResult] = field(default_factory=dict)
    """By model and seed, the answers of a choice if no document is left to test on."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Lock the folder for the block, and first store the config that continues the
        job.
        """
        if self.data.section.fit_on_all and not self.held_out:
            hint = "use `rnnbench choose` with --then-fit --on all"
            raise UserError(f"data.fit_on_all: no document is left to test on ({hint})")
        folder = self.store.folder
        with lock_folder(folder, self.command, self.record):
            self.store.check_writable(self.record)
            if not (
                folder / self.record
            ).exists():  # whose config stays until it is replaced
                write_text(folder / "config.yaml", dump(self.benchmark, folder))
            yield

    def train(self, plan: Plan, listener: Listener) -> PlanResult:
        """Return the results of a plan, training the trials that are not stored.

        A trial is stored the moment it finishes; one that fails keeps no other from
        being trained. After an early end, trials that were not trained again keep their
        stored result.
        """
        done = PlanResult(plan, {} if self.fresh else self.find_stored(plan.trials))
        listener(events.Planned(done.without_result, list(done.results)))
        try:
            if done.without_result:
                self._train(done, listener)
        except (KeyboardInterrupt, RnnbenchError) as error:
            done.ending = error
            done.results |= self.find_stored(done.without_outcome)
        return done

    def _train(self, done: PlanResult, listener: Listener) -> None:
        """Train and store the trials without a result; add their results or
        failures.
        """
        store = self.store
        packages = dict.fromkeys(
            chain.from_iterable(trial.packages for trial in done.plan.trials)
        )
        facts = environment(
            packages, jobs=self.executor.jobs, threads=self.executor.threads
        )
        if (
            file := store.folder / ENVIRONMENT
        ).is_file():  # earlier trials may need other packages
            for key in ("versions", "installed"):
                facts[key] = peek(file).get(key, {}) | facts[key]
        else:
            write_document(file, facts)
        unkept = set[str]()
        with closing(self._outcomes(done, listener)) as outcomes:
            for trial, outcome in outcomes:
                if isinstance(outcome, TrialFailure):
                    done.failures[trial] = outcome
                    listener(events.Failed(trial, outcome.reason))
                else:
                    with uninterrupted():  # what has finished is not lost
                        store.save(outcome)
                        write_document(file, facts)  # now of the newest trial
                        light = replace(outcome, weights=None)  # they may be large
                        done.results[trial] = self._fitting(light, trial, done.results)
                    if outcome.weights == [] and trial.name not in unkept:
                        unkept.add(trial.name)
                        log.warning("%s cannot be kept: %s", trial.name, NO_RULE)
                    seconds = light.record.fit_seconds or 0.0
                    listener(events.Finished(trial, light.score, seconds, light))
        if forgotten := sorted(str(trial) for trial in done.without_outcome):
            label = EXECUTORS.label(self.executor.name)
            raise PluginError(f"{label} gave no outcome for {', '.join(forgotten)}")

    def _outcomes(self, done: PlanResult, listener: Listener) -> Outcomes:
        trials = [trial for trial in done.without_result if not trial.members]
        corpora = done.plan.corpora
        with EXECUTORS.blamed(self.executor.name):  # only for what it does itself
            outcomes = (
                self.executor.run(trials, corpora, listener, Task()) if trials else ()
            )
            for trial, outcome in outcomes:
                found = self.held_out.get((trial.name, trial.seed))
                if found is None or isinstance(outcome, TrialFailure):
                    yield trial, outcome
                else:  # it would answer documents that it has learned from
                    yield (
                        trial,
                        replace(found, record=outcome.record, weights=outcome.weights),
                    )
        for trial in done.without_outcome:
            if trial.members and not (
                absent := [*filterfalse(done.results.get, trial.members)]
            ):
                members = [done.results[member] for member in trial.members]
                yield trial, run_ensemble(trial, members, self.data.dataset.y_train)
            elif trial.members:
                yield trial, TrialFailure(f"{absent[0]} has no result")

    def find_stored(self, trials: Iterable[Trial]) -> dict[Trial, TrialResult]:
        """Return the results of trials that are stored, with the ``held_out`` answers
        if any.
        """
        results: dict[Trial, TrialResult] = {}
        needed, n_of_others = set[Trial](), 0
        for trial in sorted(
            trials, key=lambda trial: not trial.members
        ):  # ensembles first
            found, key = None, key_of(trial)
            try:
                if not (
                    trial.members and self.held_out
                ):  # which are no part of its fingerprint
                    found = self.store.load(key, with_model=trial.keep_model)
            except OtherVersionError:
                n_of_others += 1
            except DamagedResultError as error:
                log.warning("%s; it is not used", error)
            except FileNotFoundError:
                pass
            if found and found.record.compact and trial in needed:
                log.warning(
                    "%s is compact, but an ensemble needs all scores; not used", trial
                )
                found = None
            own = self.held_out.get((trial.name, trial.seed))
            names = ("labels", "scores", "given") if own else ()
            if found and all(
                np.array_equal(getattr(found, n), getattr(own, n)) for n in names
            ):
                results[trial] = self._fitting(found, trial, results)
            else:
                needed |= {*trial.members}
        if n_of_others:
            n = counted(n_of_others, "stored trial")
            log.warning(
                "not used, but trained again: %s of another version of rnnbench", n
            )
        return results

    def _fitting(self, result: TrialResult, trial: Trial, others: Sized) -> TrialResult:
        """Return a result that reads its scores when needed, if many as large fill the
        memory.
        """
        if (len(others) + 1) * result.scores.nbytes <= MOST_IN_MEMORY:
            return result
        return replace(result, stored_scores=partial(self.store.scores, key_of(trial)))


def run(job: Job, request: RunRequest) -> tuple[StoredRun | None, PlanResult]:
    """Return the run of a job, or ``None`` if no trial has a result, and those of its
    trials.
    """
    keep_models, threads = request.save_models, job.executor.threads
    plan = plan_benchmark(job.benchmark, job.data, threads, keep_models=keep_models)
    with job.writing(), tell_trackers(job.benchmark, job.store.folder) as tracked:
        with show_trials(quiet=not request.progress) as shown:

            def tell(event: events.Event) -> None:
                shown(event)
                tracked(event)

            done = job.train(plan, tell)
        return _write(
            job, done, is_compact=request.compact
        ) if done.results else None, done


def _write(job: Job, done: PlanResult, *, is_compact: bool) -> StoredRun:
    """Summarize the trials and write the run; one that was ended early replaces no
    whole one.
    """
    benchmark, plan, folder = job.benchmark, done.plan, job.store.folder
    try:
        if is_compact:  # only now: ensembles need all scores
            needed = {own for trial in done.without_result for own in trial.members}
            for trial, result in done.results.items():
                if trial not in needed and not result.record.compact:
                    done.results[trial] = job.store.make_compact(key_of(trial))
        trials = {
            name: found
            for name in benchmark.models
            if (found := [trial for trial in done.trials if trial.record.model == name])
        }
        results = summarize_run(
            benchmark, plan.dataset, trials, job.command, done.missing
        )
        machine = load_environment(folder)
        files = {
            "config.yaml": dump(benchmark, folder),
            CONSTRAINTS: constraints(machine),
        }
        if bad := job.data.corpus.bad_rows:
            listed = StringIO()
            csv.writer(listed, lineterminator="\n").writerows(
                [("place", "reason", "fault"), *bad]
            )
            files[BAD_ROWS] = listed.getvalue()
        stored = StoredRun(folder, results, trials, benchmark, machine)
        if (
            done.ending
            and done.without_result
            and peek(folder / RESULTS).get("missing") == []
        ):
            log.warning(
                "%s: keeps its earlier, whole run until this one is whole", folder
            )
            return stored
        (folder / BAD_ROWS).unlink(missing_ok=True)  # that of an earlier run
        save_run(folder, results, files | table_files(results), plan.vocabulary)
    except FileNotFoundError as error:
        message = f"{folder}: its files were removed during the run; run it again"
        raise RnnbenchError(message) from error
    return stored


def key_of(trial: Trial) -> tuple[str, int, str]:
    """Return the key of a trial in a store."""
    return trial.name, trial.seed, trial.fingerprint
