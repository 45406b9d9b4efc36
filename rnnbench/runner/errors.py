"""The errors of a run that did not train all its trials; they hold the partial run.

``return require_whole(run, job, done)`` raises it, or returns the run.
"""

import shlex
from typing import Any, TypeVar

from rnnbench.errors import (
    Interruption,
    OutOfReachError,
    RnnbenchError,
    signal_of,
)
from rnnbench.runner.train import Job, PlanResult, key_of
from rnnbench.text import listed

R = TypeVar("R")


class FailedTrialsError(RnnbenchError):
    """Trials failed, or no more could be trained; those that finished are stored.

    ``run`` is the partial run, or choice; ``None`` if no trial has a result.
    ``summary`` is the message without the failure of each trial.
    """

    def __init__(self, run: Any, done: PlanResult, job: Job):
        stored = ""
        if run:
            stored = f"; {job.store.folder}/ has the results of the others"
        verb = "failed"
        last_lines = []
        if done.error:
            verb = "have no result"
            last_lines.append(str(done.error))
        n_missing, n_trials = len(done.without_result), len(done.plan.trials)
        last_lines.append(f"{n_missing} of {n_trials} trials {verb}{stored}.")
        if isinstance(done.error, OutOfReachError):
            last_lines.append(_continuation(job.command))
        tracebacks = []
        failures = []
        for trial, failure in done.failures.items():
            failures.append(f"{trial} failed: {failure.reason}")
            if failure.traceback:
                tracebacks.append(failure.traceback)
        first_traceback = tracebacks[:1]
        super().__init__("\n".join([*first_traceback, *failures, *last_lines]))
        self.run = run
        self.summary = "\n".join([*first_traceback, *last_lines])
        if done.error:
            self.exit_code = done.error.exit_code


class InterruptedRunError(Interruption):
    """Ctrl-C or another signal ended a run; all trials that finished are stored.

    It is a ``KeyboardInterrupt``, which ``except Exception`` does not catch. ``run`` is
    the partial run, or choice; ``None`` if no trial has a result.
    """

    def __init__(self, run: Any, stored: str, command: str, signal: int):
        self.summary = f"Interrupted; {stored}. {_continuation(command)}"
        super().__init__(self.summary, signal)
        self.run = run


def require_whole(result: R | None, job: Job, done: PlanResult) -> R:
    """Return the result of a job, or raise why trials are missing in it."""
    folder = job.store.folder
    n_trials = len(done.plan.trials)
    lost = []
    for trial in done.results:
        if not job.store.holds(key_of(trial), with_model=trial.keep_model):
            lost.append(trial)
    if done.interruption is not None:
        n_stored = len(done.results) - len(lost)
        stored = f"{n_stored} of {n_trials} trials are stored in {folder}/"
        raise InterruptedRunError(
            result, stored, job.command, signal_of(done.interruption)
        )
    if lost:
        count = f"files of {len(lost)} of {n_trials} trials were removed during the run"
        message = f"{folder}: {count}: {listed(lost, most=100)}"
        raise RnnbenchError(f"{message}\n{_continuation(job.command)}")
    if done.error and result is None:
        raise done.error
    if done.error or done.without_result or result is None:
        raise FailedTrialsError(result, done, job)
    return result


def _continuation(command: str) -> str:
    words = [word for word in shlex.split(command) if word != "--fresh"]
    return f"This command continues from there:\n  {shlex.join(words)}"
