"""The engine of the baselines. scikit-learn is imported when it is used."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.padding import INDEX_FROM, PAD, START
from rnnbench.errors import UserError
from rnnbench.labels import documents_by_topic
from rnnbench.models.baselines import BASELINES, Baseline
from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.models.linear import CHECKED, arrays_of
from rnnbench.models.quiet import without
from rnnbench.training.engines.base import Engine, FitRequest, result_of
from rnnbench.training.epochs import TrainingSettings, begin
from rnnbench.training.outcome import TrialRecord, TrialResult, Weights, with_floor

HELD_OUT = 0.2  # decides how scores become topics, if no other documents are held out


class ScikitLearn(Engine):
    """Fits baselines, which have no epochs."""

    name = "scikit-learn"
    packages = ("scikit-learn", "scipy", "numpy")
    is_threaded = False

    def prepare(self, threads: int) -> None:  # noqa: ARG002
        """Import scikit-learn, but not pandas, which it imports if it can and does not
        use here.
        """
        with without(("pandas",)):
            import sklearn.base  # noqa: F401

    def covers(self, model: Model, recipe: TrainingSettings) -> bool:  # noqa: ARG002
        return isinstance(model, BaselineModel)

    def fit(self, work: FitRequest) -> TrialResult:
        from threadpoolctl import threadpool_limits

        model, dataset, recipe, seed, _, keep_model = work
        assert isinstance(model, BaselineModel)  # noqa: S101 - the engine covers nothing else
        begin("fitting")
        baseline, (x, y) = model.baseline, (dataset.x_train, dataset.y_train)
        kept, held_out = hold_out(len(y), recipe.validation_split, dataset.groups)
        with threadpool_limits(1):  # or sums would depend on the number of cores
            fitted = first = Fitted(baseline, dataset, kept, seed)
            if y.ndim == 2 and recipe.decision.is_chosen_for(y) and not len(held_out):
                some, held_out = hold_out(len(y), HELD_OUT, dataset.groups)
                first = Fitted(baseline, dataset, some, seed)
            record = TrialRecord(
                engine=self.name,
                params=count_params(fitted.classifier),
                score_kind="log_probabilities"
                if baseline.gives_probabilities
                else "margins",
                fit_seconds=fitted.seconds
                + (first.seconds if first is not fitted else 0),
            )
            judged = (x[held_out], y[held_out]) if len(held_out) else None
            result = result_of(
                record, dataset, recipe, fitted.score, judged, None, first.score
            )
        return (
            replace(result, weights=fitted.arrays(dataset.x_test))
            if keep_model
            else result
        )


REASONS = {  # why documents cannot be fitted, by a part of what scikit-learn says
    "empty vocabulary": "no training document has anything that it counts",
    "no terms remain": "nothing that it counts occurs in min_df training documents",
    "max_df corresponds": "there are fewer training documents than min_df",
    "one class": "all training documents have the same label",
}


class Fitted:
    """A classifier, fitted to training documents; ``UserError`` if it cannot learn from
    them.
    """

    def __init__(
        self, baseline: Baseline, dataset: Dataset, kept: NDArray[np.intp], seed: int
    ):
        from sklearn.multiclass import OneVsRestClassifier

        self.baseline, self.n_topics = baseline, len(dataset.topics)
        self.in_words = (
            (dataset.vocabulary, dataset.separator) if baseline.reads_words else ()
        )
        documents, y = (
            texts(dataset.x_train[kept], *self.in_words),
            dataset.y_train[kept],
        )
        self.learned = np.flatnonzero(documents_by_topic(y, self.n_topics))
        try:
            with BASELINES.blamed(baseline.kind):
                self.classifier = baseline.pipeline(seed)
                self.has_one_label = y.ndim == 1
                if not self.has_one_label:
                    y, last = y[:, self.learned], self.classifier[-1]
                    if not getattr(last, "takes_any_number", False):
                        # One after another: threads would share the random numbers of
                        # liblinear.
                        self.classifier.steps[-1] = (
                            "topics",
                            OneVsRestClassifier(last),
                        )
                start = time.perf_counter()
                self.classifier.fit(documents, y)
                self.seconds = time.perf_counter() - start
        except ValueError as error:
            said = str(error)
            reason = next(
                (ours for theirs, ours in REASONS.items() if theirs in said), said
            )
            raise UserError(f"{baseline.kind} cannot be fitted: {reason}") from error

    def score(self, x: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the scores ``(n, n_topics)`` of documents ``(n, timesteps)``."""
        with BASELINES.blamed(self.baseline.kind):
            given = texts(x, *self.in_words), self.n_topics, self.learned
            return score(self.baseline, self.classifier, *given).astype(np.float32)

    def arrays(self, x: NDArray[np.int32]) -> Weights:
        """Return its arrays, if it can be kept; they give its scores of documents."""
        own, some = self.baseline, x[:CHECKED]
        kind = {
            fact: getattr(own, fact) for fact in ("reads_words", "gives_probabilities")
        }
        given = texts(some, *self.in_words), self.score(some), self.learned
        return arrays_of(
            self.classifier, *given, **kind, has_one_label=self.has_one_label
        )


def texts(
    ids: NDArray[np.int32],
    vocabulary: Sequence[str] | None = None,
    separator: str = " ",
) -> list[str]:
    """Return ids ``(n, timesteps)`` as texts, or as words of a vocabulary, without
    padding.
    """
    rows, first = ids.tolist(), INDEX_FROM + 1
    if vocabulary is None:
        kept = ([str(word) for word in row if word not in (PAD, START)] for row in rows)
    else:
        kept = (
            [vocabulary[word - first] for word in row if word >= first] for row in rows
        )
    return list(map(separator.join, kept))


def score(
    baseline: Baseline,
    classifier: Any,
    texts: list[str],
    n_topics: int,
    learned: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return the log-probabilities or margins of a fitted classifier, ``(n,
    n_topics)``.

    A topic without training documents has no probability, or a margin below all others.
    """
    if baseline.gives_probabilities:
        with np.errstate(divide="ignore"):
            if hasattr(
                classifier, "predict_log_proba"
            ):  # exact far below the smallest float
                known = np.asarray(classifier.predict_log_proba(texts))
            else:
                known = np.log(classifier.predict_proba(texts))
        lowest = -np.inf
    else:
        known = classifier.decision_function(texts)
        if (
            known.ndim == 1
        ):  # the margin of the second of two topics, or of one against none
            known = np.stack([-known, known], axis=1)
        lowest = known.min() - 1
    scores = np.full((len(texts), n_topics), lowest)
    scores[:, learned] = known[:, -len(learned) :]
    return with_floor(scores) if baseline.gives_probabilities else scores


def count_params(classifier: Any) -> int:
    """Return the number of values that a classifier has learned, without the IDF of
    words.
    """
    fitted = classifier[-1]
    parts = getattr(fitted, "estimators_", [fitted])  # one for each topic
    names = ("coef_", "intercept_", "feature_log_prob_", "class_log_prior_")
    return sum(np.size(getattr(part, name, ())) for part in parts for name in names)
