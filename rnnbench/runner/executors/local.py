"""The executor of this machine: worker processes, one a job, that share its cores."""

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rnnbench.errors import RnnbenchError
from rnnbench.runner.events import EpochEnded, Listener
from rnnbench.runner.executors.base import Executor, T, Task, TrialFailure
from rnnbench.runner.executors.processes import Workers, start_workers
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)

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


def usable_cores() -> int:
    """Return the cores this process may use, within its affinity and container limits."""
    from joblib import cpu_count

    cores: int = cpu_count()
    return cores


class LocalExecutor(Executor):
    """Worker processes on this machine, among which its cores are divided.

    Args:
        jobs: how many; by default one a core.
        threads: of each; by default its share of the cores.
    """

    name = "local"

    def __init__(self, jobs: int | None = None, threads: int | None = None):
        cores = usable_cores()
        self.jobs = jobs or cores
        self.threads = threads or max(1, cores // self.jobs)

    def run(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task[T],
    ) -> Generator[tuple[Trial, T | TrialFailure], None, None]:
        """Yield each trial with its outcome; new workers go on where one dies.

        The trials that were running then are started again, each by itself: memory that was too
        little for two may do for one. A trial whose worker dies when no other runs has failed.

        Raises:
            WorkerDiedError: a worker died before it came to a trial.
        """
        rounds = [list(trials)] if trials else []
        while rounds:
            waiting = rounds.pop(0)
            try:
                with start_workers(min(self.jobs, len(waiting)), self.threads) as workers:
                    for trial, outcome in _carry_out(waiting, corpora, listener, task, workers):
                        waiting.remove(trial)
                        yield trial, outcome
            except WorkerDiedError as error:
                if not error.in_training:
                    raise
                others = [trial for trial in waiting if trial not in error.in_training]
                rounds = [each for each in (others, *rounds) if each]
                if len(error.in_training) == 1:
                    reason = f"{DIED}\n{error.last_words}".rstrip()
                    yield error.in_training[0], TrialFailure(reason)
                else:
                    log.warning("%s\nThese are trained again, each by itself.", error)
                    rounds += [[trial] for trial in error.in_training]


def _carry_out(
    trials: Sequence[Trial],
    corpora: Mapping[str, Path],
    listener: Listener,
    task: Task[T],
    workers: Workers,
) -> Iterator[tuple[Trial, T | TrialFailure]]:
    """Yield each trial with its outcome.

    Raises:
        WorkerDiedError: a worker process died.
    """
    pending: dict[Future[None], tuple[Trial, Path]] = {}
    try:
        for trial in tuple(trials):
            file = workers.new_file()
            future = workers.start(task, trial, corpora[trial.corpus_fingerprint], file)
            pending[future] = trial, file
        while pending:
            done, _ = wait(pending, timeout=REFRESH_SECONDS, return_when=FIRST_COMPLETED)
            for report in workers.reports():
                listener(EpochEnded(*report))
            # Failures last: what finished beside one is stored before it ends the round.
            for future in sorted(done, key=lambda future: future.exception() is not None):
                future.result()
                trial, file = pending.pop(future)
                yield trial, workers.take_outcome(file)
    except BrokenProcessPool as error:
        in_training = [trial for trial, file in pending.values() if file.exists()]
        raise WorkerDiedError(in_training, workers.last_words()) from error
