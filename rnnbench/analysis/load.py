"""Reading finished runs, with every file checked, and summarizing older ones anew."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnbench.analysis.summary import summarize_run
from rnnbench.config.load import load
from rnnbench.config.problems import ConfigError
from rnnbench.config.schema import Benchmark
from rnnbench.environment import SCHEMA_VERSION as ENVIRONMENT_VERSION
from rnnbench.metrics import usable_metrics
from rnnbench.results.run import StoredRun, load_results
from rnnbench.results.schema import Results
from rnnbench.results.store import RESULTS, Store
from rnnbench.storage import DamagedResultError, read_document

log = logging.getLogger(__name__)


def load_run(folder: Path) -> StoredRun:
    """Return the finished run in ``folder``.

    A summary of an older version, or one that lacks a metric, is made anew from the stored
    trials, with a warning; the file stays as it is.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: a file is not as it was written; the message names it.
    """
    results = load_results(folder)
    store = Store(folder)
    try:
        benchmark = _benchmark(folder, results)
        trials = {
            model.name: [
                store.load(model.name, trial.seed, trial.fingerprint) for trial in model.trials
            ]
            for model in results.models
        }
        environment = _environment(folder)
    except FileNotFoundError as error:
        raise DamagedResultError(f"unusable result: {error.filename}: it is missing") from error
    if missing := [name for name in usable_metrics() if name not in results.metrics]:
        reason = (
            f"it lacks {', '.join(missing)}" if results.metrics else "written by an older version"
        )
        log.warning("%s: %s; summarized anew from the stored trials", folder / RESULTS, reason)
        flat = [trial for of_model in trials.values() for trial in of_model]
        results = summarize_run(benchmark, results.dataset, flat, results.command)
    return StoredRun(folder, results, trials, benchmark, environment)


def load_runs(paths: Sequence[Path]) -> list[StoredRun]:
    """Return the finished runs among ``paths``, which may be everything that ``*`` matches.

    Other paths are left out with a warning, as long as there is a run.

    Raises:
        UserError: a path does not exist, or there is no finished run.
        DamagedResultError: a file of a run is not as it was written; the message names it.
    """
    others = [path for path in paths if path.exists() and not (path / RESULTS).is_file()]
    if len(others) == len(paths):
        others = []
    for path in others:
        log.warning("%s: no finished run, left out", path)
    return [load_run(path) for path in paths if path not in others]


def _benchmark(folder: Path, results: Results) -> Benchmark:
    try:
        benchmark = load(folder / "config.yaml")
    except ConfigError as error:  # it names the file
        raise DamagedResultError(f"unusable result: {error}") from error
    if unknown := {model.name for model in results.models} - set(benchmark.models):
        named = ", ".join(sorted(unknown))
        raise DamagedResultError(f"unusable result: {folder}: config.yaml has no model {named}")
    return benchmark


def _environment(folder: Path) -> dict[str, Any]:
    try:
        return read_document(folder / "environment.json", ENVIRONMENT_VERSION)
    except DamagedResultError as error:  # the machine is recorded only when trials are trained
        raise type(error)(f"{error}; run the benchmark again with --fresh") from error
