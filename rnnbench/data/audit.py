"""Facts about a dataset that a reader needs before believing a score on it."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from rnnbench.data.corpus import Corpus, Tokens, noun_of
from rnnbench.data.dataset import Dataset
from rnnbench.section import Share, StoredRecord, formerly
from rnnbench.storage import sha256_arrays, sha256_json
from rnnbench.tasks import (
    TASKS,
    Labels,
    TaskKind,
    documents_by_topic,
    keys_of,
    without_unused,
)

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


NO_DUPLICATES = {"duplicates": Duplicates(), "whole_duplicates": Duplicates()}


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
        if self.majority_topic not in [count.topic for count in self.topics]:
            raise ValueError("the majority topic is none of the topics")
        for found in (self.duplicates.positions, self.whole_duplicates.positions):
            if len({place for place in found if 0 <= place < self.test_size}) < len(
                found
            ):
                raise ValueError("duplicates that are not documents of the test set")
        if {len(self.clusters or ()), len(self.ids or ())} - {0, self.test_size}:
            raise ValueError("clusters or ids of another number of test documents")
        if self.clusters and max(self.clusters) >= len(set(self.clusters)):
            raise ValueError("clusters whose numbers have gaps")
        return self

    @property
    def dependence(self) -> dict[str, Any]:
        """How test documents depend on each other: fields of ``intervals.Correctness``."""
        return {"in_order": self.in_order, "clusters": self.clusters}

    @property
    def majority_name(self) -> str:
        """The name of the baseline that always answers the most frequent topic."""
        return f"always '{self.majority_topic}'"

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
        """The name of the scores of a run: on test documents, or on those of a
        choice.
        """
        return f"{'held-out' if self.estimated_on else 'test'} {self.kind.score_name}"

    @property
    def majority_second(self) -> float | None:
        """The second metric of always answering the majority topic; ``None`` if not
        known.
        """
        return self.majority_macro_f1 if self.kind.second == "macro_f1" else None

    def estimate_in_words(self) -> str:
        """Say where the score comes from if all documents are for training."""
        if not self.estimated_on:
            return ""
        return (
            "No document is left to test on, because all of them are for training. So the "
            f"{self.kind.score_name} is that of the choice, on {self.estimated_on}, by models not "
            "trained on the documents that they classified. As the model was chosen by it, it may "
            "be too high."
        )

    @property
    def noun(self) -> str:
        """The word for what a document is classified as."""
        return noun_of(self.source)

    def duplicates_in_words(self, *, whole: bool = False) -> str:
        """Return how many duplicates there are; of the ``whole`` texts, or as models
        see them.
        """
        if not self.train_size:
            return "not known, as the training documents are not"
        found = self.whole_duplicates if whole else self.duplicates
        if not found.positions:
            return "no test document is in the training set"
        return (
            f"{len(found.positions):,} of {self.test_size:,} test documents are also in the "
            f"training set: {len(found.same_topic):,} only with the same {self.noun}, "
            f"{len(found.other_topics):,} only with other {self.noun}s, "
            f"{len(found.both):,} with both"
        )

    @property
    def topics_by_frequency(self) -> list[TopicCount]:
        """The topics, the most frequent first."""
        return sorted(self.topics, key=lambda count: -(count.train + count.test))

    @property
    def topics_only_in_test(self) -> list[str]:
        """Topics that no model can have learned, if the training documents are
        known.
        """
        return [
            of.topic
            for of in self.topics
            if of.test and not of.train and self.train_size
        ]


def summarize_dataset(corpus: Corpus, dataset: Dataset) -> DatasetSummary:
    """Return the facts about a ``dataset`` that was made of ``corpus``."""
    train = documents_by_topic(dataset.y_train, len(dataset.topics)).tolist()
    duplicates = _duplicates(dataset, dataset.x_train, dataset.x_test)
    whole = Duplicates()
    if duplicates.positions:
        parts = dataset.train_documents, dataset.test_documents
        whole = _duplicates(
            dataset, *(map(corpus.ranks, part.tolist()) for part in parts)
        )
    return DatasetSummary(
        source=corpus.provenance["source"],
        task=dataset.task,
        origin=corpus.provenance["from"],
        fingerprint=dataset.fingerprint,
        split_fingerprint=dataset.split_fingerprint(corpus.fingerprint),
        corpus_fingerprint=corpus.fingerprint,
        train_size=len(dataset.y_train),
        timesteps=dataset.timesteps,
        duplicates=duplicates,
        whole_duplicates=whole,
        in_order=dataset.in_order,
        clusters=_clusters(corpus, dataset),
        **_facts_of_labels(TASKS[dataset.task], dataset.y_test, dataset.topics, train),
    )


def _clusters(corpus: Corpus, dataset: Dataset) -> list[int] | None:
    """Return the group of each test document, from 0; ``None`` without two or more
    groups.
    """
    if corpus.groups is None:
        return None
    groups = corpus.groups[dataset.test_documents]
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return None
    return [int(code) for code in codes]


def summarize_labels(
    task: TaskKind, labels: Labels, topics: Sequence[str], origin: str, **facts: Any
) -> DatasetSummary:
    """Return the facts about test documents of which only labels, and ``facts``, are
    known.
    """
    found = _facts_of_labels(task, labels, topics, [0] * len(topics))
    used = [count.topic for count in found["topics"] if count.test]
    names = {"ids": facts.get("ids"), "topics": used, "n": len(labels)}
    mark = sha256_arrays({"labels": without_unused(labels)}, names)
    marks = ("fingerprint", "split_fingerprint", "corpus_fingerprint")
    found |= (
        facts
        | NO_DUPLICATES
        | {"train_size": 0, "timesteps": 0}
        | dict.fromkeys(marks, mark)
    )
    return DatasetSummary(source=OUTSIDE, task=task.name, origin=origin, **found)


def rest_of(summary: DatasetSummary, labels: Labels) -> DatasetSummary:
    """Return the facts about a dataset without duplicates, from the ``labels`` that are
    left.
    """
    names, train = zip(
        *((count.topic, count.train) for count in summary.topics), strict=True
    )
    dropped = summary.duplicates.positions
    facts = _facts_of_labels(TASKS[summary.task], labels, names, train) | NO_DUPLICATES
    for mark in ("fingerprint", "split_fingerprint"):
        facts[mark] = sha256_json([getattr(summary, mark), dropped])
    facts["clusters"] = clusters_without(summary.clusters, dropped)
    return summary.model_copy(update=facts | {"n_left_out": len(dropped)})


def clusters_without(
    clusters: Sequence[int] | None, dropped: Sequence[int]
) -> list[int] | None:
    """Return the clusters of the documents that are left, from 0, if there are two or
    more.
    """
    if clusters is None:
        return None
    kept = np.delete(clusters, dropped)
    numbers, codes = np.unique(kept, return_inverse=True)
    if len(numbers) < 2:
        return None
    return [int(code) for code in codes]


def _facts_of_labels(
    task: TaskKind, labels: Labels, topics: Sequence[str], train: Sequence[int]
) -> dict[str, Any]:
    """Return what follows from test labels, and from the training documents of each
    topic.
    """
    test = documents_by_topic(labels, len(topics)).tolist()
    majority = int(np.argmax(train if any(train) else test))
    share, counts = test[majority] / len(labels), zip(topics, train, test, strict=True)
    return {
        "test_size": len(labels),
        "topics": [TopicCount(topic=topic, train=n, test=m) for topic, n, m in counts],
        "majority_topic": topics[majority],
        "majority_score": task.score(labels, task.always(majority, labels)),
        # Its precision is its share and its recall is 1; the other topics of the test
        # set score 0.
        "majority_macro_f1": 2 * share / (1 + share) / np.count_nonzero(test),
    }


def _duplicates(
    dataset: Dataset, train: Iterable[Tokens], test: Iterable[Tokens]
) -> Duplicates:
    tested = [sequence.tobytes() for sequence in test]
    labels: dict[bytes, set[Hashable]] = {}
    wanted = set(tested)
    for sequence, label in zip(train, keys_of(dataset.y_train), strict=True):
        if (key := sequence.tobytes()) in wanted:
            labels.setdefault(key, set()).add(label)
    found = Duplicates()
    for position, (key, label) in enumerate(
        zip(tested, keys_of(dataset.y_test), strict=True)
    ):
        if key in labels:
            is_same, others = label in labels[key], labels[key] - {label}
            kind = (
                found.other_topics
                if not is_same
                else found.both
                if others
                else found.same_topic
            )
            kind.append(position)
    return found
