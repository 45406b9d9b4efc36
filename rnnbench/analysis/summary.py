"""From the records of trials to what ``results.json`` says of each model."""

from collections.abc import Sequence

import numpy as np

from rnnbench.config.schema import Benchmark, Recipe
from rnnbench.results.schema import (
    DatasetSummary,
    ModelSummary,
    Results,
    Statistic,
    TrialRecord,
    TrialSummary,
)


def summarize_run(
    benchmark: Benchmark, dataset: DatasetSummary, records: Sequence[TrialRecord]
) -> Results:
    """Return the results of a whole run.

    Published accuracies stand in it only where dataset, training and the model's number of
    parameters are the same.

    Args:
        benchmark: what was run.
        dataset: on what.
        records: one a model and seed.
    """
    by_model = {
        name: [record for record in records if record.model == name] for name in benchmark.models
    }
    published = {
        name: accuracy
        for name, records in by_model.items()
        if (accuracy := _published(name, records[0].params, benchmark, dataset)) is not None
    }
    return Results(
        name=benchmark.name,
        dataset=dataset,
        seeds=list(benchmark.training.seeds),
        epochs=benchmark.training.epochs,
        engine=benchmark.training.engine,
        threads=sorted({record.threads for record in records}),
        reference_source=benchmark.reference.source if published else None,
        models=[
            summarize(name, records, published.get(name)) for name, records in by_model.items()
        ],
    )


def _published(
    name: str, params: int, benchmark: Benchmark, dataset: DatasetSummary
) -> float | None:
    """Return the published accuracy of a model where it was measured in the same setting."""
    reference = benchmark.reference
    if reference is None or name not in reference.models:
        return None
    recipe = Recipe(**benchmark.training.model_dump(include=set(Recipe.model_fields)))
    is_same = (reference.dataset, reference.training, reference.models[name].params) == (
        dataset.fingerprint,
        recipe,
        params,
    )
    return reference.models[name].accuracy if is_same else None


def summarize(
    name: str, records: Sequence[TrialRecord], reference_accuracy: float | None
) -> ModelSummary:
    """Return the summary of one model over its trials.

    Args:
        name: the model.
        records: its trials, at least one, each with another seed.
        reference_accuracy: the published accuracy, where it may be compared.
    """
    return ModelSummary(
        name=name,
        params=records[0].params,
        accuracy=statistic([record.accuracy for record in records]),
        macro_f1=statistic([record.macro_f1 for record in records]),
        ms_per_step=statistic([record.ms_per_step for record in records]),
        fit_seconds=statistic([record.fit_seconds for record in records]),
        topics_predicted=len({topic for record in records for topic in record.predicted_topics}),
        stock_layers=sorted({layer for record in records for layer in record.stock_layers}),
        reference_accuracy=reference_accuracy,
        trials=[
            TrialSummary(**record.model_dump(include=set(TrialSummary.model_fields)))
            for record in records
        ],
    )


def statistic(values: Sequence[float]) -> Statistic:
    """Return mean and sample standard deviation (n - 1 below the line) of ``values``."""
    return Statistic(
        mean=float(np.mean(values)),
        std=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        n=len(values),
    )
