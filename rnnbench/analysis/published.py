"""Published scores that can be compared with those of a run."""

from collections.abc import Iterator, Sequence

from rnnbench.config.schema import Benchmark, Published, Reference
from rnnbench.data.summary import DatasetSummary
from rnnbench.results.schema import ModelSummary, PublishedScore
from rnnbench.stats.intervals import t_interval
from rnnbench.training.hyperparameters import TrainingSettings


def locate_published(
    benchmark: Benchmark, dataset: DatasetSummary, models: Sequence[ModelSummary]
) -> Iterator[PublishedScore]:
    """Yield the published scores that are comparable, with the intervals of our models.

    A score of one of our models needs the same dataset, training and number of
    parameters, and is compared with the interval of one more training of ours. Any
    other needs the same training and test documents, and is compared with all our
    models over documents and seeds.
    """
    for reference in benchmark.references.values():
        is_of_others = reference.split == dataset.split_fingerprint
        is_of_ours = reference.dataset == dataset.fingerprint
        for name, published in reference.models.items():
            ours: list[ModelSummary] = []
            if is_of_others:
                ours = list(models)
            if is_of_ours and _has_training(benchmark, name, reference):
                ours = [
                    model
                    for model in models
                    if model.name == name and published.params in (None, model.params)
                ]
            if ours:
                yield _compared(reference, name, published, ours)


def _has_training(benchmark: Benchmark, name: str, reference: Reference) -> bool:
    """Return whether one of our models has the training of a published one."""
    if name not in benchmark.models:
        return False
    if reference.training is None:
        return True
    training = benchmark.training_of(name).model_dump(
        include=set(TrainingSettings.model_fields)
    )
    return reference.training == TrainingSettings.model_validate(training)


def _compared(
    reference: Reference,
    name: str,
    published: Published,
    ours: Sequence[ModelSummary],
) -> PublishedScore:
    """Return a published score with the intervals of our models."""
    is_of_our_model = reference.dataset is not None
    intervals = {model.name: model.interval for model in ours}
    yardstick = "over documents"
    if any(model.score.n > 1 for model in ours):
        yardstick = "over documents and seeds"
    if is_of_our_model:
        of_one_more = t_interval(ours[0].scores, more=1)
        if of_one_more is not None:
            intervals = {name: of_one_more}
            yardstick = "of one more training"
    return PublishedScore(
        source=reference.source,
        where=reference.where,
        model=name,
        is_of_our_model=is_of_our_model,
        yardstick=yardstick,
        intervals=intervals,
        score=published.score,
        std=published.std,
        runs=published.runs,
        transductive=published.transductive,
        pretrained=published.pretrained,
        decision=published.decision,
        caveat=published.caveat,
    )
