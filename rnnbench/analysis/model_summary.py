"""The summary of one model over all its trials.

>>> statistic([0.8, 0.9]).mean
0.85
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from rnnbench.analysis.trial_metrics import Metrics, Values
from rnnbench.data.summary import DatasetSummary
from rnnbench.labels import documents_by_topic
from rnnbench.metrics import usable_metrics
from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.results.schema import ModelSummary, Statistic, TrialSummary
from rnnbench.stats.correctness import Correctness, Interval
from rnnbench.stats.intervals import score_interval, t_interval
from rnnbench.training.decision import AT_HALF, decide
from rnnbench.training.outcome import TrialResult


def summarize_model(
    description: Model,
    metrics: Metrics,
    dataset: DatasetSummary,
    correctness: Correctness,
    p_best: float,
) -> ModelSummary:
    """Return the summary of a model, whose trials are those with ``metrics``."""
    trials = list(metrics)
    records = [trial.record for trial in trials]
    by_metric = {}
    for name in usable_metrics(dataset.task):
        over_trials = _over_trials(
            measured.means.get(name) for measured in metrics.values()
        )
        if over_trials is not None:
            by_metric[name] = over_trials
    summaries = [
        TrialSummary(
            fingerprint=trial.record.fingerprint,
            seed=trial.record.seed,
            metrics=measured.means,
        )
        for trial, measured in metrics.items()
    ]
    return ModelSummary(
        name=records[0].model,
        is_baseline=isinstance(description, BaselineModel),
        is_random=description.is_random,
        pretrained=description.pretrained,
        params=records[0].params,
        main=dataset.kind.main,
        interval=score_interval(correctness),
        p_best=p_best,
        intervals=_intervals_of_losses(metrics, correctness),
        metrics=by_metric,
        at_half=_score_at_half(trials),
        below=_number_below(trials),
        topics_never_predicted=_never_predicted(trials, dataset),
        ms_per_step=_over_trials(record.ms_per_step for record in records),
        fit_seconds=_over_trials(record.fit_seconds for record in records),
        predict_ms_per_document=_over_trials(
            record.predict_ms_per_document for record in records
        ),
        peak_memory_mb=_over_trials(record.peak_memory_mb for record in records),
        training=description.own_training,
        chosen_from=description.chosen_from,
        trials=summaries,
    )


def _intervals_of_losses(
    metrics: Metrics, correctness: Correctness
) -> dict[str, Interval]:
    """Return the intervals of the mean losses that all trials of a model have."""
    intervals = {}
    by_metric: dict[str, list[Values]] = {}
    for measured in metrics.values():
        for name, values in measured.losses.items():
            by_metric.setdefault(name, []).append(values)
    for name, rows in by_metric.items():
        losses = replace(correctness, parts=np.stack(rows), is_loss=True)
        intervals[name] = score_interval(losses)
    return intervals


def statistic(values: Sequence[float]) -> Statistic:
    """Return the mean, the sample standard deviation and the interval of values."""
    std = None
    interval = t_interval(values)
    if interval is not None:
        std = float(np.std(values, ddof=1))
    return Statistic(
        mean=float(np.mean(values)), std=std, n=len(values), over_seeds=interval
    )


def _over_trials(values: Iterable[float | None]) -> Statistic | None:
    """Return the statistic of values of trials; ``None`` if no trial has one."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return None
    return statistic(numbers)


def _never_predicted(
    trials: Sequence[TrialResult], dataset: DatasetSummary
) -> list[str]:
    """Return the topics of test documents that no trial gave any document."""
    if not dataset.kind.has_topics:
        return []
    n_topics = len(dataset.topics)
    has_documents = documents_by_topic(trials[0].labels, n_topics) > 0
    n_given = sum(documents_by_topic(trial.answers, n_topics) for trial in trials)
    is_never = has_documents & (n_given == 0)
    return [dataset.topics[number].topic for number in np.flatnonzero(is_never)]


def _score_at_half(trials: Sequence[TrialResult]) -> Statistic | None:
    """Return the score with 0.5 as the threshold; ``None`` if nothing is decided."""
    scores = []
    for trial in trials:
        if trial.record.decision is None:
            return None
        half = decide(AT_HALF, trial.record.score_kind, None, trial.labels)
        answers = trial.task.answers(trial.scores, half)
        scores.append(trial.task.score(trial.labels, answers))
    return statistic(scores)


def _number_below(trials: Sequence[TrialResult]) -> float | None:
    """Return the mean number of documents in which no topic reaches its threshold.

    ``None`` if nothing is decided.
    """
    numbers = []
    for trial in trials:
        if trial.record.decision is None:
            return None
        by_threshold = trial.record.decision.model_copy(update={"best_above": None})
        answers = trial.task.answers(trial.scores, by_threshold)
        numbers.append((~answers.any(axis=1)).sum())
    return float(np.mean(numbers))
