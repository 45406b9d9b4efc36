"""From the trials of a run to the summary in ``results.json``."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.bootstrap import Hits, estimate_mean, resample
from rnnbench.analysis.comparisons import compare_all
from rnnbench.analysis.intervals import t_interval, wilson_interval
from rnnbench.analysis.published import locate_published
from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.metrics import METRICS, Metric, usable_metrics
from rnnbench.models.descriptions import BaselineModel
from rnnbench.results.schema import Interval, ModelSummary, Results, Statistic, TrialSummary
from rnnbench.training.outcome import TrialResult

log = logging.getLogger(__name__)


def summarize_run(
    benchmark: Benchmark,
    dataset: DatasetSummary,
    trials: Sequence[TrialResult],
    command: str = "",
) -> Results:
    """Return the results of a whole run.

    Args:
        benchmark: the config.
        dataset: the dataset.
        trials: one for each model and seed.
        command: the command line.
    """
    by_model = {
        name: [trial for trial in trials if trial.record.model == name] for name in benchmark.models
    }
    topics = [count.topic for count in dataset.topics]
    majority = trials[0].labels == topics.index(dataset.majority_topic)
    hits = {name: hits_of(of_model) for name, of_model in by_model.items()}
    hits[majority_name(dataset)] = majority[np.newaxis]
    resamples = resample(hits)
    models = _summarize_models(benchmark, by_model, topics, hits, resamples)
    return Results(
        name=benchmark.name,
        command=command,
        dataset=dataset,
        seeds=list(benchmark.training.seeds),
        epochs=benchmark.training.epochs,
        validation_split=benchmark.training.validation_split,
        engine=benchmark.training.engine,
        threads=sorted({trial.record.threads for trial in trials}),
        metrics=list(usable_metrics()),
        models=models,
        comparisons=compare_all(hits, resamples),
        published=locate_published(benchmark, dataset, models),
    )


def majority_name(dataset: DatasetSummary) -> str:
    """Return the name of the baseline that always answers the most frequent topic."""
    return f"always '{dataset.majority_topic}'"


def hits_of(trials: Sequence[TrialResult]) -> Hits:
    """Return whether each trial got each test document right, ``(n_trials, n_documents)``."""
    return np.stack([trial.answers == trial.labels for trial in trials])


def accuracy_interval(hits: Hits, resamples: NDArray[np.float64]) -> tuple[Interval, str]:
    """Return the 95 % interval of a mean accuracy, and the method that found it."""
    if (hits == hits[0]).all():  # a single trial, or as good as that
        return wilson_interval(int(hits[0].sum()), hits.shape[1]), "Wilson"
    found = estimate_mean(hits, resamples).interval
    clipped = Interval(low=max(found.low, 0.0), high=min(found.high, 1.0))
    return clipped, "bootstrap over documents and seeds"


def compute_metrics(trials: Sequence[TrialResult]) -> list[dict[str, float]]:
    """Return the metrics of each trial by name, without those that do not apply.

    A metric that fails, as a plug-in may, is left out of all trials with a warning.
    """
    values: list[dict[str, float]] = [{} for _ in trials]
    for metric in usable_metrics().values():
        covered = [index for index, trial in enumerate(trials) if _applies(metric, trial)]
        try:
            found = [_compute(metric, trials[index]) for index in covered]
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            log.warning("%s failed: %s; it is left out", METRICS.label(metric.name), reason)
            continue
        for index, value in zip(covered, found, strict=True):
            values[index][metric.name] = value
    return values


def _applies(metric: Metric, trial: TrialResult) -> bool:
    return not metric.needs_probabilities or trial.record.scores == "probabilities"


def _compute(metric: Metric, trial: TrialResult) -> float:
    value = float(metric.function(trial.labels, trial.scores))
    if not math.isfinite(value):
        raise ValueError(f"its value is {value}")
    return value


def _summarize_models(
    benchmark: Benchmark,
    trials: Mapping[str, Sequence[TrialResult]],
    topics: Sequence[str],
    hits: Mapping[str, Hits],
    resamples: Mapping[str, NDArray[np.float64]],
) -> list[ModelSummary]:
    flat = [trial for of_model in trials.values() for trial in of_model]
    metrics = iter(compute_metrics(flat))
    models = []
    for name, of_model in trials.items():
        records = [trial.record for trial in of_model]
        summaries = [
            TrialSummary(fingerprint=record.fingerprint, seed=record.seed, metrics=next(metrics))
            for record in records
        ]
        answered = np.unique([trial.answers for trial in of_model])
        interval, method = accuracy_interval(hits[name], resamples[name])
        models.append(
            ModelSummary(
                name=name,
                is_baseline=isinstance(benchmark.models[name], BaselineModel),
                params=records[0].params,
                accuracy_interval=interval,
                accuracy_interval_method=method,
                metrics=_statistics(summaries),
                topics_never_predicted=[
                    topics[topic] for topic in np.setdiff1d(of_model[0].labels, answered)
                ],
                ms_per_step=_statistic_of_some(record.ms_per_step for record in records),
                fit_seconds=statistic([record.fit_seconds for record in records]),
                stock_layers=sorted({layer for record in records for layer in record.stock_layers}),
                trials=summaries,
            )
        )
    return models


def _statistics(trials: Sequence[TrialSummary]) -> dict[str, Statistic]:
    found = {
        name: _statistic_of_some(trial.metrics.get(name) for trial in trials)
        for name in usable_metrics()
    }
    return {name: each for name, each in found.items() if each is not None}


def _statistic_of_some(values: Iterable[float | None]) -> Statistic | None:
    numbers = [value for value in values if value is not None]
    return statistic(numbers) if numbers else None


def statistic(values: Sequence[float]) -> Statistic:
    """Return mean, sample standard deviation (n - 1 below the line) and interval of ``values``."""
    return Statistic(
        mean=float(np.mean(values)),
        std=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        n=len(values),
        over_seeds=t_interval(values),
    )
