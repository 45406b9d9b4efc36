"""The metrics of a classifier's answers, and the other numbers that models are compared by.

Another package adds a metric in the entry-point group ``rnnbench.metrics``: an instance of
``Metric`` under its own name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

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

    def spell(self, value: float) -> str:
        """Return a value as tables show it; thousands have no exponent."""
        text = format(value, self.format)
        return f"{float(text):,g}" if "e+" in text else text


@dataclass(frozen=True, kw_only=True)
class Metric(Quantity):
    """A metric of the answers to the test set.

    Attributes:
        tasks: names of the kinds of task that have it, and so do special cases of these.
        needs_log_probabilities: whether the scores must be natural logarithms of probabilities; a
            model that gives margins does not have the metric. Without it, ``function`` is given
            either of the two.
        is_of_answers: whether ``function`` is given the answers in place of the scores.
        function: takes the labels, int ``(n_test,)``, and the scores, finite float
            ``(n_test, n_topics)``, and returns the value. Answers and labels of documents with any
            number of topics are 0 and 1, ``(n_test, n_topics)``.
    """

    tasks: tuple[str, ...] = ("single_label",)
    needs_log_probabilities: bool = False
    is_of_answers: bool = False
    function: "Callable[[Labels, Any], float | None]"

    def of(self, labels: "Labels", answers: "Labels", scores: "Scores") -> float | None:
        """Return its value; ``None`` if it does not apply to these documents."""
        value = self.function(labels, answers if self.is_of_answers else scores)
        return None if value is None else float(value)


def main_score(labels: "Labels", answers: "Labels", task: str) -> float:
    """Return the main metric of a kind of task."""
    from rnnbench.tasks import TASKS  # imports NumPy

    return TASKS[task].score(labels, answers)


def top_accuracy(labels: "Labels", scores: "Scores", k: int = 3) -> float:
    """Return the share of documents whose topic has one of the ``k`` highest scores.

    A topic that ties with the one after the ``k``-th does not count.
    """
    own = scores[range(len(labels)), labels]
    at_least = (scores >= own[:, None]).sum(axis=1)  # including itself
    return float((at_least <= k).mean())


class TopicCounts(NamedTuple):
    """Numbers of documents by topic, each ``(n_topics,)``."""

    own: "Labels"  # documents of the topic
    given: "Labels"  # documents that were given the topic
    right: "Labels"  # documents of the topic that were given it

    @property
    def f1(self) -> "NDArray[np.float64]":
        """The F1 of each topic: 0 for one that no document has or was given."""
        f1: NDArray[np.float64] = 2 * self.right / (self.own + self.given).clip(1)
        return f1


def count_topics(labels: "Labels", answers: "Labels", n_topics: int) -> TopicCounts:
    """Count the documents of topics; importing scikit-learn for it would take a second."""
    import numpy as np

    if labels.ndim == 2:
        all_three = labels, answers, labels & answers
        return TopicCounts(*(of.sum(axis=0, dtype=int) for of in all_three))
    n = max(n_topics, 1 + int(labels.max()), 1 + int(answers.max()))
    documents = labels, answers, labels[labels == answers]
    return TopicCounts(*(np.bincount(topics, minlength=n) for topics in documents))


def macro_f1(labels: "Labels", answers: "Labels", at_least: int = 1) -> float | None:
    """Return the mean F1 over the topics with ``at_least`` so many documents in ``labels``."""
    counts = count_topics(labels, answers, 0)
    f1 = counts.f1[counts.own >= at_least]
    return float(f1.mean()) if f1.size else None


def weighted_f1(labels: "Labels", answers: "Labels") -> float:
    """Return the mean F1 over the topics, weighted by their documents in ``labels``."""
    counts = count_topics(labels, answers, 0)
    return float(counts.f1 @ counts.own / len(labels))


def balanced_accuracy(labels: "Labels", answers: "Labels") -> float:
    """Return the mean recall over the topics in ``labels``."""
    own, _, right = count_topics(labels, answers, 0)
    return float((right / own.clip(1))[own > 0].mean())


def exact_match(labels: "Labels", answers: "Labels") -> float:
    """Return the share of documents that were given all their topics, and no others."""
    return float((labels == answers).all(axis=1).mean())


def hamming_loss(labels: "Labels", answers: "Labels") -> float:
    """Return the share of wrong decisions about a document and a topic."""
    return float((labels != answers).mean())


def precision_at(labels: "Labels", scores: "Scores", k: int) -> float:
    """Return the mean share of true topics among the ``k`` best; of ties, the first are taken."""
    import numpy as np

    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float(np.take_along_axis(labels, best, axis=1).mean())


def ranking_precision(labels: "Labels", scores: "Scores") -> float:
    """Return the label-ranking average precision, as scikit-learn does.

    For each topic of a document: the share of its topics among those with at least the same score.
    A document without a topic, or with all topics, counts 1.
    """
    import numpy as np

    sums = np.zeros(len(labels))
    for number, (own, of_topics) in enumerate(zip(labels.astype(bool), scores, strict=True)):
        all_scores, own_scores = np.sort(of_topics), np.sort(of_topics[own])
        above = len(all_scores) - np.searchsorted(all_scores, own_scores)
        own_above = len(own_scores) - np.searchsorted(own_scores, own_scores)
        sums[number] = (own_above / above).mean() if own_scores.size else 1.0
    return float(sums.mean())


def log_loss(labels: "Labels", scores: "Scores") -> float:
    """Return the mean of minus the log-probability of each document's own topic, in nats.

    Where a model gives that topic the probability 0, its log-probability is -87.3, that of the
    smallest normal float32, or the document's lowest other one if that is lower.
    """
    return 0.0 - float(scores[range(len(labels)), labels].mean(dtype=float))  # and never -0.0


def binary_log_loss(labels: "Labels", scores: "Scores") -> float:
    """Return the mean of minus the log-probability of each right decision, in nats."""
    import numpy as np

    # A probability above 1 - 2^-24, which a float32 cannot tell from 1, counts as that.
    yes = np.minimum(scores.astype(float), np.log1p(-(2.0**-24)))
    return 0.0 - float(np.where(labels, yes, np.log1p(-np.exp(yes))).mean())


ONE, SEVERAL = ("single_label",), ("multi_label",)
_of_answers = partial(Metric, is_of_answers=True)
_of_sets = partial(Metric, tasks=SEVERAL)
_of_given_sets = partial(_of_answers, tasks=SEVERAL)
METRICS: Registry[Metric] = Registry(
    "metric",
    Metric,
    [
        _of_answers(
            name="accuracy",
            header="test accuracy",
            description="share of the test documents that were given their own topic",
            function=partial(main_score, task="single_label"),
        ),
        _of_answers(
            name="macro_f1",
            header="macro-F1",
            description="mean F1 over the topics in the test set",
            tasks=ONE + SEVERAL,
            function=macro_f1,
        ),
        _of_answers(
            name="balanced_accuracy",
            header="balanced accuracy",
            description="mean recall over the topics in the test set",
            function=balanced_accuracy,
        ),
        _of_answers(
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
        _of_answers(
            name="score",
            header="score",
            description="mean of the scores that the answers were given",
            tasks=("score",),
            function=lambda _, answers: float(answers.mean()),
        ),
        _of_given_sets(
            name="micro_f1",
            header="micro-F1",
            description="F1 of all decisions about a test document and a topic",
            function=partial(main_score, task="multi_label"),
        ),
        _of_given_sets(
            name="macro_f1_of_10",
            header="macro-F1 of 10",
            description="mean F1 over the topics with ten test documents or more",
            function=partial(macro_f1, at_least=10),
        ),
        _of_given_sets(
            name="exact_match",
            header="exact match",
            description="share of the test documents that were given just their own topics",
            function=exact_match,
        ),
        *(
            _of_sets(
                name=f"precision_at_{k}",
                header=f"P@{k}",
                description=f"mean share of the document's topics among its {best}",
                function=partial(precision_at, k=k),
            )
            for k, best in ((1, "best score"), (3, "three best scores"))
        ),
        _of_sets(
            name="ranking_precision",
            header="LRAP",
            description="label-ranking average precision: for each topic of a document, the share "
            "of its topics among those with at least the same score; 1 for a document without one",
            function=ranking_precision,
        ),
        _of_given_sets(
            name="hamming_loss",
            header="Hamming loss",
            format=".5f",
            higher_is_better=False,
            description="share of wrong decisions about a test document and a topic",
            function=hamming_loss,
        ),
        _of_sets(
            name="binary_log_loss",
            header="log-loss",
            higher_is_better=False,
            description="binary cross-entropy in nats, the mean over documents and topics",
            needs_log_probabilities=True,
            function=binary_log_loss,
        ),
    ],
)
COSTS = {
    name: Quantity(name=name, header=header, format=form, higher_is_better=False, description=of)
    for name, header, form, of in (
        ("ms_per_step", "ms per step", ".2f", ""),
        ("fit_seconds", "fit s", ".3g", "a whole training"),
        ("predict_ms_per_document", "ms per document", ".3g", "scoring the test documents"),
        ("peak_memory_mb", "peak MB", ",.0f", "memory of a training, besides libraries and data"),
    )
}
MS_PER_STEP, FIT_SECONDS, *_ = COSTS.values()


@cache
def all_usable_metrics() -> list[Metric]:
    """Return all metrics; a plug-in that cannot be loaded is left out with a warning."""
    return METRICS.usable()


def usable_metrics(task: str = ONE[0]) -> dict[str, Metric]:
    """Return the metrics of a kind of task by name; see ``all_usable_metrics``."""
    from rnnbench.tasks import TASKS  # imports NumPy

    kind = TASKS[task]
    return {one.name: one for one in all_usable_metrics() if kind.is_among(one.tasks)}


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
