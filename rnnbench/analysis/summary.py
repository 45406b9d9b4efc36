"""From the trials of a run to the summary in ``results.json``, and back, checked.

>>> run = load_run(Path("results/all"))  # doctest: +SKIP
>>> summarize_run(run.benchmark, run.results.dataset, run.trials)  # doctest: +SKIP
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import InstanceOf

from rnnbench.analysis.check import check_comparisons, check_dataset, check_summary
from rnnbench.analysis.comparisons import (
    ComparedModels,
    compare_models,
    compare_pairs,
    correctness_of,
    with_majority,
)
from rnnbench.analysis.model_summary import statistic, summarize_model
from rnnbench.analysis.published import locate_published
from rnnbench.analysis.trial_metrics import Metrics, compute_metrics
from rnnbench.config.schema import Benchmark
from rnnbench.data.summary import DatasetSummary, clusters_without, rest_of
from rnnbench.environment import Environment, Facts
from rnnbench.errors import UserError
from rnnbench.metrics import usable_metrics
from rnnbench.models.descriptions import OutsideModel
from rnnbench.results import schema
from rnnbench.results.comparison import Comparison
from rnnbench.results.run import load_benchmark, load_results, load_trials
from rnnbench.results.store import RESULTS
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import checked
from rnnbench.storage import (
    TRIALS,
    DamagedResultError,
    OtherVersionError,
    peek,
    read_record,
)
from rnnbench.tasks import TaskKind
from rnnbench.text import listed
from rnnbench.training.outcome import Trials, labels_of

log = logging.getLogger(__name__)
R = TypeVar("R", bound=StoredRun)


class NothingLeftError(UserError):
    """All test documents of a run are duplicates."""


def summarize_run(
    benchmark: Benchmark,
    dataset: DatasetSummary,
    trials: Trials,
    command: str = "",
    missing: Sequence[schema.MissingTrial] = (),
) -> schema.Results:
    """Return the results of a run, in the order of the config.

    Args:
        benchmark: the config.
        dataset: what the models were tested on.
        trials: those with a result, by model.
        command: the command line of the run.
        missing: the trials without a result.

    Raises:
        UserError: the main or the second metric of the task has no value for a trial.
    """
    models = {}
    for name, description in benchmark.models.items():
        if name in trials:
            models[name] = correctness_of(
                trials[name], dataset, is_random=description.is_random
            )
    compared = compare_models(with_majority(models, dataset, labels_of(trials)))
    results = summarize_compared(benchmark, dataset, trials, compared)
    changes = {"command": command, "missing": list(missing)}
    return results.model_copy(update=changes)


def summarize_compared(
    benchmark: Benchmark,
    dataset: DatasetSummary,
    trials: Trials,
    compared: ComparedModels,
) -> schema.Results:
    """Return the results of a run whose models, in their order, were compared.

    Errors are those of ``summarize_run``.
    """
    *names, _ = compared.models
    trials = {name: trials[name] for name in names}
    of_all_models = [trial for of_model in trials.values() for trial in of_model]
    metrics = compute_metrics(of_all_models)
    _check_metrics(of_all_models[0].task, metrics)
    models = []
    for name, of_model in trials.items():
        metrics_of_model = {trial: metrics[trial] for trial in of_model}
        model = summarize_model(
            benchmark.models[name],
            metrics_of_model,
            dataset,
            compared.models[name],
            compared.p_best[name],
        )
        models.append(model)
    models = _with_p_of_verdicts(models, compared.comparisons)
    training = benchmark.training
    decision = None
    if any(trial.record.decision for trial in of_all_models):
        decision = training.decision
    return schema.Results(
        name=benchmark.name,
        command="",
        dataset=dataset,
        seeds=list(training.seeds),
        epochs=training.epochs,
        validation_split=training.validation_split,
        decision=decision,
        engine=_engines_in_words(benchmark, trials),
        threads=sorted({trial.record.threads for trial in of_all_models}),
        metrics=list(usable_metrics(dataset.task)),
        models=models,
        comparisons=compared.comparisons,
        without_duplicates=_without_duplicates(dataset, compared),
        published=list(locate_published(benchmark, dataset, models)),
    )


def _check_metrics(task: TaskKind, metrics: Metrics) -> None:
    """Raise ``UserError`` if a trial lacks the main or the second metric."""
    for name in (task.main, task.second):
        if name is None:
            continue
        if any(name not in of_trial.means for of_trial in metrics.values()):
            hint = "correct it and repeat the command; nothing is trained again"
            fault = f"the metric '{name}' of the task {task.name} has no value"
            raise UserError(f"{fault} ({hint})")


def _engines_in_words(benchmark: Benchmark, trials: Trials) -> str:
    """Return the engine of the networks; of several, each with its models."""
    models_by_engine: dict[str, list[str]] = {}
    for name, of_model in trials.items():
        model = benchmark.models[name]
        if model.is_network or model.kind == OutsideModel.kind:
            engine = of_model[0].record.engine
            models_by_engine.setdefault(engine, []).append(name)
    if not models_by_engine:
        return benchmark.training.engine
    if len(models_by_engine) == 1:
        return next(iter(models_by_engine))
    return ", ".join(
        f"{engine} ({listed(names)})" for engine, names in models_by_engine.items()
    )


def _with_p_of_verdicts(
    models: Sequence[schema.ModelSummary], comparisons: Sequence[Comparison]
) -> list[schema.ModelSummary]:
    """Return models whose ``p_best`` is that of their comparison with the best, if any.

    It is at least the uncorrected p-value of this pair, although another model may be
    evidence of more.
    """
    against_best = schema.compared_with_best(models, comparisons)
    changed = []
    for model in models:
        pair = against_best.get(model.name)
        p_best = model.p_best if pair is None else pair.p_corrected
        changed.append(model.model_copy(update={"p_best": p_best}))
    return changed


def _without_duplicates(
    dataset: DatasetSummary, compared: ComparedModels
) -> schema.WithoutDuplicates | None:
    """Return the scores and the same comparisons on the other test documents."""
    duplicates = dataset.leaks
    if len(duplicates) in (0, dataset.test_size):
        return None
    clusters = clusters_without(dataset.clusters, duplicates)
    rest = {}
    for name, correctness in compared.models.items():
        parts = np.delete(correctness.parts, duplicates, axis=-1)
        rest[name] = replace(correctness, parts=parts, clusters=clusters)
    pairs = [pair.names for pair in compared.comparisons]
    *names, majority = rest
    scores = {}
    for name in names:
        scores[name] = statistic(rest[name].values.mean(axis=1).tolist())
    return schema.WithoutDuplicates(
        test_size=dataset.test_size - len(duplicates),
        majority_score=rest[majority].score,
        scores=scores,
        comparisons=compare_pairs(pairs, rest, list(combinations(rest, 2))),
    )


def drop_duplicates(run: R) -> R:
    """Return a run as if the duplicates were not in its test set.

    Raises:
        NothingLeftError: all test documents are duplicates.
    """
    dataset = run.results.dataset
    dropped = dataset.leaks
    if not dropped:
        return run
    if len(dropped) == dataset.test_size:
        raise NothingLeftError(
            f"{run.folder}: all test documents are also in the training set"
        )
    trials = {
        name: [trial.without(dropped) for trial in of_model]
        for name, of_model in run.trials.items()
    }
    rest = rest_of(dataset, labels_of(trials))
    results = summarize_run(
        run.benchmark, rest, trials, run.results.command, run.results.missing
    )
    return replace(run, results=results, trials=trials)


RunOrFolder = str | Path | InstanceOf[StoredRun]  # a run, or the folder that holds it


@checked
def opened(run: RunOrFolder) -> StoredRun:
    """Return a run, loaded if only its folder is given; see ``load_run``."""
    if isinstance(run, StoredRun):
        return run
    return load_run(Path(run))


def load_run(folder: Path, *, without_duplicates: bool = False) -> StoredRun:
    """Return the finished run in ``folder``, with a new summary of its trials.

    Raises:
        DamagedResultError: the stored summary has other numbers.
    """
    file = folder / RESULTS
    command = peek(file).get("command")
    if command and not (folder / TRIALS).is_dir():
        lacks = "it holds only the summary of a run, without trials"
        again = f"to train them again: {command}"
        raise DamagedResultError(f"unusable result: {folder}: {lacks} ({again})")
    stored = load_results(folder)
    try:
        benchmark = load_benchmark(folder, stored.by_name)
        trials = load_trials(folder, stored)
        environment = load_environment(folder)
    except FileNotFoundError as error:
        raise DamagedResultError(
            f"unusable result: {error.filename}: it is missing"
        ) from error
    check_dataset(file, stored, labels_of(trials))
    computed = summarize_run(
        benchmark, stored.dataset, trials, stored.command, stored.missing
    )
    check_summary(file, stored, computed)
    check_comparisons(file, stored, computed)
    lacking = [name for name in computed.metrics if name not in stored.metrics]
    if lacking:
        lacks = f"it lacks {', '.join(lacking)}; recomputed from the stored trials"
        log.warning("%s: %s", file, lacks)
    if stored.missing:
        log.warning("%s: partial: %s", folder, stored.missing_in_words())
    run = StoredRun(folder, computed, trials, benchmark, environment)
    if without_duplicates:
        return drop_duplicates(run)
    return run


def load_runs(
    paths: Sequence[Path], *, without_duplicates: bool = False
) -> list[StoredRun]:
    """Return the finished runs among ``paths``; warnings name what is left out."""
    others = [
        path for path in paths if path.exists() and not (path / RESULTS).is_file()
    ]
    if len(others) == len(paths):
        others = []  # that none is finished is an error
    runs = []
    last_error = None
    for path in paths:
        if path in others:
            log.warning("%s: no finished run, left out", path)
            continue
        try:
            runs.append(load_run(path, without_duplicates=without_duplicates))
        except (OtherVersionError, NothingLeftError) as error:
            last_error = error
            log.warning("%s, left out", error)
    if last_error and not runs:
        raise last_error
    return runs


def load_environment(folder: Path) -> Facts:
    """Return the machine and the package versions that the trials in ``folder`` had."""
    try:
        environment, _ = read_record(folder / "environment.json", Environment)
    except DamagedResultError as error:
        # The machine is recorded only when trials are trained.
        raise type(error)(f"{error}; run the benchmark again with --fresh") from error
    return environment.model_dump()
