"""Published accuracies beside ours, if they were measured on the same documents."""

from collections.abc import Sequence

from rnnbench.analysis.intervals import prediction_interval
from rnnbench.config.schema import Benchmark, Published, Reference
from rnnbench.data.audit import DatasetSummary
from rnnbench.results.schema import ModelSummary, PublishedAccuracy
from rnnbench.training.recipe import Recipe

ONE_MORE = "of one more training"
OVER_DOCUMENTS = "over documents"
OVER_DOCUMENTS_AND_SEEDS = "over documents and seeds"


def locate_published(
    benchmark: Benchmark, dataset: DatasetSummary, models: Sequence[ModelSummary]
) -> list[PublishedAccuracy]:
    """Return the published accuracies that are comparable, with the intervals of our models.

    The published accuracy of one of our models is comparable if the dataset, the training and the
    number of parameters are the same. It is compared with the interval of one more training of
    ours. The accuracy of any other model is comparable if its training and test documents are the
    same. It is compared with the intervals of all our models over documents and seeds.
    """
    return [
        _locate(reference, name, published, comparable)
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
    if name not in benchmark.models or reference.dataset != dataset.fingerprint:
        return []
    training = benchmark.training_of(name)
    recipe = Recipe(**training.model_dump(include=set(Recipe.model_fields)))
    return [
        model
        for model in models
        if model.name == name
        and reference.training in (None, recipe)
        and published.params in (None, model.params)
    ]


def _locate(
    reference: Reference, name: str, published: Published, models: Sequence[ModelSummary]
) -> PublishedAccuracy:
    intervals = {model.name: model.accuracy_interval for model in models}
    is_single = all(model.accuracy.n == 1 for model in models)
    yardstick = OVER_DOCUMENTS if is_single else OVER_DOCUMENTS_AND_SEEDS
    if reference.dataset is not None:
        (model,) = models
        accuracies = [trial.metrics["accuracy"] for trial in model.trials]
        if of_one_more := prediction_interval(accuracies):
            intervals, yardstick = {model.name: of_one_more}, ONE_MORE
    return PublishedAccuracy(
        source=reference.source,
        where=reference.where,
        model=name,
        is_of_our_model=reference.dataset is not None,
        yardstick=yardstick,
        intervals=intervals,
        **published.model_dump(exclude={"params"}),
    )
