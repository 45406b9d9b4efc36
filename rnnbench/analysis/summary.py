"""From the trials of a run to the summary in ``results.json``, and back, checked."""

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import InstanceOf

from rnnbench.analysis.check import check_comparisons, check_dataset, check_summary
from rnnbench.analysis.comparisons import (
    MAX_IN_PAIRS,
    compare_pairs,
    correctness_of,
    p_of_being_best,
    with_majority,
)
from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary, clusters_without, rest_of
from rnnbench.environment import Environment
from rnnbench.errors import UserError
from rnnbench.labels import documents_by_topic
from rnnbench.metrics import COSTS, METRICS, Metric, usable_metrics
from rnnbench.models.descriptions import BaselineModel, Model, Network, OutsideModel
from rnnbench.registry import PluginError
from rnnbench.results import schema
from rnnbench.results.compact import corrected_metric
from rnnbench.results.run import StoredRun, load_benchmark, load_results, load_trials
from rnnbench.results.store import RESULTS
from rnnbench.section import checked
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import score_interval, t_interval
from rnnbench.storage import (
    TRIALS,
    DamagedResultError,
    OtherVersionError,
    peek,
    read_record,
)
from rnnbench.text import listed
from rnnbench.training.decision import AT_HALF, decide
from rnnbench.training.epochs import TrainingSettings
from rnnbench.training.outcome import TrialResult, Trials

log = logging.getLogger(__name__)
R = TypeVar("R", bound=StoredRun)
Metrics = dict[TrialResult, dict[str, float]]  # those of each trial, by name


class NothingLeftError(UserError):
    """All test documents of a run are duplicates."""


def summarize_run(
    benchmark: Benchmark,
    dataset: DatasetSummary,
    trials: Trials,
    command: str = "",
    missing: Sequence[schema.MissingTrial] = (),
) -> schema.Results:
    """Return the results of a run, in the order of the config; ``missing`` trials have
    none.

    ``UserError``: the main or the second metric of the task has no value for a trial.
    """
    trials = {name: trials[name] for name in benchmark.models if name in trials}
    flat = list(chain(*trials.values()))
    task = flat[0].task
    of_models = {
        name: correctness_of(
            of_model, dataset, is_random=benchmark.models[name].is_random
        )
        for name, of_model in trials.items()
    }
    hits = with_majority(of_models, dataset, trials)
    pairs, metrics, training = _pairs(hits), compute_metrics(flat), benchmark.training
    for name in (task.main, task.second):
        if name is not None and any(name not in metrics[trial] for trial in flat):
            hint = "correct it and repeat the command; nothing is trained again"
            raise UserError(
                f"the metric '{name}' of the task {task.name} has no value ({hint})"
            )
    models = []
    p_best = p_of_being_best(of_models)
    for name, trials_of_model in trials.items():
        metrics_of_model = {trial: metrics[trial] for trial in trials_of_model}
        model = _summarize(
            benchmark.models[name], metrics_of_model, dataset, hits[name]
        )
        models.append(model.model_copy(update={"p_best": p_best[name]}))
    comparisons = compare_pairs(pairs, hits, list(combinations(hits, 2)))
    models = _with_p_of_verdicts(models, comparisons)
    engines = defaultdict[str, list[str]](list)
    for name, of_model in trials.items():
        if isinstance(benchmark.models[name], Network | OutsideModel):
            engines[of_model[0].record.engine].append(name)
    several = ", ".join(
        f"{engine} ({listed(names)})" for engine, names in engines.items()
    )
    return schema.Results(
        name=benchmark.name,
        command=command,
        dataset=dataset,
        seeds=list(training.seeds),
        epochs=training.epochs,
        validation_split=training.validation_split,
        decision=training.decision if any(t.record.decision for t in flat) else None,
        engine=several if len(engines) > 1 else next(iter(engines), training.engine),
        threads=sorted({trial.record.threads for trial in flat}),
        metrics=list(usable_metrics(dataset.task)),
        models=models,
        comparisons=comparisons,
        without_duplicates=_without_duplicates(dataset, pairs, hits),
        published=list(locate_published(benchmark, dataset, models)),
        missing=list(missing),
    )


def _with_p_of_verdicts(
    models: Sequence[schema.ModelSummary], comparisons: Sequence[schema.Comparison]
) -> list[schema.ModelSummary]:
    """Return models whose ``p_best`` is that of their comparison with the best, if
    there is one.

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


def _pairs(hits: Mapping[str, Correctness]) -> list[tuple[str, str]]:
    """Return all pairs; of many models, those with the best and with the majority, the
    last one.
    """
    if len(hits) <= MAX_IN_PAIRS:
        return list(combinations(hits, 2))
    *names, majority = hits
    best = max(names, key=lambda name: round(hits[name].score, schema.DIGITS))
    with_best = [(best, name) for name in names if name != best]
    return [*with_best, *((name, majority) for name in names)]


def _without_duplicates(
    dataset: DatasetSummary,
    pairs: Sequence[tuple[str, str]],
    hits: Mapping[str, Correctness],
) -> schema.WithoutDuplicates | None:
    """Return the scores on the other test documents; the majority is the last of
    ``hits``.
    """
    duplicates = dataset.duplicates.positions
    if len(duplicates) in (0, dataset.test_size):
        return None
    clusters = clusters_without(dataset.clusters, duplicates)
    rest = {}
    for name, of_model in hits.items():
        parts = np.delete(of_model.parts, duplicates, axis=-1)
        rest[name] = replace(of_model, parts=parts, clusters=clusters)
    *models, majority = rest
    return schema.WithoutDuplicates(
        test_size=dataset.test_size - len(duplicates),
        majority_score=rest[majority].score,
        scores={
            name: statistic(rest[name].values.mean(axis=1).tolist()) for name in models
        },
        comparisons=compare_pairs(pairs, rest, list(combinations(rest, 2))),
    )


def compute_metrics(
    trials: Sequence[TrialResult], level: int = logging.WARNING
) -> Metrics:
    """Return the metrics of each trial; a plug-in that fails is left out, logged at
    ``level``.
    """
    computed: Metrics = {trial: {} for trial in trials}
    for metric in usable_metrics(trials[0].record.task).values():
        try:
            with METRICS.blamed(metric.name):
                values = [_value_of(metric, trial) for trial in trials]
        except PluginError as error:
            log.log(level, "%s; it is left out", error)
            continue
        for trial, value in zip(trials, values, strict=True):
            if value is not None:
                computed[trial][metric.name] = value
    return computed


def _value_of(metric: Metric, trial: TrialResult) -> float | None:
    """Return a metric of a trial; ``None`` if its documents or its scores have none."""
    if not metric.suits(trial.record.score_kind):
        return None
    if trial.record.compact and not metric.is_of_answers:
        value = corrected_metric(metric, trial)
    else:
        value = metric.of(trial.labels, trial.answers, trial.scores)
    if value is not None and not math.isfinite(value):
        raise ValueError(f"its value is {value}")
    return value


def metrics_of(trial: TrialResult) -> dict[str, float]:
    """Return the metrics of one trial; the summary of all names the plug-ins that
    fail.
    """
    return compute_metrics([trial], logging.DEBUG)[trial]


def _summarize(
    description: Model, trials: Metrics, dataset: DatasetSummary, hits: Correctness
) -> schema.ModelSummary:
    records = [trial.record for trial in trials]

    def statistics(
        names: Iterable[str], facts: Iterable[Mapping[str, Any]]
    ) -> dict[str, Any]:
        values = {
            name: [of[name] for of in facts if of.get(name) is not None]
            for name in names
        }
        return {name: statistic(numbers) for name, numbers in values.items() if numbers}

    costs = dict.fromkeys(COSTS) | statistics(COSTS, [*map(dict, records)])
    return schema.ModelSummary(
        name=records[0].model,
        is_baseline=isinstance(description, BaselineModel),
        is_random=description.is_random,
        pretrained=description.pretrained,
        params=records[0].params,
        main=dataset.kind.main,
        interval=schema.Interval.of(score_interval(hits)),
        metrics=statistics(usable_metrics(dataset.task), trials.values()),
        **_other_decisions(trials),
        topics_never_predicted=_never_predicted([*trials], dataset),
        **costs,
        training=description.own_training,
        chosen_from=description.chosen_from,
        trials=[
            schema.TrialSummary(
                fingerprint=of.fingerprint, seed=of.seed, metrics=dict(own)
            )
            for of, own in zip(records, trials.values(), strict=True)
        ],
    )


def _never_predicted(
    trials: Sequence[TrialResult], dataset: DatasetSummary
) -> list[str]:
    if not dataset.kind.has_topics:
        return []
    n_topics = len(dataset.topics)
    given = sum(documents_by_topic(trial.answers, n_topics) for trial in trials)
    is_never = (documents_by_topic(trials[0].labels, n_topics) > 0) & (given == 0)
    return [dataset.topics[n].topic for n in np.flatnonzero(is_never)]


def _other_decisions(trials: Iterable[TrialResult]) -> dict[str, Any]:
    """Return the score at 0.5, and for how many documents the chosen threshold is too
    high.
    """
    at_half, below = [], []
    for trial in trials:
        if (decision := trial.record.decision) is None:
            return {}
        half = decide(AT_HALF, trial.record.score_kind, None, trial.labels)
        at_half.append(
            trial.task.score(trial.labels, trial.task.answers(trial.scores, half))
        )
        alone = decision.model_copy(update={"best_above": None})
        below.append((~trial.task.answers(trial.scores, alone).any(axis=1)).sum())
    return {"at_half": statistic(at_half), "below": float(np.mean(below))}


def statistic(values: Sequence[float]) -> schema.Statistic:
    """Return mean, sample standard deviation (divisor n - 1) and interval of
    ``values``.
    """
    over_seeds = t_interval(values)
    return schema.Statistic(
        mean=float(np.mean(values)),
        std=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        n=len(values),
        over_seeds=over_seeds and schema.Interval.of(over_seeds),
    )


def locate_published(
    benchmark: Benchmark, dataset: DatasetSummary, models: Sequence[schema.ModelSummary]
) -> Iterator[schema.PublishedScore]:
    """Yield the published scores that are comparable, with the intervals of our models.

    A score of one of our models needs the same dataset, training and number of
    parameters, and is compared with the interval of one more training of ours. Any
    other needs the same training and test documents, and is compared with all our
    models over documents and seeds.
    """
    pairs = (
        (of, *named)
        for of in benchmark.references.values()
        for named in of.models.items()
    )
    for reference, name, published in pairs:
        ours = list(models) if reference.split == dataset.split_fingerprint else []
        if reference.dataset == dataset.fingerprint and name in benchmark.models:
            training = benchmark.training_of(name).model_dump(
                include=set(TrainingSettings.model_fields)
            )
            if reference.training in (None, TrainingSettings(**training)):
                ours = [model for model in models if model.name == name]
                ours = [
                    model for model in ours if published.params in (None, model.params)
                ]
        if not ours:
            continue
        intervals = {model.name: model.interval for model in ours}
        has_seeds = any(model.score.n > 1 for model in ours)
        yardstick = "over documents and seeds" if has_seeds else "over documents"
        if reference.dataset is not None:
            scores = [trial.metrics[ours[0].main] for trial in ours[0].trials]
            if of_one_more := t_interval(scores, more=1):
                intervals = {name: schema.Interval.of(of_one_more)}
                yardstick = "of one more training"
        yield schema.PublishedScore(
            source=reference.source,
            where=reference.where,
            model=name,
            is_of_our_model=reference.dataset is not None,
            yardstick=yardstick,
            intervals=intervals,
            **published.model_dump(exclude={"params"}),
        )


def drop_duplicates(run: R) -> R:
    """Return a run as if the duplicates were not in its test set, or raise
    ``NothingLeftError``.
    """
    results, dataset = run.results, run.results.dataset
    if not (dropped := dataset.duplicates.positions):
        return run
    if len(dropped) == dataset.test_size:
        raise NothingLeftError(
            f"{run.folder}: all test documents are also in the training set"
        )
    trials = {
        name: [trial.without(dropped) for trial in of]
        for name, of in run.trials.items()
    }
    rest = rest_of(dataset, next(iter(trials.values()))[0].labels)
    results = summarize_run(
        run.benchmark, rest, trials, results.command, results.missing
    )
    return replace(run, results=results, trials=trials)


RunOrFolder = str | Path | InstanceOf[StoredRun]  # a run, or the folder that holds it


@checked
def opened(run: RunOrFolder) -> StoredRun:
    """Return a run, loaded if only its folder is given; see ``load_run``."""
    return run if isinstance(run, StoredRun) else load_run(Path(run))


def load_run(folder: Path, *, without_duplicates: bool = False) -> StoredRun:
    """Return the finished run in ``folder``, with a new summary of its trials.

    ``DamagedResultError`` is raised if the stored summary has other numbers.
    """
    if (command := peek(folder / RESULTS).get("command")) and not (
        folder / TRIALS
    ).is_dir():
        lacks = "it holds only the summary of a run, without trials"
        again = f"to train them again: {command}"
        raise DamagedResultError(f"unusable result: {folder}: {lacks} ({again})")
    results = load_results(folder)
    try:
        benchmark = load_benchmark(folder, [model.name for model in results.models])
        trials = load_trials(folder, results)
        environment = load_environment(folder)
    except FileNotFoundError as error:
        raise DamagedResultError(
            f"unusable result: {error.filename}: it is missing"
        ) from error
    labels = next(iter(trials.values()))[0].labels
    check_dataset(folder / RESULTS, results, labels)
    dataset, command = results.dataset, results.command
    computed = summarize_run(benchmark, dataset, trials, command, results.missing)
    check_summary(folder / RESULTS, results, computed)
    check_comparisons(folder / RESULTS, results, computed)
    if lacking := [name for name in computed.metrics if name not in results.metrics]:
        lacks = f"it lacks {', '.join(lacking)}; recomputed from the stored trials"
        log.warning("%s: %s", folder / RESULTS, lacks)
    if results.missing:
        log.warning("%s: partial: %s", folder, results.missing_in_words())
    run = StoredRun(folder, computed, trials, benchmark, environment)
    return drop_duplicates(run) if without_duplicates else run


def load_runs(
    paths: Sequence[Path], *, without_duplicates: bool = False
) -> list[StoredRun]:
    """Return the finished runs among ``paths``; warnings name what is left out, and
    why.
    """
    others = [
        path for path in paths if path.exists() and not (path / RESULTS).is_file()
    ]
    found, last = [], None
    for path in paths:
        if path in others and len(others) < len(paths):
            log.warning("%s: no finished run, left out", path)
            continue
        try:
            found.append(load_run(path, without_duplicates=without_duplicates))
        except (OtherVersionError, NothingLeftError) as error:
            last = error
            log.warning("%s, left out", error)
    if last and not found:
        raise last
    return found


def load_environment(folder: Path) -> dict[str, Any]:
    """Return the machine and the package versions that the trials in ``folder`` had."""
    try:
        return read_record(folder / "environment.json", Environment)[0].model_dump()
    except (
        DamagedResultError
    ) as error:  # the machine is recorded only when trials are trained
        raise type(error)(f"{error}; run the benchmark again with --fresh") from error
