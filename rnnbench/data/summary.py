"""The facts about a dataset that a stored run has: ``DatasetSummary``.

``summary.duplicates.positions`` are the test documents that are in training, too.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from rnnbench.data.corpus import noun_of
from rnnbench.labels import Labels, documents_by_topic, form_of, name_of_always
from rnnbench.section import Share, StoredRecord, formerly
from rnnbench.storage import sha256_arrays, sha256_json
from rnnbench.tasks import TASKS, TaskKind

UNEQUAL = 3  # the ratio of test documents from which on labels are unequal
OUTSIDE = "outside"  # the source of documents of which nothing but labels is known


class TopicCount(StoredRecord):
    """A topic and how many documents it has."""

    topic: str
    train: int
    test: int


class Duplicates(StoredRecord):
    """Positions, from 0, of test documents that are in training, too, by their topics
    there.
    """

    same_topic: list[int] = []
    """Only with the topic that they have in the test set."""
    other_topics: list[int] = []
    """Only with other topics."""
    both: list[int] = []
    """With the same topic, and with others."""

    @property
    def positions(self) -> list[int]:
        """All of them, ascending."""
        return sorted([*self.same_topic, *self.other_topics, *self.both])


class DatasetSummary(StoredRecord):
    """A dataset, and how well always answering its most frequent topic does."""

    source: str
    task: str = "single_label"
    """The kind of task."""
    origin: str
    fingerprint: str
    """Of the padded arrays, the labels and the names of the topics."""
    split_fingerprint: str
    """Of the training and test documents, however they are cut and padded."""
    corpus_fingerprint: str
    train_size: int
    test_size: PositiveInt
    timesteps: int
    topics: Annotated[list[TopicCount], Field(min_length=1)]
    """By label."""
    duplicates: Duplicates
    """Test documents whose padded sequence, which is all that a model sees, is in
    training, too."""
    whole_duplicates: Duplicates
    """Those of them whose whole text is in training."""
    near_copies: list[int] | None = None
    """Positions of other test documents that are near-copies of training documents;
    ``None`` in results of earlier versions."""
    copies_in_training: NonNegativeInt | None = None
    """The number of training documents that are copies or near-copies of others."""
    n_left_out: NonNegativeInt = 0
    """The number of test documents that were left out of all this because they are in
    training."""
    estimated_on: str | None = None
    """If no document is left to test on: those that a choice held out, in words."""
    in_order: bool = False
    """Whether the documents are in order of time, so that variances come from blocks of
    them."""
    clusters: list[NonNegativeInt] | None = None
    """The cluster of each test document, from 0, if variances come from clusters."""
    ids: list[str] | None = None
    """The name of each test document, if it has one."""
    majority_topic: str
    """The most frequent topic in training."""
    majority_score: Annotated[Share, formerly("majority_accuracy")]
    """Score of always answering the majority topic."""
    majority_macro_f1: float
    """Macro-F1 of always answering the majority topic."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.task not in TASKS:
            raise ValueError(
                f"no task '{self.task}' (install the package that it comes from)"
            )
        if self.majority_topic not in self.topic_names:
            raise ValueError("the majority topic is none of the topics")
        for duplicates in (self.duplicates, self.whole_duplicates):
            positions = duplicates.positions
            of_documents = [n for n in positions if 0 <= n < self.test_size]
            if len(set(of_documents)) < len(positions):
                raise ValueError("duplicates that are not documents of the test set")
        if not set(self.leaks) <= set(range(self.test_size)):
            raise ValueError("near-copies that are not documents of the test set")
        for values in (self.clusters, self.ids):
            if values and len(values) != self.test_size:
                raise ValueError("clusters or ids of another number of test documents")
        if self.clusters and max(self.clusters) >= len(set(self.clusters)):
            raise ValueError("clusters whose numbers have gaps")
        return self

    @property
    def leaks(self) -> list[int]:
        """Positions of test documents that are copies or near-copies of training
        documents, ascending.
        """
        return sorted({*self.duplicates.positions, *(self.near_copies or ())})

    @property
    def name(self) -> str:
        """The name of a user's own files, or that of the source."""
        if self.source in ("files", OUTSIDE):
            return self.origin
        return self.source

    @property
    def topic_names(self) -> list[str]:
        """The names of the topics, in the order of their numbers."""
        return [count.topic for count in self.topics]

    @property
    def majority_name(self) -> str:
        """The name of the baseline that always answers the most frequent topic."""
        return name_of_always(self.majority_topic)

    @property
    def n_tests(self) -> int:
        """The number of test documents that are not also for training."""
        return 0 if self.estimated_on else self.test_size

    @property
    def kind(self) -> TaskKind:
        """The kind of task."""
        return TASKS[self.task]

    @property
    def score_name(self) -> str:
        """The name of the scores of a run, on test documents or those of a choice."""
        documents = "held-out" if self.estimated_on else "test"
        return f"{documents} {self.kind.score_name}"

    @property
    def majority_second(self) -> float | None:
        """The second metric of always answering that topic; ``None`` if not known."""
        if self.kind.second == "macro_f1":
            return self.majority_macro_f1
        return None

    def estimate_in_words(self) -> str:
        """Say where the score comes from if all documents are for training."""
        if not self.estimated_on:
            return ""
        return (
            "No document is left to test on, because all of them are for training. So "
            f"the {self.kind.score_name} is that of the choice, on "
            f"{self.estimated_on}, by models not trained on the documents that they "
            "classified. As the model was chosen by it, it may be too high."
        )

    @property
    def noun(self) -> str:
        """The word for what a document is classified as."""
        return noun_of(self.source)

    @property
    def has_unequal_labels(self) -> bool:
        """Whether one label of a user's has three times the tests of another."""
        if self.noun != "label":
            return False
        tests = sorted(filter(None, map(attrgetter("test"), self.topics)))
        return bool(tests) and tests[-1] >= UNEQUAL * tests[0]

    def duplicates_in_words(self, *, whole_texts: bool = False) -> str:
        """Return how many duplicates there are, cut as models see them or whole."""
        if not self.train_size:
            return "not known, as the training documents are not"
        duplicates = self.duplicates
        others = ""
        if whole_texts:
            duplicates = self.whole_duplicates
        elif self.near_copies:
            others = (
                f"; {len(self.near_copies):,} others are near-copies of documents there"
            )
        n = len(duplicates.positions)
        if not n:
            return f"no test document is in the training set{others}"
        return (
            f"{n:,} of {self.test_size:,} test documents are also in the training set: "
            f"{len(duplicates.same_topic):,} only with the same {self.noun}, "
            f"{len(duplicates.other_topics):,} only with other {self.noun}s, "
            f"{len(duplicates.both):,} with both{others}"
        )

    @property
    def topics_by_frequency(self) -> list[TopicCount]:
        """The topics, the most frequent first."""
        return sorted(self.topics, key=lambda count: -(count.train + count.test))

    @property
    def topics_only_in_test(self) -> list[str]:
        """Topics that no model can have learned, if training documents are known."""
        if not self.train_size:
            return []
        return [count.topic for count in self.topics if count.test and not count.train]


def summarize_labels(
    task: TaskKind,
    labels: Labels,
    topics: Sequence[str],
    origin: str,
    ids: list[str] | None,
) -> DatasetSummary:
    """Return the facts about test documents of which only labels and ids are known."""
    of_labels = describe_labels(task, labels, topics, [0] * len(topics))
    used = [count.topic for count in of_labels.topics if count.test]
    names = {"ids": ids, "topics": used, "n": len(labels)}
    fingerprint = sha256_arrays(
        {"labels": form_of(labels).without_unused(labels)}, names
    )
    return DatasetSummary(
        source=OUTSIDE,
        task=task.name,
        origin=origin,
        fingerprint=fingerprint,
        split_fingerprint=fingerprint,
        corpus_fingerprint=fingerprint,
        train_size=0,
        timesteps=0,
        duplicates=Duplicates(),
        whole_duplicates=Duplicates(),
        ids=ids,
        test_size=of_labels.test_size,
        topics=of_labels.topics,
        majority_topic=of_labels.majority_topic,
        majority_score=of_labels.majority_score,
        majority_macro_f1=of_labels.majority_macro_f1,
    )


def rest_of(summary: DatasetSummary, labels: Labels) -> DatasetSummary:
    """Return the facts about a dataset without duplicates, whose labels are given."""
    train = [count.train for count in summary.topics]
    dropped = summary.leaks
    changes = {
        **describe_labels(summary.kind, labels, summary.topic_names, train)._asdict(),
        "duplicates": Duplicates(),
        "whole_duplicates": Duplicates(),
        "near_copies": [],
        "fingerprint": sha256_json([summary.fingerprint, dropped]),
        "split_fingerprint": sha256_json([summary.split_fingerprint, dropped]),
        "clusters": clusters_without(summary.clusters, dropped),
        "n_left_out": len(dropped),
    }
    return summary.model_copy(update=changes)


def clusters_without(
    clusters: Sequence[int] | None, dropped: Sequence[int]
) -> list[int] | None:
    """Return the clusters of the documents that are left; see ``numbered``."""
    if clusters is None:
        return None
    return numbered(np.delete(clusters, dropped))


def numbered(clusters: ArrayLike) -> list[int] | None:
    """Return clusters by number, from 0 without gaps; ``None`` if there is only one."""
    different, numbers = np.unique(clusters, return_inverse=True)
    if len(different) < 2:
        return None
    return [int(number) for number in numbers]


class LabelDescription(NamedTuple):
    """The fields of ``DatasetSummary`` that follow from labels."""

    test_size: int
    topics: list[TopicCount]
    majority_topic: str
    majority_score: float
    majority_macro_f1: float


def describe_labels(
    task: TaskKind, labels: Labels, topics: Sequence[str], train: Sequence[int]
) -> LabelDescription:
    """Return what follows from test labels and the training documents of each topic."""
    test = documents_by_topic(labels, len(topics)).tolist()
    majority = int(np.argmax(train if any(train) else test))
    share = test[majority] / len(labels)
    counts = []
    for topic, n_train, n_test in zip(topics, train, test, strict=True):
        counts.append(TopicCount(topic=topic, train=n_train, test=n_test))
    return LabelDescription(
        test_size=len(labels),
        topics=counts,
        majority_topic=topics[majority],
        majority_score=task.score(labels, task.always(majority, labels)),
        # Its precision is its share and its recall is 1; the other topics of the test
        # set score 0.
        majority_macro_f1=2 * share / (1 + share) / np.count_nonzero(test),
    )
