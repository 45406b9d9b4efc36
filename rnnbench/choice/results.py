"""The records of a choice, as ``choice.json`` has them."""

from typing import Annotated, Literal, NamedTuple

import numpy as np

from rnnbench.data.summary import DatasetSummary
from rnnbench.results.comparison import Comparison
from rnnbench.results.schema import MissingTrial
from rnnbench.section import StoredRecord, formerly
from rnnbench.stats.correctness import Interval
from rnnbench.stats.intervals import estimate_over_folds


class Candidate(StoredRecord):
    """A model that answered training documents that it had not learned."""

    name: str
    params: int
    score: Annotated[float, formerly("accuracy")]
    """On all held-out documents; the mean over seeds."""
    of_parts: list[float]
    """The same on each part."""
    over_parts: Interval | None
    """Of the mean, over other folds and seeds, if there are several."""
    interval: Interval
    """Over other documents and, with several seeds, over other seeds."""
    training: dict[str, object] = {}
    """Training values that are set for this model alone."""
    seeds: int
    fit_seconds: float
    """The mean time of a training, in seconds."""
    against_best: Comparison | None
    """The best compared with this one; ``None`` for the best itself."""

    def p_of_folds(self, other: "Candidate") -> float | None:
        """Return the p-value of a difference over other training documents, if any."""
        differences = np.subtract(self.of_parts, other.of_parts)
        estimate = estimate_over_folds(differences[:, np.newaxis])
        return estimate.p if estimate else None


class Recommendation(StoredRecord):
    """The model that a choice recommends."""

    model: str
    reason: str
    """Why, in words."""


class LabelSize(StoredRecord):
    """How many documents models learned from."""

    name: str
    """A share of the documents that are not held out, or a number of labels."""
    labels: int
    """The documents of a draw; the mean over draws."""
    absent: list[str]
    """The labels that no document has in some draw."""


class ModelCurve(StoredRecord):
    """The scores of a model by the number of labels, and the law of its error.

    The law is ``floor + factor * labels ** -exponent``.
    """

    model: str
    scores: list[float]
    """One for each size."""
    intervals: list[Interval]
    """Over other draws, seeds and documents."""
    of_draws: list[list[float]]
    """The score of each draw, for each size."""
    covariance: list[list[float]]
    """Of the scores."""
    floor: float
    factor: float
    exponent: float
    floors: Interval
    """Of ``floor``."""
    exponents: Interval
    """Of ``exponent``."""
    twice: Interval
    """The gain in score from twice the labels of the largest size."""
    overtaken: list[float | None] = []
    """From how many labels on the best model is ahead of this one, and the 95 %
    interval; ``None`` where that lies outside the sizes. Empty if this one is not ahead
    at first."""


class LabelScore(NamedTuple):
    """The score of a model that learned from subsets of a size, and its interval."""

    model: str
    size: str
    labels: int
    score: float
    low: float
    high: float


class LabelCurves(StoredRecord):
    """The scores by the number of labels, and the gain from more of them."""

    sizes: list[LabelSize]
    curves: list[ModelCurve]
    """The best with all labels first."""

    @property
    def scores(self) -> list[LabelScore]:
        """All scores, model by model."""
        scores = []
        for curve in self.curves:
            rows = zip(self.sizes, curve.scores, curve.intervals, strict=True)
            for size, score, ends in rows:
                row = (curve.model, size.name, size.labels, score, ends.low, ends.high)
                scores.append(LabelScore(*row))
        return scores

    @property
    def draws(self) -> int:
        """The number of random subsets of each size."""
        return len(self.curves[0].of_draws[0])


class ChoiceResults(StoredRecord):
    """The content of ``choice.json``."""

    older_versions = (2, 3)
    schema_version: Literal[4] = 4
    name: str
    command: str
    """The command line of the choice."""
    dataset: DatasetSummary
    """The whole dataset; its test documents choose nothing."""
    folds: int | None
    """The number of folds, if folds were held out."""
    last: float | None
    """The share of training documents that was held out, if the last ones were.

    Without folds and this share, models were tested on the test documents.
    """
    held_out: int
    """How many documents were held out, in all folds together, or tested on."""
    seeds: list[int]
    epochs: list[int]
    """The distinct numbers of epochs of networks."""
    n_models: int
    """The number of models and points of grids in the config."""
    searched: int | None
    """The most points of each grid that were drawn; ``None`` if all were tried."""
    sampler: str | None
    """The method that drew them."""
    candidates: list[Candidate]
    """The best first; models that lack trials are left out."""
    recommended: Recommendation | None = None
    """``None`` without candidates, and in earlier versions."""
    missing: list[MissingTrial]
    """Trials that failed or were not run."""
    curves: LabelCurves | None = None
    """The scores by the number of labels, if that is asked for; ``candidates`` are
    those of the largest size."""

    @property
    def is_on_test(self) -> bool:
        """Whether models were tested on the test documents, to choose nothing."""
        return self.folds is None and self.last is None

    @property
    def n_seeds(self) -> int:
        """The number of seeds: one if no candidate depends on the seed."""
        return max((candidate.seeds for candidate in self.candidates), default=1)

    @property
    def tested_folds(self) -> int:
        """The number of folds that were held out: all, or one for each draw."""
        if self.curves and self.curves.curves:
            return self.curves.draws
        return self.folds or 0

    def how(self) -> str:
        """Return in words which documents were held out or tested on."""
        if self.is_on_test:
            return f"the {self.held_out:,} test documents"
        if self.folds:
            parts = f"{self.folds} folds"
            if self.tested_folds != self.folds:
                parts = f"{self.tested_folds} of {parts}"
        else:
            parts = f"the last {100 * (self.last or 0):.3g}%"
        n_train = self.dataset.train_size
        return f"{self.held_out:,} of {n_train:,} training documents ({parts})"
