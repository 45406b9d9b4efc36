"""The engine of the baselines. scikit-learn is imported when it is used."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from rnnbench.data.held_out import hold_out
from rnnbench.data.padding import (
    INDEX_FROM,
    START,
    Inputs,
    Ragged,
    some_of,
    without_padding,
)
from rnnbench.errors import UserError, first_fault
from rnnbench.labels import Labels, Positions, Scores, documents_by_topic, form_of
from rnnbench.models.baselines import BASELINES, Baseline
from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.models.layers import Shape
from rnnbench.models.linear import CHECKED, LinearModel, LinearRule, arrays_of
from rnnbench.models.quiet import without
from rnnbench.training.decision import decide
from rnnbench.training.engines.base import (
    Engine,
    FitRequest,
    ScoreRequest,
    ScoreTexts,
)
from rnnbench.training.epochs import begin
from rnnbench.training.hyperparameters import TrainingSettings
from rnnbench.training.outcome import (
    Floats,
    TrialRecord,
    TrialResult,
    Weights,
    with_floor,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Doubles = NDArray[np.float64]
Documents: TypeAlias = list[str] | Ragged
"""What classifiers read: texts, or ids that are counted."""
HELD_OUT = 0.2  # decides how scores become topics, if no other documents are held out


class ScikitLearn(Engine[BaselineModel]):
    """Fits baselines, which have no epochs."""

    name = "scikit-learn"
    packages = ("scikit-learn", "scipy", "numpy")
    is_threaded = False

    def prepare(self, threads: int) -> None:  # noqa: ARG002
        """Import scikit-learn, but not pandas.

        It imports pandas if it can, and does not use it here.
        """
        with without(("pandas",)):
            import sklearn.base  # noqa: F401

    def covers(self, model: Model, settings: TrainingSettings) -> bool:  # noqa: ARG002
        return model.engine == self.name

    def fit(self, request: FitRequest[BaselineModel]) -> TrialResult:
        from threadpoolctl import threadpool_limits

        begin("fitting")
        request = request._replace(pads=False)
        baseline = request.model.baseline
        dataset = request.dataset
        settings = request.settings
        y = dataset.y_train
        kept, held_out = hold_out(len(y), settings.validation_split, dataset.groups)
        score_kind = "margins"
        if baseline.gives_probabilities:
            score_kind = "log_probabilities"
        with threadpool_limits(1):  # or sums would depend on the number of cores
            fitted = Fitted(baseline, request, kept)
            seconds = fitted.seconds
            judged = None
            if settings.decision.is_chosen_for(y):
                judge = fitted
                if not held_out.size:
                    some, held_out = hold_out(len(y), HELD_OUT, dataset.groups)
                    judge = Fitted(baseline, request, some)
                    seconds += judge.seconds
                x = some_of(dataset.train_inputs, held_out)
                judged = y[held_out], judge.score(x)
            record = TrialRecord(
                engine=self.name,
                params=count_params(fitted.classifier),
                score_kind=score_kind,
                decision=decide(settings.decision, score_kind, judged, y),
                fit_seconds=seconds,
            )
            result = request.result(record, fitted.score)
        if request.keep_model:
            result = replace(result, weights=fitted.arrays(dataset.test_inputs))
        return replace(result, score_inputs=fitted.score)

    def scorer(
        self, model: BaselineModel, weights: Weights, shape: Shape
    ) -> ScoreTexts:
        try:
            linear = LinearModel(weights, shape.n_topics)
        except ValidationError as error:
            raise ValueError(first_fault(error)) from error
        if linear.rule.gives_probabilities != model.gives_probabilities:
            raise ValueError("its scores are not of the kind that its baseline gives")

        def score(request: ScoreRequest) -> Scores:
            if not linear.rule.reads_words:
                return linear.scores(texts(request.ids))
            vocabulary = request.vocabulary
            words = texts(request.ids, vocabulary.words, vocabulary.separator)
            return linear.scores(words)

        return score


REASONS = {  # why documents cannot be fitted, by a part of what scikit-learn says
    "empty vocabulary": "no training document has anything that it counts",
    "no terms remain": "nothing that it counts occurs in min_df training documents",
    "max_df corresponds": "there are fewer training documents than min_df",
    "one class": "all training documents have the same label",
}


class Fitted:
    """A classifier, fitted to training documents.

    ``UserError`` is raised if it cannot learn from them.
    """

    def __init__(
        self,
        baseline: Baseline,
        request: FitRequest[BaselineModel],
        kept: Positions,
    ):
        dataset = request.dataset
        self.baseline = baseline
        self.vocabulary = dataset.vocabulary
        self.separator = dataset.separator
        y = dataset.y_train[kept]
        self.n_topics = len(dataset.topics)
        self.has_one_label = form_of(y).has_one_label
        self.learned = np.flatnonzero(documents_by_topic(y, self.n_topics))
        try:
            with BASELINES.blamed(baseline.kind):
                self.classifier = baseline.pipeline(request.seed)
                self.counts_ids = not baseline.reads_words and _count_ids(
                    self.classifier, dataset.n_ids
                )
                documents = self.documents(some_of(dataset.train_inputs, kept))
                if not self.has_one_label:
                    y = y[:, self.learned]
                    _fit_topic_by_topic(self.classifier)
                start = time.perf_counter()
                if request.sample_weights is None:
                    self.classifier.fit(documents, y)
                else:
                    weights = request.sample_weights[kept]
                    _fit_weighted(self.classifier, documents, y, weights)
                self.seconds = time.perf_counter() - start
        except ValueError as error:
            reason = _reason(error)
            raise UserError(f"{baseline.kind} cannot be fitted: {reason}") from error

    def documents(self, x: Inputs) -> Documents:
        """Return documents ``(n, timesteps)`` as the classifier reads them."""
        if self.counts_ids:
            return without_padding(x)
        return self.texts(x)

    def texts(self, x: Inputs) -> list[str]:
        """Return documents ``(n, timesteps)`` as the baseline reads them."""
        if self.baseline.reads_words:
            return texts(x, self.vocabulary, self.separator)
        return texts(x)

    def score(self, x: Inputs) -> Floats:
        """Return the scores ``(n, n_topics)`` of documents ``(n, timesteps)``."""
        documents = self.documents(x)
        with BASELINES.blamed(self.baseline.kind):
            scores = score(
                self.baseline, self.classifier, documents, self.n_topics, self.learned
            )
            return scores.astype(np.float32)

    def arrays(self, x: Inputs) -> Weights:
        """Return its arrays, if it can be kept; they give its scores of documents."""
        some = x[:CHECKED]
        rule = LinearRule(
            reads_words=self.baseline.reads_words,
            gives_probabilities=self.baseline.gives_probabilities,
            has_one_label=self.has_one_label,
            labels=self.learned.tolist(),
            counts=None,
        )
        return arrays_of(self.classifier, rule, self.texts(some), self.score(some))


def _count_ids(pipeline: "Pipeline", n_ids: int) -> bool:
    """Let a pipeline count ids in place of words, and return whether it can."""
    from rnnbench.models.counting import count_ids

    return count_ids(pipeline, n_ids)


def _fit_topic_by_topic(pipeline: "Pipeline") -> None:
    """Let the classifier of a pipeline give any number of topics."""
    from sklearn.multiclass import OneVsRestClassifier

    _, classifier = pipeline.steps[-1]
    if not getattr(classifier, "takes_any_number", False):
        # One after another: threads would share the random numbers of liblinear.
        pipeline.steps[-1] = ("topics", OneVsRestClassifier(classifier))


def _fit_weighted(
    pipeline: "Pipeline", documents: Documents, y: Labels, weights: Floats
) -> None:
    """Fit a pipeline to documents that do not count the same."""
    from sklearn import config_context
    from sklearn.utils.validation import has_fit_parameter

    classifier = getattr(pipeline[-1], "estimator", pipeline[-1])
    if not has_fit_parameter(classifier, "sample_weight"):
        raise ValueError(
            "it cannot weigh texts (leave out sample_weight and class_weight)"
        )
    with config_context(enable_metadata_routing=True):
        classifier.set_fit_request(sample_weight=True)
        pipeline.fit(documents, y, sample_weight=weights)


def _reason(error: ValueError) -> str:
    """Return why documents cannot be fitted."""
    message = str(error)
    for part, reason in REASONS.items():
        if part in message:
            return reason
    return message


def texts(
    inputs: Inputs, vocabulary: Sequence[str] | None = None, separator: str = " "
) -> list[str]:
    """Return ids ``(n, timesteps)`` as texts without padding.

    With a vocabulary, they are its words, without the unknown ones.
    """
    first = INDEX_FROM + 1
    documents = []
    for document in without_padding(inputs):
        ids = document.tolist()
        if vocabulary is None:
            words = [str(word) for word in ids if word != START]
        else:
            words = [vocabulary[word - first] for word in ids if word >= first]
        documents.append(separator.join(words))
    return documents


def score(
    baseline: Baseline,
    classifier: "Pipeline",
    documents: Documents,
    n_topics: int,
    learned: Positions,
) -> Doubles:
    """Return the log-probabilities or margins of a classifier, ``(n, n_topics)``.

    A topic without training documents has no probability, or a margin below all others.
    """
    if baseline.gives_probabilities:
        of_learned = _log_probabilities(classifier, documents)
        lowest = -np.inf
    else:
        of_learned = _margins(classifier, documents)
        lowest = of_learned.min() - 1
    scores = np.full((len(documents), n_topics), lowest)
    scores[:, learned] = of_learned[:, -len(learned) :]
    if baseline.gives_probabilities:
        return with_floor(scores)
    return scores


def _log_probabilities(classifier: "Pipeline", documents: Documents) -> Doubles:
    with np.errstate(divide="ignore"):
        if hasattr(classifier, "predict_log_proba"):
            # exact far below the smallest float
            return np.asarray(classifier.predict_log_proba(documents))
        return np.asarray(np.log(classifier.predict_proba(documents)))


def _margins(classifier: "Pipeline", documents: Documents) -> Doubles:
    margins = np.asarray(classifier.decision_function(documents))
    if margins.ndim == 1:  # of the second of two topics, or of one against none
        margins = np.stack([-margins, margins], axis=1)
    return margins


def count_params(classifier: "Pipeline") -> int:
    """Return the number of values that a classifier has learned.

    The IDF of words is not among them.
    """
    fitted = classifier[-1]
    names = ("coef_", "intercept_", "feature_log_prob_", "class_log_prior_")
    count = 0
    for part in getattr(fitted, "estimators_", [fitted]):  # one for each topic
        for name in names:
            count += np.size(getattr(part, name, ()))
    return count
