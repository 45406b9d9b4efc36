"""The engine of the baselines. scikit-learn is imported when it is used."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import INDEX_FROM, PAD, START, Dataset, hold_out
from rnnbench.errors import UserError
from rnnbench.models.baselines import BASELINES, Baseline
from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.models.linear import arrays_of
from rnnbench.models.quiet import without
from rnnbench.training.engines.base import Engine
from rnnbench.training.epochs import OnEpoch, Recipe, begin
from rnnbench.training.outcome import TrialRecord, TrialResult, with_floor


class ScikitLearn(Engine):
    """Fits baselines, which have no epochs."""

    name = "scikit-learn"
    packages = ("scikit-learn", "scipy", "numpy")
    is_threaded = False

    def prepare(self, threads: int) -> None:  # noqa: ARG002
        """Import scikit-learn, but not pandas, which it imports if it can and does not use here."""
        with without(("pandas",)):
            import sklearn.base  # noqa: F401

    def covers(self, model: Model, recipe: Recipe) -> bool:  # noqa: ARG002
        return isinstance(model, BaselineModel)

    def fit(
        self,
        model: Model,
        dataset: Dataset,
        recipe: Recipe,
        seed: int,
        on_epoch: OnEpoch,  # noqa: ARG002
        *,
        keep_model: bool,
    ) -> TrialResult:
        from threadpoolctl import threadpool_limits

        assert isinstance(model, BaselineModel)  # noqa: S101 - the engine covers nothing else
        begin("fitting")
        baseline = model.baseline
        kept, _ = hold_out(len(dataset.y_train), recipe.validation_split, dataset.groups)
        in_words = (dataset.vocabulary, dataset.separator) if baseline.reads_words else ()
        documents, tested = (texts(x, *in_words) for x in (dataset.x_train[kept], dataset.x_test))
        with threadpool_limits(1):  # or sums would depend on the number of cores
            classifier, seconds = _fitted(baseline, documents, dataset.y_train[kept], seed)
            begin("testing")
            with BASELINES.blamed(baseline.kind):
                scores = score(baseline, classifier, tested, len(dataset.topics))
        record = TrialRecord(
            engine=self.name,
            params=count_params(classifier),
            score_kind="log_probabilities" if baseline.gives_probabilities else "margins",
            fit_seconds=seconds,
        )
        weights = None
        if keep_model:
            facts = ("reads_words", "gives_probabilities")
            kind = {fact: getattr(baseline, fact) for fact in facts}
            weights = arrays_of(classifier, tested, scores, **kind)
        return TrialResult(record, dataset.y_test, scores.astype(np.float32), weights)


REASONS = {
    "empty vocabulary": "no training document has anything that it counts",
    "no terms remain": "nothing that it counts occurs in min_df training documents",
    "max_df corresponds": "there are fewer training documents than min_df",
    "one class": "all training documents have the same label",
}
"""Why documents cannot be fitted, by a part of what scikit-learn says."""


def _fitted(
    baseline: Baseline, documents: list[str], labels: NDArray[np.int32], seed: int
) -> tuple[Any, float]:
    """Return a fitted classifier, and the seconds that fitting took.

    Raises:
        PluginError: a baseline from another package failed; the message names it.
        UserError: a baseline cannot learn from these documents with its parameters.
    """
    try:
        with BASELINES.blamed(baseline.kind):
            classifier = baseline.pipeline(seed)
            start = time.perf_counter()
            classifier.fit(documents, labels)
            return classifier, time.perf_counter() - start
    except ValueError as error:
        said = str(error)
        reason = next((ours for theirs, ours in REASONS.items() if theirs in said), said)
        raise UserError(f"{baseline.kind} cannot be fitted: {reason}") from error


def texts(
    ids: NDArray[np.int32], vocabulary: Sequence[str] | None = None, separator: str = " "
) -> list[str]:
    """Return the ids ``(n, timesteps)`` as texts, without padding or start mark.

    With a vocabulary, the texts are its words, with a ``separator`` between them.
    """
    rows, first = ids.tolist(), INDEX_FROM + 1
    if vocabulary is None:
        kept = ([str(word) for word in row if word not in (PAD, START)] for row in rows)
    else:
        kept = ([vocabulary[word - first] for word in row if word >= first] for row in rows)
    return list(map(separator.join, kept))


def score(
    baseline: Baseline, classifier: Any, documents: list[str], n_topics: int
) -> NDArray[np.float64]:
    """Return the log-probabilities or margins of a fitted classifier, ``(n, n_topics)``.

    A topic without training documents has no probability (see ``with_floor``), or a margin below
    all others.
    """
    if baseline.gives_probabilities:
        with np.errstate(divide="ignore"):
            if hasattr(classifier, "predict_log_proba"):  # exact far below the smallest float
                known = np.asarray(classifier.predict_log_proba(documents))
            else:
                known = np.log(classifier.predict_proba(documents))
        lowest = -np.inf
    else:
        known = classifier.decision_function(documents)
        if known.ndim == 1:  # the margin of the second of two topics
            known = np.stack([-known, known], axis=1)
        lowest = known.min() - 1
    scores = np.full((len(documents), n_topics), lowest)
    scores[:, classifier.classes_] = known
    return with_floor(scores) if baseline.gives_probabilities else scores


def count_params(classifier: Any) -> int:
    """Return the number of values that a classifier has learned, without the IDF of words."""
    fitted = classifier[-1]
    names = ("coef_", "intercept_", "feature_log_prob_", "class_log_prior_")
    return sum(np.size(getattr(fitted, name)) for name in names if hasattr(fitted, name))
