"""Finding trials that are stored, and training those that are not."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool

from rnnbench.errors import RnnbenchError
from rnnbench.results.schema import TrialRecord, TrialResult
from rnnbench.results.store import Store
from rnnbench.runner.events import EpochEnded, Finished, Listener
from rnnbench.runner.workers import Workers, Workforce, start_workers, train
from rnnbench.training.trial import Trial

REFRESH_SECONDS = 0.2


def find_stored(trials: Iterable[Trial], store: Store) -> dict[Trial, TrialRecord]:
    """Return the trials that are stored, with their records."""
    found = {trial: store.restore(trial.name, trial.seed, trial.fingerprint) for trial in trials}
    return {trial: record for trial, record in found.items() if record}


def train_trials(
    trials: Sequence[Trial], store: Store, workforce: Workforce, listener: Listener
) -> dict[Trial, TrialRecord]:
    """Train every trial and return the records.

    A trial is stored the moment it finishes; Ctrl-C, or a trial that fails, leaves all finished
    ones stored.

    Raises:
        RnnbenchError: a worker process died.
    """
    records: dict[Trial, TrialRecord] = {}
    with start_workers(workforce) as workers:
        for trial, result in _train(trials, workers, listener):
            store.save(result)
            records[trial] = result.record
            listener(Finished(trial, result.record))
    return records


def _train(
    trials: Sequence[Trial], workers: Workers, listener: Listener
) -> Iterator[tuple[Trial, TrialResult]]:
    """Yield each trial with its result as it finishes, passing on the epochs meanwhile."""
    pending: dict[Future[TrialResult], Trial] = {
        workers.submit(train, trial): trial for trial in trials
    }
    while pending:
        done, _ = wait(pending, timeout=REFRESH_SECONDS, return_when=FIRST_COMPLETED)
        for trial, epoch, loss, accuracy in workers.reports():
            listener(EpochEnded(trial, epoch, loss, accuracy))
        # Failures last: what finished beside one is stored before it ends the run.
        for future in sorted(done, key=lambda future: future.exception() is not None):
            try:
                yield pending.pop(future), future.result()
            except BrokenProcessPool as error:
                raise RnnbenchError(
                    "a worker process died (killed, or out of memory?). Finished trials are "
                    f"stored; run the same command to go on.\n{workers.last_words()}"
                ) from error
