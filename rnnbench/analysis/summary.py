"""From the trials of a run to the summary in ``results.json``, with all documents or without some.

Published accuracies stand beside ours, if they were measured on the same documents.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import comb
from typing import TypeVar

import numpy as np

from rnnbench.analysis.comparisons import MAX_IN_PAIRS, compare_pairs
from rnnbench.analysis.intervals import Hits, accuracy_interval, prediction_interval, t_interval
from rnnbench.config.schema import Benchmark, Published, Reference
from rnnbench.data.audit import DatasetSummary, rest_of
from rnnbench.errors import UserError
from rnnbench.metrics import METRICS, Metric, usable_metrics
from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.registry import PluginError
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import (
    DIGITS,
    MissingTrial,
    ModelSummary,
    PublishedAccuracy,
    Results,
    Statistic,
    TrialSummary,
    WithoutDuplicates,
)
from rnnbench.text import listed
from rnnbench.training.outcome import TrialResult
from rnnbench.training.settings import Recipe

log = logging.getLogger(__name__)

R = TypeVar("R", bound=StoredRun)


def summarize_run(
    benchmark: Benchmark,
    dataset: DatasetSummary,
    trials: Sequence[TrialResult],
    command: str = "",
    missing: Sequence[MissingTrial] = (),
) -> Results:
    """Return the results of a run, from its trials; those that it lacks are ``missing``."""
    by_model = {
        name: found
        for name in benchmark.models
        if (found := [trial for trial in trials if trial.record.model == name])
    }
    topics, in_order = [count.topic for count in dataset.topics], dataset.in_order
    majority = trials[0].labels == topics.index(dataset.majority_topic)
    hits = {name: Hits.of(of_model, in_order=in_order) for name, of_model in by_model.items()}
    hits[dataset.majority_name] = Hits(majority[np.newaxis], in_order)
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
        comparisons=compare_pairs(pairs, hits, fixed, comb(len(hits), 2)),
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
    best = max(names, key=lambda name: round(hits[name].accuracy, DIGITS))
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
    rest = {name: of_model.without(duplicates) for name, of_model in hits.items()}
    *models, majority = rest
    n = rest[majority].right.shape[1]
    if not duplicates or not n:
        return None
    return WithoutDuplicates(
        test_size=n,
        majority_accuracy=rest[majority].accuracy,
        accuracy={name: statistic(rest[name].right.mean(axis=1).tolist()) for name in models},
        comparisons=compare_pairs(pairs, rest, fixed, comb(len(hits), 2)),
    )


def compute_metrics(
    trials: Mapping[str, Sequence[TrialResult]], level: int = logging.WARNING
) -> dict[str, list[dict[str, float]]]:
    """Return the metrics of each trial, by model and name, without those that do not apply.

    A plug-in that fails is left out of all trials, which is logged at ``level``.
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
            log.log(level, "%s; it is left out", error)
            continue
        for model, of_model in values.items():
            for trial, value in zip(computed[model], of_model, strict=True):
                if value is not None:
                    trial[metric.name] = value
    return computed


def metrics_of(trial: TrialResult) -> dict[str, float]:
    """Return the metrics of one trial; the summary of all names the plug-ins that fail."""
    return compute_metrics({"": [trial]}, logging.DEBUG)[""][0]


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
    never = np.setdiff1d(trials[0].labels, [trial.answers for trial in trials])
    times = [record.ms_per_step for record in records if record.ms_per_step is not None]
    values = {
        name: [of_trial[name] for of_trial in metrics if name in of_trial]
        for name in usable_metrics()
    }
    return ModelSummary(
        name=records[0].model,
        is_baseline=isinstance(description, BaselineModel),
        is_random=description.is_random,
        pretrained=description.pretrained,
        params=records[0].params,
        accuracy_interval=accuracy_interval(hits),
        metrics={name: statistic(numbers) for name, numbers in values.items() if numbers},
        topics_never_predicted=[dataset.topics[topic].topic for topic in never],
        ms_per_step=statistic(times) if times else None,
        fit_seconds=statistic([record.fit_seconds for record in records]),
        stock_layers=sorted({layer for record in records for layer in record.stock_layers}),
        training=description.training or {},
        chosen_from=description.chosen_from,
        trials=[
            TrialSummary(fingerprint=record.fingerprint, seed=record.seed, metrics=dict(of_trial))
            for record, of_trial in zip(records, metrics, strict=True)
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


def locate_published(
    benchmark: Benchmark, dataset: DatasetSummary, models: Sequence[ModelSummary]
) -> list[PublishedAccuracy]:
    """Return the published accuracies that are comparable, with the intervals of our models.

    The published accuracy of one of our models is comparable if the dataset, the training and the
    number of parameters are the same. It is compared with the interval of one more training of
    ours. The accuracy of any other model is comparable if its training and test documents are the
    same. It is compared with the intervals of all our models over documents and seeds.
    """

    def comparable(reference: Reference, name: str, published: Published) -> list[ModelSummary]:
        if reference.split is not None:
            return list(models) if reference.split == dataset.split_fingerprint else []
        if name not in benchmark.models or reference.dataset != dataset.fingerprint:
            return []
        training = benchmark.training_of(name).model_dump(include=set(Recipe.model_fields))
        return [
            model
            for model in models
            if model.name == name
            and reference.training in (None, Recipe(**training))
            and published.params in (None, model.params)
        ]

    return [
        _locate(reference, name, published, found)
        for reference in benchmark.references.values()
        for name, published in reference.models.items()
        if (found := comparable(reference, name, published))
    ]


def _locate(
    reference: Reference, name: str, published: Published, models: Sequence[ModelSummary]
) -> PublishedAccuracy:
    intervals = {model.name: model.accuracy_interval for model in models}
    has_seeds = any(model.accuracy.n > 1 for model in models)
    yardstick = "over documents and seeds" if has_seeds else "over documents"
    if reference.dataset is not None:
        (model,) = models
        accuracies = [trial.metrics["accuracy"] for trial in model.trials]
        if of_one_more := prediction_interval(accuracies):
            intervals, yardstick = {model.name: of_one_more}, "of one more training"
    return PublishedAccuracy(
        source=reference.source,
        where=reference.where,
        model=name,
        is_of_our_model=reference.dataset is not None,
        yardstick=yardstick,
        intervals=intervals,
        **published.model_dump(exclude={"params"}),
    )


def drop_duplicates(run: R) -> R:
    """Return a run as if the duplicates were not in its test set; its files stay as they are.

    Positions of test documents are then those in what is left.

    Raises:
        UserError: nothing is left.
    """
    dataset = run.results.dataset
    dropped = dataset.duplicates.positions
    if not dropped:
        return run
    if len(dropped) == dataset.test_size:
        raise UserError(f"{run.folder}: all test documents are also in the training set")
    trials = {
        model: [trial.without(dropped) for trial in of_model]
        for model, of_model in run.trials.items()
    }
    flat = [trial for of_model in trials.values() for trial in of_model]
    rest, results = rest_of(dataset, flat[0].labels), run.results
    results = summarize_run(run.benchmark, rest, flat, results.command, results.missing)
    return replace(run, results=results, trials=trials)
