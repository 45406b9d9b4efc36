"""An executor that runs trials in the test's own process: quick, and as short as one
can be.
"""

from dataclasses import replace
from functools import partial

from rnnbench.runner.events import EpochEnded
from rnnbench.runner.executors import Executor


class InProcess(Executor):
    name = "in-process"

    def __init__(self, jobs=None):
        self.jobs, self.threads = jobs or 1, 1

    def run(self, trials, corpora, listener, task):
        task = replace(
            task, prepare=lambda _: None
        )  # TensorFlow keeps the threads it has
        for trial in trials:

            def on_epoch(*facts, trial=trial):
                listener(EpochEnded(trial, *facts))

            on_start = partial(on_epoch, 0, float("nan"), float("nan"))
            corpus = corpora[trial.corpus_fingerprint]
            yield trial, task.attempt(trial, corpus, on_start, on_epoch)
