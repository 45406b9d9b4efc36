"""Trials are trained and stored one by one, unless they are stored already.

``train(job, plan, listener)`` returns the results, the failures, and what ended the
run early, if anything did.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.held_out import Part
from rnnbench.data.load import PreparedData
from rnnbench.environment import environment
from rnnbench.errors import RnnbenchError, UserError, shortened, uninterrupted
from rnnbench.models.linear import NO_RULE
from rnnbench.registry import PluginError
from rnnbench.results.schema import MissingTrial
from rnnbench.results.store import ENVIRONMENT, RESULTS, Key, Store, lock_folder
from rnnbench.runner.events import Failed, Finished, Listener, Planned
from rnnbench.runner.executors import (
    EXECUTORS,
    Executor,
    LocalExecutor,
    Outcomes,
    Task,
    TrialFailure,
)
from rnnbench.runner.forecast import Forecast
from rnnbench.runner.plan import Plan
from rnnbench.storage import (
    DamagedResultError,
    Document,
    OtherVersionError,
    peek,
    write_document,
    write_text,
)
from rnnbench.text import counted
from rnnbench.training.ensemble import run_ensemble
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)
# The bytes of scores that a run keeps; others are read when they are needed.
MOST_IN_MEMORY = 256 * 2**20
LONGEST_REASON = 200  # the characters that are kept of why a trial is missing


@dataclass(frozen=True)
class Job:
    """A benchmark with everything that its trials need."""

    benchmark: Benchmark
    config_text: str
    """The benchmark as ``config.yaml`` in the folder of the results has it."""
    data: PreparedData
    executor: Executor
    store: Store
    command: str
    """Repeats the job from the config that it stores."""
    fresh: bool
    """Whether stored trials are trained again."""
    record: str = RESULTS
    """The file that makes the folder a run or a choice."""
    held_out: Mapping[tuple[str, int], TrialResult] = field(default_factory=dict)
    """By model and seed, the answers of a choice if no document is left to test on."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Lock the folder for the block; store the config that continues the job."""
        if self.data.config.fit_on_all and not self.held_out:
            hint = "use `rnnbench choose` with --then-fit --on all"
            raise UserError(f"data.fit_on_all: no document is left to test on ({hint})")
        folder = self.store.folder
        with lock_folder(folder, self.command, self.record):
            self.store.check_writable(self.record)
            # The config of a finished run stays until that run is replaced.
            if not (folder / self.record).exists():
                write_text(folder / "config.yaml", self.config_text)
            yield

    def held_out_answers(self, trial: Trial) -> TrialResult | None:
        """Return the answers of a choice that replace those of a trial, if any do."""
        return self.held_out.get((trial.name, trial.seed))


@dataclass
class PlanResult:
    """The outcomes of the trials of a plan, so far or at the end."""

    plan: Plan
    results: dict[Trial, TrialResult]
    failures: dict[Trial, TrialFailure] = field(default_factory=dict)
    interruption: KeyboardInterrupt | None = None
    error: RnnbenchError | None = None
    """Why no more could be trained, if that is so."""

    @property
    def ending(self) -> KeyboardInterrupt | RnnbenchError | None:
        """The reason of an early end, if there was one."""
        return self.interruption or self.error

    @property
    def trials(self) -> list[TrialResult]:
        """The results, in the order of the plan."""
        trials = self.plan.trials
        return [self.results[trial] for trial in trials if trial in self.results]

    @property
    def without_result(self) -> list[Trial]:
        """The trials that failed, and those that an early end kept from finishing."""
        return [trial for trial in self.plan.trials if trial not in self.results]

    @property
    def without_outcome(self) -> list[Trial]:
        """The trials that have neither a result nor failed."""
        return [trial for trial in self.without_result if trial not in self.failures]

    @property
    def lacking(self) -> set[str]:
        """The models that have not all their results."""
        return {trial.name for trial in self.without_result}

    def on_parts(self, parts: Sequence[Part]) -> "PlanResult":
        """Return the outcomes of the trials that are tested on some parts."""
        trials = [trial for trial in self.plan.trials if trial.part in parts]
        return replace(self, plan=replace(self.plan, trials=trials))

    @property
    def missing(self) -> list[MissingTrial]:
        """The trials without a result, and why in a line each."""
        return [self._missing(trial) for trial in self.without_result]

    def _missing(self, trial: Trial) -> MissingTrial:
        reason = None
        if trial in self.failures:
            reason = self.failures[trial].reason
        elif self.error:
            reason = str(self.error)
        if reason:
            reason = shortened(reason.partition("\n")[0], LONGEST_REASON)
        part = None
        if trial.part:
            part = str(trial.part)
        return MissingTrial(model=trial.name, seed=trial.seed, part=part, error=reason)


def train(job: Job, plan: Plan, listener: Listener) -> PlanResult:
    """Return the results of a plan, training the trials that are not stored.

    A trial is stored the moment it finishes; one that fails keeps no other from being
    trained. After an early end, trials that were not trained again keep their stored
    result.
    """
    done = PlanResult(plan, {})
    models = {trial.name for trial in plan.trials}
    if job.fresh:
        job.store.remove_checkpoints(models)
    else:
        done.results = find_stored(job, plan.trials)
    forecast = _forecast(job, done.without_result)
    listener(Planned(done.without_result, list(done.results), forecast))
    try:
        if done.without_result:
            _train_others(job, done, listener)
    except KeyboardInterrupt as interruption:
        done.interruption = interruption
    except RnnbenchError as error:
        done.error = error
    if done.ending:
        done.results |= find_stored(job, done.without_outcome)
    if not done.without_result:
        job.store.remove_checkpoints(models)
    return done


def _forecast(job: Job, trials: Sequence[Trial]) -> str:
    """Return what a long run will need here; empty of a short one, or elsewhere.

    ``UserError`` is raised if it needs much more memory than there is.
    """
    executor = job.executor
    if not trials or executor.name != LocalExecutor.name:
        return ""
    forecast = Forecast(trials, job.data.dataset, executor.jobs)
    forecast.check_memory()
    return forecast.in_words


def _train_others(job: Job, done: PlanResult, listener: Listener) -> None:
    """Train and store the trials without a result; add their results or failures."""
    machine = _environment(job, done.plan)
    environment_file = job.store.folder / ENVIRONMENT
    if not environment_file.is_file():
        write_document(environment_file, machine)
    not_kept = set[str]()
    with closing(_outcomes(job, done, listener)) as outcomes:
        for trial, outcome in outcomes:
            match outcome:
                case TrialFailure():
                    done.failures[trial] = outcome
                    listener(Failed(trial, outcome.reason))
                case TrialResult():
                    with uninterrupted():  # what has finished is not lost
                        job.store.save(outcome)
                        # Now of the newest trial.
                        write_document(environment_file, machine)
                        result = replace(outcome, weights=None)  # they may be large
                        n_others = len(done.results)
                        done.results[trial] = _fitting(job, trial, result, n_others)
                    if outcome.weights == [] and trial.name not in not_kept:
                        not_kept.add(trial.name)
                        log.warning("%s cannot be kept: %s", trial.name, NO_RULE)
                    seconds = outcome.record.fit_seconds or 0.0
                    listener(Finished(trial, result.score, seconds, result))
    forgotten = sorted(str(trial) for trial in done.without_outcome)
    if forgotten:
        label = EXECUTORS.label(job.executor.name)
        raise PluginError(f"{label} gave no outcome for {', '.join(forgotten)}")


def _environment(job: Job, plan: Plan) -> Document:
    """Describe this machine; versions of packages of earlier trials stay."""
    packages: dict[str, None] = {}
    for trial in plan.trials:
        packages |= dict.fromkeys(trial.packages)
    executor = job.executor
    machine = environment(packages, jobs=executor.jobs, threads=executor.threads)
    earlier = peek(job.store.folder / ENVIRONMENT)
    for key in ("versions", "installed"):
        machine[key] = earlier.get(key, {}) | machine[key]
    return machine


def _outcomes(job: Job, done: PlanResult, listener: Listener) -> Outcomes:
    """Yield the outcome of each trial: of trainings, then of ensembles of them."""
    trials = [trial for trial in done.without_result if not trial.members]
    if trials:
        yield from _outcomes_of_trainings(job, trials, done.plan.corpora, listener)
    for ensemble in done.without_outcome:
        if ensemble.members:
            yield ensemble, _outcome_of_ensemble(job, ensemble, done.results)


def _outcomes_of_trainings(
    job: Job, trials: list[Trial], corpora: Mapping[str, Path], listener: Listener
) -> Outcomes:
    executor = job.executor
    with EXECUTORS.blamed(executor.name):  # only for what it does itself
        task = Task(folder=job.store.folder.absolute())
        for trial, outcome in executor.run(trials, corpora, listener, task):
            match outcome, job.held_out_answers(trial):
                case TrialResult() as learned, TrialResult() as answers:
                    # It would answer documents that it has learned from.
                    record = learned.record
                    weights = learned.weights
                    yield trial, replace(answers, record=record, weights=weights)
                case _:
                    yield trial, outcome


def _outcome_of_ensemble(
    job: Job, ensemble: Trial, results: Mapping[Trial, TrialResult]
) -> TrialResult | TrialFailure:
    for member in ensemble.members:
        if member not in results:
            return TrialFailure(f"{member} has no result")
    members = [results[member] for member in ensemble.members]
    return run_ensemble(ensemble, members, job.data.dataset.y_train)


def find_stored(job: Job, trials: Iterable[Trial]) -> dict[Trial, TrialResult]:
    """Return the results of trials that are stored and can be used."""
    results: dict[Trial, TrialResult] = {}
    members_needed = set[Trial]()  # of ensembles that have to be made again
    n_of_other_versions = 0
    ensembles_first = sorted(trials, key=lambda trial: not trial.members)
    for trial in ensembles_first:
        result = None
        try:
            result = _load(job, trial)
        except OtherVersionError:
            n_of_other_versions += 1
        except DamagedResultError as error:
            log.warning("%s; it is not used", error)
        except FileNotFoundError:
            pass
        if result and result.record.compact and trial in members_needed:
            log.warning(
                "%s is compact, but an ensemble needs all scores; not used", trial
            )
            result = None
        if result and _has_answers(result, job.held_out_answers(trial)):
            results[trial] = _fitting(job, trial, result, len(results))
        else:
            members_needed.update(trial.members)
    if n_of_other_versions:
        n_trials = counted(n_of_other_versions, "stored trial")
        log.warning(
            "not used, but trained again: %s of another version of rnnbench", n_trials
        )
    return results


def _load(job: Job, trial: Trial) -> TrialResult | None:
    if trial.members and job.held_out:
        return None  # its fingerprint does not cover the answers of a choice
    return job.store.load(key_of(trial), with_model=trial.keep_model)


def _has_answers(result: TrialResult, held_out: TrialResult | None) -> bool:
    """Return whether a result has the answers of a choice; without any, it is fine."""
    if held_out is None:
        return True
    for name in ("labels", "scores", "given"):
        if not np.array_equal(getattr(result, name), getattr(held_out, name)):
            return False
    return True


def _fitting(job: Job, trial: Trial, result: TrialResult, n_others: int) -> TrialResult:
    """Return a result that fits into memory with ``n_others`` that are as large.

    Otherwise, it reads its scores when they are needed.
    """
    if (n_others + 1) * result.scores.nbytes <= MOST_IN_MEMORY:
        return result
    return replace(result, stored_scores=partial(job.store.scores, key_of(trial)))


def key_of(trial: Trial) -> Key:
    """Return the key of a trial in a store."""
    return trial.name, trial.seed, trial.fingerprint
