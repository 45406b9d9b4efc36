"""Facts about a dataset that a reader needs before believing an accuracy on it."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from rnnbench.data.cache import CachedCorpus
from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import Dataset, split_fingerprint
from rnnbench.errors import UserError
from rnnbench.records import Record, Share

Place = Literal["training", "test", "left out"]


class TopicCount(Record):
    """A topic and how many documents it has."""

    topic: str
    train: int
    test: int


class DatasetSummary(Record):
    """A dataset, and how well always answering its most frequent topic does."""

    source: str
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
    overlap: int
    """Test documents whose padded sequence is also a training sequence."""
    overlap_same_label: int
    """How many of those have the label of the first such training sequence."""
    majority_topic: str
    """The most frequent topic in training."""
    majority_accuracy: Share
    """Accuracy of always answering the majority topic."""
    majority_macro_f1: float
    """Macro-F1 of always answering the majority topic."""

    @model_validator(mode="after")
    def _has_its_majority_topic(self) -> Self:
        if self.majority_topic not in [count.topic for count in self.topics]:
            raise ValueError("the majority topic is none of the topics")
        return self

    @property
    def topics_by_frequency(self) -> list[TopicCount]:
        """The topics, the most frequent first."""
        return sorted(self.topics, key=lambda count: -(count.train + count.test))

    @property
    def topics_only_in_test(self) -> list[str]:
        """Topics that no model can have learned."""
        return [count.topic for count in self.topics if count.test and not count.train]


def summarize_dataset(corpus: CachedCorpus, dataset: Dataset) -> DatasetSummary:
    """Return the facts about a ``dataset`` that was made of ``corpus``."""
    train, test = (
        np.bincount(labels, minlength=len(dataset.topics))
        for labels in (dataset.y_train, dataset.y_test)
    )
    majority = int(train.argmax())
    accuracy = float(test[majority] / len(dataset.y_test))
    # Its precision is its share and its recall is 1; the other topics of the test set score 0.
    macro_f1 = 2 * accuracy / (1 + accuracy) / int(np.count_nonzero(test))
    overlap = _overlap(dataset)
    return DatasetSummary(
        source=corpus.corpus.provenance["source"],
        origin=corpus.corpus.provenance["from"],
        fingerprint=dataset.fingerprint,
        split_fingerprint=split_fingerprint(corpus.fingerprint, dataset),
        corpus_fingerprint=corpus.fingerprint,
        train_size=len(dataset.y_train),
        test_size=len(dataset.y_test),
        timesteps=dataset.timesteps,
        topics=[
            TopicCount(topic=topic, train=in_train, test=in_test)
            for topic, in_train, in_test in zip(
                dataset.topics, train.tolist(), test.tolist(), strict=True
            )
        ],
        overlap=len(overlap),
        overlap_same_label=sum(overlap),
        majority_topic=dataset.topics[majority],
        majority_accuracy=accuracy,
        majority_macro_f1=macro_f1,
    )


def _overlap(dataset: Dataset) -> list[bool]:
    """Return a value for each test sequence that is also a training sequence.

    It tells whether the first such training sequence has the same label.
    """
    first_label: dict[bytes, int] = {}
    for sequence, label in zip(dataset.x_train, dataset.y_train, strict=True):
        first_label.setdefault(sequence.tobytes(), int(label))
    return [
        first_label[key] == int(label)
        for sequence, label in zip(dataset.x_test, dataset.y_test, strict=True)
        if (key := sequence.tobytes()) in first_label
    ]


@dataclass(frozen=True)
class Document:
    """One document: its position in the corpus, topic, words, and place in a dataset."""

    number: int
    topic: str
    words: list[str]
    place: Place


def find_document(corpus: Corpus, dataset: Dataset, number: int) -> Document:
    """Return document ``number`` of ``corpus``, and its place in ``dataset``.

    Raises:
        UserError: there is no such document.
    """
    if not 0 <= number < len(corpus):
        raise UserError(f"no document {number} (allowed: 0 to {len(corpus) - 1})")
    place: Place = "left out"
    if number in dataset.train_documents:
        place = "training"
    elif number in dataset.test_documents:
        place = "test"
    topic = corpus.topics[corpus.labels[number]]
    return Document(number, topic, corpus.words(number), place)
