"""Runs on the Dask clusters of tests.

``clusters`` itself is imported where there is no rnnbench.
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
    """Return the outcomes on a cluster of a task, or of calling a function."""
    if not isinstance(work, Task):
        work = task(work)
    executor = DaskExecutor(jobs, str(where.file))
    return executor.run(trials, corpora(folder), listen, work)


def run(where, trials, folder, work, **options):
    """Return the outcomes of trials by seed."""
    outcomes = start(where, trials, folder, work, **options)
    return {ended.seed: outcome for ended, outcome in outcomes}
