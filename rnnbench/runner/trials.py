"""Finding trials that are stored, and training those that are not."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from rnnbench.config.schema import Network
from rnnbench.errors import RnnbenchError
from rnnbench.results.store import Store
from rnnbench.runner.events import EpochEnded, Failed, Finished, Listener
from rnnbench.runner.workers import (
    Failure,
    Workers,
    Workforce,
    attempt,
    prepare_nothing,
    prepare_tensorflow,
    start_workers,
)
from rnnbench.training.engines import OnEpoch
from rnnbench.training.trial import Trial, run_trial

_T = TypeVar("_T")

REFRESH_SECONDS = 0.2


class WorkerDiedError(RnnbenchError):
    """A worker process died."""


def find_stored(trials: Iterable[Trial], store: Store) -> set[Trial]:
    """Return the trials that are stored."""
    return {
        trial
        for trial in trials
        if store.restore(trial.name, trial.seed, trial.fingerprint, with_model=trial.keep_model)
    }


def train_trials(
    trials: Sequence[Trial], store: Store, workforce: Workforce, listener: Listener
) -> None:
    """Train and store every trial.

    A trial is stored the moment it finishes. One that fails does not keep the others from being
    trained; Ctrl-C leaves all finished ones stored.

    Raises:
        RnnbenchError: trials failed, or a worker process died.
    """
    failures: dict[Trial, Failure] = {}
    try:
        has_networks = any(isinstance(trial.model, Network) for trial in trials)
        prepare = prepare_tensorflow if has_networks else prepare_nothing
        with start_workers(workforce, prepare) as workers:
            for trial, outcome in carry_out(run_trial, trials, workers, listener):
                if isinstance(outcome, Failure):
                    failures[trial] = outcome
                    listener(Failed(trial, outcome.reason))
                else:
                    store.save(outcome)
                    record = outcome.record
                    listener(Finished(trial, record.accuracy, record.fit_seconds))
    except WorkerDiedError as error:
        raise RnnbenchError(
            f"{error}\nFinished trials are stored; run the same command to go on."
        ) from error
    if failures:
        raise RnnbenchError(
            f"{describe(failures)}\nAll other trials are stored; "
            "for a table of other models, name them with --models."
        )


def describe(failures: dict[Trial, Failure]) -> str:
    """Return which trials failed and why, and the first traceback that there is."""
    lines = [f"{trial} failed: {failure.reason}" for trial, failure in failures.items()]
    tracebacks = [failure.traceback for failure in failures.values() if failure.traceback]
    return "\n".join([*tracebacks[:1], *lines])


def carry_out(
    function: Callable[[Trial, OnEpoch], _T],
    trials: Sequence[Trial],
    workers: Workers,
    listener: Listener,
) -> Iterator[tuple[Trial, _T | Failure]]:
    """Yield each trial with what ``function`` returned in a worker, passing on the epochs.

    Raises:
        WorkerDiedError: a worker process died.
    """
    pending: dict[Future[_T | Failure], Trial] = {
        workers.submit(attempt, function, trial): trial for trial in trials
    }
    started: set[Trial] = set()
    while pending:
        done, _ = wait(pending, timeout=REFRESH_SECONDS, return_when=FIRST_COMPLETED)
        for trial, epoch, loss, accuracy in workers.reports():
            started.add(trial)
            listener(EpochEnded(trial, epoch, loss, accuracy))
        # Failures last: what finished beside one is stored before it ends the run.
        for future in sorted(done, key=lambda future: future.exception() is not None):
            try:
                outcome = future.result()
            except BrokenProcessPool as error:
                in_training = sorted(str(trial) for trial in pending.values() if trial in started)
                raise WorkerDiedError(
                    "a worker process died (killed, or out of memory?); in training: "
                    f"{', '.join(in_training) or 'nothing yet'}\n{workers.last_words()}"
                ) from error
            yield pending.pop(future), outcome
