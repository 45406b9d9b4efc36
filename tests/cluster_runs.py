"""Runs on Dask clusters of tests; ``clusters`` itself is imported where there is no
rnnbench.
"""

from cluster_tasks import task
from factories import corpora, trial

from rnnbench.plugins.dask.executor import DaskExecutor
from rnnbench.runner.executors import Task


def baselines(folder, n):
    """Return trials that differ in their seeds only; their corpus is in ``folder``."""
    models = {"svm": {"baseline": "tfidf_linear_svm"}}
    return [trial(folder, seed=seed, models=models) for seed in range(n)]


def start(where, trials, folder, work, *, listen=lambda _: None, jobs=None):
    """Return the generator of outcomes on a cluster of a task, or of calling a
    function.
    """
    work = work if isinstance(work, Task) else task(work)
    return DaskExecutor(jobs, str(where.file)).run(
        trials, corpora(folder), listen, work
    )


def run(where, trials, folder, work, **options):
    """Return the outcomes of trials by seed."""
    return {
        one.seed: outcome
        for one, outcome in start(where, trials, folder, work, **options)
    }
