"""The content of ``results.json``: a summary of all trials of a run.

``results.best.score.mean`` is the mean of the main metric of the best model.
"""

from collections.abc import Sequence
from math import comb
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from rnnbench.data.summary import DatasetSummary
from rnnbench.metrics import COSTS
from rnnbench.results.comparison import DIGITS, Comparison
from rnnbench.section import Pretrained, Publication, Share, StoredRecord, formerly
from rnnbench.stats.correctness import Interval
from rnnbench.tasks import SINGLE_LABEL
from rnnbench.text import listed, plural
from rnnbench.training.decision import DecisionRule

SUMMARY_VERSION: Literal[6] = 6
LISTED = 10  # groups of missing trials that are listed, and seeds of each group


class Statistic(StoredRecord):
    """A number over several trials."""

    mean: float
    std: float | None
    """Sample standard deviation; ``None`` for a single trial."""
    n: int
    """Number of trials, each with its own seed."""
    over_seeds: Interval | None
    """Interval of the mean on these test documents; ``None`` for a single trial."""


class TrialSummary(StoredRecord):
    """The metrics of one trial; everything else is in the trial's own record."""

    fingerprint: str
    seed: int
    metrics: dict[str, float]
    """By name; metrics that do not apply are left out."""


class ModelSummary(StoredRecord):
    """One model over all its seeds."""

    name: str
    is_baseline: bool
    params: int | None
    """``None`` if it is not known."""
    is_random: bool
    """Whether its answers depend on the seed."""
    pretrained: Pretrained | None
    """The part of it that was learned from texts outside the corpus; ``None`` if not
    known."""
    main: str = SINGLE_LABEL.main
    """The name of the main metric."""
    interval: Annotated[Interval, formerly("accuracy_interval")]
    """Interval of the mean score over other test documents and, given several, other
    seeds."""
    intervals: dict[str, Interval] = {}
    """Likewise, of mean losses of probabilities, by the names of the metrics; empty in
    results of earlier versions."""
    p_best: float | None = None
    """P-value of being as good as the best, whichever model is the best; ``None`` in
    results before version 6."""
    metrics: dict[str, Statistic]
    """By name; metrics that do not apply are left out."""
    at_half: Statistic | None = None
    """The main metric with the probability 0.5, or the margin 0, as the threshold from
    which on a topic is given; ``None`` if nothing has to be decided."""
    below: float | None = None
    """The mean number of test documents in which no topic reaches its threshold."""
    topics_never_predicted: list[str]
    """Topics in the test set that no trial predicted for any document."""
    ms_per_step: Statistic | None
    fit_seconds: Statistic | None
    predict_ms_per_document: Statistic | None = None
    peak_memory_mb: Statistic | None = None
    stock_layers: list[str] = []
    """Noted by an engine of earlier versions; empty in new results."""
    training: dict[str, Any] = {}
    """Training values that are set for this model alone."""
    chosen_from: PositiveInt | None = None
    """The number of settings, tried on training documents, that this one was chosen
    from."""
    trials: Annotated[list[TrialSummary], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_what_tables_need(self) -> Self:
        if self.main not in self.metrics:
            raise ValueError(f"no {self.main}")
        if not 0 <= self.score.mean <= 1:
            raise ValueError(f"{self.main} that is no share")
        return self

    @property
    def score(self) -> Statistic:
        """The main metric, which every model has."""
        return self.metrics[self.main]

    @property
    def scores(self) -> list[float]:
        """The main metric of each seed."""
        return [trial.metrics[self.main] for trial in self.trials]

    def statistic(self, quantity: str) -> Statistic | None:
        """Return a metric or cost by its name; ``None`` if the model has none."""
        if quantity in COSTS:
            cost: Statistic | None = getattr(self, quantity)
            return cost
        return self.metrics.get(quantity)

    def mean_of(self, quantity: str) -> float | None:
        """Return the mean of a metric or cost over the seeds; ``None`` without one."""
        statistic = self.statistic(quantity)
        if statistic is None:
            return None
        return statistic.mean


class MissingTrial(StoredRecord):
    """A trial of the config without a result."""

    model: str
    seed: int
    part: str | None = None
    """The held-out part of the training documents, in a choice."""
    error: str | None
    """The error that it failed with, in one line; ``None`` if it was not run."""

    @property
    def reason(self) -> str:
        """Why it has no result, in words."""
        return self.error or "not run: interrupted"


class WithoutDuplicates(StoredRecord):
    """The scores on the test documents that are not in the training set, too."""

    test_size: PositiveInt
    majority_score: Annotated[Share, formerly("majority_accuracy")]
    """That of always answering the most frequent topic in training."""
    scores: Annotated[dict[str, Statistic], formerly("accuracy")]
    """Of each model, by name."""
    comparisons: list[Comparison]
    """Of the same pairs as on all documents."""


class PublishedScore(StoredRecord, Publication):
    """A published score, and the 95 % intervals of our models that it is compared
    with.
    """

    source: str
    model: str
    yardstick: str
    """The scope of the intervals: one more training, other documents, or other seeds
    too."""
    intervals: dict[str, Interval]
    """By the name of our model."""
    where: str | None = None
    """The title, table or repository in which it is found."""
    is_of_our_model: bool
    """Whether it is an earlier result of our own model of the same name."""

    @model_validator(mode="after")
    def _is_compared_with_its_model(self) -> Self:
        if self.is_of_our_model and list(self.intervals) != [self.model]:
            raise ValueError(
                "an earlier result of our model that is compared with another model"
            )
        return self

    def lies(self, model: str) -> str:
        """Return whether it lies ``inside``, ``above`` or ``below`` our interval."""
        return self.intervals[model].place_of(self.score)


def by_score(models: Sequence[ModelSummary]) -> list[ModelSummary]:
    """Return models by their score, the best first; equals stay in their order."""
    return sorted(models, key=lambda model: -round(model.score.mean, DIGITS))


def compared_with_best(
    models: Sequence[ModelSummary], comparisons: Sequence[Comparison]
) -> dict[str, Comparison]:
    """Return the comparison of the best model with each other one, by its name.

    The corrected p-value is that of being as good as the best.
    """
    best = by_score(models)[0].name
    pairs = {frozenset(pair.names): pair for pair in comparisons}
    against_best = {}
    for model in models:
        pair = pairs.get(frozenset((model.name, best)))
        if pair is None or model.name == best:
            continue
        pair = pair.seen_from(best)
        if model.p_best is not None:
            pair = pair.model_copy(update={"p_corrected": max(pair.p, model.p_best)})
        against_best[model.name] = pair
    return against_best


def _cheapest(fields: dict[str, Any]) -> str | None:
    """Return the cheapest model that is not clearly worse than the best."""
    if "models" not in fields or "comparisons" not in fields:
        return None  # they are wrong, which is the error to show
    models = fields["models"]
    if not all(model.fit_seconds for model in models):
        return None
    against_best = compared_with_best(models, fields["comparisons"])
    cheapest_first = sorted(
        models, key=lambda model: (model.fit_seconds.mean, model.params)
    )
    for model in cheapest_first:
        pair = against_best.get(model.name)
        if pair is None:
            return str(model.name)
        if pair.has_too_few_seeds:
            return None
        if not pair.is_clear:
            return str(model.name)
    return None


class Results(StoredRecord):
    """The content of ``results.json``."""

    older_versions = (4, 5)
    schema_version: Literal[6] = SUMMARY_VERSION
    name: str
    command: str
    """The command line of the run."""
    dataset: DatasetSummary
    seeds: list[int]
    epochs: int
    validation_split: float
    """Share of the training documents held out to choose the best epoch; 0 means the
    last epoch."""
    decision: DecisionRule | None = None
    """How scores become topics; ``None`` if each document has one."""
    engine: str
    """The engine of the networks; of several, each is followed by its models in
    brackets."""
    threads: list[int]
    """The distinct numbers of threads that trainings had."""
    metrics: list[str]
    """The metrics that were known when this was written."""
    models: Annotated[list[ModelSummary], Field(min_length=1)]
    comparisons: list[Comparison]
    """Every pair of models, and every model with always answering the most frequent
    topic; of more than 60 models, only those with the best and with the most frequent
    topic."""
    cheapest: str | None = Field(default_factory=_cheapest)
    """The model that is trained in the least time, or of equals has the fewest
    parameters, among the best and those without a clear difference from it. ``None`` if
    too few seeds leave open whether a model is among them."""
    without_duplicates: WithoutDuplicates | None = None
    """``None`` if there are no duplicates, or nothing but duplicates."""
    published: list[PublishedScore]
    missing: list[MissingTrial] = []
    """Trials that failed or were not run; if there are any, the run is partial."""

    @model_validator(mode="after")
    def _is_about_its_models(self) -> Self:
        names = set(self.by_name)
        if len(names) < len(self.models):
            raise ValueError("two models of the same name")
        second = self.dataset.kind.second
        if second and any(second not in model.metrics for model in self.models):
            raise ValueError(f"a model with no {second}")
        if self.without_duplicates:
            self._check_without_duplicates(self.without_duplicates, names)
        self._check_comparisons(names)
        if self.cheapest is not None and self.cheapest not in names:
            raise ValueError("a cheapest model that is not there")
        for published in self.published:
            if not published.intervals.keys() <= names:
                raise ValueError("an interval of a model that is not there")
        return self

    def _check_without_duplicates(
        self, rest: WithoutDuplicates, names: set[str]
    ) -> None:
        if rest.scores.keys() != names:
            raise ValueError("other models without duplicates")
        pairs = [pair.names for pair in self.comparisons]
        if [pair.names for pair in rest.comparisons] != pairs:
            raise ValueError("other comparisons without duplicates")
        n_left = self.dataset.test_size - len(self.dataset.leaks)
        if rest.test_size != n_left:
            raise ValueError("another number of test documents without duplicates")

    def _check_comparisons(self, names: set[str]) -> None:
        """Make sure that each model is compared with the best and the majority."""
        majority = self.dataset.majority_name
        pairs = {frozenset(pair.names) for pair in self.comparisons}
        unknown = set().union(*pairs) - names - {majority}
        if unknown:
            raise ValueError(f"a comparison with {min(unknown)}, which is not there")
        for name in names:
            for other in (self.best.name, majority):
                if name != other and frozenset((name, other)) not in pairs:
                    raise ValueError(
                        "a model that is not compared with the best or the majority"
                    )

    @property
    def is_trained_here(self) -> bool:
        """Whether more than the answers is known of any model."""
        return any(model.params is not None for model in self.models)

    def __repr__(self) -> str:
        return f"Results({self.name!r}, of {', '.join(self.by_name)})"

    @property
    def by_name(self) -> dict[str, ModelSummary]:
        """The models by their names."""
        return {model.name: model for model in self.models}

    @property
    def best(self) -> ModelSummary:
        """The model with the highest mean score; the first of equals."""
        return by_score(self.models)[0]

    @property
    def seeds_used(self) -> list[int]:
        """The seeds of trainings: only the first if no model depends on the seed."""
        if any(model.is_random for model in self.models):
            return self.seeds
        return self.seeds[:1]

    def comparisons_of(self, name: str) -> dict[str, Comparison]:
        """Return the comparisons of a model, or of the majority, as ``a``.

        They are by the name of the other model.
        """
        comparisons = {}
        for pair in self.comparisons:
            if name in pair.names:
                turned = pair.seen_from(name)
                comparisons[turned.b] = turned
        return comparisons

    @property
    def against_best(self) -> dict[str, Comparison]:
        """The comparison of the best model with each other one, by its name.

        The corrected p-value is that of being as good as the best, whichever model is
        the best.
        """
        return compared_with_best(self.models, self.comparisons)

    @property
    def n_corrected_for(self) -> int:
        """The number of comparisons that p-values are corrected for: all pairs."""
        return comb(len(self.models) + 1, 2)

    @property
    def changed_verdicts(self) -> list[tuple[Comparison, Comparison]]:
        """The comparisons with another verdict without duplicates, before and after."""
        if self.without_duplicates is None:
            return []
        changed = []
        without = self.without_duplicates.comparisons
        for before, after in zip(self.comparisons, without, strict=True):
            is_turned = before.is_clear and before.difference * after.difference < 0
            if before.verdict != after.verdict or is_turned:
                changed.append((before, after))
        return changed

    @property
    def fingerprints(self) -> set[str]:
        """The fingerprints of all trials with a result."""
        return {trial.fingerprint for model in self.models for trial in model.trials}

    @property
    def missing_models(self) -> dict[str, MissingTrial]:
        """The models without any result, and the first trial of each."""
        present = self.by_name
        missing: dict[str, MissingTrial] = {}
        for trial in self.missing:
            if trial.model not in present:
                missing.setdefault(trial.model, trial)
        return missing

    def n_missing_in_words(self) -> str:
        """Return how many trials are missing."""
        n_missing = len(self.missing)
        n_trials = n_missing + sum(len(model.trials) for model in self.models)
        return f"{n_missing:,} of {n_trials:,} trials are missing"

    def missing_in_words(self) -> str:
        """Return how many trials are missing; also which ones, and why."""
        seeds_of: dict[tuple[str, str], list[int]] = {}
        for trial in self.missing:
            seeds_of.setdefault((trial.model, trial.reason), []).append(trial.seed)
        groups = []
        for (model, reason), seeds in seeds_of.items():
            seeds_in_words = f"{plural(len(seeds), 'seed')} {listed(seeds, LISTED)}"
            groups.append(f"{model} {seeds_in_words} ({reason})")
        return f"{self.n_missing_in_words()}: {listed(groups, LISTED, '; ')}"
