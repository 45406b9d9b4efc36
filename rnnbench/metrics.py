"""The metrics of a classifier's answers, and the other numbers that models are compared by.

Another package adds a metric in the entry-point group ``rnnbench.metrics``: an instance of
``Metric`` under its own name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from rnnbench.errors import UserError, did_you_mean
from rnnbench.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Labels = NDArray[np.integer]
    Scores = NDArray[np.floating]


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


@dataclass(frozen=True, kw_only=True)
class Metric(Quantity):
    """A metric of the answers to the test set.

    Attributes:
        needs_log_probabilities: whether the scores must be natural logarithms of probabilities; a
            model that gives margins does not have the metric. Without it, ``function`` is given
            either of the two.
        function: takes the labels, int ``(n_test,)``, and the scores, finite float
            ``(n_test, n_topics)``, and returns the value. The topic with the highest score is the
            answer.
    """

    needs_log_probabilities: bool = False
    function: "Callable[[Labels, Scores], float]"


def accuracy(labels: "Labels", scores: "Scores") -> float:
    """Return the share of correct answers."""
    return float((scores.argmax(axis=1) == labels).mean())


def top_accuracy(labels: "Labels", scores: "Scores", k: int = 3) -> float:
    """Return the share of documents whose topic has one of the ``k`` highest scores.

    A topic that ties with the one after the ``k``-th does not count, because the scores do not
    decide between the two.
    """
    own = scores[range(len(labels)), labels]
    at_least = (scores >= own[:, None]).sum(axis=1)  # including itself
    return float((at_least <= k).mean())


class TopicCounts(NamedTuple):
    """Numbers of documents by topic, each ``(n_topics,)``."""

    own: "Labels"
    """Documents of the topic."""
    given: "Labels"
    """Documents that were given the topic."""
    right: "Labels"
    """Documents of the topic that were given it."""

    @property
    def f1(self) -> "NDArray[np.float64]":
        """The F1 of each topic: 0 for one that no document has or was given."""
        f1: NDArray[np.float64] = 2 * self.right / (self.own + self.given).clip(1)
        return f1


def count_topics(labels: "Labels", answers: "Labels", n_topics: int) -> TopicCounts:
    """Count the documents of ``n_topics`` topics; topics beyond these are counted too.

    scikit-learn could, but importing it takes a second.
    """
    import numpy as np

    n = max(n_topics, 1 + int(labels.max()), 1 + int(answers.max()))
    documents = labels, answers, labels[labels == answers]
    return TopicCounts(*(np.bincount(topics, minlength=n) for topics in documents))


def macro_f1(labels: "Labels", scores: "Scores") -> float:
    """Return the mean F1 over the topics in ``labels``."""
    counts = count_topics(labels, scores.argmax(axis=1), scores.shape[1])
    return float(counts.f1[counts.own > 0].mean())


def weighted_f1(labels: "Labels", scores: "Scores") -> float:
    """Return the mean F1 over the topics, weighted by their documents in ``labels``."""
    counts = count_topics(labels, scores.argmax(axis=1), scores.shape[1])
    return float(counts.f1 @ counts.own / len(labels))


def balanced_accuracy(labels: "Labels", scores: "Scores") -> float:
    """Return the mean recall over the topics in ``labels``."""
    own, _, right = count_topics(labels, scores.argmax(axis=1), scores.shape[1])
    return float((right / own.clip(1))[own > 0].mean())


def log_loss(labels: "Labels", scores: "Scores") -> float:
    """Return the mean of minus the log-probability of each document's own topic, in nats.

    Where a model gives that topic the probability 0, its log-probability is -87.3, that of the
    smallest normal float32, or the document's lowest other one if that is lower.
    """
    return 0.0 - float(scores[range(len(labels)), labels].mean(dtype=float))  # and never -0.0


METRICS: Registry[Metric] = Registry(
    "metric",
    Metric,
    [
        Metric(
            name="accuracy",
            header="test accuracy",
            description="share of the test documents that were given their own topic",
            function=accuracy,
        ),
        Metric(
            name="macro_f1",
            header="macro-F1",
            description="mean F1 over the topics in the test set",
            function=macro_f1,
        ),
        Metric(
            name="balanced_accuracy",
            header="balanced accuracy",
            description="mean recall over the topics in the test set",
            function=balanced_accuracy,
        ),
        Metric(
            name="weighted_f1",
            header="weighted F1",
            description="mean F1 over the topics, weighted by their test documents",
            function=weighted_f1,
        ),
        Metric(
            name="top3_accuracy",
            header="top-3",
            description="share of the test documents whose topic has one of the three best scores; "
            "a tie that reaches fourth place does not count",
            function=top_accuracy,
        ),
        Metric(
            name="log_loss",
            header="log-loss",
            format=".3f",
            higher_is_better=False,
            description="cross-entropy in nats; a probability of 0 counts as 1.2e-38, or as the "
            "document's lowest nonzero one if it is lower",
            needs_log_probabilities=True,
            function=log_loss,
        ),
    ],
)
COSTS = {
    name: Quantity(name=name, header=header, format=form, higher_is_better=False)
    for name, header, form in (
        ("ms_per_step", "ms per step", ".2f"),
        ("fit_seconds", "fit s", ".3g"),
    )
}
MS_PER_STEP, FIT_SECONDS = COSTS.values()


@cache
def usable_metrics() -> dict[str, Metric]:
    """Return all metrics by name; a plug-in that cannot be loaded is left out with a warning."""
    return {metric.name: metric for metric in METRICS.usable()}


def quantity_names() -> list[str]:
    """Return the names of everything that models can be ranked and compared by."""
    return [*METRICS, *COSTS]


def find_quantity(name: str, where: str) -> Quantity:
    """Return a metric or a cost by its name; messages begin with ``where``, the name's place."""
    if name in COSTS:
        return COSTS[name]
    if name not in METRICS:
        raise UserError(f"{where}: no metric '{name}' ({did_you_mean(name, quantity_names())})")
    return METRICS[name]
