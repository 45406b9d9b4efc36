"""Reads finished runs, checks every file, and recomputes summaries that lack a metric."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rnnbench.analysis.summary import drop_duplicates, summarize_run
from rnnbench.environment import Environment
from rnnbench.errors import UserError
from rnnbench.metrics import METRICS, usable_metrics
from rnnbench.results.run import StoredRun, load_benchmark, load_results, load_trials
from rnnbench.results.schema import Results
from rnnbench.results.store import RESULTS
from rnnbench.storage import (
    TRIALS,
    DamagedResultError,
    OtherVersionError,
    peek,
    read_record,
)
from rnnbench.training.outcome import TrialResult

log = logging.getLogger(__name__)

G = TypeVar("G")

OF_ANSWERS = ("accuracy", "macro_f1", "balanced_accuracy", "weighted_f1")
"""The metrics that are checked: they depend on the answers alone, not on the digits of scores."""
ROUNDING = 1e-9
"""The largest difference that summing in another order can make."""


def load_run(folder: Path, *, without_duplicates: bool = False) -> StoredRun:
    """Return the finished run in ``folder``, with all test documents or without duplicates.

    A summary that lacks a metric is recomputed from the stored trials, with a warning; the file
    stays as it is.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: a file is not as it was written, or the summary does not fit the
            predictions; the message names it.
    """
    command = peek(folder / RESULTS).get("command")
    if command and not (folder / TRIALS).is_dir():
        raise DamagedResultError(
            f"unusable result: {folder}: it holds only the summary of a run, without trials "
            f"(to train them again: {command})"
        )
    results = load_results(folder)
    try:
        benchmark = load_benchmark(folder, [model.name for model in results.models])
        trials = load_trials(folder, results)
        environment = load_environment(folder)
    except FileNotFoundError as error:
        raise DamagedResultError(f"unusable result: {error.filename}: it is missing") from error
    check_summary(folder, results, trials)
    if missing := [name for name in usable_metrics() if name not in results.metrics]:
        lacks = f"it lacks {', '.join(missing)}; recomputed from the stored trials"
        log.warning("%s: %s", folder / RESULTS, lacks)
        flat = [trial for of_model in trials.values() for trial in of_model]
        results = summarize_run(benchmark, results.dataset, flat, results.command, results.missing)
    if results.missing:
        log.warning("%s: partial: %s", folder, results.missing_in_words())
    run = StoredRun(folder, results, trials, benchmark, environment)
    return drop_duplicates(run) if without_duplicates else run


def check_summary(
    folder: Path, results: Results, trials: Mapping[str, Sequence[TrialResult]]
) -> None:
    """Check the summary of a run against the predictions of its trials, by model.

    Raises:
        DamagedResultError: a number in it is not the one that the predictions give.
    """
    for place, stored, found in _numbers(results, trials):
        if not math.isclose(stored, found, rel_tol=ROUNDING, abs_tol=ROUNDING):
            raise DamagedResultError(
                f"unusable result: {folder / RESULTS}: {place} is {stored:.6g}, but the "
                f"stored predictions give {found:.6g}; run the benchmark again"
            )


def _numbers(
    results: Results, trials: Mapping[str, Sequence[TrialResult]]
) -> Iterator[tuple[str, float, float]]:
    """Yield the name, the stored value and the right value of numbers in a summary."""
    for model in results.models:
        for trial, result in zip(model.trials, trials[model.name], strict=True):
            for metric in (METRICS[name] for name in OF_ANSWERS if name in results.metrics):
                place = f"{metric.name} of {model.name} seed {trial.seed}"
                found = metric.function(result.labels, result.scores)
                yield place, trial.metrics.get(metric.name, math.nan), found
        for name, statistic in model.metrics.items():
            values = [trial.metrics[name] for trial in model.trials if name in trial.metrics]
            yield f"{name} of {model.name}", statistic.mean, sum(values) / max(len(values), 1)
    means = {model.name: model.accuracy.mean for model in results.models}
    means[results.dataset.majority_name] = results.dataset.majority_accuracy
    for pair in results.comparisons:
        place = f"the difference of {pair.a} and {pair.b}"
        yield place, pair.difference, means[pair.a] - means[pair.b]


def load_runs(paths: Sequence[Path], *, without_duplicates: bool = False) -> list[StoredRun]:
    """Return the finished runs among ``paths``, which may be everything that ``*`` matches.

    Other paths are left out with a warning, as long as there is a run, and so are runs of other
    versions, and those that have nothing but duplicates.

    Raises:
        UserError: a path does not exist, or there is no finished run or none without duplicates.
        DamagedResultError: a file of a run is not as it was written; the message names it.
    """
    others = [path for path in paths if path.exists() and not (path / RESULTS).is_file()]
    if len(others) == len(paths):
        others = []
    for path in others:
        log.warning("%s: no finished run, left out", path)
    finished = [path for path in paths if path not in others]
    runs = _accepted(finished, load_run, OtherVersionError)
    return _accepted(runs, drop_duplicates, UserError) if without_duplicates else runs


def _accepted(
    given: Sequence[G], act: Callable[[G], StoredRun], refusal: type[UserError]
) -> list[StoredRun]:
    """Return what ``act`` makes of each; unless it refuses them all, a warning names the others."""
    found, last = [], None
    for one in given:
        try:
            found.append(act(one))
        except refusal as error:
            last = error
            log.warning("%s, left out", error)
    if last and not found:
        raise last
    return found


def load_environment(folder: Path) -> dict[str, Any]:
    """Return the machine and the package versions that the trials in ``folder`` had.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedResultError: it is not as it was written.
    """
    try:
        return read_record(folder / "environment.json", Environment)[0].model_dump()
    except DamagedResultError as error:  # the machine is recorded only when trials are trained
        raise type(error)(f"{error}; run the benchmark again with --fresh") from error
