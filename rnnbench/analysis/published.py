"""Published accuracies beside ours, where they were measured on the same wires."""

from collections.abc import Sequence

from rnnbench.analysis.intervals import prediction_interval
from rnnbench.config.schema import Benchmark, Published, Reference
from rnnbench.results.schema import DatasetSummary, ModelSummary, PublishedAccuracy
from rnnbench.training.recipe import Recipe

ONE_MORE = "of one more training"
OVER_WIRES = "over wires"
OVER_WIRES_AND_SEEDS = "over wires and seeds"


def locate_published(
    benchmark: Benchmark, dataset: DatasetSummary, models: Sequence[ModelSummary]
) -> list[PublishedAccuracy]:
    """Return the published accuracies that may be compared, and where they lie as to ours.

    An accuracy of a model of this benchmark was measured on the same test wires as ours of that
    name, if dataset, training and number of parameters are the same; so it is held against what
    one more training of ours would score. Accuracies of other models are held against the
    intervals of all of ours over wires and seeds, if the wires to train and to test on are the
    same.
    """
    return [
        _locate(reference, name, published.accuracy, comparable)
        for reference in benchmark.references.values()
        for name, published in reference.models.items()
        if (comparable := _comparable(reference, name, published, benchmark, dataset, models))
    ]


def _comparable(
    reference: Reference,
    name: str,
    published: Published,
    benchmark: Benchmark,
    dataset: DatasetSummary,
    models: Sequence[ModelSummary],
) -> list[ModelSummary]:
    if reference.split is not None:
        return list(models) if reference.split == dataset.split_fingerprint else []
    recipe = Recipe(**benchmark.training.model_dump(include=set(Recipe.model_fields)))
    is_same = reference.dataset == dataset.fingerprint and reference.training in (None, recipe)
    return [
        model
        for model in models
        if is_same and model.name == name and published.params in (None, model.params)
    ]


def _locate(
    reference: Reference, name: str, accuracy: float, models: Sequence[ModelSummary]
) -> PublishedAccuracy:
    intervals = {model.name: model.accuracy_interval for model in models}
    is_single = all(model.accuracy.n == 1 for model in models)
    yardstick = OVER_WIRES if is_single else OVER_WIRES_AND_SEEDS
    if reference.dataset is not None:
        (model,) = models
        if of_one_more := prediction_interval([trial.accuracy for trial in model.trials]):
            intervals, yardstick = {model.name: of_one_more}, ONE_MORE
    return PublishedAccuracy(
        source=reference.source,
        model=name,
        accuracy=accuracy,
        yardstick=yardstick,
        intervals=intervals,
    )
