"""The metrics of answers, and the other numbers that models are compared by."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from rnnbench.errors import UserError, did_you_mean
from rnnbench.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rnnbench.labels import Labels, Scores

    Value = float | NDArray[np.floating] | NDArray[np.bool_]

_F = TypeVar("_F", bound="Callable[..., Value | None]")


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that each trial has and that is summarized over trials."""

    name: str
    """In files, options and messages."""
    header: str
    """Of its column in a table."""
    format: str = ".4f"
    """Of its values, as ``format()`` takes it."""
    higher_is_better: bool = True
    description: str = ""
    """A phrase that explains it, for captions."""

    def spell(self, value: float) -> str:
        """Return a value as tables show it; thousands have no exponent."""
        text = format(value, self.format)
        if "e+" in text:
            return f"{float(text):,g}"
        return text


@dataclass(frozen=True, kw_only=True)
class Metric(Quantity):
    """A metric of the answers to the test set.

    Attributes:
        tasks: names of the kinds of task that have it, and so do special cases of
            these.
        needs_log_probabilities: whether the scores must be natural logarithms of
            probabilities; a model that gives margins does not have the metric.
        is_of_answers: whether ``function`` is given the answers in place of the scores.
        function: takes the labels, int ``(n_test,)``, and the scores, finite float
            ``(n_test, n_topics)``, and returns the value, or ``None`` if it does not
            apply. Answers and labels of documents with any number of topics are 0 and
            1, ``(n_test, n_topics)``. A metric that is a mean over documents should
            return their values, float ``(n_test,)``; compact trials lack metrics of
            scores that do not.
    """

    tasks: tuple[str, ...] = ("single_label",)
    needs_log_probabilities: bool = False
    is_of_answers: bool = False
    function: "Callable[[Labels, Any], Value | None]"

    @property
    def is_loss(self) -> bool:
        """Whether it is a loss of probabilities: at least 0, and lower is better."""
        return self.needs_log_probabilities and not self.higher_is_better

    def suits(self, score_kind: str) -> bool:
        """Return whether it can be computed from scores of this kind."""
        if self.needs_log_probabilities:
            return score_kind == "log_probabilities"
        return self.is_of_answers or score_kind != "answers"

    def of(self, labels: "Labels", answers: "Labels", scores: "Scores") -> float | None:
        """Return its value; ``None`` if it does not apply to these documents."""
        values = self.values(labels, answers, scores)
        if values is None:
            return None
        return float(values.mean())

    def by_document(
        self, labels: "Labels", answers: "Labels", scores: "Scores"
    ) -> "NDArray[np.float64] | None":
        """Return the values ``(n_test,)`` that it is the mean of, if it is a mean."""
        values = self.values(labels, answers, scores)
        if values is None or values.ndim == 0:
            return None
        return values

    def values(
        self, labels: "Labels", answers: "Labels", scores: "Scores"
    ) -> "NDArray[np.float64] | None":
        """Return its value, ``()``, or values by document, ``(n_test,)``, if any."""
        import numpy as np  # takes a while, and names of metrics are needed without it

        if self.is_of_answers:
            value = self.function(labels, answers)
        else:
            value = self.function(labels, scores)
        if value is None:
            return None
        values = np.asarray(value, float)
        if values.shape not in ((), (len(labels),)):
            expected = f"a number, or one for each of the {len(labels)} documents"
            raise ValueError(f"it returned an array {values.shape}, not {expected}")
        return values


def by_topic(
    labels: "Labels", answers: "Labels", n_topics: int = 0
) -> "tuple[Labels, Labels, Scores]":
    """Return the documents of each topic, those that rightly got it, and its F1.

    Each is ``(n_topics,)``, or longer if more topics occur. The F1 of a topic that no
    document has or was given is 0. Importing scikit-learn for it would take a second.
    """
    from rnnbench.labels import form_of  # imports NumPy

    form = form_of(labels)
    n_topics = max(n_topics, form.n_topics(labels), form.n_topics(answers))
    n_true = form.counts(labels, n_topics)
    n_given = form.counts(answers, n_topics)
    n_right = form.counts(form.agreeing(labels, answers), n_topics)
    return n_true, n_right, 2 * n_right / (n_true + n_given).clip(1)


ONE = ("single_label",)
SEVERAL = ("multi_label",)
_built_in: list[Metric] = []  # in the order of columns


def _metric(name: str, header: str, **options: Any) -> Callable[[_F], _F]:
    """Return a decorator that makes a metric of a function and its docstring."""

    def add(function: _F) -> _F:
        description = " ".join((function.__doc__ or "").split())
        metric = Metric(
            name=name,
            header=header,
            function=function,
            description=description,
            **options,
        )
        _built_in.append(metric)
        return function

    return add


_of_answers = partial(_metric, is_of_answers=True)
_of_sets = partial(_metric, tasks=SEVERAL)
_of_given_sets = partial(_of_answers, tasks=SEVERAL)


@_of_answers("accuracy", "test accuracy")
def _accuracy(labels: "Labels", answers: "Labels") -> "Value":
    """share of the test documents that were given their own topic"""
    return float((labels == answers).mean())


@_of_answers("macro_f1", "macro-F1", tasks=ONE + SEVERAL)
def _macro_f1(labels: "Labels", answers: "Labels", at_least: int = 1) -> "Value | None":
    """mean F1 over the topics in the test set"""
    n_documents, _, f1 = by_topic(labels, answers)
    is_frequent = n_documents >= at_least
    if not is_frequent.any():
        return None
    return float(f1[is_frequent].mean())


@_of_answers("balanced_accuracy", "balanced accuracy")
def _balanced_accuracy(labels: "Labels", answers: "Labels") -> "Value":
    """mean recall over the topics in the test set"""
    n_documents, n_right, _ = by_topic(labels, answers)
    return float((n_right / n_documents.clip(1))[n_documents > 0].mean())


@_of_answers("weighted_f1", "weighted F1")
def _weighted_f1(labels: "Labels", answers: "Labels") -> "Value":
    """mean F1 over the topics, weighted by their test documents"""
    n_documents, _, f1 = by_topic(labels, answers)
    return float(f1 @ n_documents / len(labels))


@_metric("top3_accuracy", "top-3")
def _top3_accuracy(labels: "Labels", scores: "Scores") -> "Value":
    """share of the test documents whose topic has one of the three best scores; a tie
    that reaches fourth place does not count
    """
    of_label = scores[range(len(labels)), labels]
    n_as_high: NDArray[np.intp] = (scores >= of_label[:, None]).sum(axis=1)
    return n_as_high <= 3


@_metric(
    "log_loss",
    "log-loss",
    format=".3f",
    higher_is_better=False,
    needs_log_probabilities=True,
)
def _log_loss(labels: "Labels", scores: "Scores") -> "Value":
    """cross-entropy in nats; a probability of 0 counts as 1.2e-38, or as the document's
    lowest nonzero one if it is lower
    """
    return 0.0 - scores[range(len(labels)), labels].astype(float)  # and never -0.0


@_of_answers("score", "score", tasks=("score",))
def _score(_: "Labels", answers: "Scores") -> "Value":
    """mean of the scores that the answers were given"""
    return float(answers.mean())


@_of_given_sets("micro_f1", "micro-F1")
def _micro_f1(labels: "Labels", answers: "Labels") -> "Value":
    """F1 of all decisions about a test document and a topic"""
    from rnnbench.tasks import MULTI_LABEL  # imports NumPy

    return MULTI_LABEL.score(labels, answers)


@_of_given_sets("macro_f1_of_10", "macro-F1 of 10")
def _macro_f1_of_10(labels: "Labels", answers: "Labels") -> "Value | None":
    """mean F1 over the topics with ten test documents or more"""
    return _macro_f1(labels, answers, at_least=10)


@_of_given_sets("exact_match", "exact match")
def _exact_match(labels: "Labels", answers: "Labels") -> "Value":
    """share of the test documents that were given just their own topics"""
    return float((labels == answers).all(axis=1).mean())


@_of_sets("precision_at_1", "P@1")
def _precision_at(labels: "Labels", scores: "Scores", k: int = 1) -> "Value":
    """mean share of the document's topics among its best score"""
    import numpy as np

    order = np.argsort(-scores, axis=1, kind="stable")  # of ties, the first are taken
    is_right = np.take_along_axis(labels, order[:, :k], axis=1)
    return np.asarray(is_right.mean(axis=1))


@_of_sets("precision_at_3", "P@3")
def _precision_at_3(labels: "Labels", scores: "Scores") -> "Value":
    """mean share of the document's topics among its three best scores"""
    return _precision_at(labels, scores, k=3)


@_of_sets("ranking_precision", "LRAP")
def _ranking_precision(labels: "Labels", scores: "Scores") -> "Value":
    """label-ranking average precision: for each topic of a document, the share of its
    topics among those with at least the same score; 1 for a document without one
    """
    import numpy as np

    precisions = np.zeros(len(labels))
    for number, is_true in enumerate(labels.astype(bool)):
        all_scores = np.sort(scores[number])
        true_scores = np.sort(scores[number][is_true])
        n_at_least = len(all_scores) - np.searchsorted(all_scores, true_scores)
        n_true = len(true_scores) - np.searchsorted(true_scores, true_scores)
        precisions[number] = 1.0
        if true_scores.size:
            precisions[number] = (n_true / n_at_least).mean()
    return precisions


@_of_given_sets("hamming_loss", "Hamming loss", format=".5f", higher_is_better=False)
def _hamming_loss(labels: "Labels", answers: "Labels") -> "Value":
    """share of wrong decisions about a test document and a topic"""
    return float((labels != answers).mean())


@_of_sets(
    "binary_log_loss", "log-loss", higher_is_better=False, needs_log_probabilities=True
)
def _binary_log_loss(labels: "Labels", scores: "Scores") -> "Value":
    """binary cross-entropy in nats, the mean over documents and topics"""
    import numpy as np

    # A probability above 1 - 2^-24, which a float32 cannot tell from 1, counts as that.
    yes = np.minimum(scores.astype(float), np.log1p(-(2.0**-24)))
    logs = np.where(labels, yes, np.log1p(-np.exp(yes)))
    return np.asarray(0.0 - logs.mean(axis=1))


METRICS: Registry[Metric] = Registry("metric", Metric, _built_in)
COSTS = {
    name: Quantity(
        name=name,
        header=header,
        format=number_format,
        higher_is_better=False,
        description=description,
    )
    for name, header, number_format, description in (
        ("ms_per_step", "ms per step", ".2f", ""),
        ("fit_seconds", "fit s", ".3g", "a whole training"),
        (
            "predict_ms_per_document",
            "ms per document",
            ".3g",
            "scoring the test documents",
        ),
        (
            "peak_memory_mb",
            "peak MB",
            ",.0f",
            "memory of a training, besides libraries and data",
        ),
    )
}
MS_PER_STEP = COSTS["ms_per_step"]
FIT_SECONDS = COSTS["fit_seconds"]


@cache
def all_usable_metrics() -> list[Metric]:
    """Return all metrics; a plug-in that fails is left out with a warning."""
    return METRICS.usable()


def usable_metrics(task: str = ONE[0]) -> dict[str, Metric]:
    """Return the metrics of a kind of task by name; see ``all_usable_metrics``."""
    from rnnbench.tasks import TASKS  # imports NumPy

    return {
        metric.name: metric
        for metric in all_usable_metrics()
        if TASKS[task].is_among(metric.tasks)
    }


def quantity_names() -> list[str]:
    """Return the names of everything that models can be ranked and compared by."""
    return [*METRICS, *COSTS]


def find_quantity(name: str, where: str) -> Quantity:
    """Return a metric or a cost by its name; a message begins with ``where``."""
    names = quantity_names()
    if name not in names:
        raise UserError(f"{where}: no metric '{name}' ({did_you_mean(name, names)})")
    return COSTS.get(name) or METRICS[name]
