"""Finding trials that are stored, and training those that are not."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TypeVar

from rnnbench.errors import RnnbenchError
from rnnbench.results.store import Store
from rnnbench.runner.events import EpochEnded, Failed, Finished, Listener
from rnnbench.runner.workers import (
    Failure,
    Workers,
    Workforce,
    attempt,
    start_workers,
    take_outcome,
)
from rnnbench.training.engines import ENGINES, OnEpoch
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial, run_trial

log = logging.getLogger(__name__)

_T = TypeVar("_T")

REFRESH_SECONDS = 0.2
DIED = "a worker process died (killed, or out of memory?)"


class WorkerDiedError(RnnbenchError):
    """A worker process died.

    Attributes:
        in_training: the trials that the workers were at.
        last_words: the end of what they printed.
    """

    def __init__(self, in_training: Sequence[Trial], last_words: str):
        names = ", ".join(map(str, in_training)) or "nothing yet"
        super().__init__(f"{DIED}; in training: {names}\n{last_words}".rstrip())
        self.in_training, self.last_words = in_training, last_words


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

    A trial is stored the moment it finishes. One that fails, or takes its process with it, does not
    keep the others from being trained; Ctrl-C leaves all finished ones stored.

    Raises:
        RnnbenchError: trials failed, or workers cannot even start.
    """
    failures: dict[Trial, Failure] = {}
    with closing(_train_all(trials, workforce, listener)) as outcomes:
        for trial, outcome in outcomes:
            if isinstance(outcome, Failure):
                failures[trial] = outcome
                listener(Failed(trial, outcome.reason))
            else:
                store.save(outcome)
                listener(Finished(trial, outcome.accuracy, outcome.record.fit_seconds))
    if failures:
        raise RnnbenchError(
            f"{describe(failures)}\nAll other trials are stored; "
            "for a table of other models, name them with --models."
        )


def _train_all(
    trials: Sequence[Trial], workforce: Workforce, listener: Listener
) -> Generator[tuple[Trial, TrialResult | Failure], None, None]:
    """Yield each trial with its result, going on with new workers where one dies.

    What was in training then is trained again, each trial by itself: memory that was too little for
    two may do for one. A trial whose worker dies when there is no other has failed.

    Raises:
        WorkerDiedError: a worker died before it came to a trial.
    """
    prepare = partial(prepare_engines, sorted({trial.engine.name for trial in trials}))
    rounds = [list(trials)]
    while rounds:
        waiting = rounds.pop(0)
        jobs = min(workforce.jobs, len(waiting))
        try:
            with start_workers(replace(workforce, jobs=jobs), prepare) as workers:
                for trial, outcome in carry_out(run_trial, tuple(waiting), workers, listener):
                    waiting.remove(trial)
                    yield trial, outcome
        except WorkerDiedError as error:
            if not error.in_training:
                raise
            others = [trial for trial in waiting if trial not in error.in_training]
            rounds = [each for each in (others, *rounds) if each]
            if len(error.in_training) == 1:
                yield error.in_training[0], Failure(f"{DIED}\n{error.last_words}".rstrip(), "")
            else:
                log.warning("%s\nThese are trained again, each by itself.", error)
                rounds += [[trial] for trial in error.in_training]


def prepare_engines(names: Sequence[str], threads: int) -> None:
    """Get a worker process ready for the trials of the named engines."""
    for name in names:
        ENGINES[name].prepare(threads)


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
    files = {trial: workers.new_file() for trial in trials}
    pending: dict[Future[None], Trial] = {}
    try:
        for trial, file in files.items():
            pending[workers.submit(attempt, function, trial, file)] = trial
        while pending:
            done, _ = wait(pending, timeout=REFRESH_SECONDS, return_when=FIRST_COMPLETED)
            for trial, epoch, loss, accuracy in workers.reports():
                listener(EpochEnded(trial, epoch, loss, accuracy))
            # Failures last: what finished beside one is stored before it ends the run.
            for future in sorted(done, key=lambda future: future.exception() is not None):
                future.result()
                trial = pending.pop(future)
                yield trial, take_outcome(files[trial])
    except BrokenProcessPool as error:
        in_training = [trial for trial in pending.values() if files[trial].exists()]
        raise WorkerDiedError(in_training, workers.last_words()) from error
