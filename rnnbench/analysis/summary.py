"""From the trials of a run to what ``results.json`` says of each model."""

from collections.abc import Sequence

import numpy as np

from rnnbench.analysis.bootstrap import Hits, estimate_mean, resample
from rnnbench.analysis.comparisons import compare_all
from rnnbench.analysis.intervals import t_interval, wilson_interval
from rnnbench.analysis.metrics import compute_metrics
from rnnbench.analysis.published import locate_published
from rnnbench.config.schema import Benchmark
from rnnbench.models.descriptions import BaselineModel
from rnnbench.results.schema import (
    DatasetSummary,
    Interval,
    Metrics,
    ModelSummary,
    Results,
    Statistic,
    TrialSummary,
)
from rnnbench.training.outcome import TrialResult


def summarize_run(
    benchmark: Benchmark,
    dataset: DatasetSummary,
    trials: Sequence[TrialResult],
    command: str = "",
) -> Results:
    """Return the results of a whole run.

    Args:
        benchmark: what was run.
        dataset: on what.
        trials: one a model and seed.
        command: what was typed.
    """
    by_model = {
        name: [trial for trial in trials if trial.record.model == name] for name in benchmark.models
    }
    labels = trials[0].labels
    topics = [count.topic for count in dataset.topics]
    hits = {name: hits_of(trials) for name, trials in by_model.items()}
    majority = labels == topics.index(dataset.majority_topic)
    hits[majority_name(dataset)] = majority[np.newaxis]
    resamples = resample(hits)
    models = []
    for name, of_model in by_model.items():
        is_baseline = isinstance(benchmark.models[name], BaselineModel)
        interval, method = accuracy_interval(hits[name], resamples[name])
        models.append(_summarize(name, is_baseline, of_model, topics, interval, method))
    return Results(
        name=benchmark.name,
        command=command,
        dataset=dataset,
        seeds=list(benchmark.training.seeds),
        epochs=benchmark.training.epochs,
        validation_split=benchmark.training.validation_split,
        engine=benchmark.training.engine,
        threads=sorted({trial.record.threads for trial in trials}),
        models=models,
        comparisons=compare_all(hits, resamples),
        published=locate_published(benchmark, dataset, models),
    )


def majority_name(dataset: DatasetSummary) -> str:
    """Return what always answering the most frequent topic is called."""
    return f"always '{dataset.majority_topic}'"


def hits_of(trials: Sequence[TrialResult]) -> Hits:
    """Return whether each trial got each test wire right, ``(n_trials, n_wires)``."""
    return np.stack([trial.answers == trial.labels for trial in trials])


def accuracy_interval(hits: Hits, resamples: np.ndarray) -> tuple[Interval, str]:
    """Return the 95 % interval of a mean accuracy, and how it was found."""
    if (hits == hits[0]).all():  # a single trial, or as good as that
        return wilson_interval(int(hits[0].sum()), hits.shape[1]), "Wilson"
    found = estimate_mean(hits, resamples).interval
    clipped = Interval(low=max(found.low, 0.0), high=min(found.high, 1.0))
    return clipped, "bootstrap over wires and seeds"


def _summarize(
    name: str,
    is_baseline: bool,
    trials: Sequence[TrialResult],
    topics: Sequence[str],
    interval: Interval,
    method: str,
) -> ModelSummary:
    records = [trial.record for trial in trials]
    metrics = [compute_metrics(trial) for trial in trials]
    answered = np.unique([trial.answers for trial in trials])
    never = np.setdiff1d(trials[0].labels, answered)
    return ModelSummary(
        name=name,
        is_baseline=is_baseline,
        params=records[0].params,
        accuracy_interval=interval,
        accuracy_interval_method=method,
        **{
            key: statistic([getattr(each, key) for each in metrics])
            for key in Metrics.model_fields
        },
        topics_never_predicted=[topics[topic] for topic in never],
        ms_per_step=statistic([record.ms_per_step for record in records]),
        fit_seconds=statistic([record.fit_seconds for record in records]),
        stock_layers=sorted({layer for record in records for layer in record.stock_layers}),
        trials=[
            TrialSummary(
                **each.model_dump(),
                **record.model_dump(
                    include={
                        "fingerprint", "seed", "fit_seconds", "ms_per_step", "epochs", "best_epoch"
                    }
                ),
            )
            for record, each in zip(records, metrics, strict=True)
        ],
    )  # fmt: skip


def statistic(values: Sequence[float | None]) -> Statistic | None:
    """Return mean, sample standard deviation (n - 1 below the line) and interval of ``values``.

    ``None`` where they are not numbers.
    """
    numbers = [value for value in values if value is not None]
    if not numbers:
        return None
    return Statistic(
        mean=float(np.mean(numbers)),
        std=float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None,
        n=len(numbers),
        over_seeds=t_interval(numbers),
    )
