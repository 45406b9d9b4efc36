"""Reading finished runs, with every file checked, and summarizing older ones anew."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnbench.analysis.summary import summarize_run
from rnnbench.config.load import load
from rnnbench.config.problems import ConfigError
from rnnbench.config.schema import Benchmark
from rnnbench.metrics import usable_metrics
from rnnbench.results.document import DamagedResultError, read_document
from rnnbench.results.run import RESULTS, Outline, Run, read_results
from rnnbench.results.schema import SUMMARY_VERSION, Results
from rnnbench.results.store import Store
from rnnbench.training.outcome import TrialResult

log = logging.getLogger(__name__)


def load_run(folder: Path) -> Run:
    """Return the finished run in ``folder``.

    A summary of an older version, or one that lacks a metric, is made anew from the stored
    trials, with a warning; the file stays as it is.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: a file is not as it was written; the message names it.
    """
    outline, results = read_results(folder)
    try:
        benchmark = _benchmark(folder, outline)
        trials = {
            model.name: [
                _load_trial(folder, model.name, trial.seed, trial.fingerprint, outline.command)
                for trial in model.trials
            ]
            for model in outline.models
        }
        environment = _environment(folder)
    except FileNotFoundError as error:
        raise DamagedResultError(f"unusable result: {error.filename}: it is missing") from error
    missing = [name for name in usable_metrics() if name not in outline.metrics]
    if results is None or missing:
        reason = (
            f"it lacks {', '.join(missing)}"
            if results
            else f"it has schema version {outline.schema_version}, now {SUMMARY_VERSION}"
        )
        log.warning("%s: %s; summarized anew from the stored trials", folder / RESULTS, reason)
        flat = [trial for of_model in trials.values() for trial in of_model]
        results = summarize_run(benchmark, outline.dataset, flat, outline.command)
    return Run(folder, results, trials, benchmark, environment)


def load_runs(paths: Sequence[Path]) -> list[Run]:
    """Return the finished runs among ``paths``, which may be whatever a shell's ``*`` found.

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


def load_results(folder: Path) -> Results:
    """Return the summary of the finished run in ``folder``; an older one is made anew.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: a file is not as it was written; the message names it.
    """
    return read_results(folder)[1] or load_run(folder).results


def _benchmark(folder: Path, outline: Outline) -> Benchmark:
    try:
        benchmark = load(folder / "config.yaml")
    except ConfigError as error:  # it names the file
        raise DamagedResultError(f"unusable result: {error}") from error
    if unknown := {model.name for model in outline.models} - set(benchmark.models):
        named = ", ".join(sorted(unknown))
        raise DamagedResultError(f"unusable result: {folder}: config.yaml has no model {named}")
    return benchmark


def _load_trial(folder: Path, model: str, seed: int, fingerprint: str, command: str) -> TrialResult:
    trial = Store(folder).load(model, seed)
    if trial.record.fingerprint != fingerprint:
        raise DamagedResultError(
            f"unusable result: {folder}: the trial {model} seed {seed} is not the one in {RESULTS},"
            f" because another run into this folder did not finish; run it again: {command}"
        )
    return trial


def _environment(folder: Path) -> dict[str, Any]:
    try:
        return read_document(folder / "environment.json")
    except DamagedResultError as error:  # only a new run can tell the machine of its trials
        raise type(error)(f"{error}; run the benchmark again with --fresh") from error
