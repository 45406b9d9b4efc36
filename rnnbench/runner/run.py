"""The story of a run: its trials are planned, trained, stored, summarized and written.

``run(job, listener, tables=table_files)`` trains what is missing, tells the listener
each event, and returns the run that now is in the folder of the job.
"""

import csv
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO

from rnnbench.analysis.summary import load_environment, summarize_run
from rnnbench.environment import constraints
from rnnbench.errors import RnnbenchError
from rnnbench.results.run import save_run
from rnnbench.results.schema import Results
from rnnbench.results.store import BAD_ROWS, CONSTRAINTS, RESULTS
from rnnbench.results.stored_run import StoredRun
from rnnbench.runner.events import Ended, Listener
from rnnbench.runner.plan import plan_benchmark
from rnnbench.runner.train import Job, PlanResult, key_of, train
from rnnbench.storage import peek
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)
Tables = Callable[[Results], Mapping[str, str]]
"""Makes the tables of a run, as texts by the names of their files."""


def run(
    job: Job,
    listener: Listener,
    tables: Tables,
    *,
    keep_models: bool = False,
    compact: bool = False,
) -> tuple[StoredRun | None, PlanResult]:
    """Train and write a run; return it, and the outcomes of its trials.

    It is ``None`` if no trial has a result. With ``keep_models``, trained models are
    kept; ``compact`` stores no more of each trial than tables need.
    """
    # 1. Plan the trials, before anything is written.
    threads = job.executor.threads
    plan = plan_benchmark(job.benchmark, job.data, threads, keep_models=keep_models)
    # 2. Lock the folder.
    with job.writing(), _ending(listener):
        # 3. Train the trials that are not stored; store each when it finishes.
        done = train(job, plan, listener)
        # 4. Summarize them, and write the run.
        stored = None
        if done.results:
            stored = _finish(job, done, tables, compact=compact)
    return stored, done


@contextmanager
def _ending(listener: Listener) -> Iterator[None]:
    """Have the listener end while the folder is still locked, even after an error.

    After a second Ctrl-C, it does not: nothing is waited for.
    """
    try:
        yield
    except Exception:
        listener(Ended())
        raise
    listener(Ended())


def _finish(job: Job, done: PlanResult, tables: Tables, *, compact: bool) -> StoredRun:
    """Summarize the trials and write the run; ``RnnbenchError`` if files are gone."""
    folder = job.store.folder
    try:
        # 1. Only now may scores be dropped: ensembles needed them all.
        if compact:
            _make_compact(job, done)
        # 2. Summarize the trials of each model.
        trials = _by_model(job, done)
        command, missing = job.command, done.missing
        dataset = done.plan.dataset
        results = summarize_run(job.benchmark, dataset, trials, command, missing)
        machine = load_environment(folder)
        stored = StoredRun(folder, results, trials, job.benchmark, machine)
        # 3. A run that was ended early replaces no whole one.
        holds_whole_run = peek(folder / RESULTS).get("missing") == []
        if done.ending and done.without_result and holds_whole_run:
            log.warning(
                "%s: keeps its earlier, whole run until this one is whole", folder
            )
            return stored
        # 4. Write everything; the summary comes last, and makes the run a finished one.
        files = {
            "config.yaml": job.config_text,
            CONSTRAINTS: constraints(machine),
        }
        (folder / BAD_ROWS).unlink(missing_ok=True)  # that of an earlier run
        if job.data.corpus.bad_rows:
            files[BAD_ROWS] = _table_of_bad_rows(job)
        files |= tables(results)
        save_run(folder, results, files, done.plan.vocabulary)
    except FileNotFoundError as error:
        message = f"{folder}: its files were removed during the run; run it again"
        raise RnnbenchError(message) from error
    return stored


def _make_compact(job: Job, done: PlanResult) -> None:
    """Make trials compact, except members of ensembles that have no result yet."""
    needed = set[Trial]()
    for trial in done.without_result:
        needed.update(trial.members)
    for trial, result in done.results.items():
        if trial not in needed and not result.record.compact:
            done.results[trial] = job.store.make_compact(key_of(trial))


def _by_model(job: Job, done: PlanResult) -> dict[str, list[TrialResult]]:
    """Return the trials of each model that has any, in the order of the config."""
    trials: dict[str, list[TrialResult]] = {name: [] for name in job.benchmark.models}
    for trial in done.trials:
        trials[trial.record.model].append(trial)
    return {name: of_model for name, of_model in trials.items() if of_model}


def _table_of_bad_rows(job: Job) -> str:
    table = StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("place", "reason", "fault"))
    writer.writerows(job.data.corpus.bad_rows)
    return table.getvalue()
