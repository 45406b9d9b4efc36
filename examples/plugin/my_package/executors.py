"""An executor."""

from functools import partial
from math import nan

from rnnbench.plugin import EpochEnded, Executor


class OneByOne(Executor):
    """Runs trials in this process."""

    name = "one_by_one"

    def __init__(self, jobs=None):
        self.jobs, self.threads = 1, 1

    def run(self, trials, corpora, listener, task):
        for trial in trials:

            def on_epoch(epoch, loss, accuracy, trial=trial):
                listener(EpochEnded(trial, epoch, loss, accuracy))

            corpus = corpora[trial.corpus_fingerprint]
            on_start = partial(on_epoch, 0, nan, nan)
            yield trial, task.attempt(trial, corpus, on_start, on_epoch)
