"""From the trials of a run to the summary in ``results.json``."""

import logging
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from math import comb

import numpy as np

from rnnbench.analysis.comparisons import MAX_IN_PAIRS, compare_pairs
from rnnbench.analysis.intervals import accuracy_interval, t_interval
from rnnbench.analysis.published import locate_published
from rnnbench.analysis.variance import Hits
from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.metrics import METRICS, Metric, usable_metrics
from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.registry import PluginError
from rnnbench.results.schema import (
    DIGITS,
    MissingTrial,
    ModelSummary,
    Results,
    Statistic,
    TrialSummary,
    WithoutDuplicates,
)
from rnnbench.text import listed
from rnnbench.training.outcome import TrialResult

log = logging.getLogger(__name__)


def summarize_run(
    benchmark: Benchmark,
    dataset: DatasetSummary,
    trials: Sequence[TrialResult],
    command: str = "",
    missing: Sequence[MissingTrial] = (),
) -> Results:
    """Return the results of a run, from its trials; those that it lacks are ``missing``."""
    by_model = {
        name: [trial for trial in trials if trial.record.model == name]
        for name in benchmark.models
        if any(trial.record.model == name for trial in trials)
    }
    topics = [count.topic for count in dataset.topics]
    majority = trials[0].labels == topics.index(dataset.majority_topic)
    hits = {name: hits_of(of_model) for name, of_model in by_model.items()}
    hits[dataset.majority_name] = majority[np.newaxis]
    pairs = _pairs(hits)
    fixed = {name for name in hits if name not in by_model or not benchmark.models[name].is_random}
    metrics = compute_metrics(by_model)
    models = [
        _summarize(benchmark.models[name], of_model, metrics[name], dataset, hits[name])
        for name, of_model in by_model.items()
    ]
    return Results(
        name=benchmark.name,
        command=command,
        dataset=dataset,
        seeds=list(benchmark.training.seeds),
        epochs=benchmark.training.epochs,
        validation_split=benchmark.training.validation_split,
        engine=_engines(benchmark, by_model),
        threads=sorted({trial.record.threads for trial in trials}),
        metrics=list(usable_metrics()),
        models=models,
        comparisons=compare_pairs(
            pairs, hits, fixed, comb(len(hits), 2), in_order=dataset.in_order
        ),
        without_duplicates=_without_duplicates(dataset, pairs, hits, fixed),
        published=locate_published(benchmark, dataset, models),
        missing=list(missing),
    )


def _engines(benchmark: Benchmark, trials: Mapping[str, Sequence[TrialResult]]) -> str:
    """Return the engine that trained the networks; if there are several, each with its models."""
    models = defaultdict[str, list[str]](list)
    for name, of_model in trials.items():
        if not isinstance(benchmark.models[name], BaselineModel):
            models[of_model[0].record.engine].append(name)
    if len(models) > 1:
        return ", ".join(f"{engine} ({listed(names)})" for engine, names in models.items())
    return next(iter(models), benchmark.training.engine)


def _pairs(hits: Mapping[str, Hits]) -> list[tuple[str, str]]:
    """Return all pairs of models; of many models, those with the best and with the majority.

    The majority is the last one.
    """
    if len(hits) <= MAX_IN_PAIRS:
        return list(combinations(hits, 2))
    *names, majority = hits
    best = max(names, key=lambda name: round(float(hits[name].mean()), DIGITS))
    with_best = [(best, name) for name in names if name != best]
    return [*with_best, *((name, majority) for name in names)]


def _without_duplicates(
    dataset: DatasetSummary,
    pairs: Sequence[tuple[str, str]],
    hits: Mapping[str, Hits],
    fixed: Collection[str],
) -> WithoutDuplicates | None:
    """Return the accuracies on the other test documents; the majority is the last of ``hits``."""
    duplicates = dataset.duplicate_positions
    rest = {name: np.delete(each, duplicates, axis=1) for name, each in hits.items()}
    *models, majority = rest
    n = rest[majority].shape[1]
    if not duplicates or not n:
        return None
    return WithoutDuplicates(
        test_size=n,
        majority_accuracy=float(rest[majority].mean()),
        accuracy={name: statistic(rest[name].mean(axis=1).tolist()) for name in models},
        comparisons=compare_pairs(
            pairs, rest, fixed, comb(len(hits), 2), in_order=dataset.in_order
        ),
    )


def hits_of(trials: Sequence[TrialResult]) -> Hits:
    """Return whether each trial got each test document right, ``(n_trials, n_documents)``."""
    return np.stack([trial.answers == trial.labels for trial in trials])


def compute_metrics(
    trials: Mapping[str, Sequence[TrialResult]],
) -> dict[str, list[dict[str, float]]]:
    """Return the metrics of each trial, by model and name, without those that do not apply.

    A plug-in that fails is left out of all trials with a warning.
    """
    computed: dict[str, list[dict[str, float]]] = {
        model: [{} for _ in of_model] for model, of_model in trials.items()
    }
    for metric in usable_metrics().values():
        try:
            with METRICS.blamed(metric.name):
                values = {
                    model: [_compute(metric, trial) for trial in of_model]
                    for model, of_model in trials.items()
                }
        except PluginError as error:
            log.warning("%s; it is left out", error)
            continue
        for model, of_model in values.items():
            for trial, value in zip(computed[model], of_model, strict=True):
                if value is not None:
                    trial[metric.name] = value
    return computed


def metrics_of(trial: TrialResult) -> dict[str, float]:
    """Return the metrics of one trial; a plug-in that fails is left out.

    ``compute_metrics`` names it, once for all trials.
    """
    found: dict[str, float] = {}
    for metric in usable_metrics().values():
        with suppress(PluginError), METRICS.blamed(metric.name):
            value = _compute(metric, trial)
            if value is not None:
                found[metric.name] = value
    return found


def _compute(metric: Metric, trial: TrialResult) -> float | None:
    if metric.needs_log_probabilities and trial.record.score_kind != "log_probabilities":
        return None
    value = float(metric.function(trial.labels, trial.scores))
    if not math.isfinite(value):
        raise ValueError(f"its value is {value}")
    return value


def _summarize(
    description: Model,
    trials: Sequence[TrialResult],
    metrics: Sequence[Mapping[str, float]],
    dataset: DatasetSummary,
    hits: Hits,
) -> ModelSummary:
    records = [trial.record for trial in trials]
    answered = np.unique([trial.answers for trial in trials])
    never = np.setdiff1d(trials[0].labels, answered)
    times = [record.ms_per_step for record in records if record.ms_per_step is not None]
    values = {name: [each[name] for each in metrics if name in each] for name in usable_metrics()}
    return ModelSummary(
        name=records[0].model,
        is_baseline=isinstance(description, BaselineModel),
        is_random=description.is_random,
        pretrained=description.pretrained,
        params=records[0].params,
        accuracy_interval=accuracy_interval(hits, in_order=dataset.in_order),
        metrics={name: statistic(numbers) for name, numbers in values.items() if numbers},
        topics_never_predicted=[dataset.topics[topic].topic for topic in never],
        ms_per_step=statistic(times) if times else None,
        fit_seconds=statistic([record.fit_seconds for record in records]),
        stock_layers=sorted({layer for record in records for layer in record.stock_layers}),
        training=description.training or {},
        chosen_from=description.chosen_from,
        trials=[
            TrialSummary(fingerprint=record.fingerprint, seed=record.seed, metrics=dict(each))
            for record, each in zip(records, metrics, strict=True)
        ],
    )


def statistic(values: Sequence[float]) -> Statistic:
    """Return mean, sample standard deviation (divisor n - 1) and interval of ``values``."""
    return Statistic(
        mean=float(np.mean(values)),
        std=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        n=len(values),
        over_seeds=t_interval(values),
    )
